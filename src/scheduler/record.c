/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* A placement as lines of text: a word that says what the line is, then its values, with a tab
 * between them and the escapes of C within; a value that is not there is empty. The lines of a host
 * follow it: of its checks those that differ from what the host before it has, because most are of
 * the request or alike everywhere, and this is written for every choice.
 *
 *   needs  VCPUS RAM_MIB DISK_GIB         asked  HOST ZONE SOURCE
 *   inputs JSON                           fit    HOSTS FIT CHOSEN REASON
 *   no     CHECK HOSTS                    weights LEAST MOST
 *   as     NAME RANK WEIGHT: a host       check  NAME RESULT NEEDED HAS FIX
 *   weigh  NAME MULTIPLIER VALUE SHARE
 *   own    NAME: of the weigher; the multiplier is said by an aggregate
 *   host   NAME RANK WEIGHT: a host whose lines are all there, as they were written before "as" */
#include "scheduler/internal.h"

#include <math.h>
#include <string.h>

/* ---- writing ---- */

/* What g_strcompress undoes; g_strescape does more, and takes the most of a decision's time. */
static void
add_text(GString *text, const char *value)
{
    g_string_append_c(text, '\t');
    while (value != NULL && *value != '\0') {
        size_t length = strcspn(value, "\t\n\\");
        g_string_append_len(text, value, (gssize)length);
        value += length;
        if (*value != '\0') {
            g_string_append_c(text, '\\');
            g_string_append_c(text, *value == '\t' ? 't' : *value == '\n' ? 'n' : '\\');
            value++;
        }
    }
}

static void
add_number(GString *text, double value)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    bool is_whole = fabs(value) < 1e15 && value == (double)(int64_t)value;
    g_string_append_c(text, '\t');
    if (is_whole) { /* as most are: that is written much faster */
        g_snprintf(digits, sizeof digits, "%" G_GINT64_FORMAT, (int64_t)value);
        g_string_append(text, digits);
    } else {
        g_string_append(text, g_ascii_dtostr(digits, sizeof digits, value));
    }
}

static bool
rows_are_alike(const PlacementRow *one, const PlacementRow *other)
{
    return one->result == other->result && strcmp(one->needed, other->needed) == 0 &&
        strcmp(one->have, other->have) == 0 && g_strcmp0(one->fix, other->fix) == 0;
}

/* before: the host before it; NULL: it is the first. */
static void
add_checks(GString *text, const PlacementHost *host, const PlacementHost *before)
{
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        const PlacementRow *row = &host->rows[i];
        if (before != NULL && rows_are_alike(row, &before->rows[i])) {
            continue;
        }
        g_string_append(text, "check");
        add_text(text, placement_check_name((PlacementCheck)i));
        add_text(text, placement_result_name(row->result));
        add_text(text, row->needed);
        add_text(text, row->have);
        add_text(text, row->fix);
        g_string_append_c(text, '\n');
    }
}

static void
add_host(GString *text, const PlacementHost *host, const PlacementHost *before)
{
    g_string_append(text, "as");
    add_text(text, host->name);
    add_number(text, host->rank);
    add_number(text, host->weight);
    g_string_append_c(text, '\n');
    add_checks(text, host, before);
    for (int i = 0; i < PLACEMENT_N_WEIGHERS && host->rank > 0; i++) {
        g_string_append(text, "weigh");
        add_text(text, placement_weigher_name((PlacementWeigher)i));
        add_number(text, host->shares[i].multiplier);
        add_number(text, host->shares[i].value);
        add_number(text, host->shares[i].share);
        g_string_append_c(text, '\n');
        if (host->shares[i].is_of_aggregate) {
            g_string_append(text, "own");
            add_text(text, placement_weigher_name((PlacementWeigher)i));
            g_string_append_c(text, '\n');
        }
    }
}

static void
add_all_hosts(GString *text, const Placement *placement)
{
    for (unsigned i = 0; i < placement->n_firsts; i++) {
        g_string_append(text, "no");
        add_text(text, placement->firsts[i].check);
        add_number(text, placement->firsts[i].n_hosts);
        g_string_append_c(text, '\n');
    }
    if (placement->n_fit > 0) {
        g_string_append(text, "weights");
        add_number(text, placement->weight_least);
        add_number(text, placement->weight_most);
        g_string_append_c(text, '\n');
    }
}

char *
placement_to_text(const Placement *placement)
{
    GString *text = g_string_sized_new(16384);
    g_string_append(text, "needs");
    add_number(text, placement->vcpus);
    add_number(text, (double)placement->ram_mib);
    add_number(text, (double)placement->disk_gib);
    g_string_append(text, "\nasked");
    add_text(text, placement->requested_host);
    add_text(text, placement->zone);
    add_text(text, placement->source_host);
    if (placement->inputs != NULL) {
        g_string_append(text, "\ninputs");
        add_text(text, placement->inputs);
    }
    g_string_append(text, "\nfit");
    add_number(text, placement->n_hosts);
    add_number(text, placement->n_fit);
    add_text(text, placement->chosen);
    add_text(text, placement->reason);
    g_string_append_c(text, '\n');
    add_all_hosts(text, placement);
    for (unsigned i = 0; i < placement->n_told; i++) {
        add_host(text, &placement->hosts[i], i > 0 ? &placement->hosts[i - 1] : NULL);
    }
    return g_string_free(text, FALSE);
}

/* ---- reading ---- */

/* Caller frees; NULL for an empty one. */
static char *
take_text(const char *value)
{
    return value[0] != '\0' ? g_strcompress(value) : NULL;
}

static double
take_number(const char *value)
{
    return g_ascii_strtod(value, NULL);
}

static void
read_needs(Placement *placement, char **values)
{
    placement->vcpus = (int)take_number(values[0]);
    placement->ram_mib = (int64_t)take_number(values[1]);
    placement->disk_gib = (int64_t)take_number(values[2]);
}

static void
read_asked(Placement *placement, char **values)
{
    placement->requested_host = take_text(values[0]);
    placement->zone = take_text(values[1]);
    placement->source_host = take_text(values[2]);
}

static void
read_fit(Placement *placement, char **values)
{
    placement->n_hosts = (unsigned)take_number(values[0]);
    placement->n_fit = (unsigned)take_number(values[1]);
    placement->chosen = take_text(values[2]);
    placement->reason = take_text(values[3]);
}

static void
read_inputs(Placement *placement, char **values)
{
    g_free(placement->inputs);
    placement->inputs = take_text(values[0]);
}

static void
read_no(Placement *placement, char **values)
{
    placement->firsts = g_renew(PlacementNo, placement->firsts, placement->n_firsts + 1);
    placement->firsts[placement->n_firsts++] =
        (PlacementNo){g_strcompress(values[0]), (unsigned)take_number(values[1])};
}

static void
read_weights(Placement *placement, char **values)
{
    placement->weight_least = take_number(values[0]);
    placement->weight_most = take_number(values[1]);
}

static PlacementHost *
add_read_host(Placement *placement, char **values)
{
    placement->hosts = g_renew(PlacementHost, placement->hosts, placement->n_told + 1);
    PlacementHost *host = &placement->hosts[placement->n_told++];
    *host = (PlacementHost){.name = take_text(values[0]),
        .rank = (unsigned)take_number(values[1]),
        .weight = take_number(values[2])};
    return host;
}

/* A check that was not made yet when this was written stays unknown. */
static void
read_host(Placement *placement, char **values)
{
    PlacementHost *host = add_read_host(placement, values);
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        host->rows[i] = (PlacementRow){
            .result = PLACEMENT_UNKNOWN, .needed = g_strdup("?"), .have = g_strdup("?")};
    }
}

static void
read_as(Placement *placement, char **values)
{
    if (placement->n_told == 0) {
        read_host(placement, values);
        return;
    }
    PlacementHost *host = add_read_host(placement, values);
    const PlacementHost *before = host - 1;
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        host->rows[i] = before->rows[i];
        host->rows[i].needed = g_strdup(before->rows[i].needed);
        host->rows[i].have = g_strdup(before->rows[i].have);
        host->rows[i].fix = g_strdup(before->rows[i].fix);
    }
}

static void
read_check(Placement *placement, char **values)
{
    PlacementHost *host = &placement->hosts[placement->n_told - 1];
    for (int i = 0; i < PLACEMENT_N_CHECKS; i++) {
        if (strcmp(placement_check_name((PlacementCheck)i), values[0]) != 0) {
            continue;
        }
        PlacementRow *row = &host->rows[i];
        for (int j = PLACEMENT_PASS; j <= PLACEMENT_FAIL; j++) {
            if (strcmp(placement_result_name((PlacementResult)j), values[1]) == 0) {
                row->result = (PlacementResult)j;
            }
        }
        row_clear(row);
        row->needed = g_strcompress(values[2]);
        row->have = g_strcompress(values[3]);
        row->fix = take_text(values[4]);
    }
}

static void
read_weigh(Placement *placement, char **values)
{
    PlacementHost *host = &placement->hosts[placement->n_told - 1];
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        if (strcmp(placement_weigher_name((PlacementWeigher)i), values[0]) == 0) {
            host->shares[i] = (PlacementShare){.multiplier = take_number(values[1]),
                .value = take_number(values[2]),
                .share = take_number(values[3])};
        }
    }
}

static void
read_own(Placement *placement, char **values)
{
    PlacementHost *host = &placement->hosts[placement->n_told - 1];
    for (int i = 0; i < PLACEMENT_N_WEIGHERS; i++) {
        if (strcmp(placement_weigher_name((PlacementWeigher)i), values[0]) == 0) {
            host->shares[i].is_of_aggregate = true;
        }
    }
}

typedef struct LineKind {
    const char *word;
    unsigned n_values;
    bool of_host;
    void (*read)(Placement *placement, char **values);
} LineKind;

static const LineKind line_kinds[] = {
    {"needs", 3, false, read_needs},
    {"asked", 3, false, read_asked},
    {"fit", 4, false, read_fit},
    {"inputs", 1, false, read_inputs},
    {"no", 2, false, read_no},
    {"weights", 2, false, read_weights},
    {"as", 3, false, read_as},
    {"host", 3, false, read_host},
    {"check", 5, true, read_check},
    {"weigh", 4, true, read_weigh},
    {"own", 1, true, read_own},
};

static bool
read_line(Placement *placement, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, "\t", -1);
    for (size_t i = 0; words[0] != NULL && i < G_N_ELEMENTS(line_kinds); i++) {
        const LineKind *kind = &line_kinds[i];
        if (strcmp(kind->word, words[0]) == 0 && g_strv_length(words) == kind->n_values + 1 &&
            (!kind->of_host || placement->n_told > 0)) {
            kind->read(placement, words + 1);
            return true;
        }
    }
    return false;
}

Placement *
placement_from_text(const char *text, GError **error)
{
    g_autoptr(Placement) placement = g_new0(Placement, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++) {
        if (!read_line(placement, lines[i])) {
            error_set(error, ERROR_INTERNAL, "line %u of a stored decision is damaged", i + 1);
            return NULL;
        }
    }
    return g_steal_pointer(&placement);
}
