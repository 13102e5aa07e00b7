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

int main(void)
{
    static struct worker worker;
    const struct capture_ops *ops;
    const struct heritage *h = child_begin(CHILD_SIGINT_STOPS);
    int status = EX_OSERR, rc;

    if (!h)
        return EX_USAGE;
    pin(h->pin_cpu);
    ops = capture_find(h->capture.kind);
    if (ops && ops->prepare && ops->prepare(h) < 0)
        return child_stop ? 0 : EX_OSERR;
    rc = child_drop(h);
    if (rc != 0)
        return rc;
    if (h->kind == NODE_PORT)
        return ops && ops->keep ? ops->keep(h, &child_stop) : EX_UNAVAILABLE;
    if (h->capture.kind == CAPTURE_NONE)
        return worker_drain(h);
    rc = worker_open(&worker, h);
    if (rc == 0)
        status = worker_loop(&worker, &child_stop);
    else if (rc == -EBADMSG || rc == -EPROTONOSUPPORT || rc == -ENODATA)
        status = EX_DATAERR;
    worker_close(&worker);
    return status;
}
