/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* The checks of whether the host can run this guest, and whether it gets there from its source. */
#include "scheduler/internal.h"

#include "model/diagnosis.h"

#include "model/bad_version.h"

#include <string.h>

bool
subject_has_source(const Subject *subject)
{
    return subject->source != NULL && subject->source->has_facts;
}

PlacementResult
check_arch(const Subject *subject, PlacementRow *row)
{
    const char *have = subject->host->facts.arch;
    const char *needed = subject_has_source(subject) ? subject->source->facts.arch : NULL;
    if (row != NULL) {
        row->needed = g_strdup(needed != NULL ? needed : "any");
        row->have = g_strdup(have != NULL ? have : "not told");
    }
    return check_answer(!subject_has_source(subject) || g_strcmp0(needed, have) == 0,
        "use a host of the same architecture", row);
}

bool
subject_needs_version(const Subject *subject)
{
    return subject->request->is_live && subject_has_source(subject);
}

PlacementResult
check_version(const Subject *subject, PlacementRow *row)
{
    int have = subject->host->facts.hypervisor_version;
    int needed =
        subject_needs_version(subject) ? subject->source->facts.hypervisor_version : 0;
    if (row != NULL) {
        g_autofree char *needed_text = version_to_text(needed);
        g_autofree char *have_text = version_to_text(have);
        row->needed = needed == 0 ? g_strdup("any")
                                  : g_strdup_printf("QEMU %s or newer", needed_text);
        row->have = g_strdup_printf("QEMU %s", have_text);
    }
    return check_answer(have >= needed, "upgrade its QEMU, or move the guest cold", row);
}

/* Of the words that are between commas. */
bool
check_has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at == words || at[-1] == ',';
        if (begins && (at[length] == '\0' || at[length] == ',')) {
            return true;
        }
    }
    return false;
}

const BadVersion *
subject_source_is_unsafe(const Subject *subject)
{
    if (!subject->request->is_live || !subject_has_source(subject)) {
        return NULL;
    }
    const HostFacts *facts = &subject->source->facts;
    const BadVersion *bad = bad_version_find(true, facts->hypervisor_version);
    bool is_emulated = host_emulator(facts) == HOST_EMULATOR_QEMU;
    return bad != NULL && bad->loses_guests && is_emulated ? bad : NULL;
}

bool
subject_needs_kvm(const Subject *subject)
{
    return subject->request->is_live && subject->source != NULL &&
        host_emulator(&subject->source->facts) == HOST_EMULATOR_KVM;
}

/* libvirt would refuse the definition. Cold, a guest is defined anew. */
PlacementResult
check_virt_type(const Subject *subject, PlacementRow *row)
{
    bool is_needed = subject_needs_kvm(subject);
    HostEmulator emulator = host_emulator(&subject->host->facts);
    if (row != NULL) {
        row->needed = g_strdup(is_needed ? "kvm, in which the guest runs" : "any");
        row->have = g_strdup(emulator == HOST_EMULATOR_KVM ? "kvm"
                : emulator == HOST_EMULATOR_QEMU           ? "qemu: emulation alone"
                                                           : "not told");
    }
    if (is_needed && emulator == HOST_EMULATOR_UNKNOWN) {
        return PLACEMENT_UNKNOWN;
    }
    return check_answer(!is_needed || emulator == HOST_EMULATOR_KVM,
        "enable virtualization in its firmware and load the kvm module, or move the guest cold",
        row);
}

static const char *
fix_of(const char *stays)
{
    const Diagnosis *diagnosis = diagnosis_find(stays);
    return diagnosis != NULL ? diagnosis->fix : "move it cold";
}

/* What is asked of live moves alone. */
static PlacementResult
check_not_live(const Subject *subject, PlacementRow *row)
{
    if (row != NULL) {
        row->needed = g_strdup("nothing");
        row->have = g_strdup(subject->request->source_host != NULL ? "it is off when it moves"
                                                                   : "it is made there");
    }
    return PLACEMENT_PASS;
}

/* Of the guest, so it is the same for every host. */
PlacementResult
check_guest(const Subject *subject, PlacementRow *row)
{
    const char *stays = subject->request->guest_stays;
    if (!subject->request->is_live) {
        return check_not_live(subject, row);
    }
    if (row != NULL) {
        row->needed = g_strdup("a guest that can move while it runs");
        row->have = stays == NULL ? g_strdup("not asked")
            : stays[0] == '\0'
            ? g_strdup("one that can")
            : g_strdup_printf("one of which its host says: %s", stays);
    }
    if (stays == NULL) {
        return PLACEMENT_UNKNOWN;
    }
    return check_answer(stays[0] == '\0', stays[0] != '\0' ? fix_of(stays) : NULL, row);
}

PlacementResult
check_version_safe(const Subject *subject, PlacementRow *row)
{
    const BadVersion *bad = subject_source_is_unsafe(subject);
    if (row != NULL) {
        bool is_known = subject->request->is_live && subject_has_source(subject);
        int from = is_known ? subject->source->facts.hypervisor_version : 0;
        g_autofree char *source = version_to_text(from);
        g_autofree char *here = version_to_text(subject->host->facts.hypervisor_version);
        row->needed = g_strdup("a pair of versions that guests survive");
        row->have = from == 0 ? g_strdup(here)
            : bad != NULL ? g_strdup_printf("QEMU %s to %s: %s", source, here, bad->what)
                          : g_strdup_printf("QEMU %s to %s", source, here);
    }
    return check_answer(
        bad == NULL, "move it cold, or update QEMU on the source, or give it KVM", row);
}

/* what: a word of the host's offers; NULL: the guest needs nothing of the kind. */
static PlacementResult
check_offer(const Subject *subject, const char *what, const char *fix, PlacementRow *row)
{
    const char *offers = subject->host->facts.offers;
    if (row != NULL) {
        row->needed = g_strdup(what != NULL ? what : "nothing special");
        g_auto(GStrv) parts = offers != NULL ? g_strsplit(offers, ",pool=", 2) : NULL;
        row->have = g_strdup(parts != NULL ? parts[0] : "not told");
    }
    if (what != NULL && offers == NULL) {
        return PLACEMENT_UNKNOWN;
    }
    return check_answer(what == NULL || check_has_word(offers, what), fix, row);
}

PlacementResult
check_firmware(const Subject *subject, PlacementRow *row)
{
    return check_offer(subject, subject->request->firmware, "install ovmf on it", row);
}

/* The state of a TPM lies beside swtpm on the host, encrypted, and leaves it with a running QEMU:
 * no host can take it otherwise. */
static PlacementResult
refuse_cold(PlacementRow *row)
{
    if (row != NULL) {
        row->needed = g_strdup("no TPM, to move switched off");
        row->have = g_strdup("a TPM, whose state moves with a running guest only");
    }
    return check_answer(false, "migrate it live: one that is off is started for that", row);
}

PlacementResult
check_tpm(const Subject *subject, PlacementRow *row)
{
    bool has_tpm = subject->request->tpm_version != NULL;
    return has_tpm && subject->request->is_cold
        ? refuse_cold(row)
        : check_offer(subject, has_tpm ? "tpm" : NULL, "install swtpm and swtpm-tools on it", row);
}

PlacementResult
check_cpu(const Subject *subject, PlacementRow *row)
{
    GHashTable *platforms = subject->request->platforms;
    const char *host_class = subject->host->facts.cpu_class;
    const PlatformAnswer *answer = platforms != NULL && host_class != NULL
        ? g_hash_table_lookup(platforms, host_class)
        : NULL;
    if (platforms == NULL && !subject->request->is_live) {
        return check_not_live(subject, row);
    }
    if (row != NULL) {
        row->needed = g_strdup("the CPU and the machine type of the guest");
    }
    if (answer == NULL) {
        if (row != NULL) {
            row->have = g_strdup("not asked");
        }
        return PLACEMENT_UNKNOWN;
    }
    if (row != NULL) {
        int64_t age_us = subject->request->now_us - answer->asked_us;
        row->have = g_strdup_printf("asked %d min ago, host '%s' says: %s",
            (int)(age_us / G_USEC_PER_SEC / 60), answer->asked_host,
            answer->refusal != NULL ? answer->refusal : "yes");
    }
    return check_answer(answer->refusal == NULL,
        "choose another host, or give guests what all hosts have: the processor by 'drover cpu "
        "baseline --apply HOST...', the machine type by bringing hosts to one version of QEMU",
        row);
}

PlacementResult
check_refused(const Subject *subject, PlacementRow *row)
{
    bool has_refused = subject->has_refused != NULL && subject->has_refused[subject->place];
    const char *reason = has_refused
        ? g_hash_table_lookup(subject->request->refusals, subject->host->name)
        : NULL;
    if (row != NULL) {
        row->needed = g_strdup("a host that can run the guest");
        row->have = g_strdup(reason != NULL ? reason : "asked when it is chosen");
    }
    return reason == NULL ? PLACEMENT_UNKNOWN
                          : check_answer(false, "mend what it says, or take another host", row);
}

static void
fill_rehearsal(const Rehearsal *rehearsal, PlacementRow *row)
{
    row->have = rehearsal->problem != NULL ? g_strdup(rehearsal->problem)
        : rehearsal->refusal != NULL
        ? g_strdup(rehearsal->refusal)
        : g_strdup_printf("a twin of the guest started there, in %.1f s",
              (double)rehearsal->elapsed_ms / 1000);
    const Diagnosis *diagnosis = diagnosis_find(rehearsal->refusal);
    row->fix = g_strdup(
        diagnosis != NULL ? diagnosis->fix : "see what the host says, and choose another");
}

PlacementResult
check_rehearsal(const Subject *subject, PlacementRow *row)
{
    const Rehearsal *rehearsal = subject->request->rehearsal;
    bool is_here = rehearsal != NULL && subject->entry == subject->rehearsal_entry;
    if (rehearsal == NULL && !subject->request->is_live) {
        return check_not_live(subject, row);
    }
    if (row != NULL) {
        row->needed = g_strdup("a twin of it starts there");
    }
    if (row != NULL && is_here) {
        fill_rehearsal(rehearsal, row);
    } else if (row != NULL) {
        row->have = g_strdup("not rehearsed");
    }
    return !is_here || rehearsal->problem != NULL ? PLACEMENT_UNKNOWN
        : rehearsal->refusal != NULL              ? PLACEMENT_FAIL
                                                  : PLACEMENT_PASS;
}

/* After this a failure is no proof any more that the next one fails as well. */
static const int64_t CANARY_FRESH_US = 600 * G_USEC_PER_SEC;

static int
minutes_since(const Subject *subject, int64_t then_us)
{
    return (int)((subject->request->now_us - then_us) / G_USEC_PER_SEC / 60);
}

/* What the way is known by: the later of a canary and a guest. Caller frees. */
static char *
tell_canary(const Subject *subject, const Canary *canary)
{
    bool is_guest = canary->moved_us > canary->tried_us;
    const char *error = is_guest ? canary->move_error : canary->error;
    return g_strdup_printf("%s from there %s %d min ago%s%s",
        is_guest ? "a guest" : "the canary", error != NULL ? "failed" : "arrived",
        minutes_since(subject, is_guest ? canary->moved_us : canary->tried_us),
        error != NULL ? ": " : "", error != NULL ? error : "");
}

static void
fill_canary(const Subject *subject, const Canary *canary, PlacementRow *row)
{
    row->have = canary->tried_us == 0 && canary->moved_us == 0 ? g_strdup("no canary was sent")
                                                               : tell_canary(subject, canary);
    row->fix = g_strdup_printf("mend the way, and send another: 'drover host lint %s %s'",
        subject->request->source_host, subject->host->name);
}

/* That a guest failed where a canary had arrived is a word and no refusal: who asks again, knowing
 * what it failed with, may have mended it. */
static PlacementResult
judge_canary(const Subject *subject, CanaryPlace way)
{
    CanaryVerdict verdict = way.verdict;
    switch (verdict) {
    case CANARY_VERDICT_NONE: return PLACEMENT_UNKNOWN;
    case CANARY_VERDICT_OPEN: return PLACEMENT_PASS;
    case CANARY_VERDICT_SHUT:
        return subject->request->now_us - way.canary->tried_us < CANARY_FRESH_US
            ? check_unless_forced(PLACEMENT_FAIL, subject)
            : PLACEMENT_WARN;
    case CANARY_VERDICT_DOUBTFUL: return PLACEMENT_WARN;
    }
    g_assert_not_reached();
}

PlacementResult
check_canary(const Subject *subject, PlacementRow *row)
{
    CanaryPlace way = subject_canary(subject);
    if (subject->canaries == NULL && !subject->request->is_live) {
        return check_not_live(subject, row);
    }
    if (row != NULL) {
        row->needed = g_strdup("a way for guests from their host");
    }
    if (row != NULL && way.canary != NULL) {
        fill_canary(subject, way.canary, row);
    } else if (row != NULL) {
        row->have = g_strdup("no canary was sent");
    }
    return judge_canary(subject, way);
}

char *
placement_post_copy_fix(const char *source_host, const char *dest_host)
{
    return g_strdup_printf("set vm.unprivileged_userfaultfd = 1 on %s, and send another: 'drover "
                           "host lint --post-copy %s %s'; or set live_migration_permit_post_copy "
                           "= false for %s or its group",
        dest_host, source_host, dest_host, source_host);
}

static void
fill_post_copy(const Subject *subject, bool is_barred, PlacementRow *row)
{
    CanaryPlace way = subject_canary(subject);
    const char *source = subject->request->source_host;
    row->needed = g_strdup(is_barred
            ? "userfaultfd: guests of its source are to go in post-copy"
            : "both hosts can: userfaultfd, and a way that stays");
    if (way.post_copy == CANARY_VERDICT_NONE) {
        row->have = g_strdup("no canary was sent so");
    } else {
        const char *error = way.canary->extra_error;
        row->have = g_strdup_printf("a canary %s so %d min ago%s%s",
            error != NULL ? "failed" : "went", minutes_since(subject, way.canary->extra_us),
            error != NULL ? ": " : "", error != NULL ? error : "");
    }
    row->fix = is_barred
        ? placement_post_copy_fix(source, subject->host->name)
        : g_strdup_printf("mend it, and try: 'drover host lint --post-copy %s %s'", source,
              subject->host->name);
}

/* A guest that is to go in post-copy is refused at once by a kernel that does not give what that
 * takes, and no kernel mends itself: that is a no at any age. What else such a canary has met, a
 * guest may come to and need not: a word. */
PlacementResult
check_post_copy(const Subject *subject, PlacementRow *row)
{
    CanaryPlace way = subject_canary(subject);
    if (subject->canaries == NULL && !subject->request->is_live) {
        return check_not_live(subject, row);
    }
    bool is_barred = way.post_copy == CANARY_VERDICT_SHUT &&
        subject->request->permits_post_copy && subject->source != NULL &&
        host_can_post_copy(&subject->source->facts) &&
        host_can_post_copy(&subject->host->facts);
    if (row != NULL) {
        fill_post_copy(subject, is_barred, row);
    }
    return is_barred                               ? check_unless_forced(PLACEMENT_FAIL, subject)
        : way.post_copy == CANARY_VERDICT_NONE ? PLACEMENT_UNKNOWN
        : way.post_copy == CANARY_VERDICT_OPEN ? PLACEMENT_PASS
                                               : PLACEMENT_WARN;
}
