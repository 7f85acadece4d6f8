/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "hypervisor/libvirt/trial.h"

#include "base/log.h"
#include "hypervisor/libvirt/metadata_xml.h"
#include "hypervisor/libvirt/verbs.h"
#include "model/throwaway.h"
#include <stdlib.h>
#include <string.h>

#define DESTROY_AGAIN_US G_USEC_PER_SEC

/* A thread of its own that ends the domain when its time is over: the call that starts it returns
 * when QEMU has started, or is no more. */
typedef struct Watch {
    LibvirtHost *host;
    const char *uuid;
    int limit_s;
    GThread *thread;
    bool is_late; /* the thread's own until it has ended */
    GMutex lock;  /* of the next; not held in calls of libvirt */
    GCond changed;
    bool is_over;
} Watch;

static bool
is_over_in(Watch *watch, int64_t for_us)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->lock);
    int64_t until_us = g_get_monotonic_time() + for_us;

    while (!watch->is_over && g_cond_wait_until(&watch->changed, &watch->lock, until_us)) {
    }
    return watch->is_over;
}

/* More than once, because libvirtd may not have known of it yet. */
static void *
watch_run(void *data)
{
    Watch *watch = data;
    bool is_over = is_over_in(watch, watch->limit_s * G_USEC_PER_SEC);

    watch->is_late = !is_over;
    while (!is_over) {
        libvirt_destroy_guest(watch->host, watch->uuid, NULL);
        is_over = is_over_in(watch, DESTROY_AGAIN_US);
    }
    return NULL;
}

static void
watch_begin(Watch *watch)
{
    g_mutex_init(&watch->lock);
    g_cond_init(&watch->changed);
    watch->thread = g_thread_new("trial", watch_run, watch);
}

/* True: the time was over first. */
static bool
watch_end(Watch *watch)
{
    g_mutex_lock(&watch->lock);
    watch->is_over = true;
    g_cond_signal(&watch->changed);
    g_mutex_unlock(&watch->lock);
    g_thread_join(watch->thread);
    g_mutex_clear(&watch->lock);
    g_cond_clear(&watch->changed);
    return watch->is_late;
}

char *
trial_name(const char *uuid)
{
    return throwaway_make_name(THROWAWAY_TRIAL, uuid);
}

bool
trial_run(const Slot *slot, const Trial *trial, bool *ret_late, GError **error)
{
    Watch watch = {.host = slot->host, .uuid = trial->uuid, .limit_s = trial->limit_s};
    g_autoptr(GError) reason = NULL;

    watch_begin(&watch);
    g_autoptr(virDomain) domain = virDomainCreateXML(
        slot->connection, trial->xml, VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
    if (domain == NULL) {
        libvirt_error_set(&reason, slot->connection, EFFECT_NONE, "%s", trial->problem);
    }
    bool is_late = watch_end(&watch);
    if (domain != NULL) {
        virDomainDestroy(domain);
        return true;
    }
    *ret_late = is_late && error_is(reason, ERROR_HYPERVISOR_REFUSED);
    if (*ret_late) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED, "%s: %s within %d s", trial->problem,
            trial->late, trial->limit_s);
    }
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

/* ---- what was left ---- */

static bool
is_left(virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(domain, uuid) < 0) {
        return false;
    }
    g_autofree char *name = trial_name(uuid);
    if (strcmp(virDomainGetName(domain), name) != 0) {
        return false;
    }
    char *text = virDomainGetMetadata(
        domain, VIR_DOMAIN_METADATA_ELEMENT, METADATA_URI, VIR_DOMAIN_AFFECT_CURRENT);
    bool is_ours = text != NULL;
    free(text);
    return is_ours;
}

void
trial_sweep(LibvirtHost *host)
{
    g_auto(Slot) slot = {0};
    virDomainPtr *domains = NULL;

    if (!slot_take_control(&slot, host, NULL)) {
        return;
    }
    int n = virConnectListAllDomains(slot.connection, &domains, VIR_CONNECT_LIST_DOMAINS_TRANSIENT);
    for (int i = 0; i < n; i++) {
        if (is_left(domains[i]) && virDomainDestroy(domains[i]) == 0) {
            log_info("host '%s' still tried a disk, or rehearsed, for a daemon that has ended",
                host->name);
        }
        virDomainFree(domains[i]);
    }
    free(domains);
}
