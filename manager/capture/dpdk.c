/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode dpdk: the workers open the device themselves, in programs of their own; here is decided what
 * each opens and from which memory.
 *
 * Behind the virtual device net_af_xdp is an interface of the kernel. For it the same holds as in
 * mode af_xdp: one that the host uses is refused. The program that takes the frames is attached by
 * the first worker and, since workers have no right to, taken away here. */
#include "manager/capture/dpdk_device.h"
#include "manager/capture/dpdk_leftover.h"
#include "manager/capture/dpdk_pci.h"
#include "manager/capture/dpdk_sizes.h"
#include "manager/capture/host_use.h"
#include "manager/capture/interface.h"
#include "manager/capture/opener.h"
#ifdef HAVE_LIBXDP
#include "manager/capture/xdp_attach.h"
#endif

#include "common/base/linktype.h"
#include "common/base/log.h"
#include "common/ipc/dpdk_share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEFTOVER_FOLDER DPDK_SHARE_RUNTIME "/dpdk"
#define MOUNTS          "/proc/self/mounts"

struct opened {
    char device[HERITAGE_DEVICE_MAX];
    int share_fd; /* with the owner of its port; -1: there is none */
    char huge_folder[HERITAGE_PATH_MAX];
    struct xdp_attached *guard; /* NULL: there is no interface of the kernel behind it */
    int promiscuous_fd;         /* of that interface; -1: it is not to be */
};

static bool is_af_xdp(const struct capture_request *r)
{
    return strncmp(r->interface, "net_af_xdp", strlen("net_af_xdp")) == 0;
}

static int choose_sizes(const struct capture_request *r, int numa_node, struct dpdk_sizes *out,
                        char *error)
{
    struct dpdk_sizes_free there;

    dpdk_sizes_look(&there, "", numa_node);
    if (dpdk_sizes_choose(out, r->options, r->n_workers, is_af_xdp(r), &there) == 0)
        return 0;
    return interface_fail(r->interface, error, -ENOMEM,
                          "too few huge pages are free: sysctl vm.nr_hugepages=%llu, or set "
                          "huge_pages to auto",
                          (unsigned long long)(out->memory_bytes * r->n_workers >> 21));
}

/* The interface of the kernel that the driver reads, as in mode af_xdp. It is made promiscuous
 * here: the driver would leave it so. */
static int guard_interface(struct opened *o, const struct capture_request *r, char *error)
{
    char name[64], why[128];
    struct interface i;
    int code;

    if (!is_af_xdp(r) || !dpdk_device_argument(r->interface, "iface", name, sizeof name))
        return 0;
    code = interface_find(&i, name, error);
    if (code < 0)
        return code;
    if (!r->options->force && host_use_find(name, why, sizeof why))
        return interface_fail(name, error, -EBUSY,
                              "it %s, and DPDK takes all its frames away from this host: capture "
                              "from a tap or mirror port, or with another method, or say force",
                              why);
    if (r->options->promiscuous && (o->promiscuous_fd = interface_make_promiscuous(&i, error)) < 0)
        return o->promiscuous_fd;
#ifdef HAVE_LIBXDP
    return xdp_guard(&o->guard, &i, error);
#else
    return 0;
#endif
}

/* The owner and its workers share memory, which only files of huge pages can be. */
static int open_share(struct opened *o, const struct capture_request *r,
                      const struct dpdk_sizes *sizes, char *error)
{
    if (!dpdk_device_is_owned(r->interface, r->n_workers, r->options->dpdk_port_owner))
        return 0;
    if (!sizes->huge_pages)
        return interface_fail(
            r->interface, error, -ENOMEM,
            "several workers share its port in huge pages, and too few are free: sysctl "
            "vm.nr_hugepages=%llu, and huge_pages must not be never",
            (unsigned long long)(sizes->memory_bytes * r->n_workers >> 21));
    if (!dpdk_leftover_huge_folder(MOUNTS, o->huge_folder, sizeof o->huge_folder))
        return interface_fail(r->interface, error, -ENOENT,
                              "huge pages are mounted nowhere: mkdir -p /dev/hugepages; mount -t "
                              "hugetlbfs none /dev/hugepages");
    o->share_fd =
        heritage_shm("spliff-port", dpdk_share_bytes(r->n_workers, dpdk_orders_flows(r->options)));
    return o->share_fd < 0
               ? interface_fail(r->interface, error, o->share_fd, "cannot make shared memory")
               : 0;
}

static void dpdk_tick(struct opened *o)
{
    if (o->share_fd >= 0)
        dpdk_leftover_remove(LEFTOVER_FOLDER, o->huge_folder);
}

static void remove_leftovers(const char *huge_folder)
{
    dpdk_leftover_remove(LEFTOVER_FOLDER, huge_folder);
    if (rmdir(LEFTOVER_FOLDER) == 0)
        (void)rmdir(DPDK_SHARE_RUNTIME);
}

static void find_huge_folder(char out[HERITAGE_PATH_MAX])
{
    if (!dpdk_leftover_huge_folder(MOUNTS, out, HERITAGE_PATH_MAX))
        out[0] = '\0';
}

static void dpdk_sweep(void)
{
    char huge_folder[HERITAGE_PATH_MAX];

    find_huge_folder(huge_folder);
    remove_leftovers(huge_folder);
}

static void dpdk_close(struct opened *o)
{
    if (o->promiscuous_fd >= 0)
        close(o->promiscuous_fd);
#ifdef HAVE_LIBXDP
    xdp_detach(o->guard);
#endif
    remove_leftovers(o->huge_folder);
    if (o->share_fd >= 0)
        close(o->share_fd);
    free(o);
}

/* Whether a device of the PCI bus can be had, and its memory node; -1 of others. */
static int check_device(const struct capture_request *r, int *numa_node, char *error)
{
    char why[320];
    int code;

    *numa_node = -1;
    if (!dpdk_device_is_pci(r->interface))
        return 0;
    code = dpdk_pci_check(DPDK_PCI_SYSFS, r->interface, numa_node, why, sizeof why);
    return code < 0 ? interface_fail(r->interface, error, code, "%s", why) : 0;
}

static int open_worker(const struct opened *o, const struct capture_request *r, uint32_t number,
                       const struct dpdk_sizes *sizes, int numa_node, struct heritage_capture *out,
                       char *error)
{
    char why[160];
    int code;

    *out = (struct heritage_capture){
        .kind = CAPTURE_DPDK,
        HERITAGE_CAPTURE_NO_FDS,
        .linktype = LINKTYPE_ETHERNET,
        .dpdk = {.huge_pages = sizes->huge_pages,
                 .promiscuous = r->options->promiscuous && !is_af_xdp(r),
                 .numa_node = numa_node,
                 .memory_bytes = sizes->memory_bytes,
                 .descriptors = sizes->descriptors},
    };
    memcpy(out->dpdk.sized_by, sizes->why, sizeof out->dpdk.sized_by);
    snprintf(out->name, sizeof out->name, "%s", r->interface);
    code = dpdk_device_share(r->interface, number, r->n_workers, r->options->dpdk_port_owner,
                             &out->dpdk, why, sizeof why);
    if (code < 0)
        return interface_fail(r->interface, error, code, "%s", why);
    if (o->share_fd >= 0)
        out->memory_fd = fcntl(o->share_fd, F_DUPFD_CLOEXEC, 3);
    if (out->dpdk.queues > 0) /* the owner takes the memory of all */
        out->dpdk.memory_bytes *= out->dpdk.queues;
    return out->dpdk.queues > 0 && out->memory_fd < 0 ? -errno : 0;
}

static int dpdk_open(const struct capture_request *r, struct heritage_capture *const *out,
                     struct opened **opened, char *error)
{
    struct opened *o = calloc(1, sizeof *o);
    struct dpdk_sizes sizes;
    int numa_node = -1, code;

    if (!o)
        return interface_fail(r->interface, error, -ENOMEM, "out of memory");
    o->share_fd = o->promiscuous_fd = -1;
    snprintf(o->device, sizeof o->device, "%s", r->interface);
    find_huge_folder(o->huge_folder);
    code = check_device(r, &numa_node, error);
    if (code >= 0)
        code = choose_sizes(r, numa_node, &sizes, error);
    if (code >= 0)
        code = open_share(o, r, &sizes, error);
    for (uint32_t i = 0; i < r->n_workers && code >= 0; i++)
        code = open_worker(o, r, i, &sizes, numa_node, out[i], error);
    if (code >= 0)
        code = guard_interface(o, r, error);
    if (code < 0) {
        dpdk_close(o);
        return code;
    }
    *opened = o;
    return 0;
}

static void dpdk_link(const struct opened *o, char *name, size_t bytes)
{
    if (!dpdk_device_link(o->device, name, bytes))
        name[0] = '\0';
}

const struct opener opener_dpdk = {
    .mode = MODE_DPDK,
    .sweep = dpdk_sweep,
    .open = dpdk_open,
    .link = dpdk_link,
    .tick = dpdk_tick,
    .close = dpdk_close,
};
