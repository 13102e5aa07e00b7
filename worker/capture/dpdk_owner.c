/* SPDX-License-Identifier: BSD-3-Clause */
/* The owner of a port whose queues several workers read. It sets the port up, and then only keeps
 * it: no frame passes through it, and it sleeps until a worker asks for its queue.
 *
 * A worker that was killed leaves its queue in the middle of something, and frames in its hands.
 * Its successor asks, and the driver begins the queue anew. A driver that cannot do that ends the
 * owner, and the manager starts it again together with its workers. */
#include "common/base/log.h"
#include "common/ipc/dpdk_share.h"
#include "worker/capture/dpdk_eal.h"
#include "worker/capture/dpdk_port.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define LOOK_MS 500 /* at least so often, whether it is to end */

static struct dpdk_port port;
static struct dpdk_share *share;

int dpdk_owner_begin(const struct heritage *h)
{
    int r;

    share = heritage_map(h->capture.memory_fd, DPDK_SHARE_BYTES);
    if (!share)
        return dpdk_fail(h, "cannot map what it shares with the workers", -errno);
    port.queues = (uint16_t)h->capture.dpdk.queues;
    port.guests = true;
    r = dpdk_eal_begin(h, DPDK_OWNER, getpid());
    if (r == 0)
        r = dpdk_port_find(&port, h);
    if (r == 0)
        r = dpdk_port_start(&port, h);
    return r;
}

static void publish(void)
{
    share->owner_pid = getpid();
    share->port = port.id;
    share->queues = port.queues;
    atomic_store(&share->state, DPDK_SHARE_RUNS);
    dpdk_share_wake(&share->state);
}

/* Gives the queue to who asks for it, if somebody does. 0 or -errno. */
static int serve(const struct heritage *h, uint16_t number)
{
    struct dpdk_share_queue *q = &share->queue[number];
    uint32_t asked = atomic_load(&q->asked), given = atomic_load(&q->given);
    int lost = 0;

    if (asked == given)
        return 0;
    if (given > 0)
        lost = dpdk_port_renew(&port, number);
    if (lost < 0) {
        log_warn("interface %s: its driver cannot begin a queue anew (%s): all of its workers are "
                 "started again",
                 h->capture.name, strerror(-lost));
        return lost;
    }
    q->abandoned = (uint32_t)lost;
    atomic_store(&q->given, asked);
    dpdk_share_wake(&q->given);
    return 0;
}

int dpdk_owner_keep(const struct heritage *h, const volatile int *stop)
{
    publish();
    while (!*stop && !heritage_orphaned(h)) {
        uint32_t bell = atomic_load(&share->bell);

        for (uint16_t q = 0; q < port.queues; q++)
            if (serve(h, q) < 0)
                return EX_TEMPFAIL;
        dpdk_share_wait(&share->bell, bell, LOOK_MS);
    }
    return 0;
}
