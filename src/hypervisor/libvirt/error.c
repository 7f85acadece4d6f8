/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/error.h"

#include <errno.h>
#include <string.h>

static void
ignore_error(void *data, virErrorPtr error)
{
}

void
libvirt_error_init(void)
{
    virSetErrorFunc(NULL, ignore_error);
}

int
libvirt_error_number(void)
{
    virErrorPtr last = virGetLastError();

    return last != NULL ? last->code : VIR_ERR_OK;
}

/* The words of libvirt and of QEMU for a full disk; some come as a number, some as text. */
static bool
says_no_space(const virError *last)
{
    return (last->code == VIR_ERR_SYSTEM_ERROR && last->int1 == ENOSPC) ||
        strstr(last->message, "No space left on device") != NULL;
}

/* QEMU's lock of an image file: whoever holds it runs the guest. */
static bool
says_locked(const virError *last)
{
    return strstr(last->message, "Failed to get \"write\" lock") != NULL ||
        strstr(last->message, "Failed to get shared \"write\" lock") != NULL;
}

static ErrorCode
number_to_code(const virError *last, Effect effect)
{
    switch (last->code) {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_STORAGE_POOL:
    case VIR_ERR_NO_STORAGE_VOL: return ERROR_NOT_FOUND;
    case VIR_ERR_OPERATION_ABORTED: return ERROR_CANCELLED;
    /* Another job holds the domain: ours was never begun. */
    case VIR_ERR_OPERATION_TIMEOUT: return ERROR_TIMEOUT;
    case VIR_ERR_NO_SUPPORT: return ERROR_UNSUPPORTED;
    /* The guest has moved; what failed is to make it persistent there. */
    case VIR_ERR_MIGRATE_PERSIST_FAILED: return ERROR_OUTCOME_UNKNOWN;
    default: break;
    }
    if (says_no_space(last)) {
        return ERROR_LIMIT;
    }
    if (says_locked(last)) {
        return ERROR_CONFLICT;
    }
    /* With our own connection alive, an error of the protocol is the source's with the
     * destination: it went away in the middle. */
    if (effect == EFFECT_ASKED && last->domain == VIR_FROM_RPC) {
        return ERROR_OUTCOME_UNKNOWN;
    }
    return ERROR_HYPERVISOR_REFUSED;
}

/* One line without a trailing dot: QEMU's own output may be part of the message. */
static char *
message_sentence(const char *message)
{
    char *sentence = g_strstrip(g_strdup(message));

    g_strdelimit(sentence, "\r\n\t", ' ');
    for (size_t size = strlen(sentence); size > 0 && sentence[size - 1] == '.'; size--) {
        sentence[size - 1] = '\0';
    }
    return sentence;
}

bool
libvirt_error_set(GError **error, virConnectPtr connection, Effect effect, const char *what, ...)
{
    /* A copy: every public call of libvirt clears the last error. */
    virErrorPtr last = virSaveLastError();
    va_list arguments;
    ErrorCode code;

    va_start(arguments, what);
    g_autofree char *tried = g_strdup_vprintf(what, arguments);
    va_end(arguments);
    if (last == NULL || last->message == NULL) {
        virFreeError(last);
        return error_set(error, ERROR_HYPERVISOR_REFUSED, "%s: unknown error", tried);
    }
    g_autofree char *sentence = message_sentence(last->message);
    if (connection == NULL) {
        code = ERROR_HYPERVISOR_DOWN;
    } else if (virConnectIsAlive(connection) == 0) {
        code = effect == EFFECT_ASKED ? ERROR_OUTCOME_UNKNOWN : ERROR_HYPERVISOR_DOWN;
    } else {
        code = number_to_code(last, effect);
    }
    virFreeError(last);
    return error_set(error, code, "%s: %s", tried, sentence);
}
