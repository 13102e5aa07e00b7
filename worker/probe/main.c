/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-probe: takes plaintext from processes of this host. Started by the manager, never by hand,
 * and the only child that keeps rights of root. */
#include "common/ipc/child.h"
#include "worker/probe/probe.h"

#include <sysexits.h>

/* SIGINT is left to the manager, which wants what plaintext there still is. */
int main(void)
{
    const struct heritage *h = child_begin(CHILD_SIGINT_IGNORED);
    struct probe *probe;
    int rc;

    if (!h)
        return EX_USAGE;
    rc = child_drop(h);
    if (rc != 0)
        return rc;
    rc = probe_open(&probe, h);
    if (rc != 0)
        return rc;
    probe_loop(probe, &child_stop);
    probe_close(probe);
    return EX_OK;
}
