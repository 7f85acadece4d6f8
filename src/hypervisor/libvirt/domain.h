/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* Domains by UUID. */
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/types.h"

/* Success with NULL when the host does not know it. */
bool domain_find(const Slot *slot, const char *uuid, virDomainPtr *ret_domain, GError **error);
/* NOT_FOUND when the host does not know it. */
virDomainPtr domain_get(const Slot *slot, const char *uuid, GError **error);
bool domain_get_state(const Slot *slot, virDomainPtr domain, DomainState *ret_state,
    DomainReason *ret_reason, GError **error);
bool domain_is_active(const Slot *slot, virDomainPtr domain, bool *ret_active, GError **error);
/* flags of virDomainXMLFlags; caller frees with g_free. */
char *domain_get_xml(const Slot *slot, virDomainPtr domain, unsigned int flags, GError **error);
/* The usual failure: "cannot WHAT guest 'UUID' on host 'NAME': ..." */
bool domain_fail(
    const Slot *slot, const char *uuid, Effect effect, const char *what, GError **error);
