/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Small words over libxml2's trees. Text is escaped; entities of a document are never loaded. */
#include "base/error.h"
#include <libxml/tree.h>
#include <libxml/xpath.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* Errors: INVALID. */
xmlDoc *xml_parse(const char *text, GError **error);
/* With its declaration left out; caller frees with g_free. */
char *xml_to_text(xmlDoc *document);

/* One element with what is in it; caller frees with g_free. */
char *xml_node_to_text(xmlNode *element);

/* Both return the new element. */
xmlNode *xml_add(xmlNode *parent, const char *name);
xmlNode *xml_add_text(xmlNode *parent, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* Sets an attribute; returns the element. */
xmlNode *xml_set(xmlNode *element, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Replaces the text of an element, or the value of an attribute. */
void xml_set_text(xmlNode *node, const char *text);

/* Takes an element or an attribute out, and frees it. */
void xml_remove(xmlNode *node);

/* The first child element of that name in any namespace, or NULL; also for a NULL parent. */
xmlNode *xml_child(const xmlNode *parent, const char *name);
/* NULL when it is not there; caller frees with g_free. Also for a NULL element. */
char *xml_get(const xmlNode *element, const char *name);
char *xml_get_text(const xmlNode *element);
int64_t xml_get_int(const xmlNode *element, const char *name, int64_t fallback);
/* The elements and attributes that a path names, in order of the document. */
GPtrArray *xml_find_all(xmlDoc *document, const char *path);
