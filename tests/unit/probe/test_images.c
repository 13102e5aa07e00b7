/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct images *images;

static int setup(void **state)
{
    (void)state;
    images = images_new();
    return images ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    images_free(images);
    return 0;
}

/* An image that is hooked (handle >= 0) or missed. */
static struct image *add(uint64_t inode, int handle)
{
    struct image *i = images_add(images, 1, inode);

    assert_non_null(i);
    images_describe(i, "openssl", "entry", "/lib/libssl.so", "abc");
    i->handle = handle;
    i->missed = handle < 0;
    return i;
}

static void an_image_is_found_by_its_file(void **state)
{
    struct image *i = add(7, 0);

    (void)state;
    assert_ptr_equal(images_find(images, 1, 7), i);
    assert_null(images_find(images, 2, 7));
    assert_null(images_find(images, 1, 8));
    assert_ptr_equal(images_at(images, i->number), i);
    assert_null(images_at(images, (uint16_t)(i->number + 1)));
    assert_null(images_at(images, UINT16_MAX));
    assert_string_equal(i->session.path, "/lib/libssl.so");
    assert_string_equal(i->session.build_id, "abc");
}

static void one_file_may_have_two_devices(void **state)
{
    struct image *first = add(7, 3), *second;

    (void)state;
    first->bytes = 1000;
    assert_null(images_find_same(images, "abd", 1000, 7));
    assert_null(images_find_same(images, "abc", 1001, 7));
    assert_null(images_find_same(images, "abc", 1000, 8));
    assert_ptr_equal(images_find_same(images, "abc", 1000, 7), first);
    second = images_add(images, 2, 7);
    second->same_as = first->number;
    assert_ptr_equal(images_find(images, 2, 7), first);
    assert_true(images_map(images, 100, images_find(images, 2, 7)));
    assert_false(images_map(images, 100, images_find(images, 1, 7)));
    assert_int_equal(first->processes, 1);
}

static void processes_are_told_by_what_they_have_mapped(void **state)
{
    struct image *hooked = add(7, 0), *other = add(8, 1), *missed = add(9, -1);

    (void)state;
    assert_false(images_map(images, 100, missed));
    assert_false(images_hooked(images, 100));
    assert_true(images_map(images, 100, hooked));
    assert_false(images_map(images, 100, hooked)); /* a second part of it */
    assert_false(images_map(images, 100, other));
    assert_true(images_map(images, 101, other));
    assert_true(images_hooked(images, 100));
    assert_ptr_equal(images_missed(images, 100), missed);
    assert_null(images_missed(images, 101));
    assert_int_equal(images_processes(images), 2);
    assert_int_equal(hooked->processes, 1);
    assert_int_equal(other->processes, 2);
}

/* As when its file gets other content. */
static void what_is_hooked_later_or_not_any_more_is_counted_right(void **state)
{
    struct image *later = add(7, -1), *lost = add(8, 0);

    (void)state;
    assert_false(images_map(images, 100, later));
    assert_true(images_map(images, 101, lost));
    later->handle = 1;
    lost->handle = -1;
    assert_false(images_exit(images, 100));
    assert_true(images_exit(images, 101));
    assert_int_equal(images_processes(images), 0);
    assert_false(images_map(images, 102, lost));
    lost->handle = 2;
    assert_true(images_map(images, 102, lost));
    assert_int_equal(images_processes(images), 1);
    assert_int_equal(lost->processes, 1);
}

/* Questions about a socket come when its process may be gone. */
static void what_a_process_had_is_known_after_its_end(void **state)
{
    struct image *hooked = add(7, 0), *missed = add(9, -1);

    (void)state;
    images_map(images, 100, hooked);
    images_map(images, 100, missed);
    assert_true(images_exit(images, 100));
    assert_false(images_exit(images, 100));
    assert_int_equal(images_processes(images), 0);
    assert_int_equal(hooked->processes, 0);
    assert_ptr_equal(images_missed(images, 100), missed);
    assert_true(images_hooked(images, 100));
    assert_false(images_map(images, 100, missed)); /* another one of that number */
    assert_false(images_hooked(images, 100));
    assert_int_equal(missed->processes, 1);
}

static void a_copy_has_what_its_parent_has_until_it_is_another_program(void **state)
{
    struct image *hooked = add(7, 0);

    (void)state;
    assert_false(images_fork(images, 100, 101));
    images_map(images, 100, hooked);
    assert_true(images_fork(images, 100, 101));
    assert_int_equal(hooked->processes, 2);
    assert_int_equal(images_processes(images), 2);
    assert_true(images_exec(images, 101));
    assert_false(images_exec(images, 101));
    assert_false(images_hooked(images, 101));
    assert_int_equal(images_processes(images), 1);
    assert_true(images_map(images, 101, hooked));
    assert_int_equal(images_processes(images), 2);
    assert_false(images_exec(images, 555));
    assert_false(images_exit(images, 555));
}

/* One that is hooked stays for the next process, until its room is wanted. */
static void the_image_that_nobody_has_makes_room(void **state)
{
    struct image *used = add(1, 1), *unused = add(2, 2), *i;
    uint16_t number = unused->number;

    (void)state;
    images_map(images, 100, used);
    for (uint64_t n = 3; n <= IMAGES_MAX; n++) {
        assert_null(images_unused(images));
        add(n, -1);
    }
    assert_null(images_add(images, 1, IMAGES_MAX + 1));
    assert_ptr_equal(images_unused(images), unused);
    images_remove(images, unused);
    i = images_add(images, 1, IMAGES_MAX + 1);
    assert_non_null(i);
    assert_int_equal(i->number, number);
    assert_null(images_find(images, 1, 2));
}

static void a_table_full_of_what_is_in_use_takes_no_more(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= IMAGES_MAX; n++)
        images_map(images, (pid_t)n, add(n, 0));
    assert_null(images_unused(images));
    assert_null(images_add(images, 1, IMAGES_MAX + 1));
}

static void processes_have_a_bound(void **state)
{
    struct image *hooked = add(7, 0);

    (void)state;
    for (pid_t pid = 1; pid <= (pid_t)IMAGES_PROCESSES + 10; pid++)
        assert_true(images_map(images, pid, hooked));
    assert_int_equal(images_processes(images), IMAGES_PROCESSES);
    assert_int_equal(hooked->processes, IMAGES_PROCESSES);
    assert_false(images_hooked(images, 1));
}

/* A server that maps its library once is as quiet as one that is gone. */
static void those_that_have_ended_make_room_before_any_that_lives(void **state)
{
    struct image *hooked = add(7, 0), *other = add(8, 1);
    const pid_t servers = 3, others = (pid_t)IMAGES_PROCESSES * 2;

    (void)state;
    for (pid_t pid = 1; pid <= servers; pid++)
        assert_true(images_map(images, pid, hooked));
    for (pid_t pid = servers + 1; pid <= servers + others; pid++) {
        assert_true(images_map(images, pid, other));
        assert_true(images_exit(images, pid));
    }
    assert_int_equal(hooked->processes, servers);
    assert_int_equal(images_processes(images), servers);
    assert_true(images_hooked(images, servers + others));
    assert_false(images_hooked(images, servers + 1));
    for (pid_t pid = 1; pid <= servers; pid++)
        assert_true(images_exit(images, pid));
    assert_int_equal(hooked->processes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_is_found_by_its_file, setup, teardown),
        cmocka_unit_test_setup_teardown(one_file_may_have_two_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_are_told_by_what_they_have_mapped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_hooked_later_or_not_any_more_is_counted_right,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_process_had_is_known_after_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_has_what_its_parent_has_until_it_is_another_program,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_image_that_nobody_has_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_table_full_of_what_is_in_use_takes_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(processes_have_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(those_that_have_ended_make_room_before_any_that_lives,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
