/* SPDX-License-Identifier: BSD-3-Clause */
/* What is news of an interface, from how it is at each look. */
#include "manager/capture/link.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T0 (1000 * NS_PER_SEC)

static struct link l;
static struct interface now;

static int begin(void **state)
{
    (void)state;
    link_init(&l, "no-such-link");
    l.as.index = 5;
    now = (struct interface){.name = "no-such-link", .index = 5, .up = true, .carrier = true};
    return 0;
}

static void one_that_stays_is_no_news(void **state)
{
    (void)state;
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
    link_note_removed(&l, 6); /* another one */
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
    now.mtu_bytes = 9000;
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
}

static void it_goes_once_and_comes_back(void **state)
{
    (void)state;
    assert_int_equal(link_look(&l, NULL, T0), LINK_GONE);
    assert_int_equal(link_look(&l, NULL, T0 + 1), LINK_SAME);
    now.index = 9;
    assert_int_equal(link_look(&l, &now, T0 + NS_PER_SEC), LINK_THERE);
    assert_int_equal(link_look(&l, &now, T0 + NS_PER_SEC), LINK_THERE); /* as long as it takes */
    assert_int_equal(link_note_back(&l, &now, T0 + 3 * NS_PER_SEC), 3 * NS_PER_SEC);
    assert_int_equal(link_look(&l, &now, T0 + 4 * NS_PER_SEC), LINK_SAME);
    assert_int_equal(link_look(&l, NULL, T0 + 5 * NS_PER_SEC), LINK_GONE);
}

static void another_one_of_its_name_is_another_one(void **state)
{
    (void)state;
    now.index = 9;
    assert_int_equal(link_look(&l, &now, T0), LINK_GONE);
    assert_int_equal(link_look(&l, &now, T0), LINK_THERE);
}

/* Moved to another namespace and back between two looks. */
static void its_own_number_is_another_one_if_it_was_removed(void **state)
{
    (void)state;
    link_note_removed(&l, 5);
    assert_int_equal(link_look(&l, &now, T0), LINK_GONE);
    assert_int_equal(link_look(&l, &now, T0), LINK_THERE);
    link_note_back(&l, &now, T0);
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
}

static void one_that_is_made_later_is_not_back(void **state)
{
    (void)state;
    l.as.index = 0;
    assert_int_equal(link_look(&l, NULL, T0), LINK_SAME);
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
    assert_int_equal(link_look(&l, NULL, T0), LINK_GONE);
}

static void down_and_another_name_are_no_end(void **state)
{
    (void)state;
    now.up = now.carrier = false;
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
    assert_int_equal(l.down_ns, T0);
    now.name = "other";
    assert_int_equal(link_look(&l, &now, T0), LINK_SAME);
    assert_true(l.renamed);
    now.up = true;
    assert_int_equal(link_look(&l, &now, T0 + 1), LINK_SAME);
    assert_int_equal(l.silent_ns, T0 + 1);
    assert_true(l.as.carrier); /* not yet worth a word */
    assert_int_equal(link_look(&l, &now, T0 + 1 + NS_PER_SEC), LINK_SAME);
    assert_false(l.as.carrier);
    now = (struct interface){.name = "no-such-link", .index = 5, .up = true, .carrier = true};
    assert_int_equal(link_look(&l, &now, T0 + 3 * NS_PER_SEC), LINK_SAME);
    assert_false(l.renamed);
    assert_true(l.as.up && l.as.carrier);
}

/* A clock that was set back. */
static void a_gap_is_never_negative(void **state)
{
    (void)state;
    assert_int_equal(link_look(&l, NULL, T0), LINK_GONE);
    assert_int_equal(link_note_back(&l, &now, T0 - 1), 0);
}

static void what_is_not_there_is_not_found(void **state)
{
    char other[IF_NAMESIZE];

    (void)state;
    l.as.index = 0x7ffffff0;
    assert_false(link_find(&l, &now, other));
    link_init(&l, "lo");
    assert_true(link_find(&l, &now, other));
    assert_int_equal(now.index, l.as.index);
    strcpy(l.name, "no-such-link"); /* found by its number, with the name that it has */
    assert_true(link_find(&l, &now, other));
    assert_string_equal(now.name, "lo");
    l.gone = true; /* what has this number now is not ours */
    assert_false(link_find(&l, &now, other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_that_stays_is_no_news, begin),
        cmocka_unit_test_setup(it_goes_once_and_comes_back, begin),
        cmocka_unit_test_setup(another_one_of_its_name_is_another_one, begin),
        cmocka_unit_test_setup(its_own_number_is_another_one_if_it_was_removed, begin),
        cmocka_unit_test_setup(one_that_is_made_later_is_not_back, begin),
        cmocka_unit_test_setup(down_and_another_name_are_no_end, begin),
        cmocka_unit_test_setup(a_gap_is_never_negative, begin),
        cmocka_unit_test_setup(what_is_not_there_is_not_found, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
