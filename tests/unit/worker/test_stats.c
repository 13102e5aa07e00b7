/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of stats.log. */
#include "worker/stats.h"

#include "tests/unit/worker/any.h"
#include "tests/unit/worker/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct rig rig;

static enum probe_result any_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)data;
    (void)len;
    (void)transport;
    return PROBE_NO;
}

static void any_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                     size_t len)
{
    (void)ctx;
    (void)state;
    (void)side;
    (void)data;
    (void)len;
}

static void any_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    (void)ctx;
    (void)state;
    (void)side;
    (void)len;
}

static void any_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    (void)side;
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig.heritage.live = true;
    rig.heritage.options.stats_interval = NS_PER_SEC;
    rig_open(&rig);
    return 0;
}

/* The lag of a line that is due now, with the last packet of so long ago. */
static int64_t lag_ns(uint64_t clock_ago_ns, uint64_t packet_ago_ns)
{
    uint64_t now_ns = clock_wall_ns();

    rig.w.now_ns = now_ns - clock_ago_ns;
    rig.counters.capture_last_ns = packet_ago_ns > 0 ? now_ns - packet_ago_ns : 0;
    rig.w.stats.stats_ns = rig.w.now_ns - NS_PER_SEC;
    rig.records[RECORD_stats] = 0;
    stats_run(&rig.w);
    assert_int_equal(rig.records[RECORD_stats], 1);
    return rig.stats.pkt_lag;
}

static void lag_is_of_packets_that_wait(void **state)
{
    const uint64_t s = NS_PER_SEC;

    (void)state;
    assert_int_equal(lag_ns(s, 0), 0);        /* none has come at all */
    assert_int_equal(lag_ns(s, 3600 * s), 0); /* nor lately */
    assert_in_range(lag_ns(5 * s, 5 * s), 5 * s, 3600 * s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lag_is_of_packets_that_wait, set_up, rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
