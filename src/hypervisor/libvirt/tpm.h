/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The secret that the state of a guest's emulated TPM is encrypted by. It is made from drover's own
 * key and the guest's UUID, so that it is stored nowhere; a host has it, in memory and not to be
 * read back, while its swtpm starts and no longer. */
#include "hypervisor/libvirt/connection.h"

/* The secret's text; caller frees. Pure. */
char *tpm_make_secret(const char *key, const char *uuid);
/* Gives it to a host, before it starts the guest or before the guest comes there. UNSUPPORTED
 * without a key. Takes a slot of that host. */
bool tpm_put_secret(LibvirtHost *host, const char *uuid, GError **error);
/* Takes it back. One that stays is forgotten when the host's libvirtd ends. */
void tpm_drop_secret(LibvirtHost *host, const char *uuid);
/* Takes back what a daemon that was killed had given to a host and could not take back. Secrets
 * that are not drover's, and those that this process has given, stay. */
void tpm_sweep_secrets(LibvirtHost *host);
/* UNSUPPORTED or HYPERVISOR_REFUSED, with what is missing, when the destination cannot run a TPM of
 * that version. */
bool tpm_check_dest(LibvirtHost *dest, const char *version, GError **error);
