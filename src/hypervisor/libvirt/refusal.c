/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/refusal.h"

#include "hypervisor/libvirt/error.h"

#define NOWHERE "drover:nowhere"

typedef enum {
    ANSWER_YES, /* nothing but that it leads nowhere was found */
    ANSWER_NO,
    ANSWER_NONE, /* what failed is the question */
} Answer;

static Answer
answer_of(int number)
{
    switch (number) {
    case VIR_ERR_ARGUMENT_UNSUPPORTED: /* the protocol: the last thing that is looked at */
    case VIR_ERR_MIGRATE_UNSAFE: return ANSWER_YES; /* of the source's checks the last */
    case VIR_ERR_OPERATION_INVALID:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_NO_SUPPORT: return ANSWER_NO;
    default: return ANSWER_NONE;
    }
}

/* As of any migration. With TLS, because a host may insist on it; where it is not used that is no
 * matter, as no stream begins. */
#define FLAGS                                                                                      \
    (VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_TLS | VIR_MIGRATE_ABORT_ON_ERROR)

/* Leaves libvirt's last error, the answer. */
static void
ask(const Slot *slot, virDomainPtr domain)
{
    virTypedParameter uri = {.type = VIR_TYPED_PARAM_STRING, .value.s = (char *)NOWHERE};

    g_strlcpy(uri.field, VIR_MIGRATE_PARAM_URI, sizeof uri.field);
    virDomainMigrateToURI3(domain, slot->host->peer_uri, &uri, 1, FLAGS);
}

bool
refusal_ask(const Slot *slot, virDomainPtr domain, GError **error)
{
    g_autoptr(GError) reason = NULL;

    ask(slot, domain);
    Answer answer = answer_of(libvirt_error_number());
    if (answer == ANSWER_YES) {
        return true;
    }
    libvirt_error_set(&reason, slot->connection, EFFECT_NONE,
        answer == ANSWER_NO ? "libvirt would refuse it"
                            : "libvirt cannot be asked whether it would refuse it");
    if (answer == ANSWER_NO) {
        return error_set(error, ERROR_UNSUPPORTED, "%s", reason->message);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}
