/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "auth/auth.h"
#include "auth/policy.h"
#include <string.h>

typedef struct Fixture {
    char *directory;
    Store *store;
    Clock clock;
    int64_t now_us;
} Fixture;

static int64_t
now(void *data)
{
    return ((Fixture *)data)->now_us;
}

static void
fill(void *data, void *buffer, size_t size)
{
    const Clock *clock = clock_system();
    clock->random(clock->data, buffer, size);
}

static void
set_up(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    fixture->now_us = INT64_C(1000000000000000);
    fixture->clock = (Clock){.now_us = now, .random = fill, .data = fixture};
    fixture->directory = g_dir_make_tmp("auth-XXXXXX", NULL);
    g_autofree char *url = g_strdup_printf("sqlite:///%s/test.db", fixture->directory);
    fixture->store = store_open(url, &fixture->clock, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, const void *data)
{
    g_autofree char *command = g_strdup_printf("rm -r %s", fixture->directory);
    store_close(fixture->store);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(fixture->directory);
}

static void
test_password(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = auth_hash_password("geheim", &error);
    g_autofree char *other = auth_hash_password("geheim", &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(hash, "$y$"));
    g_assert_cmpstr(hash, !=, other);
    g_assert_true(auth_verify_password("geheim", hash));
    g_assert_false(auth_verify_password("geheim ", hash));
    g_assert_false(auth_verify_password("", hash));
    g_assert_false(auth_verify_password("geheim", NULL));
    g_assert_false(auth_verify_password("geheim", "!"));
    g_assert_false(auth_verify_password("!", "!"));
    g_assert_false(auth_verify_password("*0", "*0"));
    g_autofree char *too_long = g_strnfill(512, 'x');
    g_assert_null(auth_hash_password(too_long, &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    g_assert_false(auth_verify_password(too_long, hash));
}

/* Whether a name exists must not be told by the clock. */
static void
test_unknown_user_takes_as_long(void)
{
    g_autofree char *hash = auth_hash_password("geheim", NULL);
    int64_t start = g_get_monotonic_time();
    auth_verify_password("wrong", hash);
    int64_t known = g_get_monotonic_time() - start;
    start = g_get_monotonic_time();
    auth_verify_password("wrong", NULL);
    int64_t unknown = g_get_monotonic_time() - start;
    g_test_message(
        "known %" G_GINT64_FORMAT " us, unknown %" G_GINT64_FORMAT " us", known, unknown);
    g_assert_cmpint(unknown, >, known / 4);
}

static void
test_bootstrap(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *password = NULL;
    g_autofree char *second = NULL;
    g_assert_true(auth_bootstrap(fixture->store, &fixture->clock, &password, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(password), >=, 20);
    g_autoptr(User) user = NULL;
    g_assert_true(store_find_user_by_name(fixture->store, "admin", &user, &error));
    g_assert_true(auth_verify_password(password, user->password_hash));
    g_autoptr(GPtrArray) projects = store_list_user_projects(fixture->store, user->id, &error);
    g_assert_cmpuint(projects->len, ==, 1);
    g_assert_true(auth_bootstrap(fixture->store, &fixture->clock, &second, &error));
    g_assert_null(second);
}

/* Killed before the end: the next start gives a password that works. */
static void
test_bootstrap_goes_on(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *password = NULL;
    User half = {.id = "u1", .name = "admin", .password_hash = "!", .enabled = true};
    g_assert_true(store_insert_user(fixture->store, &half, &error));
    g_assert_true(auth_bootstrap(fixture->store, &fixture->clock, &password, &error));
    g_assert_no_error(error);
    g_autoptr(User) user = store_get_user(fixture->store, "u1", &error);
    g_assert_true(auth_verify_password(password, user->password_hash));
    g_autoptr(GPtrArray) projects = store_list_user_projects(fixture->store, "u1", &error);
    g_assert_cmpuint(projects->len, ==, 1);
}

static void
test_tokens(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *password = NULL;
    g_autofree char *token = NULL;
    g_autofree char *hash = NULL;
    g_assert_true(auth_bootstrap(fixture->store, &fixture->clock, &password, &error));
    g_autoptr(User) user = NULL;
    g_autoptr(Project) project = NULL;
    g_assert_true(store_find_user_by_name(fixture->store, "admin", &user, &error));
    g_assert_true(store_find_project_by_name(fixture->store, "admin", &project, &error));
    int64_t end_us = fixture->now_us + G_TIME_SPAN_HOUR;
    g_assert_true(auth_issue_token(
        fixture->store, &fixture->clock, user->id, project->id, end_us, &token, &error));
    g_assert_cmpuint(strlen(token), ==, 43);
    g_autoptr(Identity) identity = auth_find_token(fixture->store, token, &hash, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(identity->user_name, ==, "admin");
    g_assert_cmpstr(identity->project_id, ==, project->id);
    g_assert_true(identity_has_role(identity, "reader"));
    g_assert_cmpuint(strlen(hash), ==, 64);

    g_assert_null(auth_find_token(fixture->store, "made-up", NULL, &error));
    g_assert_true(error_is(error, ERROR_UNAUTHENTICATED));
    g_clear_error(&error);
    fixture->now_us = end_us + 1;
    g_assert_null(auth_find_token(fixture->store, token, NULL, &error));
    g_assert_true(error_is(error, ERROR_UNAUTHENTICATED));
}

static void
test_disabled_user_has_no_token(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *password = NULL;
    g_autofree char *token = NULL;
    g_assert_true(auth_bootstrap(fixture->store, &fixture->clock, &password, &error));
    g_autoptr(User) user = NULL;
    g_assert_true(store_find_user_by_name(fixture->store, "admin", &user, &error));
    g_assert_true(auth_issue_token(fixture->store, &fixture->clock, user->id, NULL,
        fixture->now_us + G_TIME_SPAN_HOUR, &token, &error));
    user->enabled = false;
    g_assert_true(store_update_user(fixture->store, user, &error));
    g_assert_null(auth_find_token(fixture->store, token, NULL, &error));
    g_assert_true(error_is(error, ERROR_UNAUTHENTICATED));
}

static void
assert_implied(const char *role, const char *wanted)
{
    g_autoptr(GPtrArray) roles = g_ptr_array_new();
    g_ptr_array_add(roles, (char *)role);
    g_autoptr(GPtrArray) all = auth_imply_roles(roles);
    g_ptr_array_add(all, NULL);
    g_autofree char *seen = g_strjoinv(",", (char **)all->pdata);
    g_assert_cmpstr(seen, ==, wanted);
}

static void
test_implied_roles(void)
{
    assert_implied("admin", "admin,manager,member,reader");
    assert_implied("manager", "manager,member,reader");
    assert_implied("member", "member,reader");
    assert_implied("reader", "reader");
    assert_implied("other", "");
}

static bool
may(const char *role, const char *rule)
{
    g_autoptr(GPtrArray) roles = g_ptr_array_new();
    g_ptr_array_add(roles, (char *)role);
    g_autoptr(Identity) identity = g_new0(Identity, 1);
    identity->roles = auth_imply_roles(roles);
    g_autoptr(GError) error = NULL;
    bool allowed = policy_check(identity, rule, &error);
    if (!allowed) {
        g_autofree char *text = g_strdup_printf("Policy doesn't allow %s to be performed.", rule);
        g_assert_true(error_is(error, ERROR_FORBIDDEN));
        g_assert_cmpstr(error->message, ==, text);
    }
    return allowed;
}

static void
test_policy(void)
{
    const char *live = "os_compute_api:os-migrate-server:migrate_live";
    const char *live_to = "os_compute_api:os-migrate-server:migrate_live:host";
    g_assert_true(may("admin", live) && may("admin", live_to));
    g_assert_true(may("manager", live) && !may("manager", live_to));
    g_assert_false(may("member", live));
    g_assert_true(may("member", "os_compute_api:servers:create"));
    g_assert_false(may("reader", "os_compute_api:servers:create"));
    g_assert_true(may("reader", "os_compute_api:servers:show"));
    g_assert_false(may("nobody", "os_compute_api:servers:show"));
    g_assert_true(may("nobody", "os_compute_api:os-availability-zone:list"));
    g_assert_false(policy_has_rule("os_compute_api:nonsense"));
}

#define ADD(name, test) g_test_add("/auth/" name, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/password", test_password);
    g_test_add_func("/auth/unknown-user-takes-as-long", test_unknown_user_takes_as_long);
    g_test_add_func("/auth/implied-roles", test_implied_roles);
    g_test_add_func("/auth/policy", test_policy);
    ADD("bootstrap", test_bootstrap);
    ADD("bootstrap-goes-on-after-a-kill", test_bootstrap_goes_on);
    ADD("tokens", test_tokens);
    ADD("disabled-user-has-no-token", test_disabled_user_has_no_token);
    return g_test_run();
}
