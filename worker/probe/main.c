/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-probe: takes plaintext from processes of this host. Started by the manager, never by hand,
 * and the only child that keeps rights of root. */
#include "common/ipc/child.h"
#include "worker/probe/probe.h"

#include <sysexits.h>

static int run(const struct heritage *h)
{
    struct probe *probe;
    int rc = probe_open(&probe, h);

    if (rc != 0)
        return rc;
    probe_loop(probe, &child_stop);
    probe_close(probe);
    return EX_OK;
}

/* SIGINT is left to the manager, which wants what plaintext there still is. */
int main(void)
{
    return child_main(&(struct child){.sigint = CHILD_SIGINT_IGNORED, .run = run});
}
