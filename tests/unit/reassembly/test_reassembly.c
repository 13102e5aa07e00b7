/* SPDX-License-Identifier: BSD-3-Clause */
/* Each case says what came (sequence, bytes) and reads back one line of text: delivered bytes as
 * they are, a gap of n bytes as <n>. */
#include "worker/reassembly/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define ISN UINT32_C(0xfffffff0) /* so that every case wraps */

struct fixture {
    struct bufpool bufs;
    struct counters counters;
    struct reassembly r;
    struct stream s;
    struct reassembly_out out;
    char text[16384];
    size_t len;
};

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct fixture *x = arg;

    memcpy(x->text + x->len, data, len);
    x->len += len;
}

static void on_gap(void *arg, uint64_t len)
{
    struct fixture *x = arg;

    x->len += (size_t)sprintf(x->text + x->len, "<%llu>", (unsigned long long)len);
}

static int setup(void **state)
{
    static struct fixture x;

    memset(&x, 0, sizeof x);
    assert_int_equal(bufpool_init(&x.bufs, 16 * BUFPOOL_MAX_BYTES), 0);
    assert_int_equal(reassembly_init(&x.r, &x.bufs, 1 << 20, 4096, &x.counters), 0);
    x.s.held_head = POOL_NONE;
    x.out = (struct reassembly_out){on_data, on_gap, &x, true, false};
    reassembly_start(&x.s, ISN);
    *state = &x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(x->bufs.used_bytes, 0);
    assert_int_equal(x->r.segments.used, 0);
    assert_int_equal(x->counters.reassembly_bytes, 0);
    reassembly_fini(&x->r);
    bufpool_fini(&x->bufs);
    return 0;
}

static unsigned put(struct fixture *x, uint32_t offset, const char *bytes)
{
    struct reassembly_in in = {ISN + offset, (const uint8_t *)bytes, (uint32_t)strlen(bytes),
                               (uint32_t)strlen(bytes)};

    return reassembly_segment(&x->r, &x->s, &in, &x->out);
}

static unsigned ack(struct fixture *x, uint32_t offset)
{
    return reassembly_ack(&x->r, &x->s, ISN + offset, &x->out);
}

static void expect(struct fixture *x, const char *text)
{
    x->text[x->len] = '\0';
    assert_string_equal(x->text, text);
}

static void in_order_bytes_go_straight_on(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(put(x, 0, "hello "), 0);
    assert_int_equal(put(x, 6, "world, across the wrap"), 0);
    expect(x, "hello world, across the wrap");
    assert_int_equal(reassembly_bytes(&x->s), 28);
}

static void out_of_order_bytes_wait_for_the_hole(void **state)
{
    struct fixture *x = *state;

    put(x, 6, "ghi");
    put(x, 3, "def");
    put(x, 9, "jkl");
    expect(x, "");
    assert_int_equal(put(x, 0, "abc"), REASSEMBLY_BEHIND); /* late, for all that can be told */
    expect(x, "abcdefghijkl");
}

static void a_retransmission_is_told_and_not_delivered_twice(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abcdef");
    assert_int_equal(put(x, 0, "abcdef"), REASSEMBLY_RETRANSMIT | REASSEMBLY_BEHIND);
    assert_int_equal(put(x, 3, "defghi"), REASSEMBLY_RETRANSMIT);
    expect(x, "abcdefghi");
}

static void the_first_bytes_win_where_segments_overlap(void **state)
{
    struct fixture *x = *state;

    put(x, 3, "DEF");
    assert_int_equal(put(x, 2, "cXXXg"), REASSEMBLY_RETRANSMIT | REASSEMBLY_INCONSISTENT);
    assert_int_equal(put(x, 0, "ab"), REASSEMBLY_BEHIND);
    expect(x, "abcDEFg");
}

static void one_segment_may_cover_several_held_ones(void **state)
{
    struct fixture *x = *state;

    put(x, 2, "C");
    put(x, 5, "F");
    put(x, 8, "I");
    assert_int_equal(put(x, 1, "bCdeFghIj"), REASSEMBLY_RETRANSMIT);
    put(x, 0, "a");
    expect(x, "abCdeFghIj");
}

static void an_acknowledged_hole_is_a_gap(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    put(x, 6, "ghi");
    assert_false(ack(x, 3));
    expect(x, "abc");
    assert_true(ack(x, 9));
    expect(x, "abc<3>ghi");
    assert_int_equal(x->counters.reassembly_gap_bytes, 3);
}

static void a_hole_acknowledged_before_its_end_came_is_a_gap_too(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    assert_true(ack(x, 9));
    expect(x, "abc");
    put(x, 9, "jkl");
    expect(x, "abc<6>jkl");
}

static void an_acknowledgement_that_overtakes_its_data_costs_nothing(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    ack(x, 6);
    put(x, 3, "def");
    expect(x, "abcdef");
}

static void the_end_delivers_what_is_held_and_the_gaps(void **state)
{
    struct fixture *x = *state;

    put(x, 4, "efg");
    put(x, 10, "klm");
    ack(x, 4);
    reassembly_flush(&x->r, &x->s, &x->out);
    expect(x, "<4>efg<3>klm");
}

static void bytes_acknowledged_behind_the_last_seen_are_a_gap_at_the_end(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    ack(x, 10);
    reassembly_flush(&x->r, &x->s, &x->out);
    expect(x, "abc<7>");
}

static void an_acknowledged_fin_is_no_gap(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    reassembly_fin(&x->s, ISN + 3);
    assert_true(reassembly_ended(&x->s));
    assert_false(reassembly_ended(&x->s));
    assert_false(ack(x, 4));
    reassembly_flush(&x->r, &x->s, &x->out);
    expect(x, "abc");
}

static void a_fin_ends_the_stream_only_when_all_before_it_came(void **state)
{
    struct fixture *x = *state;

    put(x, 3, "def");
    reassembly_fin(&x->s, ISN + 6);
    assert_false(reassembly_ended(&x->s));
    put(x, 0, "abc");
    assert_true(reassembly_ended(&x->s));
    expect(x, "abcdef");
}

static void a_fin_that_cannot_be_is_not_believed(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    reassembly_fin(&x->s, ISN + REASSEMBLY_JUMP_MAX + 1000);
    reassembly_fin(&x->s, ISN + 2);
    reassembly_fin(&x->s, ISN - 5);
    assert_false(reassembly_ended(&x->s));
    assert_int_equal(reassembly_bytes(&x->s), 3);
    reassembly_fin(&x->s, ISN + 3);
    assert_true(reassembly_ended(&x->s));
}

static void a_start_may_move_until_something_was_seen(void **state)
{
    struct fixture *x = *state;

    reassembly_restart(&x->s, ISN + 100);
    put(x, 100, "abc");
    reassembly_restart(&x->s, ISN + 500);
    put(x, 103, "def");
    expect(x, "abcdef");
}

static void a_flow_s_bound_turns_the_hole_into_a_gap(void **state)
{
    struct fixture *x = *state;
    char big[3000];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(put(x, 1, big), 0);
    assert_int_equal(put(x, 1 + 2999, big), REASSEMBLY_BOUND);
    assert_int_equal(x->len, 3 + 2999 + 2999);
    assert_memory_equal(x->text, "<1>x", 4);
    assert_int_equal(x->counters.reassembly_bound, 1);
}

static void some_memory_is_left_to_the_analyzers(void **state)
{
    struct fixture *x = *state;
    void *big[12];
    size_t capacity;

    for (int i = 0; i < 12; i++)
        big[i] = bufpool_get(&x->bufs, BUFPOOL_MAX_BYTES, &capacity);
    assert_int_equal(put(x, 1, "bc"), REASSEMBLY_BOUND);
    expect(x, "<1>bc");
    bufpool_put(&x->bufs, big[0], BUFPOOL_MAX_BYTES);
    assert_int_equal(put(x, 4, "ef"), 0);
    put(x, 3, "d");
    expect(x, "<1>bcdef");
    for (int i = 1; i < 12; i++)
        bufpool_put(&x->bufs, big[i], BUFPOOL_MAX_BYTES);
}

static void without_acknowledgements_a_hole_is_given_up_after_some_segments(void **state)
{
    struct fixture *x = *state;
    unsigned flags = 0;

    x->out.blind = true;
    for (uint32_t i = 0; i <= REASSEMBLY_BLIND_MAX && !(flags & REASSEMBLY_BOUND); i++)
        flags = put(x, 1 + 2 * i, "z");
    assert_true(flags & REASSEMBLY_BOUND);
    assert_memory_equal(x->text, "<1>z", 4);
    reassembly_flush(&x->r, &x->s, &x->out);
}

/* A segment was lost, and all that its sender had under way came before it was sent again. */
static void a_hole_is_filled_behind_many_segments(void **state)
{
    struct fixture *x = *state;

    for (unsigned wanted = 0; wanted < 2; wanted++) {
        uint32_t at = (uint32_t)x->s.next;

        x->out.wanted = wanted;
        x->len = 0;
        for (uint32_t i = 1; i <= 2 * REASSEMBLY_SEGMENTS_MAX; i++)
            assert_int_equal(put(x, at + 3 * i, "def"), 0);
        assert_int_equal(x->s.held_count, 1);
        put(x, at, "abc");
        assert_int_equal(x->len, wanted ? 3 * (2 * REASSEMBLY_SEGMENTS_MAX + 1) : 0);
        assert_int_equal(x->s.next, at + 3 * (2 * REASSEMBLY_SEGMENTS_MAX + 1));
    }
    assert_memory_equal(x->text, "abcdefdef", 9);
    assert_int_equal(x->counters.reassembly_gaps, 0);
}

/* What grows stays what it is: kept whole, cut by the capture, or only counted. */
static void segments_of_several_kinds_stand_in_a_row(void **state)
{
    struct fixture *x = *state;
    struct reassembly_in in = {ISN + 9, (const uint8_t *)"jk", 2, 4};

    put(x, 3, "def");
    put(x, 6, "ghi");
    reassembly_segment(&x->r, &x->s, &in, &x->out);
    put(x, 13, "nop");
    assert_int_equal(x->s.held_count, 2);
    x->out.wanted = false;
    put(x, 16, "qrs");
    put(x, 19, "tuv");
    assert_int_equal(x->s.held_count, 3);
    x->out.wanted = true;
    put(x, 22, "wxy");
    assert_int_equal(put(x, 6, "GHI"),
                     REASSEMBLY_RETRANSMIT | REASSEMBLY_INCONSISTENT | REASSEMBLY_BEHIND);
    put(x, 0, "abc");
    expect(x, "abcdefghijk<2>nop<6>wxy");
}

/* Nor with segments that follow each other: nobody will ask for what is missing. */
static void without_acknowledgements_segments_in_a_row_count_too(void **state)
{
    struct fixture *x = *state;
    unsigned flags = 0;

    x->out.blind = true;
    for (uint32_t i = 0; i <= REASSEMBLY_BLIND_MAX && !(flags & REASSEMBLY_BOUND); i++)
        flags = put(x, 1 + i, "z");
    assert_true(flags & REASSEMBLY_BOUND);
}

static void bytes_before_the_start_are_old(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(put(x, (uint32_t)-5, "12345abc"),
                     REASSEMBLY_RETRANSMIT | REASSEMBLY_BEHIND | REASSEMBLY_UNDERFLOW);
    put(x, 0, "abc");
    expect(x, "abc");
}

static void a_segment_cut_by_the_capture_leaves_a_gap(void **state)
{
    struct fixture *x = *state;
    struct reassembly_in in = {ISN, (const uint8_t *)"abc", 3, 10};

    reassembly_segment(&x->r, &x->s, &in, &x->out);
    in = (struct reassembly_in){ISN + 12, (const uint8_t *)"mno", 3, 5};
    reassembly_segment(&x->r, &x->s, &in, &x->out);
    put(x, 10, "kl");
    put(x, 17, "r");
    expect(x, "abc<7>klmno<2>r");
}

static void unwanted_bytes_are_counted_and_not_kept(void **state)
{
    struct fixture *x = *state;

    x->out.wanted = false;
    put(x, 3, "def");
    assert_int_equal(x->bufs.used_bytes, 0);
    put(x, 0, "abc");
    put(x, 9, "jkl");
    ack(x, 12);
    expect(x, "<3>");
    assert_int_equal(x->s.next, 12);
}

static void a_stray_sequence_number_is_not_believed(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    put(x, REASSEMBLY_JUMP_MAX + 1000, "stray");
    assert_false(ack(x, REASSEMBLY_JUMP_MAX + 1000));
    put(x, 3, "def");
    expect(x, "abcdef");
    assert_int_equal(reassembly_bytes(&x->s), 6);
}

static void a_stream_that_goes_on_far_ahead_is_believed_at_its_second_segment(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    put(x, REASSEMBLY_JUMP_MAX + 1000, "lost");
    put(x, REASSEMBLY_JUMP_MAX + 1004, "seen");
    reassembly_flush(&x->r, &x->s, &x->out);
    expect(x, "abc<67109865>seen");
}

/* Every order of five pieces, two of them overlapping, gives the same bytes. */
static void what_lies_before_the_beginning_is_told(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    assert_int_equal(put(x, (uint32_t)-3, "xyz"),
                     REASSEMBLY_RETRANSMIT | REASSEMBLY_BEHIND | REASSEMBLY_UNDERFLOW);
    assert_int_equal(ack(x, (uint32_t)-1), 0); /* the number of the SYN */
    assert_int_equal(ack(x, (uint32_t)-2), REASSEMBLY_ACK_UNDERFLOW);
    expect(x, "abc");
}

static void bytes_that_only_sequence_numbers_tell_of_were_sent(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    reassembly_sent(&x->s, ISN + 10);
    assert_int_equal(x->s.top, 10);
    assert_int_equal(ack(x, 10), REASSEMBLY_ACK_UNSEEN);
    assert_int_equal(put(x, 3, "defghij"), REASSEMBLY_BEHIND);
    reassembly_sent(&x->s, ISN + 5); /* an older one */
    reassembly_sent(&x->s, ISN + REASSEMBLY_JUMP_MAX * 2);
    assert_int_equal(x->s.top, 10);
    expect(x, "abcdefghij");
}

static void what_is_skipped_leaves_what_was_held_behind_it(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    put(x, 6, "ghi");
    put(x, 12, "mno");
    reassembly_skip(&x->r, &x->s, 5);
    assert_int_equal(x->s.next, 5);
    assert_int_equal(x->s.top, 15);
    put(x, 5, "f");
    expect(x, "abcfghi");
    reassembly_skip(&x->r, &x->s, 13); /* in the middle of the last one: it goes */
    assert_int_equal(x->s.next, 15);
    put(x, 15, "pqr");
    put(x, 20, "uvw");
    reassembly_skip(&x->r, &x->s, 40);
    assert_int_equal(x->s.next, 40);
    assert_int_equal(x->s.top, 40);
    expect(x, "abcfghipqr");
}

static void a_fin_that_is_numbered_behind_itself_is_the_same(void **state)
{
    struct fixture *x = *state;

    put(x, 0, "abc");
    reassembly_fin(&x->s, ISN + 3);
    reassembly_fin(&x->s, ISN + 4);
    assert_int_equal(x->s.top, 3);
    assert_true(reassembly_ended(&x->s));
}

static void any_order_gives_the_same_stream(void **state)
{
    static const struct {
        uint32_t offset;
        const char *bytes;
    } pieces[5] = {{0, "abcd"}, {4, "efgh"}, {6, "ghij"}, {10, "klmn"}, {14, "o"}};
    struct fixture *x;
    unsigned order[5];

    (void)state;
    for (unsigned code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
        unsigned seen = 0, c = code;

        for (unsigned i = 0; i < 5; i++, c /= 5)
            seen |= 1u << (order[i] = c % 5);
        if (seen != 31)
            continue;
        setup((void **)&x);
        for (unsigned i = 0; i < 5; i++)
            put(x, pieces[order[i]].offset, pieces[order[i]].bytes);
        expect(x, "abcdefghijklmno");
        teardown((void **)&x);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(in_order_bytes_go_straight_on),
        CASE(out_of_order_bytes_wait_for_the_hole),
        CASE(a_retransmission_is_told_and_not_delivered_twice),
        CASE(the_first_bytes_win_where_segments_overlap),
        CASE(one_segment_may_cover_several_held_ones),
        CASE(an_acknowledged_hole_is_a_gap),
        CASE(a_hole_acknowledged_before_its_end_came_is_a_gap_too),
        CASE(an_acknowledgement_that_overtakes_its_data_costs_nothing),
        CASE(the_end_delivers_what_is_held_and_the_gaps),
        CASE(bytes_acknowledged_behind_the_last_seen_are_a_gap_at_the_end),
        CASE(an_acknowledged_fin_is_no_gap),
        CASE(a_fin_ends_the_stream_only_when_all_before_it_came),
        CASE(a_fin_that_cannot_be_is_not_believed),
        CASE(a_start_may_move_until_something_was_seen),
        CASE(a_flow_s_bound_turns_the_hole_into_a_gap),
        CASE(some_memory_is_left_to_the_analyzers),
        CASE(without_acknowledgements_a_hole_is_given_up_after_some_segments),
        CASE(a_hole_is_filled_behind_many_segments),
        CASE(segments_of_several_kinds_stand_in_a_row),
        CASE(without_acknowledgements_segments_in_a_row_count_too),
        CASE(bytes_before_the_start_are_old),
        CASE(a_segment_cut_by_the_capture_leaves_a_gap),
        CASE(unwanted_bytes_are_counted_and_not_kept),
        CASE(a_stray_sequence_number_is_not_believed),
        CASE(a_stream_that_goes_on_far_ahead_is_believed_at_its_second_segment),
        CASE(what_lies_before_the_beginning_is_told),
        CASE(bytes_that_only_sequence_numbers_tell_of_were_sent),
        CASE(what_is_skipped_leaves_what_was_held_behind_it),
        CASE(a_fin_that_is_numbered_behind_itself_is_the_same),
        cmocka_unit_test(any_order_gives_the_same_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
