/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "fencing/fencing.h"

#include <string.h>

#include "fencing/child.h"

/* Source: ClusterLabs, "FenceAgentAPI": exit codes of the action status. */
enum { STATUS_ON = 0, STATUS_OFF = 2 };

static const struct {
    const char *name;
    HostPower goal;
} actions[] = {
    [FENCE_STATUS] = {"status", HOST_POWER_UNKNOWN},
    [FENCE_OFF] = {"off", HOST_POWER_OFF},
    [FENCE_ON] = {"on", HOST_POWER_ON},
};

const char *
fence_action_name(FenceAction action)
{
    return actions[action].name;
}

bool
fence_action_parse(const char *text, FenceAction *ret_action)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (g_strcmp0(text, actions[i].name) == 0) {
            *ret_action = (FenceAction)i;
            return true;
        }
    }
    return false;
}

/* ---- options ---- */

static bool
is_key(const char *text)
{
    return text[0] != '\0' &&
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
        strlen(text);
}

/* What would make an agent do something else than it is asked for, or run a program of its own. */
static bool
is_forbidden(const char *key)
{
    static const char *const keys[] = {"action", "option", NULL};
    return g_strv_contains(keys, key) || g_str_has_suffix(key, "_script") ||
        g_str_has_suffix(key, "-script") || g_str_has_suffix(key, "_path") ||
        g_str_has_suffix(key, "-path");
}

static bool
check_line(const char *line, GError **error)
{
    const char *equals = strchr(line, '=');
    g_autofree char *key =
        equals != NULL ? g_strndup(line, (size_t)(equals - line)) : g_strdup(line);
    if (equals == NULL || !is_key(key)) {
        return error_set(error, ERROR_INVALID, "fence option '%s' is not KEY=VALUE", key);
    }
    for (const char *at = equals + 1; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return error_set(
                error, ERROR_INVALID, "fence option '%s' has a control character", key);
        }
    }
    return !is_forbidden(key) ||
        error_set(error, ERROR_INVALID, "fence option '%s' is not the host's to say", key);
}

bool
fencing_check(const char *name, const char *options, GError **error)
{
    if (!g_str_has_prefix(name, "fence_") || !is_key(name)) {
        return error_set(error, ERROR_INVALID,
            "'%s' is not the name of a fence agent, which begins with fence_", name);
    }
    g_auto(GStrv) lines = g_strsplit(options, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        if (lines[i][0] != '\0' && !check_line(lines[i], error)) {
            return false;
        }
    }
    return true;
}

bool
fencing_find(const char *directory, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);

    return (g_file_test(path, G_FILE_TEST_IS_REGULAR) &&
               g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) ||
        error_set(error, ERROR_INVALID,
            "there is no fence agent '%s' in '%s' on the machine of droverd: install it there "
            "(Debian: package fence-agents), or set [fencing] agent_path",
            name, directory);
}

char *
fencing_parse_options(const char *text, GError **error)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    for (const char *at = text; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] == ',') {
            g_string_append_c(lines, ',');
            at++;
        } else if (*at == '\n') {
            error_set(error, ERROR_INVALID, "fence options are on one line");
            return NULL;
        } else {
            g_string_append_c(lines, *at == ',' ? '\n' : *at);
        }
    }
    if (!fencing_check("fence_any", lines->str, error)) {
        return NULL;
    }
    return g_string_free(g_steal_pointer(&lines), false);
}

/* ---- running ---- */

static bool
run_action(const FenceAgent *agent, FenceAction action, Child *ret_child, GError **error)
{
    g_autofree char *path = g_build_filename(agent->directory, agent->name, NULL);
    g_autofree char *input = g_strdup_printf("%s%saction=%s\n", agent->options,
        agent->options[0] == '\0' || g_str_has_suffix(agent->options, "\n") ? "" : "\n",
        fence_action_name(action));
    if (!child_run(path, input, agent->timeout_ms, ret_child, error)) {
        g_prefix_error(
            error, "fence agent '%s', action %s: ", agent->name, fence_action_name(action));
        return false;
    }
    return true;
}

static bool
fail(const FenceAgent *agent, FenceAction action, const Child *child, GError **error)
{
    const char *separator = child->last_words[0] != '\0' ? ": " : "";
    return error_set(error, ERROR_HYPERVISOR_REFUSED, "fence agent '%s', action %s: exit %d%s%s",
        agent->name, fence_action_name(action), child->code, separator, child->last_words);
}

static bool
ask_status(const FenceAgent *agent, HostPower *ret_power, GError **error)
{
    g_auto(Child) child = {0};
    if (!run_action(agent, FENCE_STATUS, &child, error)) {
        return false;
    }
    if (child.code != STATUS_ON && child.code != STATUS_OFF) {
        return fail(agent, FENCE_STATUS, &child, error);
    }
    *ret_power = child.code == STATUS_ON ? HOST_POWER_ON : HOST_POWER_OFF;
    return true;
}

bool
fencing_run(const FenceAgent *agent, FenceAction action, HostPower *ret_power, GError **error)
{
    HostPower power = HOST_POWER_UNKNOWN;
    if (!fencing_check(agent->name, agent->options, error)) {
        return false;
    }
    if (action != FENCE_STATUS) {
        g_auto(Child) child = {0};
        if (!run_action(agent, action, &child, error)) {
            return false;
        }
        if (child.code != 0) {
            return fail(agent, action, &child, error);
        }
    }
    if (!ask_status(agent, &power, error)) {
        return false;
    }
    if (action != FENCE_STATUS && power != actions[action].goal) {
        return error_set(error, ERROR_HYPERVISOR_REFUSED,
            "fence agent '%s' says that it did '%s', and then that the power is %s", agent->name,
            fence_action_name(action), host_power_name(power));
    }
    *ret_power = power;
    return true;
}
