/* SPDX-License-Identifier: BSD-3-Clause */
/* Links and filters alike go in front of the others: a program that decides what becomes of a
 * packet ends the row, and one that only looks would not see it. */
#include "manager/capture/tc_attach.h"

#include "manager/ini_file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Values of enum bpf_attach_type that the headers of libbpf 1.1 do not have. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS  ((enum bpf_attach_type)47)

/* In front of the links that are there (linux/bpf.h). */
#define TCX_FIRST (1u << 3)

/* By these our filters are known. */
#define FILTER_PRIORITY 1u
#define FILTER_HANDLE   0x5b1ff

struct tc_attached {
    int link_fd; /* -1: a filter */
    struct bpf_tc_hook hook;
    bool made_qdisc; /* it was ours, also of an earlier manager */
};

/* Names our filter; what has no program in it does no more. */
static struct bpf_tc_opts filter_name(void)
{
    return (struct bpf_tc_opts){
        .sz = sizeof(struct bpf_tc_opts), .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY};
}

static int attach_link(struct tc_attached *a, int program_fd, const struct interface *i,
                       bool egress)
{
    DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_FIRST);

    a->link_fd =
        bpf_link_create(program_fd, (int)i->index, egress ? TCX_EGRESS : TCX_INGRESS, &opts);
    return a->link_fd >= 0 ? 0 : a->link_fd;
}

static int attach_filter(struct tc_attached *a, int program_fd, const struct interface *i,
                         bool egress)
{
    struct bpf_tc_opts old = filter_name(), opts = filter_name();
    int r;

    a->hook = (struct bpf_tc_hook){.sz = sizeof a->hook,
                                   .ifindex = (int)i->index,
                                   .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS};
    r = bpf_tc_hook_create(&a->hook);
    if (r < 0 && r != -EEXIST)
        return r;
    a->made_qdisc = r == 0 || bpf_tc_query(&a->hook, &old) == 0;
    opts.prog_fd = program_fd;
    opts.flags = BPF_TC_F_REPLACE;
    return bpf_tc_attach(&a->hook, &opts);
}

/* Kernels without links for traffic control say that of the attach type. */
static bool has_no_links(int r)
{
    return r == -EINVAL || r == -ENOTSUP || r == -EOPNOTSUPP;
}

int tc_attach(struct tc_attached **out, int program_fd, const struct interface *i, bool egress,
              enum tc_way way, char *error)
{
    struct tc_attached *a = calloc(1, sizeof *a);
    int r = -EINVAL;

    if (!a)
        return interface_fail(i->name, error, -ENOMEM, "out of memory");
    a->link_fd = -1;
    libbpf_set_print(NULL); /* one line of our own is enough */
    if (way != TC_FILTER)
        r = attach_link(a, program_fd, i, egress);
    if (way == TC_FILTER || (way == TC_AUTO && has_no_links(r)))
        r = attach_filter(a, program_fd, i, egress);
    if (r == 0) {
        *out = a;
        return 0;
    }
    free(a);
    if (r == -EPERM || r == -EACCES)
        return interface_fail(i->name, error, -EPERM, "attaching a tc program needs root");
    if (r == -ENOENT)
        return interface_fail(i->name, error, -ENOTSUP,
                              "the kernel has no clsact: modprobe sch_ingress cls_bpf");
    return interface_fail(i->name, error, r, "cannot attach a tc program: %s", strerror(-r));
}

static void detach_filter(struct tc_attached *a)
{
    struct bpf_tc_opts opts = filter_name();

    bpf_tc_detach(&a->hook, &opts);
    if (!a->made_qdisc)
        return;
    a->hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* both, which is the whole of it */
    bpf_tc_hook_destroy(&a->hook);
}

void tc_detach(struct tc_attached *a)
{
    if (!a)
        return;
    if (a->link_fd >= 0)
        close(a->link_fd);
    else
        detach_filter(a);
    free(a);
}
