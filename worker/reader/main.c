/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-reader: reads a capture file for several workers. Started by the manager, never by hand.
 */
#include "common/base/log.h"
#include "common/ipc/child.h"
#include "worker/reader/reader.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

static int status_of(int rc)
{
    switch (rc) {
    case 0:
        return EX_OK;
    case -EBADMSG:
    case -EPROTONOSUPPORT:
        return EX_DATAERR;
    default:
        return EX_IOERR;
    }
}

static int run(const struct heritage *h)
{
    struct counters *counters = heritage_map(h->counters_fd, COUNTERS_PAGE_BYTES);
    struct reader *reader;
    int rc;

    if (!counters) {
        log_error("cannot map the counters: %s", strerror(errno));
        return EX_OSERR;
    }
    rc = reader_open(&reader, h, counters);
    if (rc == 0)
        rc = reader_loop(reader, &child_stop);
    reader_close(reader);
    return status_of(rc);
}

int main(void)
{
    return child_main(&(struct child){.sigint = CHILD_SIGINT_STOPS, .run = run});
}
