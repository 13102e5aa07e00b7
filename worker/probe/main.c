/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-probe: takes plaintext from processes of this host. Started by the manager, never by hand,
 * and the only child that keeps rights of root. */
#include "common/base/log.h"
#include "worker/probe/probe.h"

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

/* SIGINT is left to the manager, which wants what plaintext there still is: Ctrl-C reaches every
 * process of a terminal at once. */
static void signals_init(void)
{
    struct sigaction a = {.sa_handler = on_signal};

    sigaction(SIGTERM, &a, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

int main(void)
{
    const struct heritage *h = heritage_read();
    struct probe *probe;
    int rc;

    if (!h)
        return EX_USAGE;
    log_init(h->node, h->options.quiet ? LOG_LEVEL_WARN : LOG_LEVEL_INFO);
    signals_init();
    rc = heritage_drop_privileges(h);
    if (rc < 0) {
        log_error("cannot give up privileges: %s", strerror(-rc));
        return EX_NOPERM;
    }
    rc = probe_open(&probe, h);
    if (rc != 0)
        return rc;
    probe_loop(probe, &stop);
    probe_close(probe);
    return EX_OK;
}
