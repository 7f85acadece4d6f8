/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#pragma once
/* The contract a hypervisor implements. Verbs of our domain, not a mirror of libvirt; under 40
 * members; none may be NULL. Callers use driver.h, which runs the filters (delay, fault) around
 * each of these.
 *
 * For every member: it blocks, on a worker thread, for as long as its lane says (calls.h): short
 * verbs < 30 s, long ones as long as it takes. It may be called from several threads at once for
 * one session (at most 4 per connection; the callers keep to that). It is idempotent unless it
 * says otherwise: done twice is done once, because after a crash it *will* be called twice.
 *
 * Errors with meaning, for all: HYPERVISOR_DOWN: the connection is gone before the effect was
 * asked for. OUTCOME_UNKNOWN: it went away while the effect was under way: it may have happened.
 * HYPERVISOR_REFUSED: the host answered no; the text is its own. NOT_FOUND: the domain is not
 * there. CANCELLED: the job was aborted. LIMIT: no space. */
#include "hypervisor/types.h"

typedef struct HypervisorProvider {
    const char *name; /* "libvirt", "fake" */

    /* Opens a session: control and transfer connection. On an opener thread; may hang with a
     * frozen host, but only after a probe of the address with a time-out of its own. Events go to
     * sink from the moment it returns until close has returned, tagged with session. Markers that
     * are there and not in use (markers.h) go. */
    void *(*open)(void *provider, const HostAddress *address, uint64_t session,
        HostEventSink sink, void *sink_data, GError **error);
    /* Closes and frees the session. No event is delivered after it has returned. */
    void (*close)(void *host);

    /* What the host is and has. Refreshes the pool. pool_id is of the pool itself: every host that
     * shares it tells the same (a volume that the first one made says it). */
    bool (*probe)(void *host, HostFacts *ret_facts, GError **error);
    /* The memory among what probe tells, and nothing else: it is asked for before guests get it. */
    bool (*read_memory)(void *host, HostMemory *ret_memory, GError **error);
    /* All domains: DomainView *. */
    GPtrArray *(*list_domains)(void *host, GError **error);
    /* One domain; DOMAIN_ABSENT is success. job is filled in. */
    bool (*describe_domain)(void *host, const char *uuid, DomainView *ret_view, GError **error);

    /* Streams the file into the pool as a base volume, then makes the completeness marker; with a
     * complete base there it does nothing. An incomplete one (no marker) is deleted and made
     * again. One whose bytes have another hash than sha256 gets no marker. What fails leaves no
     * half of it on a host that answers. Long; CANCELLED within seconds once cancel (NULL: never)
     * was asked. */
    bool (*ensure_base)(void *host, const BaseImage *image, const Cancel *cancel, GError **error);
    /* Copies a complete base from another host when the image's file is gone. Long, as that. */
    bool (*copy_base)(void *host, void *from_host, const BaseImage *image, const Cancel *cancel,
        GError **error);
    /* Makes the guest's volumes (root overlay, config drive, console log) where they are missing
     * and defines the domain (persistent, no autostart). An existing volume is never overwritten
     * when it belongs to a defined domain; a root disk that is smaller than it should be grows.
     * With GUEST_ROOT_KEPT none is ever overwritten but a config drive that is read-only, which is
     * made anew; and a root disk (unless it is a volume) that is not in the pool is NOT_FOUND. */
    bool (*create_guest)(void *host, const GuestSpec *guest, GError **error);
    /* Undefines the domain and deletes the guest's volumes. A running domain is destroyed first
     * only when destroy is true, else that is CONFLICT. Absent things are fine. */
    bool (*remove_guest)(void *host, const char *uuid, bool destroy, GError **error);
    /* Deletes the volumes of a guest whose domain is not here (it left): CONFLICT when the domain
     * is defined here. What is on a pool shared with its new host must not be passed here. */
    bool (*remove_disks)(void *host, const char *uuid, GError **error);
    /* Undefines a domain that does not run and keeps every volume, for what a move over a shared
     * pool left behind. Running or paused is CONFLICT, absent is fine. */
    bool (*forget_guest)(void *host, const char *uuid, GError **error);

    /* The volumes of guests that the pool holds, of one guest or (uuid NULL) of all, domain or not:
     * VolumeView *. Refreshes the pool. */
    GPtrArray *(*list_guest_volumes)(void *host, const char *uuid, GError **error);

    /* Starts it, once its disks on the network were tried; already running is fine. CONFLICT: an
     * image of it is locked by a process that already runs it, here or elsewhere. */
    bool (*start_guest)(void *host, const char *uuid, GError **error);
    /* Proves that it could be started, and that nobody else runs it, without running it: starts it
     * paused, as start_guest would, and pulls its plug. Of a guest that runs: CONFLICT, as of a
     * locked image. One that is paused is taken for what an earlier proof left, and its plug is
     * pulled. */
    bool (*prove_guest)(void *host, const char *uuid, GError **error);
    /* Asks the guest to power off (ACPI); returns at once. */
    bool (*shutdown_guest)(void *host, const char *uuid, GError **error);
    /* Pulls the plug; not running is fine. */
    bool (*destroy_guest)(void *host, const char *uuid, GError **error);
    /* hard: reset. Soft: asks the guest. NOT idempotent: the caller records that it was asked. */
    bool (*reboot_guest)(void *host, const char *uuid, bool hard, GError **error);
    bool (*pause_guest)(void *host, const char *uuid, GError **error);
    bool (*resume_guest)(void *host, const char *uuid, GError **error);
    /* The last max_size bytes of the console log; caller frees. */
    bool (*read_console)(
        void *host, const char *uuid, size_t max_size, char **ret_text, size_t *ret_size,
        GError **error);

    /* Makes a volume and fills it when it has a source. One that is there is made again when it is
     * to be filled (it may be half full), else it is taken as it is: nobody uses it yet. Long.
     * NOT_FOUND: the host does not have that pool. */
    bool (*create_volume)(void *host, const PoolVolume *volume, GError **error);
    /* Absent is fine. */
    bool (*delete_volume)(void *host, const char *pool, const char *name, GError **error);
    /* Whether the host can open a disk on the network for that guest, which need not be there: to
     * read, beside whoever has it, and in a throw-away domain, because a QEMU that waits for the
     * server of a disk stands still, with its guest. HYPERVISOR_REFUSED: it cannot, or the server
     * does not answer; that is said within seconds. Disks of pools are taken for good. */
    bool (*try_disk)(void *host, const char *uuid, const GuestDisk *disk, GError **error);
    /* Gives the guest the disk, in its definition and, when it is active, at once: one on the
     * network not before it was tried. A disk that is there already (same target and serial) is
     * fine. */
    bool (*attach_disk)(void *host, const char *uuid, const GuestDisk *disk, GError **error);
    /* Takes it away again, from both; absent is fine. TIMEOUT: the running guest has been asked and
     * has not let go yet: ask again. */
    bool (*detach_disk)(void *host, const char *uuid, const char *target, GError **error);

    /* Shared-pool probe, half each: makes the marker volume in that pool (NULL: the one that guests
     * live in). *ret_existed: the name was there already (made through the other host: the pool is
     * shared). */
    bool (*create_marker)(
        void *host, const char *pool, const char *token, bool *ret_existed, GError **error);
    bool (*delete_marker)(void *host, const char *pool, const char *token, GError **error);

    /* Whether dest could run the guest that runs on source, as far as can be told without starting
     * it: its processor, devices of the source that it owns, its disks on the network (tried).
     * HYPERVISOR_REFUSED: this host could not, another might; UNSUPPORTED: it cannot leave while it
     * runs, wherever to. */
    bool (*check_dest)(void *dest, void *source, const char *uuid, GError **error);
    /* Whether that active guest may leave this host while it runs, wherever to, as far as libvirt
     * would say so if it were asked to move it. UNSUPPORTED: it may not; the text, libvirt's own
     * where there is one, says what stands in the way. */
    bool (*check_source)(void *host, const char *uuid, GError **error);
    /* The platform of that active guest, its machine type and processor, in words that
     * compare_platform of any host of this provider takes; caller frees. NULL without an error: any
     * host can give it. */
    char *(*describe_platform)(void *host, const char *uuid, GError **error);
    /* Whether this host could give it. HYPERVISOR_REFUSED: it lacks the type, or features, which
     * are named. *ret_class, as in the host's facts, is set then as well; NULL: not told. Caller
     * frees. */
    bool (*compare_platform)(void *host, const char *words, char **ret_class, GError **error);
    /* The best processor that guests may have on all of these hosts (one at least), what each host
     * and each active guest has against it. Where there is none that is success, with the problem
     * in the answer. Caller frees. Long, as it asks one after the other. */
    CpuBaseline *(*baseline_cpu)(void *const *hosts, int n_hosts, GError **error);
    /* Whether packets of source reach dest where it takes migrations. The source knocks there, at
     * a port where nobody is expected: a refusal is an answer. HYPERVISOR_REFUSED: there is none.
     * Blocks until TCP gives up (two minutes), so it is for the transfer lane, and the caller need
     * not wait for the end. Touches no guest, and whatever else may stand in the way of a migration
     * is left for it to tell: then this is true. */
    bool (*check_way)(void *source, void *dest, const WayRequest *request, GError **error);
    /* Proves that dest starts with what the request would bring there: a twin of the guest, which
     * is active on source, with its processor, machine, firmware, memory, how that is backed, and
     * TPM, and with no disk, NIC or device of a host, starts there paused and is destroyed. What
     * the guest has is not touched, and what a process leaves that dies in the middle ends with it,
     * or when the host is opened the next time. HYPERVISOR_REFUSED: it did not start; CONFLICT: the
     * guest is off. */
    bool (*rehearse)(void *dest, void *source, const MigrateRequest *request, GError **error);
    /* On the destination, before a migration that copies disks: makes the volumes of the guest's
     * own that the source has (root overlay on its base, config drive, console log), empty and of
     * the same capacity and format; read-only ones with the same bytes, compared by hash. The bases
     * must be complete here. */
    bool (*prepare_dest)(void *dest, void *source, const char *uuid, GError **error);
    /* Moves the running (or paused) guest, peer to peer: source talks to dest, and the work goes
     * on when we die. Long. NOT idempotent. Returns when the source is done. OUTCOME_UNKNOWN when
     * our connection broke meanwhile. On refusal and failure the guest runs where it was; but in
     * post-copy it runs on dest and waits for memory from source: then the same request with
     * resume_post_copy mends the way (idempotent; refused while the first call is not over). */
    bool (*live_migrate)(
        void *source, void *dest, const MigrateRequest *request, GError **error);
    /* The longest pause to aim for at the end of the outgoing migration. No job is CONFLICT. */
    bool (*limit_downtime)(void *source, const char *uuid, int downtime_ms, GError **error);
    /* Lets the guest run on the destination before all of its memory is there; live_migrate must
     * have been asked with post_copy, and memory must be flowing: else REFUSED, and nothing has
     * changed. Returns at once; events tell when it has happened. */
    bool (*start_post_copy)(void *source, const char *uuid, GError **error);
    /* Copies the disks of a guest that is off into volumes that are made for it on dest (which must
     * not know it), peer to peer, by the disk courier: the work goes on when we die. A courier of
     * that name that is under way is waited for, one that has arrived counts, anything else is
     * begun anew. On return no courier is left on either side, unless it is not known how it ended.
     * CANCELLED after abort_job(source, courier). Long. */
    bool (*copy_disks)(void *source, void *dest, const CopyRequest *request, GError **error);
    /* Proves that guests get from source to dest: a throw-away domain, paused and without disks, is
     * migrated there by the same call as a guest, with the UUID and the ways of the request, and
     * destroyed. request->post_copy: it runs, and is switched over before its memory is there, so
     * that both QEMUs have shown that they can; HYPERVISOR_REFUSED also when it has arrived without
     * that. What an earlier one of that UUID has left goes first; on return nothing is left on a
     * host that answers. CANCELLED after abort_job(source, uuid). Long: until TCP gives up. */
    bool (*send_canary)(
        void *source, void *dest, const MigrateRequest *request, GError **error);
    /* Progress of the job on the source. CONFLICT: there is no job. */
    bool (*query_job)(void *source, const char *uuid, JobStats *ret_stats, GError **error);
    /* Totals and downtime of the finished job: libvirt keeps them on the destination, once. */
    bool (*query_done_job)(void *dest, const char *uuid, JobStats *ret_stats, GError **error);
    /* Asks the source to give the migration up; live_migrate then ends with CANCELLED, or with
     * whatever the source says of a destination that is dead: within seconds, and with the guest
     * where it was, although nobody answers there. No job is CONFLICT. */
    bool (*abort_job)(void *source, const char *uuid, GError **error);
} HypervisorProvider;
