/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/pool.h"

/* Words of "key=value", or "key" for one that is taken away. */
static GPtrArray *
read_words(const char *text)
{
    GPtrArray *properties =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (int i = 0; words[i] != NULL && *words[i] != '\0'; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], "=", 2);
        g_ptr_array_add(properties, aggregate_property_new(parts[0], parts[1]));
    }
    return properties;
}

/* hosts: names with blanks between. */
static Aggregate *
make(const char *metadata, const char *hosts)
{
    Aggregate *aggregate = aggregate_new();
    g_auto(GStrv) names = g_strsplit(hosts, " ", -1);

    aggregate->name = g_strdup("p");
    g_ptr_array_unref(aggregate->metadata);
    aggregate->metadata = read_words(metadata);
    for (int i = 0; names[i] != NULL && *names[i] != '\0'; i++) {
        g_ptr_array_add(aggregate->hosts, g_strdup(names[i]));
    }
    return aggregate;
}

static char *
tell(const GPtrArray *properties)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < properties->len; i++) {
        const AggregateProperty *property = properties->pdata[i];
        g_string_append_printf(text, "%s%s=%s", i > 0 ? " " : "", property->key,
            property->value != NULL ? property->value : "-");
    }
    return g_string_free(text, FALSE);
}

#define OF_DROVER(key) key " of a pool is written by drover, as its hosts join and leave"
#define NEW_POOL                                                                                   \
    "operational_state=created master_compute=- joining_compute=- operational_error=-"
#define NO_POOL "operational_state=- master_compute=- joining_compute=- operational_error=-"
#define ACTIVE "hypervisor_pool=true operational_state=active master_compute=a"

static const struct {
    const char *now;
    const char *hosts;
    const char *changes;
    const char *reason; /* NULL: it may be so */
    const char *more;   /* what drover says with it */
} changes[] = {
    {"", "a", "ssd=true operational_state=what master_compute=x", NULL, ""},
    {"", "", "hypervisor_pool=true", NULL, NEW_POOL},
    {"", "", "hypervisor_pool=True operational_state=created", NULL, NEW_POOL},
    {"", "", "hypervisor_pool=true operational_state=active", OF_DROVER("operational_state"), ""},
    {"", "", "hypervisor_pool=true master_compute=a", OF_DROVER("master_compute"), ""},
    {"", "", "hypervisor_pool=yes", "hypervisor_pool is true or false, not 'yes'", ""},
    {"block_migration=maybe", "", "hypervisor_pool=true",
        "block_migration is true or false, not 'maybe'", ""},
    {"block_migration=maybe", "", "hypervisor_pool=true block_migration=true", NULL, NEW_POOL},
    {"", "a", "hypervisor_pool=true", "it has hosts: take them out before it becomes a pool", ""},
    {"hypervisor_pool=false", "a", "ssd=true", NULL, ""},
    {ACTIVE, "a", "hypervisor_pool", "it has hosts: take them out before it is a pool no more", ""},
    {ACTIVE, "", "hypervisor_pool=false", NULL, NO_POOL},
    {ACTIVE, "a", "operational_state=active ssd=true", NULL, ""},
    {ACTIVE, "a", "operational_state=created", OF_DROVER("operational_state"), ""},
    {ACTIVE, "a", "operational_state", OF_DROVER("operational_state"), ""},
    {ACTIVE, "a", "joining_compute=b", OF_DROVER("joining_compute"), ""},
    {ACTIVE, "a", "operational_error=b", OF_DROVER("operational_error"), ""},
    {ACTIVE, "a", "block_migration=true", NULL, ""},
    {ACTIVE, "a", "block_migration=maybe", "block_migration is true or false, not 'maybe'", ""},
    {ACTIVE, "a", "default_storage=x",
        "default_storage is that of the pool's hosts: it can be set before the first", ""},
    {"hypervisor_pool=true", "", "default_storage=x", NULL, ""},
};

static void
test_changes(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autoptr(Aggregate) now = make(changes[i].now, changes[i].hosts);
        g_autoptr(GPtrArray) wanted = read_words(changes[i].changes);
        g_autoptr(GPtrArray) more =
            g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_property_free);
        g_autofree char *reason = pool_refuse_change(now, wanted, more);
        g_autofree char *told = tell(more);
        g_test_message("%s + %s", changes[i].now, changes[i].changes);
        g_assert_cmpstr(reason, ==, changes[i].reason);
        g_assert_cmpstr(told, ==, changes[i].more);
    }
}

static Host *
make_host(const char *name)
{
    Host *host = host_new();

    host->name = g_strdup(name);
    host->pool = g_strdup("instances");
    host->connected = true;
    host->has_facts = true;
    host->facts.arch = g_strdup("x86_64");
    host->facts.hypervisor_type = g_strdup("QEMU");
    return host;
}

static void
assert_join(const char *metadata, const Host *host, int claims, const Host *master,
    const char *in_pool, const char *expected)
{
    g_autoptr(Aggregate) pool = make(metadata, master != NULL ? master->name : "");
    HostUsage usage = {.claims = claims};
    g_autofree char *reason = pool_refuse_join(pool, host, &usage, master, in_pool);

    g_assert_cmpstr(reason, ==, expected);
}

static void
test_joins(void)
{
    g_autoptr(Host) a = make_host("a");
    g_autoptr(Host) b = make_host("b");

    assert_join("hypervisor_pool=true operational_state=created", a, 3, NULL, NULL, NULL);
    assert_join(ACTIVE, b, 0, a, NULL, NULL);
    assert_join(ACTIVE, b, 1, a, NULL,
        "host 'b' has 1 instance, and a host that joins a pool has none: move them away with "
        "'drover host drain b'");
    assert_join(ACTIVE, b, 0, a, "q", "host 'b' is in the pool 'q', and no host is in two");
    assert_join("hypervisor_pool=true operational_state=changing joining_compute=c", b, 0, a, NULL,
        "host 'c' is joining the pool: add the next one when the operational_state is active");
    assert_join("hypervisor_pool=true operational_state=error joining_compute=c", b, 0, a, NULL,
        "the pool is in error, since host 'c' could not join: take that one out first");
    assert_join(ACTIVE " default_storage=fast", b, 0, a, NULL,
        "the instances of host 'b' are in the storage pool 'instances', and the default_storage is "
        "'fast'");
    g_free(b->facts.arch);
    b->facts.arch = g_strdup("aarch64");
    assert_join(ACTIVE, b, 0, a, NULL,
        "host 'b' has QEMU on aarch64, and the master 'a' has QEMU on x86_64");
    b->connected = false;
    assert_join(ACTIVE, b, 0, a, NULL,
        "host 'b' is not connected, and has to be asked: see 'drover host show b'");
}

static void
assert_leave(const char *metadata, const char *hosts, const char *host, int claims,
    const char *expected_reason, const char *expected_said)
{
    g_autoptr(Aggregate) pool = make(metadata, hosts);
    HostUsage usage = {.claims = claims};
    g_autofree char *reason = pool_refuse_leave(pool, host, &usage);
    g_autoptr(GPtrArray) said = pool_on_leave(pool, host);
    g_autofree char *text = tell(said);

    g_assert_cmpstr(reason, ==, expected_reason);
    if (reason == NULL) {
        g_assert_cmpstr(text, ==, expected_said);
    }
}

#define FAILED(host) "hypervisor_pool=true operational_state=error joining_compute=" host

static void
test_leaves(void)
{
    assert_leave(ACTIVE, "a b", "b", 0, NULL, "");
    assert_leave(ACTIVE, "a b", "b", 2,
        "host 'b' has 2 instances in the storage of the pool: move them away with 'drover host "
        "drain b'",
        NULL);
    assert_leave(ACTIVE, "a b", "a", 0,
        "host 'a' is the master of the pool: take its other hosts out first", NULL);
    assert_leave(ACTIVE, "a", "a", 2, NULL,
        "operational_state=created joining_compute=- operational_error=- master_compute=- "
        "default_storage=-");
    assert_leave(FAILED("a"), "a", "a", 0, NULL,
        "operational_state=created joining_compute=- operational_error=-");
    assert_leave(FAILED("b") " master_compute=a", "a b", "b", 0, NULL,
        "operational_state=active joining_compute=- operational_error=-");
    assert_leave("hypervisor_pool=true operational_state=changing joining_compute=c "
                 "master_compute=a",
        "a b c", "b", 0,
        "host 'c' is joining the pool: take others out when the operational_state is active", NULL);
}

/* ids: of the storage of a and b; "" = not told. */
static void
assert_looked(const char *metadata, const char *const ids[2], const char *expected)
{
    g_autoptr(Aggregate) pool = make(metadata, "a b");
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
    for (int i = 0; i < 2; i++) {
        Host *host = make_host(i == 0 ? "a" : "b");
        host->facts.pool_id = g_strdup(ids[i]);
        g_ptr_array_add(hosts, host);
    }
    g_autoptr(GPtrArray) said = pool_on_looked(pool, hosts);
    g_autofree char *told = tell(said);
    g_assert_cmpstr(told, ==, expected);
}

#define LOST                                                                                       \
    "operational_state=error joining_compute=- operational_error=storage pool 'instances' of "     \
    "host 'b' is not the one of the master 'a' any more: mount that there again, or take the "     \
    "host out"

static void
test_looking(void)
{
    static const char *const same[] = {"one", "one"};
    static const char *const other[] = {"one", "two"};
    static const char *const untold[] = {"one", ""};
    assert_looked(ACTIVE, same, "");
    assert_looked(ACTIVE, untold, "");
    assert_looked(ACTIVE, other, LOST);
    assert_looked("hypervisor_pool=true operational_state=changing joining_compute=b "
                  "master_compute=a",
        other, "");
    assert_looked(FAILED("b") " master_compute=a", other, "");
    assert_looked("hypervisor_pool=true operational_state=error master_compute=a "
                  "operational_error=why",
        same, "operational_state=active joining_compute=- operational_error=-");
    assert_leave("hypervisor_pool=true operational_state=error master_compute=a "
                 "operational_error=why",
        "a b", "b", 0, NULL, "operational_state=active joining_compute=- operational_error=-");
}

static void
test_settling(void)
{
    g_autoptr(Host) host = make_host("a");
    g_autoptr(Aggregate) empty = make("hypervisor_pool=true", "a");
    g_autoptr(Aggregate) active = make(ACTIVE, "a b");
    g_autoptr(GPtrArray) first = pool_on_settled(empty, host, NULL);
    g_autoptr(GPtrArray) next = pool_on_settled(active, host, NULL);
    g_autoptr(GPtrArray) failed = pool_on_settled(active, host, "why");
    g_autofree char *of_first = tell(first);
    g_autofree char *of_next = tell(next);
    g_autofree char *of_failed = tell(failed);

    g_assert_cmpstr(of_first, ==,
        "operational_state=active joining_compute=- operational_error=- master_compute=a "
        "default_storage=instances");
    g_assert_cmpstr(of_next, ==, "operational_state=active joining_compute=- operational_error=-");
    g_assert_cmpstr(
        of_failed, ==, "operational_state=error joining_compute=a operational_error=why");
}

static void
test_what_hosts_are_told(void)
{
    g_autoptr(Host) host = make_host("b");
    g_autoptr(GPtrArray) aggregates =
        g_ptr_array_new_with_free_func((GDestroyNotify)aggregate_free);

    g_assert_null(pool_of_host(host));
    g_ptr_array_add(aggregates, make("ssd=true", "b"));
    g_ptr_array_add(aggregates, make(FAILED("b") " master_compute=a block_migration=true", "a b"));
    host->aggregates = host_aggregates_new(aggregates);
    g_assert_true(pool_is_host_joining(host));
    g_assert_null(pool_of_host(host));
    g_assert_true(host->aggregates->pool_copies);
    g_free(host->name);
    host->name = g_strdup("a");
    g_assert_false(pool_is_host_joining(host));
    g_assert_cmpstr(pool_of_host(host), ==, "p");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pool/what-users-may-say", test_changes);
    g_test_add_func("/pool/who-may-join", test_joins);
    g_test_add_func("/pool/who-may-leave", test_leaves);
    g_test_add_func("/pool/what-comes-of-a-join", test_settling);
    g_test_add_func("/pool/members-that-lose-the-storage-are-told", test_looking);
    g_test_add_func("/pool/what-hosts-are-told", test_what_hosts_are_told);
    return g_test_run();
}
