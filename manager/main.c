/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-cluster: command line and manager. */
#include "common/base/log.h"
#include "manager/cli/cli.h"

#include <linux/close_range.h>
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    log_init("spliff-cluster", LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_IGN);
    /* What our caller left open is not for our children. */
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    return cli_main(argc, argv);
}
