/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker alone with its device leaves no file behind. An owner and its workers find each other by
 * files below DPDK's folder, which the manager takes away when the owner is gone. They are the
 * owner's after it has given up its rights, because it answers workers that begin later: so the
 * folder is given to that user, and the workers' sockets may be written to by it. */
#include "worker/capture/dpdk_eal.h"

#include "common/base/log.h"
#include "common/ipc/dpdk_share.h"

#include <errno.h>
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dpdk_fail(const struct heritage *h, const char *what, int r)
{
    log_error("interface %s: DPDK %s: %s", h->capture.name, what, rte_strerror(-r));
    return r;
}

/* Its files lie in a folder of ours, since those of other DPDK programs are for root alone, and our
 * owner is to go on reading in it when it has given up its rights. */
static int make_folder(const struct heritage *h)
{
    if (geteuid() != 0)
        return 0;
    if ((mkdir(DPDK_SHARE_RUNTIME, 0755) < 0 && errno != EEXIST) ||
        (mkdir(DPDK_SHARE_RUNTIME "/dpdk", 0755) < 0 && errno != EEXIST) ||
        chmod(DPDK_SHARE_RUNTIME, 0755) < 0 || chmod(DPDK_SHARE_RUNTIME "/dpdk", 0755) < 0 ||
        setenv("RUNTIME_DIRECTORY", DPDK_SHARE_RUNTIME, 1) < 0)
        return dpdk_fail(h, "cannot make " DPDK_SHARE_RUNTIME "/dpdk", -errno);
    return 0;
}

/* EAL makes the folder even if it has nothing to put in it. */
static int settle_folder(const struct heritage *h, enum dpdk_role role)
{
    const char *dir = rte_eal_get_runtime_dir();

    if (role == DPDK_ALONE && dir)
        (void)rmdir(dir);
    if (role == DPDK_OWNER && geteuid() == 0 && chown(dir, h->uid, h->gid) < 0)
        return dpdk_fail(h, "cannot give its folder to the workers' user", -errno);
    return 0;
}

int dpdk_eal_begin(const struct heritage *h, enum dpdk_role role, pid_t owner_pid)
{
    static struct dpdk_args args;
    cpu_set_t cores;
    mode_t mask;
    int r;

    if (sched_getaffinity(0, sizeof cores, &cores) < 0)
        return dpdk_fail(h, "cannot ask for the worker's cores", -errno);
    r = make_folder(h);
    if (r < 0)
        return r;
    dpdk_args_build(&args, h, role, owner_pid, &cores);
    mask = umask(role == DPDK_GUEST ? 0 : 077);
    r = rte_eal_init(args.argc, args.argv);
    umask(mask);
    if (r < 0) {
        log_error("interface %s: DPDK does not start with %s: %s; what it said before tells more",
                  h->capture.name, h->capture.dpdk.device, rte_strerror(rte_errno));
        return -EIO;
    }
    return settle_folder(h, role);
}
