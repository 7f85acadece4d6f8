/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Addresses, the probe, states, and a session with libvirt's own test driver inside this process:
 * it has no metadata, no jobs and no QEMU, which a session must bear. */
#include "hypervisor/libvirt/address.h"
#include "hypervisor/libvirt/base_ticket.h"
#include "hypervisor/libvirt/connection.h"
#include "hypervisor/libvirt/event_loop.h"
#include "hypervisor/libvirt/libvirt.h"
#include "hypervisor/libvirt/open.h"
#include "hypervisor/libvirt/probe.h"
#include "hypervisor/libvirt/state.h"
#include "hypervisor/libvirt/volumes.h"
#include <arpa/inet.h>
#include <libvirt/libvirt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
test_addresses(void)
{
    const struct {
        const char *uri;
        const char *with_path;
        const char *host;
    } cases[] = {
        {"qemu+tls://h1/system", "qemu+tls://h1/system?pkipath=/p%20q", "h1"},
        {"qemu+tls://h1:1/system?no_tty=1", "qemu+tls://h1:1/system?no_tty=1&pkipath=/p%20q", "h1"},
        {"qemu+tls://h1/system?pkipath=/x", "qemu+tls://h1/system?pkipath=/x", "h1"},
        {"qemu+tcp://[::1]/system", "qemu+tcp://[::1]/system", "::1"},
        {"test:///default", "test:///default", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *with_path = address_with_pki_path(cases[i].uri, "/p q");
        g_autofree char *host = address_host(cases[i].uri, &error);
        g_assert_cmpstr(with_path, ==, cases[i].with_path);
        g_assert_cmpstr(host, ==, cases[i].host);
    }
    g_autofree char *plain = address_with_pki_path("qemu+tls://h1/system", NULL);
    g_assert_cmpstr(plain, ==, "qemu+tls://h1/system");
    g_autofree char *v4 = address_migration_uri("198.18.0.1");
    g_autofree char *v6 = address_migration_uri("fd00::1");
    g_assert_cmpstr(v4, ==, "tcp://198.18.0.1");
    g_assert_cmpstr(v6, ==, "tcp://[fd00::1]");
    g_autoptr(GError) error = NULL;
    g_assert_null(address_host("no uri", &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
}

/* A listener that the kernel answers for and nobody else: a frozen libvirtd. */
static int
listen_somewhere(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void
assert_probe_is_down(const char *format, int port, int at_least_ms)
{
    g_autofree char *uri = g_strdup_printf("%s://127.0.0.1:%d/system", format, port);
    g_autoptr(GError) error = NULL;
    int64_t start_us = g_get_monotonic_time();

    g_assert_false(probe_address(uri, 200, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_HYPERVISOR_DOWN);
    int64_t taken_ms = (g_get_monotonic_time() - start_us) / 1000;
    g_assert_cmpint(taken_ms, >=, at_least_ms);
    g_assert_cmpint(taken_ms, <, 5000);
}

static void
test_a_frozen_host_is_found_out_in_time(void)
{
    int port;
    int fd = listen_somewhere(&port);

    assert_probe_is_down("qemu+tcp", port, 190);
    close(fd);
    assert_probe_is_down("qemu+tcp", port, 0);
}

/* Answers whoever comes first, a probe, and nobody after it. */
static void *
answer_once(void *data)
{
    int listener = *(int *)data;
    int fd = accept(listener, NULL, NULL);
    char question[28];

    g_assert_cmpint(recv(fd, question, sizeof(question), MSG_WAITALL), ==, sizeof(question));
    g_assert_cmpint(send(fd, "", 1, MSG_NOSIGNAL), ==, 1);
    close(fd);
    return NULL;
}

static void
test_a_host_that_dies_after_the_probe_is_not_waited_for(void)
{
    const LibvirtOptions options = {
        .keepalive_interval_s = 1, .keepalive_count = 1, .connect_timeout_ms = 5000};
    int port;
    int fd = listen_somewhere(&port);
    Settings *settings = settings_new(&options);
    g_autofree char *uri = g_strdup_printf("qemu+tcp://127.0.0.1:%d/system", port);
    g_autoptr(GError) error = NULL;

    GThread *server = g_thread_new("server", answer_once, &fd);
    g_assert_null(connection_open(settings, uri, NULL, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_HYPERVISOR_DOWN);
    g_assert_nonnull(strstr(error->message, "it answered, and then no more within 6 s"));
    g_thread_join(server);
    settings_unref(settings);
    close(fd);
}

static void
test_other_transports_are_not_probed(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(probe_address("qemu+ssh://nowhere.invalid/system", 100, &error));
    g_assert_true(probe_address("test:///default", 100, &error));
    g_assert_true(probe_address("qemu+tls:///system", 100, &error));
}

static void
test_states(void)
{
    const struct {
        int state;
        int reason;
        DomainState expected_state;
        DomainReason expected_reason;
    } cases[] = {
        {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, DOMAIN_RUNNING, DOMAIN_REASON_MIGRATED},
        {VIR_DOMAIN_SHUTDOWN, 0, DOMAIN_RUNNING, DOMAIN_REASON_OTHER},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, DOMAIN_PAUSED, DOMAIN_REASON_MIGRATION},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, DOMAIN_PAUSED,
            DOMAIN_REASON_POSTCOPY_FAILED},
        {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_UNKNOWN, DOMAIN_SHUT_OFF, DOMAIN_REASON_UNKNOWN},
        {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED, DOMAIN_SHUT_OFF, DOMAIN_REASON_MIGRATED},
        {VIR_DOMAIN_CRASHED, 0, DOMAIN_CRASHED, DOMAIN_REASON_CRASHED},
    };
    DomainState state;
    DomainReason reason;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        state_from_libvirt(cases[i].state, cases[i].reason, &state, &reason);
        g_assert_cmpint(state, ==, cases[i].expected_state);
        g_assert_cmpint(reason, ==, cases[i].expected_reason);
    }
    g_assert_true(state_from_event(
        VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_MIGRATED, &state, &reason));
    g_assert_cmpint(state, ==, DOMAIN_PAUSED);
    g_assert_true(state_from_event(
        VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED, &state, &reason));
    g_assert_cmpint(state, ==, DOMAIN_RUNNING);
    g_assert_cmpint(reason, ==, DOMAIN_REASON_MIGRATED);
    g_assert_false(state_from_event(VIR_DOMAIN_EVENT_DEFINED, 0, &state, &reason));
}

static void
on_event(const HostEvent *event, void *data)
{
    int *n_paused = data;

    if (event->kind == HOST_EVENT_DOMAIN && event->state == DOMAIN_PAUSED && event->session == 42) {
        g_atomic_int_inc(n_paused);
    }
}

static const LibvirtOptions test_options = {
    .keepalive_interval_s = 5, .keepalive_count = 3, .connect_timeout_ms = 1000};

static void
test_a_session_with_the_test_driver(void)
{
    const HostAddress address = {
        .name = "hosta", .uri = "test:///default", .peer_uri = "", .pool = "default-pool"};
    g_autoptr(GError) error = NULL;
    int n_paused = 0;
    g_autoptr(Hypervisor) hypervisor = libvirt_hypervisor_new(&test_options, &error);
    g_autoptr(HypervisorHost) host =
        hypervisor_open(hypervisor, &address, 42, on_event, &n_paused, &error);
    g_assert_no_error(error);
    HostFacts facts;
    g_assert_true(hypervisor_probe(host, &facts, &error));
    g_assert_cmpint(facts.vcpus, >, 0);
    g_assert_cmpstr(facts.pool_path, ==, "/default-pool");
    host_facts_clear(&facts);

    g_autoptr(GPtrArray) domains = hypervisor_list_domains(host, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(domains->len, ==, 1);
    const DomainView *listed = g_ptr_array_index(domains, 0);
    g_assert_cmpstr(listed->name, ==, "test");
    g_assert_false(listed->is_ours);
    g_assert_true(listed->persistent);

    DomainView view = {0};
    g_assert_true(hypervisor_describe_domain(host, listed->uuid, &view, &error));
    g_assert_cmpint(view.state, ==, DOMAIN_RUNNING);
    g_assert_cmpint(view.job, ==, DOMAIN_JOB_NONE);
    domain_view_clear(&view);
    g_assert_true(hypervisor_pause_guest(host, listed->uuid, &error));
    for (int i = 0; i < 1000 && g_atomic_int_get(&n_paused) == 0; i++) {
        g_usleep(1000);
    }
    g_assert_cmpint(g_atomic_int_get(&n_paused), ==, 1);
}

static void
test_a_host_without_a_pool_has_facts(void)
{
    const HostAddress address = {.name = "hosta", .uri = "test:///default"};
    const HostAddress wrong = {.name = "hosta", .uri = "test:///default", .pool = "nowhere"};
    g_autoptr(GError) error = NULL;
    int ignored = 0;
    g_autoptr(Hypervisor) hypervisor = libvirt_hypervisor_new(&test_options, &error);
    g_autoptr(HypervisorHost) host =
        hypervisor_open(hypervisor, &address, 1, on_event, &ignored, &error);
    HostFacts facts;

    g_assert_true(hypervisor_probe(host, &facts, &error));
    g_assert_cmpstr(facts.pool_path, ==, "");
    host_facts_clear(&facts);
    g_autoptr(HypervisorHost) other =
        hypervisor_open(hypervisor, &wrong, 1, on_event, &ignored, &error);
    g_assert_false(hypervisor_probe(other, &facts, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_HYPERVISOR_REFUSED);
    g_clear_error(&error);
    /* One that is asked for by name may be on other hosts alone. */
    bool existed;
    g_assert_false(hypervisor_create_marker(host, "nowhere", "token", &existed, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_NOT_FOUND);
}

static void
ignore_event(const HostEvent *event, void *data)
{
}

/* Of test_options, whoever registers the loop first. */
enum { SILENCE_MS = 5 * (3 + 1) * 1000 };

static void
ignore_handle(int watch, int fd, int events, void *data)
{
}

static void
test_a_host_is_not_silent_for_ever(void)
{
    int ms = 0;
    socklen_t size = sizeof ms;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    event_loop_register(SILENCE_MS);
    int watch = virEventAddHandle(fd, 0, ignore_handle, NULL, NULL);
    g_assert_cmpint(watch, >=, 0);
    g_assert_cmpint(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size), ==, 0);
    g_assert_cmpint(ms, ==, SILENCE_MS);
    virEventRemoveHandle(watch);
    close(fd);
}

static LibvirtHost *
open_session(void)
{
    const HostAddress address = {.name = "hosta", .uri = "test:///default", .pool = "default-pool"};
    g_autoptr(GError) error = NULL;

    event_loop_register(SILENCE_MS);
    Settings *settings = settings_new(&test_options);
    LibvirtHost *host = libvirt_host_open(settings, &address, 1, ignore_event, NULL, &error);
    settings_unref(settings);
    g_assert_no_error(error);
    return host;
}

static void
test_transfer_connections_come_and_go_with_their_slots(void)
{
    LibvirtHost *host = open_session();
    Slot slots[2 * SLOTS_PER_CONNECTION + 1] = {0};
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        g_assert_true(slot_take_transfer(&slots[i], host, &error));
    }
    g_assert_cmpuint(host->transfers->len, ==, 3);
    g_assert_true(slots[0].connection == slots[SLOTS_PER_CONNECTION - 1].connection);
    g_assert_true(slots[0].connection != slots[SLOTS_PER_CONNECTION].connection);
    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        slot_clear(&slots[i]);
        slot_clear(&slots[i]);
    }
    g_assert_cmpuint(host->transfers->len, ==, 1);
    libvirt_host_close(host);
}

/* libvirt's test driver has a pool of 100 GiB, all of it free. */
static void
test_a_stream_needs_space(void)
{
    LibvirtHost *host = open_session();
    g_auto(Slot) slot = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(slot_take_control(&slot, host, &error));
    g_autoptr(virStoragePool) pool = pool_get(&slot, &error);
    g_assert_no_error(error);
    g_assert_true(pool_check_space(&slot, pool, INT64_C(100) << 30, &error));
    g_assert_false(pool_check_space(&slot, pool, (INT64_C(100) << 30) + 1, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_LIMIT);
    g_clear_pointer(&pool, virStoragePoolFree);
    slot_clear(&slot);
    libvirt_host_close(host);
}

typedef struct Taker {
    LibvirtHost *host;
    int taken; /* atomic */
} Taker;

static void *
take_control_slot(void *data)
{
    Taker *taker = data;
    g_auto(Slot) slot = {0};
    g_autoptr(GError) error = NULL;

    g_assert_true(slot_take_control(&slot, taker->host, &error));
    g_atomic_int_inc(&taker->taken);
    return NULL;
}

static void
test_a_fifth_call_waits_for_the_control_connection(void)
{
    Taker taker = {.host = open_session()};
    Slot slots[SLOTS_PER_CONNECTION] = {0};
    g_autoptr(GError) error = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        g_assert_true(slot_take_control(&slots[i], taker.host, &error));
    }
    GThread *fifth = g_thread_new(NULL, take_control_slot, &taker);
    g_usleep(50 * 1000);
    g_assert_cmpint(g_atomic_int_get(&taker.taken), ==, 0);
    slot_clear(&slots[1]);
    g_thread_join(fifth);
    g_assert_cmpint(taker.taken, ==, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
        slot_clear(&slots[i]);
    }
    libvirt_host_close(taker.host);
}

static void *
take_on_same_host(void *data)
{
    g_autoptr(BaseTicket) ticket = base_ticket_take("hosta", "h1", NULL);

    g_atomic_int_inc((int *)data);
    return NULL;
}

static void *
enter_on_other_host(void *data)
{
    g_autoptr(BaseTicket) ticket = base_ticket_take("hostb", "h1", NULL);

    base_ticket_enter(ticket);
    g_atomic_int_inc((int *)data);
    g_assert_true(base_ticket_has_earlier(ticket));
    base_ticket_leave(ticket);
    g_assert_true(base_ticket_wait_earlier(ticket, NULL));
    g_assert_false(base_ticket_has_earlier(ticket));
    g_atomic_int_inc((int *)data);
    return NULL;
}

static void
wait_count(int *count, int value)
{
    for (int i = 0; i < 5000 && g_atomic_int_get(count) != value; i++) {
        g_usleep(1000);
    }
    g_assert_cmpint(g_atomic_int_get(count), ==, value);
}

static void
test_one_base_is_made_once_at_a_time(void)
{
    int taken = 0;
    int entered = 0;
    BaseTicket *first = base_ticket_take("hosta", "h1", NULL);
    g_autoptr(BaseTicket) other = base_ticket_take("hosta", "h2", NULL);

    base_ticket_enter(first);
    base_ticket_enter(other);
    GThread *same = g_thread_new(NULL, take_on_same_host, &taken);
    GThread *shared = g_thread_new(NULL, enter_on_other_host, &entered);
    g_usleep(50 * 1000);
    g_assert_cmpint(g_atomic_int_get(&entered), ==, 0);
    g_assert_false(base_ticket_has_earlier(first));
    base_ticket_leave(first);
    wait_count(&entered, 1);
    g_usleep(50 * 1000);
    g_assert_cmpint(g_atomic_int_get(&entered), ==, 1);
    g_assert_cmpint(g_atomic_int_get(&taken), ==, 0);
    base_ticket_return(first);
    g_thread_join(same);
    g_thread_join(shared);
    g_assert_cmpint(taken, ==, 1);
    g_assert_cmpint(entered, ==, 2);
}

static void *
wait_until_cancelled(void *data)
{
    const Cancel *cancel = data;

    g_assert_null(base_ticket_take("hosta", "h1", cancel));
    g_autoptr(BaseTicket) ticket = base_ticket_take("hostb", "h1", NULL);
    base_ticket_enter(ticket);
    base_ticket_leave(ticket);
    g_assert_false(base_ticket_wait_earlier(ticket, cancel));
    return NULL;
}

static void
test_a_base_that_is_not_wanted_is_not_waited_for(void)
{
    Cancel *cancel = cancel_new();
    BaseTicket *first = base_ticket_take("hosta", "h1", NULL);

    base_ticket_enter(first);
    base_ticket_leave(first);
    GThread *waiter = g_thread_new(NULL, wait_until_cancelled, cancel);
    g_usleep(50 * 1000);
    cancel_ask(cancel);
    g_thread_join(waiter);
    base_ticket_return(first);
    cancel_unref(cancel);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/session/addresses", test_addresses);
    g_test_add_func(
        "/session/a-frozen-host-is-found-out-in-time", test_a_frozen_host_is_found_out_in_time);
    g_test_add_func("/session/a-host-that-dies-after-the-probe-is-not-waited-for",
        test_a_host_that_dies_after_the_probe_is_not_waited_for);
    g_test_add_func(
        "/session/other-transports-are-not-probed", test_other_transports_are_not_probed);
    g_test_add_func("/session/states", test_states);
    g_test_add_func("/session/a-session-with-the-test-driver", test_a_session_with_the_test_driver);
    g_test_add_func(
        "/session/a-host-without-a-pool-has-facts", test_a_host_without_a_pool_has_facts);
    g_test_add_func(
        "/session/one-base-is-made-once-at-a-time", test_one_base_is_made_once_at_a_time);
    g_test_add_func("/session/a-base-that-is-not-wanted-is-not-waited-for",
        test_a_base_that_is_not_wanted_is_not_waited_for);
    g_test_add_func(
        "/session/a-host-is-not-silent-for-ever", test_a_host_is_not_silent_for_ever);
    g_test_add_func("/session/transfer-connections-come-and-go-with-their-slots",
        test_transfer_connections_come_and_go_with_their_slots);
    g_test_add_func("/session/a-fifth-call-waits-for-the-control-connection",
        test_a_fifth_call_waits_for_the_control_connection);
    g_test_add_func("/session/a-stream-needs-space", test_a_stream_needs_space);
    return g_test_run();
}
