/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/metadata_xml.h"

#include <string.h>

static void
metadata_drop_old(xmlNode *metadata)
{
    xmlNode *next;

    for (xmlNode *child = metadata->children; child != NULL; child = next) {
        next = child->next;
        if (child->type == XML_ELEMENT_NODE && child->ns != NULL &&
            strcmp((const char *)child->ns->href, METADATA_URI) == 0) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        }
    }
}

void
metadata_xml_put(xmlNode *domain, const Metadata *metadata)
{
    xmlNode *parent = xml_child(domain, "metadata");

    if (parent == NULL) {
        parent = xml_add(domain, "metadata");
    }
    metadata_drop_old(parent);
    xmlNode *instance = xml_add(parent, "instance");
    xmlNs *ns = xmlNewNs(instance, BAD_CAST METADATA_URI, BAD_CAST "drover");
    xmlSetNs(instance, ns);
    xml_set(instance, "generation", "%" G_GINT64_FORMAT, metadata->generation);
    xml_set(instance, "operation", "%" G_GINT64_FORMAT, metadata->operation);
    const struct {
        const char *name;
        const char *text;
    } elements[] = {
        {"uuid", metadata->uuid},
        {"name", metadata->name},
        {"project", metadata->project_id},
        {"flavor", metadata->flavor},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
        if (elements[i].text != NULL) {
            xmlNewTextChild(instance, ns, BAD_CAST elements[i].name, BAD_CAST elements[i].text);
        }
    }
}

bool
metadata_xml_read(const char *text, int64_t *ret_generation, int64_t *ret_operation, GError **error)
{
    g_autoptr(xmlDoc) document = xml_parse(text, error);

    if (document == NULL) {
        return false;
    }
    const xmlNode *instance = xmlDocGetRootElement(document);
    *ret_generation = xml_get_int(instance, "generation", -1);
    *ret_operation = xml_get_int(instance, "operation", 0);
    return true;
}
