/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/queues.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/capture/interface.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define RESTORE_TRIES 10u

#define WHY "both directions of a flow may come in by two queues, and be two halves to two workers"

static int set_number(struct queues *q, uint32_t now, uint32_t workers, char *error)
{
    int r = ethtool_queues_set(q->interface, workers);

    if (r < 0)
        return interface_fail(q->interface, error, r,
                              "has %u receive queues, and cannot be set to have %u: %s",
                              (unsigned)now, (unsigned)workers, strerror(-r));
    q->rx = now;
    log_info("interface %s: has %u receive queue%s now, one a worker, instead of %u", q->interface,
             (unsigned)workers, workers == 1 ? "" : "s", (unsigned)now);
    return 0;
}

static int match_number(struct queues *q, uint32_t workers, const struct options *o, char *error)
{
    struct ethtool_queues now;
    int r = ethtool_queues_get(q->interface, &now);

    if (r < 0)
        return interface_fail(q->interface, error, r, "its queues cannot be counted: %s",
                              strerror(-r));
    if (now.rx == workers)
        return 0;
    if (o->set_queues && now.rx_max > 0)
        return set_number(q, now.rx, workers, error);
    if (workers <= now.rx_max)
        return interface_fail(
            q->interface, error, -EINVAL,
            "has %u receive queue%s, and %u worker%s: each reads one; ethtool -L "
            "%s %s %u, or set_queues = yes, or lb_procs=%u",
            (unsigned)now.rx, now.rx == 1 ? "" : "s", (unsigned)workers, workers == 1 ? "" : "s",
            q->interface, now.combined ? "combined" : "rx", (unsigned)workers, (unsigned)now.rx);
    return interface_fail(q->interface, error, -EINVAL,
                          "has %u receive queue%s and can have no %u: give it lb_procs=%u",
                          (unsigned)now.rx, now.rx == 1 ? "" : "s", (unsigned)workers,
                          (unsigned)now.rx);
}

/* Of one queue there is nothing to be shared out. */
static void match_directions(struct queues *q, const struct options *o)
{
    char driver[ETHTOOL_NAME_BYTES];
    struct ethtool_rss symmetric;
    int r = ethtool_rss_get(q->interface, &q->rss);

    if (r < 0) {
        ethtool_driver(q->interface, driver);
        log_warn("interface %s: its driver, %s, does not tell how it shares flows out to queues: "
                 "if whatever feeds it does not see to it, " WHY,
                 q->interface, driver);
        return;
    }
    if (ethtool_rss_is_symmetric(&q->rss))
        return;
    symmetric = q->rss;
    ethtool_rss_make_symmetric(&symmetric);
    r = o->set_rss ? ethtool_rss_set(q->interface, &symmetric) : -ECANCELED;
    q->rss_changed = r == 0;
    if (r == 0)
        log_info("interface %s: shares flows out to queues by both directions alike now",
                 q->interface);
    else if (!o->set_rss)
        log_warn("interface %s: " WHY ": set_rss = yes mends it", q->interface);
    else
        log_warn("interface %s: its driver takes no symmetric key (%s), and " WHY
                 ": ethtool -X %s xfrm symmetric-xor, or one queue and lb_procs=1",
                 q->interface, strerror(-r), q->interface);
}

int queues_open(struct queues *q, const char *interface, uint32_t workers, const struct options *o,
                char *error)
{
    int r;

    *q = (struct queues){
        .interface = interface, .workers = workers, .now = workers, .set = o->set_queues};
    r = match_number(q, workers, o, error);
    if (r == 0 && workers > 1)
        match_directions(q, o);
    return r;
}

void queues_look(struct queues *q)
{
    struct ethtool_queues now;

    if (ethtool_queues_get(q->interface, &now) < 0 || now.rx == q->now)
        return;
    q->now = now.rx;
    if (now.rx == q->workers) {
        log_info("interface %s: has %u receive queues again", q->interface, (unsigned)now.rx);
    } else if (q->set && ethtool_queues_set(q->interface, q->workers) == 0) {
        log_warn("interface %s: was given %u receive queues, and has %u again, one a worker",
                 q->interface, (unsigned)now.rx, (unsigned)q->workers);
        q->now = q->workers;
    } else {
        log_warn("interface %s: has %u receive queues now, and %u are read: %s; ethtool -L %s %s "
                 "%u, or set_queues = yes",
                 q->interface, (unsigned)now.rx, (unsigned)q->workers,
                 now.rx > q->workers ? "what comes in by the others is not seen"
                                     : "some workers have nothing to do",
                 q->interface, now.combined ? "combined" : "rx", (unsigned)q->workers);
    }
}

/* A queue stays as long as a socket has it, and the kernel takes leave of that a little after who
 * had it has gone. */
static void give_back(const struct queues *q)
{
    const struct timespec pause = {.tv_nsec = 100 * NS_PER_MS};
    int r = ethtool_queues_set(q->interface, q->rx);

    for (unsigned i = 0; i < RESTORE_TRIES && r == -EINVAL; i++) {
        nanosleep(&pause, NULL);
        r = ethtool_queues_set(q->interface, q->rx);
    }
    if (r < 0 && r != -ENODEV)
        log_warn("interface %s: its number of receive queues stays (%s), it was %u: ethtool -L %s "
                 "combined %u",
                 q->interface, strerror(-r), (unsigned)q->rx, q->interface, (unsigned)q->rx);
}

void queues_restore(const struct queues *q)
{
    if (!q->interface)
        return;
    if (q->rss_changed)
        ethtool_rss_set(q->interface, &q->rss);
    if (q->rx > 0)
        give_back(q);
}
