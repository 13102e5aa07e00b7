/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/dtls_fragment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t text[] = "abcdefghijklmnopqrstuvwxyz";
#define TEXT_LEN 26u

static struct bufpool bufs;
static struct dtls_fragments f;

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    return bufpool_init(&bufs, BUFPOOL_MAX_BYTES);
}

static int teardown(void **state)
{
    size_t left;

    (void)state;
    dtls_fragment_fini(&f, &bufs);
    left = bufs.used_bytes;
    bufpool_fini(&bufs);
    return left == 0 ? 0 : -1;
}

static struct dtls_fragment piece_of(uint16_t seq, uint32_t at, uint32_t len)
{
    return (struct dtls_fragment){
        .data = text + at, .len = len, .at = at, .message_len = TEXT_LEN, .seq = seq, .type = 11};
}

static struct dtls_message *add(uint16_t seq, uint32_t at, uint32_t len)
{
    struct dtls_fragment piece = piece_of(seq, at, len);
    bool refused;
    struct dtls_message *m = dtls_fragment_add(&f, &bufs, &piece, &refused);

    assert_false(refused);
    return m;
}

static void assert_whole(struct dtls_message *m)
{
    assert_non_null(m);
    assert_int_equal(m->len, TEXT_LEN);
    assert_memory_equal(m->p, text, TEXT_LEN);
    dtls_fragment_release(m, &bufs);
}

struct step {
    uint16_t seq;
    uint32_t at, len;
    bool whole; /* the message is, with this piece */
};

static void add_all(const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct dtls_message *m = add(steps[i].seq, steps[i].at, steps[i].len);

        if ((m != NULL) != steps[i].whole)
            fail_msg("message %u is %s with piece %zu", steps[i].seq, m ? "whole" : "not whole", i);
        if (m)
            assert_whole(m);
    }
}

#define PART  false
#define WHOLE true
#define ADD(...)                                                                                   \
    do {                                                                                           \
        static const struct step steps[] = {__VA_ARGS__};                                          \
        add_all(steps, sizeof steps / sizeof steps[0]);                                            \
    } while (0)

static void pieces_in_any_order(void **state)
{
    (void)state;
    ADD({0, 0, 10, PART}, {0, 10, 6, PART}, {0, 16, 10, WHOLE});
    ADD({1, 16, 10, PART}, {1, 0, 10, PART}, {1, 10, 6, WHOLE});
}

static void pieces_may_overlap_and_come_again(void **state)
{
    (void)state;
    ADD({0, 5, 10, PART}, {0, 5, 10, PART}, {0, 20, 6, PART}, {0, 3, 20, PART}, {0, 0, 4, WHOLE});
}

static void two_messages_at_once(void **state)
{
    (void)state;
    ADD({1, 0, 20, PART}, {2, 0, 20, PART}, {1, 20, 6, WHOLE}, {2, 20, 6, WHOLE});
}

/* The lower number gives way. */
static void third_message_takes_a_place(void **state)
{
    (void)state;
    ADD({2, 0, 20, PART}, {1, 0, 20, PART}, {3, 0, 20, PART});
    ADD({2, 20, 6, WHOLE}, {3, 20, 6, WHOLE}, {1, 20, 6, PART});
}

static void too_many_holes_are_refused(void **state)
{
    struct dtls_fragment piece;
    bool refused;

    (void)state;
    for (uint32_t i = 0; i < DTLS_RANGES_MAX; i++)
        assert_null(add(0, 3 * i, 1));
    piece = piece_of(0, 25, 1);
    assert_null(dtls_fragment_add(&f, &bufs, &piece, &refused));
    assert_true(refused);
    assert_whole(add(0, 0, TEXT_LEN)); /* what joins them is welcome */
}

static void without_memory_it_is_refused(void **state)
{
    struct dtls_fragment piece = piece_of(0, 0, 5);
    size_t capacity;
    void *all = bufpool_get(&bufs, BUFPOOL_MAX_BYTES, &capacity);
    bool refused;

    (void)state;
    assert_non_null(all);
    assert_null(dtls_fragment_add(&f, &bufs, &piece, &refused));
    assert_true(refused);
    bufpool_put(&bufs, all, capacity);
    assert_null(add(0, 0, 5));
}

/* A quarter of the memory is left to others; what has its buffer goes on. */
static void with_tight_memory_it_is_refused(void **state)
{
    struct dtls_fragment piece = piece_of(1, 0, 5);
    size_t capacity;
    void *most[3];
    bool refused;

    (void)state;
    bufpool_fini(&bufs);
    assert_int_equal(bufpool_init(&bufs, 4 * BUFPOOL_MAX_BYTES), 0);
    assert_null(add(0, 0, 5));
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(most[i] = bufpool_get(&bufs, BUFPOOL_MAX_BYTES, &capacity));
    assert_null(dtls_fragment_add(&f, &bufs, &piece, &refused));
    assert_true(refused);
    assert_whole(add(0, 5, TEXT_LEN - 5));
    for (unsigned i = 0; i < 3; i++)
        bufpool_put(&bufs, most[i], capacity);
}

static void known_is_by_number_and_type(void **state)
{
    struct dtls_fragment piece = piece_of(3, 0, 5);

    (void)state;
    assert_false(dtls_fragment_is_known(&f, &piece));
    dtls_fragment_done(&f, &piece);
    assert_true(dtls_fragment_is_known(&f, &piece));
    piece.type = 2;
    assert_false(dtls_fragment_is_known(&f, &piece));
    piece = piece_of(4, 0, 5);
    assert_false(dtls_fragment_is_known(&f, &piece));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(pieces_may_overlap_and_come_again, setup, teardown),
        cmocka_unit_test_setup_teardown(two_messages_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(third_message_takes_a_place, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_holes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_it_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(with_tight_memory_it_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(known_is_by_number_and_type, setup, teardown),
    };

    return cmocka_run_group_tests_name("parse/tls/dtls_fragment", tests, NULL, NULL);
}
