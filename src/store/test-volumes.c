/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "store/test-support.h"

static Volume *
make_volume(Fixture *fixture, const char *name)
{
    g_autoptr(GError) error = NULL;
    Volume *volume = volume_new();

    volume->name = g_strdup(name);
    volume->project_id = g_strdup("project");
    volume->user_id = g_strdup("user");
    volume->size_gib = 1;
    volume->pool = g_strdup("volumes");
    volume->format = g_strdup("qcow2");
    store_insert_volume(fixture->store, volume, &error);
    g_assert_no_error(error);
    return volume;
}

static void
settle(Fixture *fixture, const char *id, VolumeStatus from, const char *message)
{
    g_autoptr(GError) error = NULL;
    store_settle_volume(fixture->store, id, from, message, &error);
    g_assert_no_error(error);
}

static char *
shown(Fixture *fixture, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) volume = store_get_volume(fixture->store, id, &error);
    g_assert_no_error(error);
    return g_strdup(volume_shown_status(volume));
}

#define assert_shown(fixture, id, expected)                                                        \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *text = shown(fixture, id);                                                \
        g_assert_cmpstr(text, ==, expected);                                                       \
    }                                                                                              \
    G_STMT_END

static Operation *
attach(Fixture *fixture, const Instance *vm, const Volume *volume, Attachment *attachment,
    GError **error)
{
    OperationRequest request = {.kind = OPERATION_ATTACH_VOLUME, .instance_id = vm->id};
    attachment->volume_id = g_strdup(volume->id);
    attachment->instance_id = g_strdup(vm->id);
    attachment->boot_index = -1;
    return store_accept_attach(fixture->store, &request, attachment, error);
}

static void
end(Fixture *fixture, const Operation *operation, MoveVolumes how)
{
    g_autoptr(GError) error = NULL;
    OperationMove move = test_move(fixture, operation->id, "queued", "completed");
    move.closes = true;
    move.volumes = how;
    store_move_operation(fixture->store, &move, &error);
    g_assert_no_error(error);
}

static void
test_a_volume_is_made_and_deleted(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) volume = make_volume(fixture, "v");
    assert_shown(fixture, volume->id, "creating");
    g_assert_false(store_accept_volume_delete(fixture->store, volume->id, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_CONFLICT);
    settle(fixture, volume->id, VOLUME_CREATING, NULL);
    assert_shown(fixture, volume->id, "available");
    g_clear_error(&error);
    g_assert_true(store_accept_volume_delete(fixture->store, volume->id, &error));
    g_autoptr(GPtrArray) unsettled = store_list_unsettled_volumes(fixture->store, &error);
    g_assert_cmpuint(unsettled->len, ==, 1);
    settle(fixture, volume->id, VOLUME_DELETING, NULL);
    g_autoptr(Volume) gone = store_get_volume(fixture->store, volume->id, &error);
    g_assert_null(gone);
    g_assert_error(error, DROVER_ERROR, ERROR_NOT_FOUND);
}

static void
test_what_could_not_be_made_says_why(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) volume = make_volume(fixture, "v");
    settle(fixture, volume->id, VOLUME_CREATING, "no space");
    g_autoptr(Volume) read = store_get_volume(fixture->store, volume->id, &error);
    g_assert_cmpstr(volume_shown_status(read), ==, "error");
    g_assert_cmpstr(read->message, ==, "no space");
    /* A late answer changes nothing. */
    settle(fixture, volume->id, VOLUME_CREATING, NULL);
    assert_shown(fixture, volume->id, "error");
}

static void
test_a_volume_has_one_place_at_most(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) volume = make_volume(fixture, "v");
    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "a", "hosta");
    g_autoptr(Instance) other = test_active_instance(fixture, "b", "hosta");
    g_autoptr(Attachment) attachment = attachment_new();
    g_autoptr(Attachment) second = attachment_new();
    settle(fixture, volume->id, VOLUME_CREATING, NULL);

    g_autoptr(Operation) operation = attach(fixture, vm, volume, attachment, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(attachment->device, ==, "/dev/vdc");
    assert_shown(fixture, volume->id, "attaching");
    g_autoptr(Operation) refused = attach(fixture, other, volume, second, &error);
    g_assert_null(refused);
    g_assert_error(error, DROVER_ERROR, ERROR_CONFLICT);
    g_clear_error(&error);
    g_assert_false(store_accept_volume_delete(fixture->store, volume->id, NULL));

    end(fixture, operation, MOVE_VOLUMES_KEEP);
    assert_shown(fixture, volume->id, "in-use");
    OperationRequest request = {.kind = OPERATION_DETACH_VOLUME, .instance_id = vm->id};
    g_autoptr(Operation) detach = store_accept_detach(fixture->store, &request, volume->id, &error);
    g_assert_no_error(error);
    assert_shown(fixture, volume->id, "detaching");
    end(fixture, detach, MOVE_VOLUMES_DROP);
    assert_shown(fixture, volume->id, "available");
    request.instance_id = other->id;
    g_autoptr(Operation) nothing =
        store_accept_detach(fixture->store, &request, volume->id, &error);
    g_assert_null(nothing);
    g_assert_error(error, DROVER_ERROR, ERROR_NOT_FOUND);
}

static void
test_a_deleted_instance_takes_what_was_to_go_with_it(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Volume) stays = make_volume(fixture, "stays");
    g_autoptr(Volume) goes = make_volume(fixture, "goes");
    test_host(fixture, "hosta");
    g_autoptr(Instance) vm = test_active_instance(fixture, "a", "hosta");
    g_autoptr(Attachment) first = attachment_new();
    g_autoptr(Attachment) second = attachment_new();
    settle(fixture, stays->id, VOLUME_CREATING, NULL);
    settle(fixture, goes->id, VOLUME_CREATING, NULL);
    g_autoptr(Operation) one = attach(fixture, vm, stays, first, &error);
    end(fixture, one, MOVE_VOLUMES_KEEP);
    second->delete_on_termination = true;
    g_autoptr(Operation) two = attach(fixture, vm, goes, second, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(second->device, ==, "/dev/vdd");
    end(fixture, two, MOVE_VOLUMES_DROP_ALL);
    assert_shown(fixture, stays->id, "available");
    assert_shown(fixture, goes->id, "deleting");
}

static bool
register_uri(Fixture *fixture, const char *name, const char *uri, char **ret_id, GError **error)
{
    g_autoptr(Volume) volume = volume_new();

    volume->name = g_strdup(name);
    volume->project_id = g_strdup("project");
    volume->user_id = g_strdup("user");
    volume->status = VOLUME_AVAILABLE;
    volume->size_gib = 1;
    volume->format = g_strdup("raw");
    volume->uri = g_strdup(uri);
    if (!store_insert_volume(fixture->store, volume, error)) {
        return false;
    }
    *ret_id = g_strdup(volume->id);
    return true;
}

static void
test_a_disk_on_the_network_is_one_volume(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL;
    g_autofree char *other = NULL;
    g_autofree char *again = NULL;
    g_assert_true(register_uri(fixture, "n1", "nbd://10.0.0.9/x", &id, &error));
    g_assert_false(register_uri(fixture, "n2", "nbd://10.0.0.9:10809/x/", &other, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_CONFLICT);
    g_autofree char *expected = g_strdup_printf(
        "The disk at nbd://10.0.0.9/x is registered already, as volume 'n1' (%s).", id);
    g_assert_cmpstr(error->message, ==, expected);
    g_clear_error(&error);
    g_assert_false(register_uri(fixture, "n2", "nbd://10.0.0.9:99999/x", &other, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
    g_clear_error(&error);
    g_assert_true(register_uri(fixture, "n2", "nbd://10.0.0.9/y", &other, &error));

    g_assert_true(store_accept_volume_delete(fixture->store, id, &error));
    g_assert_false(register_uri(fixture, "n1", "nbd://10.0.0.9/x", &again, NULL));
    settle(fixture, id, VOLUME_DELETING, NULL);
    g_assert_true(register_uri(fixture, "n1", "nbd://10.0.0.9/x", &again, &error));
    g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
#define ADD(name, function)                                                                        \
    g_test_add("/volumes/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
    g_test_init(&argc, &argv, NULL);
    ADD("a-volume-is-made-and-deleted", test_a_volume_is_made_and_deleted);
    ADD("what-could-not-be-made-says-why", test_what_could_not_be_made_says_why);
    ADD("a-volume-has-one-place-at-most", test_a_volume_has_one_place_at_most);
    ADD("a-deleted-instance-takes-what-was-to-go-with-it",
        test_a_deleted_instance_takes_what_was_to_go_with_it);
    ADD("a-disk-on-the-network-is-one-volume", test_a_disk_on_the_network_is_one_volume);
    return g_test_run();
}
