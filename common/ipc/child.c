/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/child.h"

#include "common/base/log.h"

#include <signal.h>
#include <string.h>
#include <sysexits.h>

volatile int child_stop;

static void on_signal(int sig)
{
    (void)sig;
    child_stop = 1;
}

static void hear_signals(enum child_sigint sigint)
{
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, sigint == CHILD_SIGINT_STOPS ? &stop : &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

int child_main(const struct child *c)
{
    const struct heritage *h = heritage_read();
    int rc;

    if (!h)
        return EX_USAGE;
    log_init(h->node, h->options.quiet ? LOG_LEVEL_WARN : LOG_LEVEL_INFO);
    hear_signals(c->sigint);
    if (c->prepare && c->prepare(h) < 0)
        return child_stop ? EX_OK : EX_OSERR;
    rc = heritage_drop_privileges(h);
    if (rc == 0)
        return c->run(h);
    log_error("cannot give up privileges: %s", strerror(-rc));
    return EX_NOPERM;
}
