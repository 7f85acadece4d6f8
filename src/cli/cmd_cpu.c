/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* drover cpu ...: the processor that guests have on several hosts. */
#include "base/error.h"
#include "cli/command.h"

#include <stdio.h>

static const Column HOST_COLUMNS[] = {
    {"Host", "host", NULL},
    {"Its Own Best", "cpu_model", NULL},
    {"Lacks What Others Have", "lacks", NULL},
    {NULL, NULL, NULL},
};

static const Column GUEST_COLUMNS[] = {
    {"Guest", "domain", NULL},
    {"UUID", "uuid", NULL},
    {"Host", "host", NULL},
    {"CPU", "cpu_model", NULL},
    {"Lacks", "lacks", NULL},
    {"In the Way", "obstacle", NULL},
    {NULL, NULL, NULL},
};

static json_t *
ask(CommandContext *context, Session *session, GError **error)
{
    json_auto_t *hosts = json_array();
    for (int i = 0; i < command_n_arguments(context); i++) {
        json_array_append_new(hosts, json_string(command_argument(context, i)));
    }
    json_auto_t *body = json_pack("{s:{s:O, s:b}}", "baseline", "hosts", hosts, "apply",
        command_has(context, "--apply"));
    json_auto_t *answer =
        session_request(session, "drover", "POST", "/cpu-baseline", body, error);
    return answer != NULL ? json_incref(json_object_get(answer, "baseline")) : NULL;
}

/* What goes into the configuration, as it stands there. */
static void
say_model(Output *output, const json_t *baseline)
{
    const json_t *features = json_object_get(baseline, "features");
    const char *model = json_string_value(json_object_get(baseline, "cpu_model"));
    if (model == NULL) {
        return;
    }
    GString *flags = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(features); i++) {
        g_string_append_printf(flags, "%s%s", i == 0 ? "\ncpu_model_extra_flags = " : ", ",
            json_string_value(json_array_get(features, i)));
    }
    output_say(output, "\n[libvirt]\ncpu_mode = custom\ncpu_models = %s%s", model, flags->str);
    g_string_free(flags, TRUE);
}

/* Where it was written, and for whom that changes something. */
static void
say_applied(Output *output, const json_t *applied)
{
    if (!json_is_object(applied)) {
        return;
    }
    const json_t *changes = json_object_get(applied, "changes");
    output_say(output, "\nIt is written to %s, and new guests get it%s.",
        json_string_value(json_object_get(applied, "file")),
        json_array_size(changes) == 0 ? " (they did before)" : "");
}

static json_t *
list_keepers(const json_t *baseline)
{
    const json_t *guests = json_object_get(baseline, "guests");
    json_t *keepers = json_array();
    for (size_t i = 0; i < json_array_size(guests); i++) {
        json_t *guest = json_array_get(guests, i);
        if (json_is_true(json_object_get(guest, "keeps_its_model")) ||
            json_is_string(json_object_get(guest, "obstacle"))) {
            json_array_append(keepers, guest);
        }
    }
    return keepers;
}

static bool
print_tables(Output *output, const json_t *baseline, GError **error)
{
    json_auto_t *keepers = list_keepers(baseline);
    if (!output_list(output, json_object_get(baseline, "hosts"), HOST_COLUMNS, NULL, error)) {
        return false;
    }
    /* Who chooses columns chooses those of the first table. */
    if (output->columns->len > 0) {
        return true;
    }
    say_model(output, baseline);
    say_applied(output, json_object_get(baseline, "applied"));
    if (json_array_size(keepers) == 0) {
        return true;
    }
    output_say(output,
        "\nThese guests run with another processor, and keep it until they are stopped and "
        "started:\n");
    return output_list(output, keepers, GUEST_COLUMNS, NULL, error);
}

static bool
cpu_baseline(CommandContext *context, GError **error)
{
    Session *session = command_session(context, error);
    Output *output = command_output(context);
    json_auto_t *baseline = session != NULL ? ask(context, session, error) : NULL;
    if (baseline == NULL) {
        return false;
    }
    bool is_told = output->format == OUTPUT_JSON ? output_object(output, baseline, error)
                                                 : print_tables(output, baseline, error);
    const char *problem = json_string_value(json_object_get(baseline, "problem"));
    return is_told &&
        (problem == NULL || error_set(error, ERROR_CONFLICT, "no CPU fits them: %s", problem));
}

static const CommandOption BASELINE_OPTIONS[] = {
    {"--apply", NULL, "write it into the configuration, for guests that are made or started then"},
    {NULL, NULL, NULL},
};

const Command cpu_commands[] = {
    {"cpu baseline", "HOST...", 1, 64, "Compute the CPU model that fits several hosts",
        "libvirt computes it from what each host offers to its guests; what is printed goes into "
        "a file of conf.d, followed by a reload. --apply does both: droverd writes it into a file "
        "of its own there, zz-cpu-baseline.conf, for the group of each of the hosts, and refuses "
        "when a host that was not named would change with them, or another file has the key. A "
        "host stands in the way when the others would have more without it: the table says what "
        "it lacks. At most 64 hosts are compared. Guests that run keep the processor that they "
        "have until they are stopped and started: they are listed when their model is another "
        "one, or when they lack what the baseline has beside the same model. One stands in the "
        "way when a host cannot give it what it has. Exit code 1: no processor fits them all, or "
        "it was not written.",
        "  drover cpu baseline hosta hostb hostc\n  drover cpu baseline --json hosta hostb\n"
        "  drover cpu baseline --apply hosta hostb hostc",
        BASELINE_OPTIONS, cpu_baseline},
    {NULL},
};
