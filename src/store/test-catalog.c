/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Users, tokens, images, flavors, networks and hosts. */
#include "store/test-support.h"
#include <string.h>

/* ---- identity ---- */

static void
insert_people(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    const User user = {.id = "u1", .name = "ann", .password_hash = "$y$1", .enabled = true};
    const Project project = {.id = "p1", .name = "demo", .description = "d", .enabled = true};

    store_insert_user(fixture->store, &user, &error);
    g_assert_no_error(error);
    store_insert_project(fixture->store, &project, &error);
    g_assert_no_error(error);
}

static void
test_users(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(User) found = NULL;
    User changed = {.id = "u1",
        .name = "anna",
        .password_hash = "$y$1",
        .email = "a@example.org",
        .default_project_id = "p1"};

    insert_people(fixture);
    g_assert_true(store_find_user_by_name(fixture->store, "nobody", &found, &error));
    g_assert_null(found);
    g_assert_true(store_update_user(fixture->store, &changed, &error));
    g_assert_true(store_find_user_by_name(fixture->store, "anna", &found, &error));
    g_assert_cmpstr(found->id, ==, "u1");
    g_assert_cmpstr(found->email, ==, "a@example.org");
    g_assert_cmpstr(found->default_project_id, ==, "p1");
    g_assert_false(found->enabled);
    g_autoptr(GPtrArray) users = store_list_users(fixture->store, &error);
    g_assert_cmpuint(users->len, ==, 1);
    g_assert_true(store_delete_user(fixture->store, "u1", &error));
    g_assert_null(store_get_user(fixture->store, "u1", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
    g_clear_error(&error);
    g_assert_false(store_update_user(fixture->store, &changed, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_names_are_unique(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    const User user = {.id = "u2", .name = "ann", .password_hash = "x"};
    const Project project = {.id = "p2", .name = "demo"};

    insert_people(fixture);
    g_assert_false(store_insert_user(fixture->store, &user, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_assert_nonnull(strstr(error->message, "users.name"));
    g_clear_error(&error);
    g_assert_false(store_insert_project(fixture->store, &project, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
}

static void
test_projects(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Project) found = NULL;
    const Project changed = {.id = "p1", .name = "demo2", .enabled = false};

    insert_people(fixture);
    g_assert_true(store_update_project(fixture->store, &changed, &error));
    g_assert_true(store_find_project_by_name(fixture->store, "demo2", &found, &error));
    g_assert_cmpstr(found->description, ==, "");
    g_assert_false(found->enabled);
    g_autoptr(GPtrArray) projects = store_list_projects(fixture->store, &error);
    g_assert_cmpuint(projects->len, ==, 1);
    g_assert_true(store_delete_project(fixture->store, "p1", &error));
    g_assert_null(store_get_project(fixture->store, "p1", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_roles(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    insert_people(fixture);
    g_assert_true(store_assign_role(fixture->store, "u1", "p1", "member", &error));
    g_assert_true(store_assign_role(fixture->store, "u1", "p1", "member", &error));
    g_autoptr(GPtrArray) roles = store_list_assigned_roles(fixture->store, "u1", "p1", &error);
    g_assert_cmpuint(roles->len, ==, 1);
    g_assert_cmpstr(roles->pdata[0], ==, "member");
    g_autoptr(GPtrArray) projects = store_list_user_projects(fixture->store, "u1", &error);
    g_assert_cmpuint(projects->len, ==, 1);
    g_assert_false(store_assign_role(fixture->store, "u1", "p1", "king", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
    g_assert_nonnull(strstr(error->message, "role 'king'"));
    g_clear_error(&error);
    g_assert_true(store_unassign_role(fixture->store, "u1", "p1", "member", &error));
    g_assert_false(store_unassign_role(fixture->store, "u1", "p1", "member", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static Identity *
find_token(Fixture *fixture, const char *hash)
{
    g_autoptr(GError) error = NULL;
    Identity *identity = NULL;

    store_find_token(fixture->store, hash, &identity, &error);
    g_assert_no_error(error);
    return identity;
}

static void
insert_token(Fixture *fixture, const char *hash, const char *project_id)
{
    g_autoptr(GError) error = NULL;

    store_insert_token(
        fixture->store, hash, "u1", project_id, test_now_us, test_now_us + G_USEC_PER_SEC, &error);
    g_assert_no_error(error);
}

static void
test_tokens(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    insert_people(fixture);
    g_assert_true(store_assign_role(fixture->store, "u1", "p1", "manager", &error));
    insert_token(fixture, "t1", "p1");
    insert_token(fixture, "t2", NULL);
    g_autoptr(Identity) scoped = find_token(fixture, "t1");
    g_assert_cmpstr(scoped->user_name, ==, "ann");
    g_assert_cmpstr(scoped->project_name, ==, "demo");
    g_assert_cmpint(scoped->expires_us, ==, test_now_us + G_USEC_PER_SEC);
    g_assert_true(identity_has_role(scoped, "manager"));
    g_assert_true(identity_has_role(scoped, "member"));
    g_assert_true(identity_has_role(scoped, "reader"));
    g_assert_false(identity_has_role(scoped, "admin"));
    g_autoptr(Identity) unscoped = find_token(fixture, "t2");
    g_assert_null(unscoped->project_id);
    g_assert_cmpuint(unscoped->roles->len, ==, 0);
    g_assert_null(find_token(fixture, "t3"));
    g_assert_true(store_delete_token(fixture->store, "t1", &error));
    g_assert_null(find_token(fixture, "t1"));
    g_assert_false(store_delete_token(fixture->store, "t1", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_tokens_end(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    User user = {.id = "u1", .name = "ann", .password_hash = "$y$1", .enabled = true};
    Project project = {.id = "p1", .name = "demo", .enabled = false};

    insert_people(fixture);
    insert_token(fixture, "t1", "p1");
    g_assert_true(store_update_project(fixture->store, &project, &error));
    g_assert_null(find_token(fixture, "t1"));
    project.enabled = true;
    g_assert_true(store_update_project(fixture->store, &project, &error));
    user.enabled = false;
    g_assert_true(store_update_user(fixture->store, &user, &error));
    g_assert_null(find_token(fixture, "t1"));
    user.enabled = true;
    g_assert_true(store_update_user(fixture->store, &user, &error));
    g_autoptr(Identity) back = find_token(fixture, "t1");
    g_assert_nonnull(back);
    user.password_hash = "$y$2";
    g_assert_true(store_update_user(fixture->store, &user, &error));
    g_assert_null(find_token(fixture, "t1"));
    insert_token(fixture, "t2", "p1");
    test_now_us += G_USEC_PER_SEC;
    g_assert_null(find_token(fixture, "t2"));
}

/* ---- images, flavors, networks ---- */

static void
insert_image(Fixture *fixture, const char *id, const char *owner, const char *visibility)
{
    g_autoptr(GError) error = NULL;
    const Image image = {.id = (char *)id,
        .name = (char *)id,
        .owner = (char *)owner,
        .visibility = (char *)visibility,
        .disk_format = "qcow2",
        .container_format = "bare",
        .size_bytes = -1,
        .virtual_size_bytes = -1};

    store_insert_image(fixture->store, &image, &error);
    g_assert_no_error(error);
}

static void
test_images(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    int count = -1;

    insert_image(fixture, "i1", "p1", "public");
    insert_image(fixture, "i2", "p1", "private");
    insert_image(fixture, "i3", "p2", "private");
    g_autoptr(Image) image = store_get_image(fixture->store, "i2", &error);
    g_assert_cmpint(image->status, ==, IMAGE_QUEUED);
    g_assert_cmpint(image->size_bytes, ==, -1);
    g_assert_cmpstr(image->properties_json, ==, "{}");
    g_assert_cmpint(image->created_us, ==, test_now_us);
    int64_t created_us = test_now_us++;
    image->status = IMAGE_ACTIVE;
    image->sha256 = g_strdup("abc");
    image->size_bytes = 5000000000;
    image->is_protected = true;
    g_assert_true(store_update_image(fixture->store, image, &error));
    g_autoptr(Image) again = store_get_image(fixture->store, "i2", &error);
    g_assert_cmpint(again->status, ==, IMAGE_ACTIVE);
    g_assert_cmpint(again->size_bytes, ==, 5000000000);
    g_assert_true(again->is_protected);
    g_assert_false(again->is_hidden);
    g_assert_cmpint(again->created_us, ==, created_us);
    g_assert_cmpint(again->updated_us, ==, test_now_us);
    g_assert_true(store_count_image_hash(fixture->store, "abc", &count, &error));
    g_assert_cmpint(count, ==, 1);

    g_autoptr(GPtrArray) all = store_list_images(fixture->store, NULL, &error);
    g_assert_cmpuint(all->len, ==, 3);
    g_assert_cmpstr(((Image *)all->pdata[0])->id, ==, "i3");
    g_autoptr(GPtrArray) visible = store_list_images(fixture->store, "p2", &error);
    g_assert_cmpuint(visible->len, ==, 2);
    g_assert_cmpstr(((Image *)visible->pdata[1])->id, ==, "i1");

    g_assert_true(store_delete_image(fixture->store, "i2", &error));
    g_assert_false(store_delete_image(fixture->store, "i2", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
    g_clear_error(&error);
    g_assert_false(store_update_image(fixture->store, again, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_flavors(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    Flavor flavor = {.id = "1",
        .name = "m1.tiny",
        .vcpus = 1,
        .ram_mib = 512,
        .disk_gib = 1,
        .ephemeral_gib = 2,
        .swap_mib = 3,
        .rxtx_factor = 1.5,
        .is_public = true,
        .extra_specs_json = "{\"hw:x\":\"1\"}"};
    const Flavor same_name = {.id = "2", .name = "m1.tiny"};

    g_assert_true(store_insert_flavor(fixture->store, &flavor, &error));
    g_assert_false(store_insert_flavor(fixture->store, &same_name, &error));
    g_assert_true(error_is(error, ERROR_CONFLICT));
    g_clear_error(&error);
    flavor.description = "small";
    g_assert_true(store_update_flavor(fixture->store, &flavor, &error));
    g_autoptr(Flavor) found = store_get_flavor(fixture->store, "1", &error);
    g_assert_cmpstr(found->description, ==, "small");
    g_assert_cmpfloat(found->rxtx_factor, ==, 1.5);
    g_assert_cmpint(found->ephemeral_gib, ==, 2);
    g_assert_cmpint(found->swap_mib, ==, 3);
    g_assert_cmpstr(found->extra_specs_json, ==, "{\"hw:x\":\"1\"}");
    g_autoptr(GPtrArray) flavors = store_list_flavors(fixture->store, &error);
    g_assert_cmpuint(flavors->len, ==, 1);
    g_assert_true(store_delete_flavor(fixture->store, "1", &error));
    g_assert_null(store_get_flavor(fixture->store, "1", &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_networks(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    const char *id = test_network(fixture);
    g_autoptr(Network) network = store_get_network(fixture->store, id, &error);

    g_assert_cmpstr(network->name, ==, "private");
    g_assert_cmpstr(network->gateway, ==, "10.20.0.1");
    g_assert_cmpint(network->mtu, ==, 1500);
    g_assert_cmpint(network->created_us, ==, test_now_us);
    g_autoptr(GPtrArray) networks = store_list_networks(fixture->store, &error);
    g_assert_cmpuint(networks->len, ==, 1);
    g_free(network->cidr);
    network->cidr = g_strdup("10.30.0.0/24");
    network->subnet_name = g_strdup("private-v4");
    g_assert_true(store_update_network(fixture->store, network, &error));
    g_autoptr(Network) updated = store_get_network(fixture->store, id, &error);
    g_assert_cmpstr(updated->cidr, ==, "10.30.0.0/24");
    g_assert_cmpstr(updated->subnet_name, ==, "private-v4");
    g_assert_true(store_delete_network(fixture->store, id, &error));
    g_assert_false(store_delete_network(fixture->store, id, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

/* ---- hosts ---- */

static void
test_hosts(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Host) missing = NULL;

    test_host(fixture, "hostb");
    test_host(fixture, "hosta");
    g_autoptr(GPtrArray) hosts = store_list_hosts(fixture->store, &error);
    g_assert_cmpuint(hosts->len, ==, 2);
    g_assert_cmpstr(((Host *)hosts->pdata[0])->name, ==, "hosta");
    g_assert_cmpint(((Host *)hosts->pdata[0])->number, ==, 2);
    g_assert_true(store_find_host(fixture->store, "hostc", &missing, &error));
    g_assert_null(missing);
    g_assert_true(store_set_host_enabled(fixture->store, "hosta", false, "fan", &error));
    g_assert_true(store_set_host_forced_down(fixture->store, "hosta", true, "admin", &error));
    g_assert_true(
        store_set_host_connection(fixture->store, "hosta", true, NULL, test_now_us, &error));
    g_assert_true(store_set_host_connection(fixture->store, "hosta", false, "refused", 0, &error));
    g_autoptr(Host) host = store_get_host(fixture->store, "hosta", &error);
    g_assert_false(host->enabled);
    g_assert_cmpstr(host->disabled_reason, ==, "fan");
    g_assert_true(host->forced_down);
    g_assert_false(host->connected);
    g_assert_cmpstr(host->connect_error, ==, "refused");
    g_assert_cmpint(host->last_seen_us, ==, test_now_us);
    g_assert_false(host->has_facts);
    g_assert_cmpstr(host->facts.cpu_json, ==, "{}");
    /* That it was silent is noticed late: what was taken for a sign of life is corrected. */
    g_assert_true(store_set_host_connection(
        fixture->store, "hosta", false, "silent", test_now_us - 5, &error));
    g_autoptr(Host) corrected = store_get_host(fixture->store, "hosta", &error);
    g_assert_cmpint(corrected->last_seen_us, ==, test_now_us - 5);
    g_assert_true(store_delete_host(fixture->store, "hosta", &error));
    g_assert_false(store_set_host_enabled(fixture->store, "hosta", true, NULL, &error));
    g_assert_true(error_is(error, ERROR_NOT_FOUND));
}

static void
test_host_facts(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    const HostFacts facts = {.hostname = "a.example",
        .host_uuid = "5d3f1c1e-0c1b-4f39-9d0e-0b2f6c1d7a10",
        .hypervisor_type = "QEMU",
        .hypervisor_version = 10000002,
        .libvirt_version = 11003000,
        .arch = "x86_64",
        .cpu_json = "{\"model\":\"x\"}",
        .vcpus = 8,
        .memory_mib = 16000,
        .memory_free_mib = 9000,
        .pool_capacity_bytes = 1000000000000,
        .pool_available_bytes = 900000000000,
        .pool_path = "/pool",
        .pool_json = "{\"type\":\"dir\"}",
        .offers = "kvm,uefi",
        .uptime_s = 5,
        .running_domains = 3};

    test_host(fixture, "hosta");
    g_assert_true(store_set_host_facts(fixture->store, "hosta", &facts, &error));
    g_autoptr(Host) host = store_get_host(fixture->store, "hosta", &error);
    g_assert_true(host->has_facts);
    g_assert_cmpstr(host->facts.hostname, ==, "a.example");
    g_assert_cmpstr(host->facts.host_uuid, ==, facts.host_uuid);
    g_assert_cmpint(host->facts.libvirt_version, ==, 11003000);
    g_assert_cmpint(host->facts.pool_available_bytes, ==, 900000000000);
    g_assert_cmpstr(host->facts.pool_path, ==, "/pool");
    g_assert_cmpstr(host->facts.pool_json, ==, facts.pool_json);
    g_assert_cmpstr(host->facts.offers, ==, "kvm,uefi");
    g_assert_cmpint(host->facts.running_domains, ==, 3);
}

static void
test_touch_many(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    test_host(fixture, "hosta");
    test_host(fixture, "hostb");
    test_host(fixture, "hostc");
    g_ptr_array_add(names, "hosta");
    g_ptr_array_add(names, "hostc");
    g_ptr_array_add(names, "gone");
    g_assert_true(store_touch_hosts(
        fixture->store, names, (const int64_t[]){77, 78, 79}, &error));
    g_autoptr(GPtrArray) hosts = store_list_hosts(fixture->store, &error);
    g_assert_cmpint(((Host *)hosts->pdata[0])->last_seen_us, ==, 77);
    g_assert_cmpint(((Host *)hosts->pdata[1])->last_seen_us, ==, 0);
    g_assert_cmpint(((Host *)hosts->pdata[2])->last_seen_us, ==, 78);
}

#define ADD(name, function)                                                                        \
    g_test_add("/store/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("users", test_users);
    ADD("names-are-unique", test_names_are_unique);
    ADD("projects", test_projects);
    ADD("roles", test_roles);
    ADD("tokens", test_tokens);
    ADD("tokens-end", test_tokens_end);
    ADD("images", test_images);
    ADD("flavors", test_flavors);
    ADD("networks", test_networks);
    ADD("hosts", test_hosts);
    ADD("host-facts", test_host_facts);
    ADD("touch-many", test_touch_many);
    return g_test_run();
}
