/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Base volumes. */
#include "fixture.h"

/* The same base, of which only a complete one on the host will do. */
static BaseImage
without_file(const BaseImage *image)
{
    BaseImage gone = *image;
    gone.path = NULL;
    gone.size_bytes = -1;
    return gone;
}

static void
test_a_complete_base_is_left_alone(Fixture *fixture)
{
    const BaseImage *image = &fixture->target->root;
    BaseImage gone = without_file(image);
    assert_ok(hypervisor_ensure_base(fixture->a, image, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->a, image, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->a, &gone, NULL, &error));
}

static void
test_an_incomplete_base_is_made_again(Fixture *fixture)
{
    const BaseImage *image = &fixture->target->root;
    BaseImage gone = without_file(image);
    assert_ok(hypervisor_ensure_base(fixture->a, image, NULL, &error));
    fixture->target->spoil_base(fixture->target, &fixture->target->hosts[0], image->sha256);
    assert_fails(hypervisor_ensure_base(fixture->a, &gone, NULL, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_ensure_base(fixture->a, image, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->a, &gone, NULL, &error));
    assert_ok(hypervisor_start_guest(fixture->a, fixture_create(fixture, fixture->a), &error));
}

static void
test_a_base_is_copied_from_a_host_that_has_it(Fixture *fixture)
{
    const BaseImage *image = &fixture->target->root;
    BaseImage gone = without_file(image);
    assert_ok(hypervisor_ensure_base(fixture->a, image, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->b, image, NULL, &error));
    fixture->target->spoil_base(fixture->target, &fixture->target->hosts[1], image->sha256);
    assert_ok(hypervisor_copy_base(fixture->b, fixture->a, &gone, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->b, &gone, NULL, &error));
    assert_ok(hypervisor_copy_base(fixture->b, fixture->a, &gone, NULL, &error));
    assert_ok(hypervisor_start_guest(fixture->b, fixture_create(fixture, fixture->b), &error));
}

static void
test_a_base_is_not_copied_from_a_host_without_it(Fixture *fixture)
{
    BaseImage nobody = without_file(&fixture->target->root);
    nobody.sha256 = "00000000000000000000000000000000ffffffffffffffffffffffffffffffff";
    assert_fails(
        hypervisor_copy_base(fixture->b, fixture->a, &nobody, NULL, &error), ERROR_NOT_FOUND);
    assert_fails(hypervisor_ensure_base(fixture->b, &nobody, NULL, &error), ERROR_NOT_FOUND);
}

/* Nothing that looks like half a base is left, and whoever wants it later gets it. */
static void
test_a_base_that_is_given_up_is_not_there(Fixture *fixture)
{
    const BaseImage *image = &fixture->target->root;
    BaseImage gone = without_file(image);
    Cancel *cancel = cancel_new();
    assert_ok(hypervisor_ensure_base(fixture->b, image, NULL, &error));
    fixture->target->spoil_base(fixture->target, &fixture->target->hosts[1], image->sha256);
    cancel_ask(cancel);
    assert_fails(hypervisor_ensure_base(fixture->b, image, cancel, &error), ERROR_CANCELLED);
    assert_fails(hypervisor_ensure_base(fixture->b, &gone, NULL, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_ensure_base(fixture->a, image, NULL, &error));
    assert_fails(
        hypervisor_copy_base(fixture->b, fixture->a, &gone, cancel, &error), ERROR_CANCELLED);
    assert_fails(hypervisor_ensure_base(fixture->b, &gone, NULL, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_ensure_base(fixture->b, image, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->b, &gone, NULL, &error));
    cancel_unref(cancel);
}

/* The same bytes may have been uploaded twice, as two formats. */
static void
test_a_base_is_complete_in_one_format(Fixture *fixture)
{
    BaseImage with_file = fixture->target->root;
    with_file.format = "raw";
    BaseImage other = without_file(&with_file);
    assert_ok(hypervisor_ensure_base(fixture->a, &fixture->target->root, NULL, &error));
    assert_fails(hypervisor_ensure_base(fixture->a, &other, NULL, &error), ERROR_NOT_FOUND);
    assert_ok(hypervisor_ensure_base(fixture->a, &with_file, NULL, &error));
    assert_ok(hypervisor_ensure_base(fixture->a, &other, NULL, &error));
}

void
conformance_add_bases(Target *target)
{
    fixture_add(
        "/base/a-base-is-complete-in-one-format", target, test_a_base_is_complete_in_one_format);
    fixture_add("/base/a-base-that-is-given-up-is-not-there", target,
        test_a_base_that_is_given_up_is_not_there);
    fixture_add("/base/a-complete-base-is-left-alone", target, test_a_complete_base_is_left_alone);
    fixture_add(
        "/base/an-incomplete-base-is-made-again", target, test_an_incomplete_base_is_made_again);
    fixture_add("/base/a-base-is-copied-from-a-host-that-has-it", target,
        test_a_base_is_copied_from_a_host_that_has_it);
    fixture_add("/base/a-base-is-not-copied-from-a-host-without-it", target,
        test_a_base_is_not_copied_from_a_host_without_it);
}
