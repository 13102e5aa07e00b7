/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-worker: one core's work. Started by the manager, never by hand. */
#include "common/base/log.h"
#include "common/ipc/child.h"
#include "worker/worker.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sysexits.h>

static void pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        log_warn("cannot pin to core %d: %s; running on any core", cpu, strerror(errno));
}

static int prepare(const struct heritage *h)
{
    const struct capture_ops *ops = capture_find(h->capture.kind);

    pin(h->pin_cpu);
    return ops && ops->prepare ? ops->prepare(h) : 0;
}

static int work(const struct heritage *h)
{
    static struct worker worker;
    int status = EX_OSERR, rc = worker_open(&worker, h);

    if (rc == 0)
        status = worker_loop(&worker, &child_stop);
    else if (rc == -EBADMSG || rc == -EPROTONOSUPPORT || rc == -ENODATA)
        status = EX_DATAERR;
    if (worker_close(&worker) > 0)
        status = EX_IOERR; /* the manager has them sent by another one */
    return status;
}

static int run(const struct heritage *h)
{
    const struct capture_ops *ops = capture_find(h->capture.kind);

    if (h->kind == NODE_PORT)
        return ops && ops->keep ? ops->keep(h, &child_stop) : EX_UNAVAILABLE;
    return h->capture.kind == CAPTURE_NONE ? worker_drain(h) : work(h);
}

int main(void)
{
    return child_main(
        &(struct child){.sigint = CHILD_SIGINT_STOPS, .prepare = prepare, .run = run});
}
