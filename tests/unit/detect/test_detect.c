/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/detect/detect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Made-up protocols: "ask" begins with "ASK " or "ANS ", "x" with a single x (UDP too), "hmm" is
 * never sure. */
static enum probe_result probe_ask(const uint8_t *data, size_t len, uint8_t transport)
{
    size_t n = len < 4 ? len : 4;

    (void)transport;
    if (memcmp(data, "ASK ", n) != 0 && memcmp(data, "ANS ", n) != 0)
        return PROBE_NO;
    if (len < 4)
        return PROBE_MORE;
    return data[1] == 'S' ? PROBE_CLIENT : PROBE_SERVER;
}

static enum probe_result probe_x(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)transport;
    return len > 0 && data[0] == 'x' ? PROBE_EITHER : PROBE_NO;
}

static enum probe_result probe_hmm(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)transport;
    return len > 0 && data[0] == 'h' ? PROBE_MORE : PROBE_NO;
}

static const struct analyzer ask = {.name = "ask", .transports = ANALYZER_TCP, .probe = probe_ask};
static const struct analyzer x = {
    .name = "x", .transports = ANALYZER_TCP | ANALYZER_UDP, .probe = probe_x};
static const struct analyzer hmm = {.name = "hmm", .transports = ANALYZER_TCP, .probe = probe_hmm};
const struct analyzer *const analyzers[] = {&ask, &x, &hmm, NULL};

static struct bufpool bufs;
static struct detection d;
static struct detect_found found;

static int setup(void **state)
{
    (void)state;
    memset(&d, 0, sizeof d);
    return bufpool_init(&bufs, 4 * BUFPOOL_MAX_BYTES);
}

static int teardown(void **state)
{
    (void)state;
    detect_fini(&d, &bufs);
    assert_int_equal(bufs.used_bytes, 0);
    bufpool_fini(&bufs);
    return 0;
}

static enum detect_verdict tcp(bool midstream, unsigned end, const char *text)
{
    return detect_data(&d, &bufs, ANALYZER_TCP, midstream, end, (const uint8_t *)text, strlen(text),
                       &found);
}

static void whole_first_bytes_decide_at_once(void **state)
{
    (void)state;
    assert_int_equal(tcp(false, 0, "ASK me"), DETECT_FOUND);
    assert_int_equal(found.analyzer, 0);
    assert_int_equal(found.role, PROBE_CLIENT);
    assert_int_equal(d.held[0].len, 0);
}

static void few_bytes_are_held_until_they_suffice(void **state)
{
    (void)state;
    assert_int_equal(tcp(false, 1, "A"), DETECT_WAIT);
    assert_int_equal(tcp(false, 1, "N"), DETECT_WAIT);
    assert_int_equal(tcp(false, 1, "S it"), DETECT_FOUND);
    assert_int_equal(found.role, PROBE_SERVER);
    assert_int_equal(d.held[1].len, 6);
    assert_memory_equal(d.held[1].p, "ANS it", 6);
}

static void held_bytes_do_not_go_on_behind_a_gap(void **state)
{
    (void)state;
    assert_int_equal(tcp(false, 0, "AS"), DETECT_WAIT);
    detect_gap(&d, &bufs, 0, 10);
    assert_int_equal(d.dropped[0], 12);
    assert_int_equal(tcp(true, 0, "K me"), DETECT_WAIT);
    assert_int_equal(d.dropped[0], 16);
    assert_int_equal(tcp(true, 0, "ASK"), DETECT_WAIT);
    assert_int_equal(tcp(true, 0, " me"), DETECT_FOUND);
    assert_int_equal(d.held[0].len, 6);
}

static void bytes_that_are_too_many_to_hold_count_as_dropped(void **state)
{
    static char text[DETECT_BYTES_MAX];

    (void)state;
    memset(text, 'h', sizeof text - 1);
    assert_int_equal(tcp(false, 0, text), DETECT_WAIT);
    assert_int_equal(tcp(false, 0, "hh"), DETECT_WAIT);
    assert_int_equal(d.dropped[0], sizeof text + 1);
    assert_true(d.refused[0]);
}

static void both_ends_must_refuse_before_a_flow_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(tcp(false, 0, "garbage"), DETECT_WAIT);
    assert_int_equal(tcp(false, 0, "ASK too late"), DETECT_WAIT);
    assert_int_equal(d.dropped[0], 7 + 12);
    assert_int_equal(tcp(false, 1, "garbage"), DETECT_UNKNOWN);
}

static void the_other_end_may_still_tell(void **state)
{
    (void)state;
    assert_int_equal(tcp(false, 0, "garbage"), DETECT_WAIT);
    assert_int_equal(tcp(false, 1, "xyz"), DETECT_FOUND);
    assert_int_equal(found.analyzer, 1);
    assert_int_equal(found.role, PROBE_EITHER);
}

static void a_missed_beginning_is_asked_again_at_later_segments(void **state)
{
    (void)state;
    assert_int_equal(tcp(true, 0, "rest of something"), DETECT_WAIT);
    assert_int_equal(tcp(true, 0, "ASK next"), DETECT_FOUND);
}

static void a_missed_beginning_is_not_asked_for_ever(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DETECT_TRIES_MAX; i++)
        assert_int_equal(tcp(true, 0, "rest"), DETECT_WAIT);
    assert_int_equal(tcp(true, 0, "ASK"), DETECT_WAIT);
    assert_true(d.refused[0]);
}

static void datagrams_are_asked_one_by_one_and_never_held(void **state)
{
    const uint8_t no[] = "no", yes[] = "x";

    (void)state;
    assert_int_equal(detect_data(&d, &bufs, ANALYZER_UDP, false, 0, no, 2, &found), DETECT_WAIT);
    assert_int_equal(d.held[0].len, 0);
    assert_int_equal(detect_data(&d, &bufs, ANALYZER_UDP, false, 0, yes, 1, &found), DETECT_FOUND);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whole_first_bytes_decide_at_once),
        CASE(few_bytes_are_held_until_they_suffice),
        CASE(held_bytes_do_not_go_on_behind_a_gap),
        CASE(bytes_that_are_too_many_to_hold_count_as_dropped),
        CASE(both_ends_must_refuse_before_a_flow_is_unknown),
        CASE(the_other_end_may_still_tell),
        CASE(a_missed_beginning_is_asked_again_at_later_segments),
        CASE(a_missed_beginning_is_not_asked_for_ever),
        CASE(datagrams_are_asked_one_by_one_and_never_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
