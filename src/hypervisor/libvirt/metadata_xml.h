/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* What drover knows of an instance travels with its domain, in an element of our own namespace:
 *
 *   <drover:instance xmlns:drover="urn:drover:instance:1" generation="3" operation="17">
 *     <drover:uuid/> <drover:name/> <drover:project/> <drover:flavor/>
 *   </drover:instance>
 *
 * operation is the one that wrote it. */
#include "hypervisor/libvirt/xml.h"
#include <stdbool.h>
#include <stdint.h>

#define METADATA_URI "urn:drover:instance:1"

typedef struct Metadata {
    const char *uuid;
    const char *name;
    const char *project_id;
    const char *flavor;
    int64_t generation;
    int64_t operation;
} Metadata;

/* Puts our element into <metadata> of a domain, in place of an older one. */
void metadata_xml_put(xmlNode *domain, const Metadata *metadata);
/* Reads the numbers from the element's text, as virDomainGetMetadata gives it. */
bool metadata_xml_read(
    const char *text, int64_t *ret_generation, int64_t *ret_operation, GError **error);
