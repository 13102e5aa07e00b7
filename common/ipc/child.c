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

const struct heritage *child_begin(enum child_sigint sigint)
{
    const struct heritage *h = heritage_read();
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

    if (!h)
        return NULL;
    log_init(h->node, h->options.quiet ? LOG_LEVEL_WARN : LOG_LEVEL_INFO);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, sigint == CHILD_SIGINT_STOPS ? &stop : &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    return h;
}

int child_drop(const struct heritage *h)
{
    int rc = heritage_drop_privileges(h);

    if (rc == 0)
        return 0;
    log_error("cannot give up privileges: %s", strerror(-rc));
    return EX_NOPERM;
}
