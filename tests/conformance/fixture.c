/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "fixture.h"

#include "base/clock.h"

#define POLL_US 20000

typedef struct TestCase {
    Target *target;
    const HostAddress *hosts;
    FixtureTest test;
} TestCase;

void
fixture_on_event(const HostEvent *event, void *data)
{
    Fixture *fixture = data;
    g_mutex_lock(&fixture->lock);
    g_array_append_val(fixture->events, *event);
    g_cond_broadcast(&fixture->cond);
    g_mutex_unlock(&fixture->lock);
}

HypervisorHost *
fixture_open(Fixture *fixture, const HostAddress *address, uint64_t session)
{
    g_autoptr(GError) error = NULL;
    HypervisorHost *host = hypervisor_open(
        fixture->target->hypervisor, address, session, fixture_on_event, fixture, &error);
    g_assert_no_error(error);
    g_assert_nonnull(host);
    return host;
}

/* First where it is defined, then what is left: on a shared pool its disk must not go first. */
static void
remove_guest(Fixture *fixture, const char *uuid)
{
    HypervisorHost *const hosts[] = {fixture->a, fixture->b};
    for (unsigned int i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autoptr(DomainView) view = g_new0(DomainView, 1);
        assert_ok(hypervisor_describe_domain(hosts[i], uuid, view, &error));
        if (view->state != DOMAIN_ABSENT) {
            assert_ok(hypervisor_remove_guest(hosts[i], uuid, true, &error));
        }
    }
    for (unsigned int i = 0; i < G_N_ELEMENTS(hosts); i++) {
        assert_ok(hypervisor_remove_guest(hosts[i], uuid, true, &error));
    }
}

static void
clean_up(Fixture *fixture)
{
    for (unsigned int i = 0; i < fixture->guests->len; i++) {
        remove_guest(fixture, fixture->guests->pdata[i]);
    }
    hypervisor_host_unref(fixture->a);
    hypervisor_host_unref(fixture->b);
    if (fixture->target->check != NULL) {
        assert_ok(fixture->target->check(fixture->target, &error));
    }
    g_array_unref(fixture->events);
    g_ptr_array_unref(fixture->guests);
    g_mutex_clear(&fixture->lock);
    g_cond_clear(&fixture->cond);
}

static void
run_test(const void *data)
{
    const TestCase *test = data;
    Fixture fixture = {
        .target = test->target,
        .events = g_array_new(FALSE, FALSE, sizeof(HostEvent)),
        .guests = g_ptr_array_new_with_free_func(g_free),
    };
    g_mutex_init(&fixture.lock);
    g_cond_init(&fixture.cond);
    fixture.a = fixture_open(&fixture, &test->hosts[0], SESSION_A);
    fixture.b = fixture_open(&fixture, &test->hosts[1], SESSION_B);
    test->test(&fixture);
    clean_up(&fixture);
}

static void
add_case(const char *path, Target *target, const HostAddress *hosts, FixtureTest test)
{
    TestCase *data = g_new(TestCase, 1);
    *data = (TestCase){.target = target, .hosts = hosts, .test = test};
    g_test_add_data_func_full(path, data, run_test, g_free);
}

void
fixture_add(const char *path, Target *target, FixtureTest test)
{
    add_case(path, target, target->hosts, test);
}

void
fixture_add_shared(const char *path, Target *target, FixtureTest test)
{
    add_case(path, target, target->shared, test);
}

/* ---- events ---- */

static bool
has_event(const Fixture *fixture, const HostEvent *wanted)
{
    for (unsigned int i = 0; i < fixture->events->len; i++) {
        const HostEvent *event = &g_array_index(fixture->events, HostEvent, i);
        if (event->session == wanted->session && event->kind == wanted->kind &&
            strcmp(event->uuid, wanted->uuid) == 0 &&
            (event->kind != HOST_EVENT_DOMAIN ||
                (event->state == wanted->state && event->reason == wanted->reason))) {
            return true;
        }
    }
    return false;
}

static bool
wait_event(Fixture *fixture, const HostEvent *wanted)
{
    int64_t end = g_get_monotonic_time() + fixture->target->patience_s * G_USEC_PER_SEC;
    g_mutex_lock(&fixture->lock);
    bool found = has_event(fixture, wanted);
    while (!found && g_cond_wait_until(&fixture->cond, &fixture->lock, end)) {
        found = has_event(fixture, wanted);
    }
    g_mutex_unlock(&fixture->lock);
    return found;
}

bool
fixture_wait_domain_event(
    Fixture *fixture, uint64_t session, const char *uuid, DomainState state, DomainReason reason)
{
    HostEvent wanted = {
        .kind = HOST_EVENT_DOMAIN, .session = session, .state = state, .reason = reason};
    g_strlcpy(wanted.uuid, uuid, sizeof wanted.uuid);
    return wait_event(fixture, &wanted);
}

bool
fixture_wait_event(Fixture *fixture, uint64_t session, const char *uuid, HostEventKind kind)
{
    HostEvent wanted = {.kind = kind, .session = session};
    g_strlcpy(wanted.uuid, uuid, sizeof wanted.uuid);
    return wait_event(fixture, &wanted);
}

int
fixture_count_events(Fixture *fixture, uint64_t session)
{
    int n_events = 0;
    g_mutex_lock(&fixture->lock);
    for (unsigned int i = 0; i < fixture->events->len; i++) {
        n_events += g_array_index(fixture->events, HostEvent, i).session == session;
    }
    g_mutex_unlock(&fixture->lock);
    return n_events;
}

/* ---- guests ---- */

void
fixture_ensure_bases(Fixture *fixture, HypervisorHost *host)
{
    assert_ok(hypervisor_ensure_base(host, &fixture->target->root, NULL, &error));
    if (fixture->target->kernel.sha256 != NULL) {
        assert_ok(hypervisor_ensure_base(host, &fixture->target->kernel, NULL, &error));
        assert_ok(hypervisor_ensure_base(host, &fixture->target->initrd, NULL, &error));
    }
}

const char *
fixture_new_uuid(Fixture *fixture)
{
    char *uuid = clock_new_uuid(clock_system());
    g_ptr_array_add(fixture->guests, uuid);
    return uuid;
}

GuestSpec
fixture_spec(Fixture *fixture, const char *uuid)
{
    /* A config drive without a file system: the guest does without. */
    static const char config_drive[64 * 1024];
    const Target *target = fixture->target;
    return (GuestSpec){
        .uuid = uuid,
        .domain_name = uuid,
        .display_name = "conformance <&> test",
        .project_id = "0123456789abcdef0123456789abcdef",
        .flavor_name = "m1.tiny",
        .generation = 1,
        .operation = 41,
        .vcpus = 1,
        .memory_mib = MEMORY_MIB,
        .root_size_bytes = MAX(target->root.virtual_size_bytes, INT64_C(1) << 30),
        .root_hash = target->root.sha256,
        .root_format = target->root.format,
        .root_virtual_size_bytes = target->root.virtual_size_bytes,
        .kernel_hash = target->kernel.sha256,
        .initrd_hash = target->initrd.sha256,
        .command_line = target->command_line,
        .nics = NULL,
        .n_nics = 0,
        .config_drive = config_drive,
        .config_drive_size = sizeof config_drive,
    };
}

const char *
fixture_create(Fixture *fixture, HypervisorHost *host)
{
    const char *uuid = fixture_new_uuid(fixture);
    GuestSpec guest = fixture_spec(fixture, uuid);
    fixture_ensure_bases(fixture, host);
    assert_ok(hypervisor_create_guest(host, &guest, &error));
    return uuid;
}

const char *
fixture_start(Fixture *fixture, HypervisorHost *host)
{
    const char *uuid = fixture_create(fixture, host);
    assert_ok(hypervisor_start_guest(host, uuid, &error));
    return uuid;
}

static int
count_boots(Fixture *fixture, HypervisorHost *host, const char *uuid)
{
    g_autofree char *text = NULL;
    size_t size;
    assert_ok(hypervisor_read_console(host, uuid, 1 << 20, &text, &size, &error));
    g_autofree char *copy = g_strndup(text, size);
    int n_boots = 0;
    for (const char *at = copy; (at = strstr(at, fixture->target->boot_text)) != NULL; at++) {
        n_boots++;
    }
    return n_boots;
}

void
fixture_wait_boots(Fixture *fixture, HypervisorHost *host, const char *uuid, int n_boots)
{
    int64_t end = g_get_monotonic_time() + fixture->target->patience_s * G_USEC_PER_SEC;
    while (count_boots(fixture, host, uuid) < n_boots && g_get_monotonic_time() < end) {
        g_usleep(POLL_US);
    }
    g_assert_cmpint(count_boots(fixture, host, uuid), ==, n_boots);
}

/* ---- views ---- */

static DomainView *
describe(HypervisorHost *host, const char *uuid)
{
    DomainView *view = g_new0(DomainView, 1);
    assert_ok(hypervisor_describe_domain(host, uuid, view, &error));
    g_assert_cmpstr(view->uuid, ==, uuid);
    return view;
}

void
fixture_assert_view(
    HypervisorHost *host, const char *uuid, DomainState state, DomainReason reason, DomainJob job)
{
    g_autoptr(DomainView) view = describe(host, uuid);
    g_assert_cmpstr(domain_state_name(view->state), ==, domain_state_name(state));
    g_assert_cmpstr(domain_reason_name(view->reason), ==, domain_reason_name(reason));
    g_assert_cmpstr(domain_job_name(view->job), ==, domain_job_name(job));
}

void
fixture_assert_absent(HypervisorHost *host, const char *uuid)
{
    g_autoptr(DomainView) view = describe(host, uuid);
    g_assert_cmpstr(domain_state_name(view->state), ==, "absent");
    g_assert_cmpstr(domain_job_name(view->job), ==, "none");
}

void
fixture_wait_state(Fixture *fixture, HypervisorHost *host, const char *uuid, DomainState state)
{
    int64_t end = g_get_monotonic_time() + fixture->target->patience_s * G_USEC_PER_SEC;
    g_autoptr(DomainView) view = describe(host, uuid);
    while (view->state != state && g_get_monotonic_time() < end) {
        g_usleep(POLL_US);
        g_clear_pointer(&view, domain_view_free);
        view = describe(host, uuid);
    }
    g_assert_cmpstr(domain_state_name(view->state), ==, domain_state_name(state));
}

void
fixture_wait_job(Fixture *fixture, HypervisorHost *host, const char *uuid, DomainJob job)
{
    int64_t end = g_get_monotonic_time() + fixture->target->patience_s * G_USEC_PER_SEC;
    g_autoptr(DomainView) view = describe(host, uuid);
    while (view->job != job && g_get_monotonic_time() < end) {
        g_usleep(POLL_US);
        g_clear_pointer(&view, domain_view_free);
        view = describe(host, uuid);
    }
    g_assert_cmpstr(domain_job_name(view->job), ==, domain_job_name(job));
}

void
fixture_ask_until_off(Fixture *fixture, HypervisorHost *host, const char *uuid)
{
    bool is_on = true;
    for (int i = 0; is_on && i < fixture->target->patience_s; i++) {
        assert_ok(hypervisor_shutdown_guest(host, uuid, &error));
        g_usleep(G_USEC_PER_SEC);
        g_autoptr(DomainView) view = describe(host, uuid);
        is_on = view->state != DOMAIN_SHUT_OFF;
    }
}

/* ---- migrations ---- */

MigrateRequest
fixture_request(const char *uuid, bool copies_disks)
{
    return (MigrateRequest){
        .uuid = uuid,
        .domain_name = uuid,
        .copies_disks = copies_disks,
        .generation = 2,
        .operation = 42,
        .display_name = "conformance <&> test",
        .project_id = "0123456789abcdef0123456789abcdef",
        .flavor_name = "m1.tiny",
        .with_tls = true,
        .bandwidth_mib_s = 0,
        .downtime_ms = 0,
    };
}

static void *
run_move(void *data)
{
    FixtureMove *move = data;
    hypervisor_live_migrate(move->source, move->dest, &move->request, &move->error);
    return NULL;
}

FixtureMove *
fixture_begin_move(HypervisorHost *source, HypervisorHost *dest, const MigrateRequest *request)
{
    FixtureMove *move = g_new0(FixtureMove, 1);
    *move = (FixtureMove){.source = source, .dest = dest, .request = *request};
    move->thread = g_thread_new("migrate", run_move, move);
    return move;
}

void
fixture_end_move(FixtureMove *move, GError **ret_error)
{
    g_thread_join(move->thread);
    *ret_error = move->error;
    g_free(move);
}

static gpointer
look_at_all_times(gpointer data)
{
    FixtureLook *look = data;

    while (!g_atomic_int_get(&look->is_over)) {
        DomainView view = {0};

        assert_ok(hypervisor_describe_domain(look->host, look->uuid, &view, &error));
        domain_view_clear(&view);
        g_autoptr(GPtrArray) views = NULL;
        assert_ok((views = hypervisor_list_domains(look->host, &error)) != NULL);
    }
    return NULL;
}

FixtureLook *
fixture_begin_look(HypervisorHost *host, const char *uuid)
{
    FixtureLook *look = g_new0(FixtureLook, 1);

    look->host = host;
    look->uuid = uuid;
    look->thread = g_thread_new("look", look_at_all_times, look);
    return look;
}

void
fixture_end_look(FixtureLook *look)
{
    g_atomic_int_set(&look->is_over, true);
    g_thread_join(look->thread);
    g_free(look);
}
