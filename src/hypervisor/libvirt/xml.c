/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/xml.h"

#include <libxml/parser.h>
#include <string.h>

xmlDoc *
xml_parse(const char *text, GError **error)
{
    int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS;
    xmlDoc *document = xmlReadMemory(text, (int)strlen(text), NULL, NULL, options);

    if (document == NULL) {
        error_set(error, ERROR_INVALID, "the host sent XML that does not parse");
    }
    return document;
}

char *
xml_node_to_text(xmlNode *element)
{
    xmlBuffer *buffer = xmlBufferCreate();

    xmlNodeDump(buffer, element->doc, element, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

char *
xml_to_text(xmlDoc *document)
{
    return xml_node_to_text(xmlDocGetRootElement(document));
}

xmlNode *
xml_add(xmlNode *parent, const char *name)
{
    return xmlNewChild(parent, NULL, BAD_CAST name, NULL);
}

xmlNode *
xml_add_text(xmlNode *parent, const char *name, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return xmlNewTextChild(parent, NULL, BAD_CAST name, BAD_CAST text);
}

xmlNode *
xml_set(xmlNode *element, const char *name, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *value = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    xmlSetProp(element, BAD_CAST name, BAD_CAST value);
    return element;
}

void
xml_set_text(xmlNode *node, const char *text)
{
    if (node->type == XML_ATTRIBUTE_NODE) {
        xmlSetProp(node->parent, node->name, BAD_CAST text);
        return;
    }
    xmlNodeSetContent(node, NULL);
    xmlNodeAddContent(node, BAD_CAST text);
}

xmlNode *
xml_child(const xmlNode *parent, const char *name)
{
    for (xmlNode *child = parent != NULL ? parent->children : NULL; child != NULL;
         child = child->next) {
        if (child->type == XML_ELEMENT_NODE && strcmp((const char *)child->name, name) == 0) {
            return child;
        }
    }
    return NULL;
}

static char *
take_xml_string(xmlChar *string)
{
    char *copy = g_strdup((const char *)string);

    xmlFree(string);
    return copy;
}

char *
xml_get(const xmlNode *element, const char *name)
{
    return element != NULL ? take_xml_string(xmlGetProp(element, BAD_CAST name)) : NULL;
}

char *
xml_get_text(const xmlNode *element)
{
    return element != NULL ? take_xml_string(xmlNodeGetContent(element)) : NULL;
}

int64_t
xml_get_int(const xmlNode *element, const char *name, int64_t fallback)
{
    g_autofree char *text = xml_get(element, name);
    gint64 number;

    if (text == NULL ||
        !g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)) {
        return fallback;
    }
    return number;
}

GPtrArray *
xml_find_all(xmlDoc *document, const char *path)
{
    GPtrArray *found = g_ptr_array_new();
    xmlXPathContext *context = xmlXPathNewContext(document);
    xmlXPathObject *result = xmlXPathEvalExpression(BAD_CAST path, context);

    for (int i = 0; result != NULL && result->nodesetval != NULL && i < result->nodesetval->nodeNr;
         i++) {
        g_ptr_array_add(found, result->nodesetval->nodeTab[i]);
    }
    xmlXPathFreeObject(result);
    xmlXPathFreeContext(context);
    return found;
}

void
xml_remove(xmlNode *node)
{
    if (node->type == XML_ATTRIBUTE_NODE) {
        xmlRemoveProp((xmlAttr *)node);
        return;
    }
    xmlUnlinkNode(node);
    xmlFreeNode(node);
}
