/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Opening a database: versions, the lock, and what is said when it cannot be used. */
#include "base/failpoint.h"
#include "store/schema.h"
#include "store/test-support.h"
#include <glib/gstdio.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SQL_NEXT                                                                                   \
    "ALTER TABLE settings ADD COLUMN note TEXT; CREATE TABLE extra (id @IDENTITY@, text TEXT);"
#define SQL_BROKEN "CREATE TABLE extra (id @IDENTITY@); CREATE TABLE extra (id TEXT);"

/* All versions that there are, and one more; to be freed. */
static SchemaFile *
and_one_more(const char *name, const char *sql)
{
    SchemaFile *files = g_new0(SchemaFile, n_schema_files + 1);

    memcpy(files, schema_files, sizeof(*files) * n_schema_files);
    files[n_schema_files] = (SchemaFile){n_schema_files + 1, name, sql};
    return files;
}

static void
test_fresh(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) roles = store_list_roles(fixture->store, &error);
    GStatBuf status;

    g_assert_no_error(error);
    g_assert_cmpint(store_schema_version(fixture->store), ==, n_schema_files);
    g_assert_cmpuint(roles->len, ==, 4);
    g_assert_cmpstr(((Role *)roles->pdata[0])->name, ==, "admin");
    g_assert_cmpint(g_stat(fixture->path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
}

static void
test_values_survive_a_restart(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = NULL;
    g_autofree char *missing = g_strdup("untouched");

    g_assert_true(store_set_setting(fixture->store, "a", "1", &error));
    g_assert_true(store_set_setting(fixture->store, "a", "2", &error));
    fixture_reopen(fixture);
    g_assert_true(store_get_setting(fixture->store, "a", &value, &error));
    g_assert_cmpstr(value, ==, "2");
    g_clear_pointer(&missing, g_free);
    g_assert_true(store_get_setting(fixture->store, "b", &missing, &error));
    g_assert_null(missing);
    g_assert_cmpint(fixture->epoch, ==, 2);
}

static void
test_upgrade(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree SchemaFile *files = and_one_more("0999-next.sql", SQL_NEXT);
    int n_files = n_schema_files + 1;
    int version = 0;

    g_assert_true(store_set_setting(fixture->store, "kept", "yes", &error));
    g_assert_true(schema_upgrade(fixture->store, files, n_files, &version, &error));
    g_assert_no_error(error);
    g_assert_cmpint(version, ==, n_files);
    g_assert_true(db_run_script(
        fixture->store, "INSERT INTO extra (text) SELECT note FROM settings", &error));
    g_autofree char *value = NULL;
    g_assert_true(store_get_setting(fixture->store, "kept", &value, &error));
    g_assert_cmpstr(value, ==, "yes");
    /* Nothing is applied twice. */
    g_assert_true(schema_upgrade(fixture->store, files, n_files, &version, &error));
}

static void
test_failed_upgrade_changes_nothing(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree SchemaFile *broken = and_one_more("0999-broken.sql", SQL_BROKEN);
    g_autofree SchemaFile *good = and_one_more("0999-next.sql", SQL_NEXT);
    int n_files = n_schema_files + 1;
    int version = 77;

    g_assert_false(schema_upgrade(fixture->store, broken, n_files, &version, &error));
    g_assert_nonnull(strstr(error->message, "0999-broken.sql"));
    g_assert_cmpint(version, ==, 77);
    g_clear_error(&error);
    g_assert_true(schema_upgrade(fixture->store, good, n_files, &version, &error));
    g_assert_no_error(error);
}

static void
refused_as_another(Fixture *fixture, const char *sql)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(db_run_script(fixture->store, sql, &error));
    store_close(fixture->store);
    fixture->store = store_open(fixture->url, test_clock(), &error);
    g_assert_null(fixture->store);
    g_assert_true(error_is(error, ERROR_UNSUPPORTED));
    g_assert_nonnull(strstr(error->message, schema_files[0].name));
    g_assert_nonnull(strstr(error->message, "a new database"));
}

static void
test_another_schema_is_refused(Fixture *fixture, const void *data)
{
    refused_as_another(fixture, "UPDATE schema_version SET sha256 = 'other' WHERE version = 1");
}

static void
test_a_schema_without_digests_is_refused(Fixture *fixture, const void *data)
{
    refused_as_another(fixture, "ALTER TABLE schema_version DROP COLUMN sha256");
}

static void
test_newer_is_refused_by_number(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(
        db_run_script(fixture->store, "INSERT INTO schema_version VALUES (99, 0, '')", &error));
    store_close(fixture->store);
    fixture->store = store_open(fixture->url, test_clock(), &error);
    g_assert_null(fixture->store);
    g_assert_true(error_is(error, ERROR_UNSUPPORTED));
    g_assert_nonnull(strstr(error->message, "version 99"));
    g_autofree char *known = g_strdup_printf("up to %d", n_schema_files);
    g_assert_nonnull(strstr(error->message, known));
}

static void
test_one_daemon_at_a_time(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *lock = g_strconcat(fixture->path, ".lock", NULL);
    g_autofree char *process = g_strdup_printf("process %ld", (long)getpid());

    g_assert_null(store_open(fixture->url, test_clock(), &error));
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_assert_nonnull(strstr(error->message, lock));
    g_assert_nonnull(strstr(error->message, process));
    fixture_reopen(fixture);
}

/* By whatever name it is called. */
static void
test_one_daemon_by_a_link(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *link = g_build_filename(fixture->directory, "link.db", NULL);
    g_autofree char *url = g_strconcat("sqlite://", link, NULL);

    g_assert_cmpint(symlink(fixture->path, link), ==, 0);
    g_assert_null(store_open(url, test_clock(), &error));
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_assert_nonnull(strstr(error->message, "in use by another droverd"));
}

static void
count_loss(void *data)
{
    (*(int *)data)++;
}

/* Two daemons, the lock of the first got round: the later one has the database. */
static void
test_taken_over(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *lock = g_strconcat(fixture->path, ".lock", NULL);
    g_autofree char *value = NULL;
    int64_t epoch = 0;
    int lost = 0;

    store_set_on_lost(fixture->store, count_loss, &lost);
    g_assert_true(store_set_setting(fixture->store, "key", "first", &error));
    g_assert_cmpint(unlink(lock), ==, 0);
    g_autoptr(Store) other = store_open(fixture->url, test_clock(), &error);
    g_assert_no_error(error);
    g_assert_true(store_check_epoch(fixture->store, &error));
    g_assert_true(store_begin_epoch(other, &epoch, &error));
    g_assert_cmpint(epoch, >, fixture->epoch);

    for (int i = 0; i < 2; i++) {
        g_assert_false(store_set_setting(fixture->store, "key", "stale", &error));
        g_assert_true(error_is(error, ERROR_STORE_DOWN));
        g_assert_nonnull(strstr(error->message, "was taken over by another droverd"));
        g_clear_error(&error);
    }
    g_assert_false(store_check_epoch(fixture->store, NULL));
    g_assert_cmpint(lost, ==, 1);
    g_assert_true(store_set_setting(other, "key", "second", &error));
    g_assert_true(store_get_setting(fixture->store, "key", &value, &error));
    g_assert_cmpstr(value, ==, "second");
}

static void
test_unusable_places(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(store_open("postgresql://x", test_clock(), &error));
    g_assert_true(error_is(error, ERROR_INVALID));
    g_clear_error(&error);
    g_assert_null(store_open("sqlite:///nowhere/at/all.db", test_clock(), &error));
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_assert_nonnull(strstr(error->message, "/nowhere/at/all.db"));
}

static void
test_damaged_file(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *garbage = g_strnfill(8192, 'x');

    g_clear_pointer(&fixture->store, store_close);
    g_assert_true(g_file_set_contents(fixture->path, garbage, 8192, NULL));
    g_assert_null(store_open(fixture->url, test_clock(), &error));
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_assert_nonnull(strstr(error->message, "is damaged"));
    g_assert_nonnull(strstr(error->message, fixture->path));
}

/* Without root's rights, on a file that may only be read. Does not return. */
static void
open_as_nobody(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    if (getuid() == 0 && (setgroups(0, NULL) != 0 || setresuid(65534, 65534, 65534) != 0)) {
        _exit(2);
    }
    g_autoptr(Store) store = store_open(fixture->url, test_clock(), &error);
    _exit(store == NULL && error_is(error, ERROR_STORE_DOWN) &&
                strstr(error->message, fixture->path) != NULL &&
                strstr(error->message, "check the path and its permissions") != NULL
            ? 0
            : 1);
}

static void
test_read_only_file(Fixture *fixture, const void *data)
{
    g_autofree char *lock = g_strconcat(fixture->path, ".lock", NULL);
    int status = -1;

    g_clear_pointer(&fixture->store, store_close);
    g_assert_cmpint(g_chmod(fixture->path, 0444), ==, 0);
    g_assert_cmpint(g_chmod(lock, 0666), ==, 0);
    g_assert_cmpint(g_chmod(fixture->directory, 0755), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        open_as_nobody(fixture);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

typedef void (*Limiter)(Fixture *fixture, bool limited);

/* SQLite's own limit gives the same code as a file system without room. */
static void
limit_pages(Fixture *fixture, bool limited)
{
    g_assert_true(db_run_script(fixture->store,
        limited ? "PRAGMA max_page_count = 250" : "PRAGMA max_page_count = 1000000", NULL));
}

/* Any other failure to write, as a quota gives it. */
static void
limit_file_size(Fixture *fixture, bool limited)
{
    const struct rlimit limit = {limited ? 1024 * 1024 : RLIM_INFINITY, RLIM_INFINITY};

    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

/* Writes until the file may not grow any more, then lets it grow again. */
static void
run_into_full_disk(Fixture *fixture, Limiter limit)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(100 * 1024, 'x');
    int written = 0;

    limit(fixture, true);
    for (; error == NULL; written++) {
        g_assert_cmpint(written, <, 1000);
        g_autofree char *key = g_strdup_printf("key-%d", written);
        store_set_setting(fixture->store, key, text, &error);
    }
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_assert_nonnull(strstr(error->message, " full"));
    g_assert_nonnull(strstr(error->message, fixture->path));
    g_clear_error(&error);

    /* The last one is not there, the one before is, and room is all it takes to go on. */
    g_autofree char *last = g_strdup_printf("key-%d", written - 1);
    g_autofree char *before = g_strdup_printf("key-%d", written - 2);
    g_autofree char *value = NULL;
    g_assert_true(store_get_setting(fixture->store, last, &value, &error));
    g_assert_null(value);
    g_assert_true(store_get_setting(fixture->store, before, &value, &error));
    g_assert_cmpstr(value, ==, text);
    limit(fixture, false);
    g_assert_true(store_set_setting(fixture->store, last, text, &error));
    g_assert_no_error(error);
    fixture_reopen(fixture);
    g_clear_pointer(&value, g_free);
    g_assert_true(store_get_setting(fixture->store, last, &value, &error));
    g_assert_cmpstr(value, ==, text);
}

static void
test_full_disk(Fixture *fixture, const void *data)
{
    run_into_full_disk(fixture, limit_pages);
}

static void
test_unwritable_disk(Fixture *fixture, const void *data)
{
    if (g_test_subprocess()) {
        run_into_full_disk(fixture, limit_file_size);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void
test_failed_commit_changes_nothing(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = NULL;

    g_setenv("DROVER_FAILPOINTS", "store.commit=error", true);
    failpoint_init();
    g_assert_false(store_set_setting(fixture->store, "a", "1", &error));
    g_unsetenv("DROVER_FAILPOINTS");
    failpoint_init();
    g_assert_true(error_is(error, ERROR_STORE_DOWN));
    g_assert_nonnull(strstr(error->message, fixture->path));
    g_clear_error(&error);
    g_assert_true(store_get_setting(fixture->store, "a", &value, &error));
    g_assert_null(value);
    g_assert_true(store_set_setting(fixture->store, "a", "1", &error));
}

/* ---- threads ---- */

static void *
write_settings(void *data)
{
    Fixture *fixture = data;

    for (int i = 0; i < 20; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *key = g_strdup_printf("%p-%d", (void *)g_thread_self(), i);
        store_set_setting(fixture->store, key, "x", &error);
        g_assert_no_error(error);
    }
    return NULL;
}

static void
test_threads_come_and_go(Fixture *fixture, const void *data)
{
    for (int round = 0; round < 3; round++) {
        GThread *threads[8];
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
            threads[i] = g_thread_new("writer", write_settings, fixture);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
            g_thread_join(threads[i]);
        }
    }
}

/* A transaction that is not committed is as if it had never been. */
static void
test_transaction_rolls_back(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = NULL;

    {
        g_autoptr(DbTransaction) transaction = db_begin(fixture->store, &error);
        g_assert_nonnull(transaction);
        g_assert_true(store_set_setting(fixture->store, "a", "1", &error));
    }
    g_assert_true(store_get_setting(fixture->store, "a", &value, &error));
    g_assert_null(value);
}

/* $2 before $1: SQLite numbers them by first appearance, the store by name. */
static void
test_parameters_are_bound_by_name(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DbStatement) statement = db_prepare(fixture->store, "SELECT $2, $1, $2", &error);
    bool row = false;

    g_assert_no_error(error);
    db_bind_text(statement, 1, "one");
    db_bind_int(statement, 2, 2);
    g_assert_true(db_step(statement, &row, &error));
    g_assert_cmpint(db_int(statement, 0), ==, 2);
    g_assert_cmpstr(db_text(statement, 1), ==, "one");
    g_assert_cmpint(db_int(statement, 2), ==, 2);
    g_assert_true(db_step(statement, &row, &error));
    g_assert_false(row);
}

#define ADD(name, function)                                                                        \
    g_test_add("/store/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("fresh", test_fresh);
    ADD("values-survive-a-restart", test_values_survive_a_restart);
    ADD("upgrade", test_upgrade);
    ADD("failed-upgrade-changes-nothing", test_failed_upgrade_changes_nothing);
    ADD("another-schema-is-refused", test_another_schema_is_refused);
    ADD("a-schema-without-digests-is-refused", test_a_schema_without_digests_is_refused);
    ADD("newer-is-refused-by-number", test_newer_is_refused_by_number);
    ADD("one-daemon-at-a-time", test_one_daemon_at_a_time);
    ADD("one-daemon-by-a-link", test_one_daemon_by_a_link);
    ADD("taken-over", test_taken_over);
    ADD("unusable-places", test_unusable_places);
    ADD("damaged-file", test_damaged_file);
    ADD("read-only-file", test_read_only_file);
    ADD("full-disk", test_full_disk);
    ADD("unwritable-disk", test_unwritable_disk);
    ADD("failed-commit-changes-nothing", test_failed_commit_changes_nothing);
    ADD("threads-come-and-go", test_threads_come_and_go);
    ADD("transaction-rolls-back", test_transaction_rolls_back);
    ADD("parameters-are-bound-by-name", test_parameters_are_bound_by_name);
    return g_test_run();
}
