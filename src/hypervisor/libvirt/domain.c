/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/domain.h"

#include "hypervisor/libvirt/state.h"
#include <stdlib.h>

bool
domain_fail(const Slot *slot, const char *uuid, Effect effect, const char *what, GError **error)
{
    return libvirt_error_set(error, slot->connection, effect, "cannot %s guest '%s' on host '%s'",
        what, uuid, slot->host->name);
}

bool
domain_find(const Slot *slot, const char *uuid, virDomainPtr *ret_domain, GError **error)
{
    virDomainPtr domain = virDomainLookupByUUIDString(slot->connection, uuid);

    if (domain == NULL && libvirt_error_number() != VIR_ERR_NO_DOMAIN) {
        return domain_fail(slot, uuid, EFFECT_NONE, "look for", error);
    }
    *ret_domain = domain;
    return true;
}

virDomainPtr
domain_get(const Slot *slot, const char *uuid, GError **error)
{
    virDomainPtr domain;

    if (!domain_find(slot, uuid, &domain, error)) {
        return NULL;
    }
    if (domain == NULL) {
        error_set(error, ERROR_NOT_FOUND, "guest '%s' is not on host '%s'", uuid, slot->host->name);
    }
    return domain;
}

bool
domain_get_state(const Slot *slot, virDomainPtr domain, DomainState *ret_state,
    DomainReason *ret_reason, GError **error)
{
    int state;
    int reason;

    if (virDomainGetState(domain, &state, &reason, 0) < 0) {
        return libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot ask host '%s' for the state of a guest", slot->host->name);
    }
    state_from_libvirt(state, reason, ret_state, ret_reason);
    return true;
}

bool
domain_is_active(const Slot *slot, virDomainPtr domain, bool *ret_active, GError **error)
{
    DomainState state;
    DomainReason reason;

    if (!domain_get_state(slot, domain, &state, &reason, error)) {
        return false;
    }
    *ret_active = state == DOMAIN_RUNNING || state == DOMAIN_PAUSED || state == DOMAIN_CRASHED;
    return true;
}

char *
domain_get_xml(const Slot *slot, virDomainPtr domain, unsigned int flags, GError **error)
{
    char *text = virDomainGetXMLDesc(domain, flags);

    if (text == NULL) {
        libvirt_error_set(error, slot->connection, EFFECT_NONE,
            "cannot get the definition of a guest from host '%s'", slot->host->name);
        return NULL;
    }
    char *copy = g_strdup(text);
    free(text);
    return copy;
}
