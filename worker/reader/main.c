/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-reader: reads a capture file for several workers. Started by the manager, never by hand.
 */
#include "common/base/log.h"
#include "worker/reader/reader.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

static volatile int stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static void signals_init(void)
{
    struct sigaction a = {.sa_handler = on_signal};

    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

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

int main(void)
{
    const struct heritage *h = heritage_read();
    struct counters *counters;
    struct reader *reader;
    int rc;

    if (!h)
        return EX_USAGE;
    log_init(h->node, LOG_LEVEL_INFO);
    signals_init();
    rc = heritage_drop_privileges(h);
    if (rc < 0) {
        log_error("cannot give up privileges: %s", strerror(-rc));
        return EX_NOPERM;
    }
    counters = heritage_map(h->counters_fd, COUNTERS_PAGE_BYTES);
    if (!counters) {
        log_error("cannot map the counters: %s", strerror(errno));
        return EX_OSERR;
    }
    rc = reader_open(&reader, h, counters);
    if (rc == 0)
        rc = reader_loop(reader, &stop);
    reader_close(reader);
    return status_of(rc);
}
