/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Explanations as tables. */
#include "cli/explain_print.h"
#include "cli/explain_columns.h"

#include "base/json.h"
#include <stdio.h>
#include <string.h>

static const char *
string_of(const json_t *object, const char *key)
{
    return json_text_or(object, key, "-");
}

/* ---- what hosts would have given away ---- */

/* "3 of 4"; of what a host has nothing to give, "-" */
static char *
given_text(const json_t *value, const json_t *row)
{
    if (!json_is_object(value)) {
        return g_strdup("-");
    }
    return g_strdup_printf("%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
        json_integer_value(json_object_get(value, "after")),
        json_integer_value(json_object_get(value, "total")));
}

/* "0.50:1 -> 0.75:1", likewise */
static char *
ratio_text(const json_t *value, const json_t *row)
{
    if (!json_is_object(value)) {
        return g_strdup("-");
    }
    double total = (double)json_integer_value(json_object_get(value, "total"));
    double before = (double)json_integer_value(json_object_get(value, "before"));
    double after = (double)json_integer_value(json_object_get(value, "after"));
    return g_strdup_printf("%.2f:1 -> %.2f:1", before / total, after / total);
}

static const Column GIVEN_COLUMNS[] = {
    {"Host", "name", NULL},
    {"vCPUs", "vcpus", given_text},
    {"Ratio", "vcpus", ratio_text},
    {"MiB", "ram_mib", given_text},
    {"Ratio", "ram_mib", ratio_text},
    {NULL, NULL, NULL},
};

/* Of the hosts where it fits; a record tells of none. */
static bool
print_given(Output *output, const json_t *hosts, GError **error)
{
    json_auto_t *rows = json_array();
    size_t i;
    json_t *host;
    json_array_foreach(hosts, i, host)
    {
        json_t *given = json_object_get(host, "given");
        if (json_is_object(given)) {
            json_object_set(given, "name", json_object_get(host, "name"));
            json_array_append(rows, given);
        }
    }
    if (json_array_size(rows) == 0) {
        return true;
    }
    output_say(output, "%s", "\nWhat each would have given away with it, before -> after:");
    return output_list(output, rows, GIVEN_COLUMNS, NULL, error);
}

static const Column CHECK_COLUMNS[] = {
    {"Host", "host", NULL},
    {"Check", "check", NULL},
    {"Result", "result", NULL},
    {"Needed", "needed", NULL},
    {"Has", "have", NULL},
    {NULL, NULL, NULL},
};

static bool
speaks_against(const json_t *check)
{
    const char *result = string_of(check, "result");
    return strcmp(result, "fail") == 0 || strcmp(result, "warn") == 0;
}

/* The checks of all hosts as rows, with their host. */
static json_t *
list_checks(const json_t *explanation, bool all)
{
    json_t *rows = json_array();
    size_t i;
    size_t j;
    json_t *host;
    json_t *check;
    json_array_foreach(json_object_get(explanation, "hosts"), i, host)
    {
        json_array_foreach(json_object_get(host, "checks"), j, check)
        {
            if (all || speaks_against(check)) {
                json_t *row = json_copy(check);
                json_object_set(row, "host", json_object_get(host, "name"));
                json_array_append_new(rows, row);
            }
        }
    }
    return rows;
}

/* What would help, once for each check and sentence, in the order of the rows. */
static void
say_fixes(Output *output, const json_t *rows)
{
    g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (!json_is_string(json_object_get(row, "fix"))) {
            continue;
        }
        char *line = g_strdup_printf("%s: %s", string_of(row, "check"), string_of(row, "fix"));
        if (!g_hash_table_add(said, line)) {
            continue;
        }
        output_say(output, "%s  %s", g_hash_table_size(said) == 1 ? "\nWhat would help:\n" : "",
            line);
    }
}

/* Of one host that was asked for it is told whether it fits: nobody looked at the others. */
static void
say_outcome(Output *output, const json_t *explanation, bool is_past)
{
    const char *asked = json_string_value(json_object_get(explanation, "requested_host"));
    json_int_t n_fit = json_integer_value(json_object_get(explanation, "n_fit"));
    json_int_t n_hosts = json_integer_value(json_object_get(explanation, "n_hosts"));
    size_t n_told = json_array_size(json_object_get(explanation, "hosts"));
    if (asked != NULL) {
        const char *answer = n_fit > 0 ? is_past ? "did fit" : "fits"
            : is_past                  ? "did not fit"
                                       : "does not fit";
        output_say(output, "%s %s; no other host was asked for", asked, answer);
        return;
    }
    output_say(output,
        "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " hosts fit; it %s to: %s", n_fit,
        n_hosts, is_past ? "went" : "would go", string_of(explanation, "chosen"));
    if ((size_t)n_hosts > n_told) {
        output_say(output, "%s",
            is_past ? "Kept are the checks of the best and of some of each no; --host tells of any."
                    : "Shown are the best, and some of each no; --all shows every one.");
    }
}

/* "9 enabled, 3 ram": over all hosts, where not all are shown. */
static void
say_first_failures(Output *output, const json_t *explanation)
{
    const json_t *firsts = json_object_get(explanation, "first_failures");
    json_int_t n_hosts = json_integer_value(json_object_get(explanation, "n_hosts"));
    if (json_object_size(firsts) == 0 ||
        (size_t)n_hosts <= json_array_size(json_object_get(explanation, "hosts"))) {
        return;
    }
    const char *check;
    json_t *count;
    output_say(output, "%s", "What the others failed first:");
    json_object_foreach((json_t *)firsts, check, count)
    {
        output_say(output, "%8" JSON_INTEGER_FORMAT "  %s", json_integer_value(count), check);
    }
}

/* Of a record there are none: what it was decided by is among its inputs. */
static void
say_hints(Output *output, const json_t *hints)
{
    static const char *const NAMES[] = {"same_host", "different_host"};
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        const json_t *ids = json_object_get(hints, NAMES[i]);
        if (json_array_size(ids) > 0) {
            g_autofree char *text = output_text(ids);
            output_say(output, "Its hint %s: %s", NAMES[i], text);
        }
    }
}

/* When, if that is over, for what, and what that needs. */
static void
say_decided(Output *output, const json_t *explanation)
{
    const json_t *needs = json_object_get(explanation, "needs");
    g_autofree char *name = output_text(json_object_get(explanation, "instance_name"));
    const char *made_at = json_string_value(json_object_get(explanation, "made_at"));
    if (made_at != NULL) {
        output_say(output, "Decided at %s:", made_at);
    }
    output_say(output,
        "%s, on %s (%s): needs %" JSON_INTEGER_FORMAT " vCPUs, %" JSON_INTEGER_FORMAT
        " MiB, %" JSON_INTEGER_FORMAT " GiB",
        name, string_of(explanation, "source_host"), string_of(explanation, "move"),
        json_integer_value(json_object_get(needs, "vcpus")),
        json_integer_value(json_object_get(needs, "ram_mib")),
        json_integer_value(json_object_get(needs, "disk_gib")));
}

static void
say_head(Output *output, const json_t *explanation)
{
    const char *made_at = json_string_value(json_object_get(explanation, "made_at"));
    say_decided(output, explanation);
    say_hints(output, json_object_get(explanation, "hints"));
    if (json_is_string(json_object_get(explanation, "refused"))) {
        output_say(output, "It would be refused now: %s", string_of(explanation, "refused"));
    }
    say_outcome(output, explanation, made_at != NULL);
    say_first_failures(output, explanation);
    output_say(output, "%s", "");
}

/* ---- what it was decided by ---- */

static const Column INPUT_COLUMNS[] = {
    {"Input", "name", NULL},
    {"Value", "value", NULL},
    {NULL, NULL, NULL},
};

static bool
says_nothing(const json_t *value)
{
    return json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_object(value) && json_object_size(value) == 0) ||
        (json_is_string(value) && json_string_length(value) == 0);
}

/* group NULL: they are in none. */
static void
add_inputs(json_t *rows, const char *group, const json_t *inputs)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)inputs, key, value)
    {
        if (group == NULL && json_is_object(value)) {
            add_inputs(rows, key, value);
        } else if (!says_nothing(value)) {
            /* The keys of the configuration are long, and known as they are. */
            bool is_plain = group == NULL || strcmp(group, "configuration") == 0;
            g_autofree char *name =
                is_plain ? g_strdup(key) : g_strdup_printf("%s.%s", group, key);
            json_array_append_new(rows, json_pack("{s:s, s:O}", "name", name, "value", value));
        }
    }
}

/* It may be another thing now. */
static bool
print_inputs(Output *output, const json_t *explanation, GError **error)
{
    const json_t *inputs = json_object_get(explanation, "inputs");
    if (!json_is_string(json_object_get(explanation, "made_at")) || !json_is_object(inputs)) {
        return true;
    }
    json_auto_t *rows = json_array();
    add_inputs(rows, NULL, inputs);
    output_say(output, "%s", "\nWhat it was decided by:");
    return output_list_whole(output, rows, INPUT_COLUMNS, error);
}

static bool
print_checks(Output *output, json_t *rows, GError **error)
{
    if (json_array_size(rows) == 0) {
        return true;
    }
    output_say(output, "%s", "");
    if (!output_list_whole(output, rows, CHECK_COLUMNS, error)) {
        return false;
    }
    say_fixes(output, rows);
    return true;
}

bool
explain_print(Output *output, const json_t *explanation, bool all, GError **error)
{
    const json_t *hosts = json_object_get(explanation, "hosts");
    Column columns[EXPLAIN_COLUMNS_MAX];
    say_head(output, explanation);
    explain_choose_columns(hosts, columns);
    if (!output_list(output, hosts, columns, "There are no hosts yet.", error)) {
        return false;
    }
    if (output->format != OUTPUT_TABLE || output->columns->len > 0) {
        return true;
    }
    json_auto_t *rows = list_checks(explanation, all);
    return print_given(output, hosts, error) && print_checks(output, rows, error) &&
        print_inputs(output, explanation, error);
}

/* ---- what was found of one host ---- */

static double
number_at(const json_t *pair, size_t at)
{
    return json_number_value(json_array_get(pair, at));
}

/* "2.000", or "2.000 to 2.008" where it is kept so. */
static char *
weights_text(const json_t *weights)
{
    g_autofree char *least = g_strdup_printf("%.3f", number_at(weights, 0));
    g_autofree char *most = g_strdup_printf("%.3f", number_at(weights, 1));
    return strcmp(least, most) == 0 ? g_strdup(least)
                                    : g_strdup_printf("%s to %s", least, most);
}

/* "1 other", "19 others" */
static char *
others_text(json_int_t n)
{
    return g_strdup_printf("%" JSON_INTEGER_FORMAT " other%s", n, n == 1 ? "" : "s");
}

/* Of a host whose checks are not kept the weight is kept in steps: it is told apart from those of
 * another step, and not from those of its own. */
static void
say_fit(Output *output, const json_t *decision, const char *name, const json_t *fit)
{
    const json_t *ranks = json_object_get(fit, "rank_between");
    json_int_t first = json_integer_value(json_array_get(ranks, 0));
    json_int_t last = json_integer_value(json_array_get(ranks, 1));
    json_int_t n_fit = json_integer_value(json_object_get(decision, "n_fit"));
    g_autofree char *weights = weights_text(json_object_get(fit, "weight_between"));
    const char *chosen = string_of(decision, "chosen");
    if (first == last) {
        output_say(output,
            "%s did fit: it had place %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
            ", with a weight of %s; it went to: %s", name, first, n_fit, weights, chosen);
    } else {
        g_autofree char *others = others_text(last - first);
        output_say(output,
            "%s did fit, %sas well as %s: they shared the places %" JSON_INTEGER_FORMAT
            " to %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
            ", with a weight of %s; it went to: %s", name,
            strstr(weights, " to ") != NULL ? "about " : "", others, first, last, n_fit, weights,
            chosen);
    }
}

static void
say_failure(Output *output, const json_t *decision, const char *name, const char *check)
{
    const json_t *firsts = json_object_get(decision, "first_failures");
    json_int_t n_hosts = json_integer_value(json_object_get(firsts, check));
    if (n_hosts > 1) {
        g_autofree char *others = others_text(n_hosts - 1);
        output_say(output, "%s failed '%s' first, as did %s", name, check, others);
    } else {
        output_say(output, "%s failed '%s' first", name, check);
    }
}

/* Its own checks where they are kept; else that check of the others, which lacked the same. */
static json_t *
list_checks_about(const json_t *decision, const json_t *about, bool all, bool *ret_is_own)
{
    json_auto_t *kept = list_checks(decision, true);
    json_t *own = json_array();
    json_t *alike = json_array();
    size_t i;
    json_t *row;
    *ret_is_own = false;
    json_array_foreach(kept, i, row)
    {
        bool is_against = speaks_against(row);
        if (strcmp(string_of(row, "host"), string_of(about, "name")) == 0) {
            *ret_is_own = true;
            if (all || is_against) {
                json_array_append(own, row);
            }
        } else if (is_against &&
            strcmp(string_of(row, "check"), string_of(about, "failed_first")) == 0) {
            json_array_append(alike, row);
        }
    }
    json_decref(*ret_is_own ? alike : own);
    return *ret_is_own ? own : alike;
}

bool
explain_print_host(Output *output, const json_t *decision, bool all, GError **error)
{
    const json_t *about = json_object_get(decision, "asked_about");
    const char *name = string_of(about, "name");
    const char *failed = json_string_value(json_object_get(about, "failed_first"));
    bool is_own = false;
    json_auto_t *rows = list_checks_about(decision, about, all, &is_own);
    say_decided(output, decision);
    if (failed != NULL) {
        say_failure(output, decision, name, failed);
    } else if (json_is_true(json_object_get(about, "fits"))) {
        say_fit(output, decision, name, json_object_get(about, "fit"));
    } else if (json_is_true(json_object_get(about, "is_kept"))) {
        output_say(output, "%s was no host then", name);
    } else if (!is_own) {
        output_say(output, "of %s nothing is kept: a droverd decided that kept a few hosts", name);
    }
    if (!is_own && json_array_size(rows) > 0) {
        output_say(output, "%s", "Its own checks are not kept; of some that failed the same:");
    }
    return print_checks(output, rows, error);
}
