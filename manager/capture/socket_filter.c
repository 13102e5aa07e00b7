/* SPDX-License-Identifier: BSD-3-Clause */
/* The user's filter is a program of its own, which ends with a jump to the other one through a
 * program array. Such an array forgets its programs when the last descriptor of it is closed, hence
 * it stays open as long as the manager lives. */
#include "manager/capture/socket_filter.h"

#include "common/base/linktype.h"
#include "common/base/log.h"
#include "manager/capture/filter_bpf.h"
#include "manager/prefilter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Flows whose packets are shared out by other things than the flow are not one worker's alone. */
static bool may_shunt(const struct capture_request *r)
{
    const struct options *o = r->options;

    return o->format != OUTPUT_PCAP && (r->n_workers == 1 || o->fanout_mode == FANOUT_HASH) &&
           (o->shunt_tls || o->shunt_unknown || o->shunt_body || o->shunt_plaintext ||
            o->shunt_elephant);
}

static bool is_wanted(const struct capture_request *r)
{
    return r->prefilter || may_shunt(r);
}

#ifdef HAVE_LIBBPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "shunt.skel.h"
#pragma GCC diagnostic pop

struct socket_filter {
    struct shunt_bpf *bpf;
    bool shunts;
    int next_fd, user_fd; /* the user's filter and where it goes on, or -1 */
};

/* Loads what the user's filter is translated to, in front of the other program. */
static int load_user(struct socket_filter *f, const struct filter *user)
{
    struct sock_fprog classic = filter_program(user);
    size_t max = FILTER_BPF_MAX(classic.len);
    struct bpf_insn *insns = calloc(max, sizeof *insns);
    int program = bpf_program__fd(f->bpf->progs.shunt), n;
    uint32_t zero = 0;

    if (!insns)
        return -ENOMEM;
    f->next_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "spliff_next", sizeof zero, sizeof program,
                                1, NULL);
    n = f->next_fd < 0 ? f->next_fd : bpf_map_update_elem(f->next_fd, &zero, &program, BPF_ANY);
    if (n == 0)
        n = filter_bpf_translate(&classic, insns, max, f->next_fd);
    if (n > 0)
        n = f->user_fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "spliff_filter", "Dual BSD/GPL",
                                       insns, (size_t)n, NULL);
    free(insns);
    return n < 0 ? n : 0;
}

static int load(struct socket_filter *f, const struct capture_request *r, const struct interface *i,
                const struct filter *user)
{
    uint32_t flows = (uint32_t)r->options->shunt_table_size * r->n_workers;
    int err;

    libbpf_set_print(NULL); /* one line of our own is enough */
    f->bpf = shunt_bpf__open();
    if (!f->bpf)
        return -errno;
    f->bpf->rodata->shunt_l3 = i->linktype != LINKTYPE_ETHERNET;
    f->bpf->rodata->shunt_skip_outgoing = i->loopback;
    f->bpf->rodata->flows_preempted = r->preempts;
    f->bpf->rodata->prefilter_used = r->prefilter != NULL;
    err = bpf_map__set_max_entries(f->bpf->maps.shunt_flows, flows);
    if (err == 0)
        err = bpf_map__set_max_entries(f->bpf->maps.shunt_shunts, flows);
    if (err == 0)
        err = prefilter_use(r->prefilter, f->bpf->obj);
    if (err == 0)
        err = shunt_bpf__load(f->bpf);
    if (err == 0 && user)
        err = load_user(f, user);
    return err;
}

struct socket_filter *socket_filter_open(const struct capture_request *r, const struct interface *i,
                                         const struct filter *user)
{
    struct socket_filter *f = is_wanted(r) ? calloc(1, sizeof *f) : NULL;
    int err;

    if (!f)
        return NULL;
    f->shunts = may_shunt(r);
    f->next_fd = f->user_fd = -1;
    err = load(f, r, i, user);
    if (err == 0)
        return f;
    log_warn("interface %s: cannot load the program that counts shunted flows (%s): all packets "
             "come up",
             r->interface, strerror(-err));
    socket_filter_close(f);
    return NULL;
}

void socket_filter_close(struct socket_filter *f)
{
    if (!f)
        return;
    if (f->user_fd >= 0)
        close(f->user_fd);
    if (f->next_fd >= 0)
        close(f->next_fd);
    shunt_bpf__destroy(f->bpf);
    free(f);
}

int socket_filter_give(const struct socket_filter *f, struct heritage_capture *out)
{
    int program = f->user_fd >= 0 ? f->user_fd : bpf_program__fd(f->bpf->progs.shunt);

    out->program_fd = fcntl(program, F_DUPFD_CLOEXEC, 3);
    if (out->program_fd < 0 || !f->shunts)
        return out->program_fd < 0 ? -errno : 0;
    out->flows_fd = fcntl(bpf_map__fd(f->bpf->maps.shunt_flows), F_DUPFD_CLOEXEC, 3);
    out->shunted_fd = fcntl(bpf_map__fd(f->bpf->maps.shunt_shunts), F_DUPFD_CLOEXEC, 3);
    out->shunted_page_fd = fcntl(bpf_map__fd(f->bpf->maps.shunt_shunted), F_DUPFD_CLOEXEC, 3);
    return out->flows_fd < 0 || out->shunted_fd < 0 || out->shunted_page_fd < 0 ? -errno : 0;
}
#else
struct socket_filter *socket_filter_open(const struct capture_request *r, const struct interface *i,
                                         const struct filter *user)
{
    (void)i;
    (void)user;
    if (is_wanted(r))
        log_warn("interface %s: built without libbpf: flows cannot be shunted, all packets come up",
                 r->interface);
    return NULL;
}

void socket_filter_close(struct socket_filter *f)
{
    (void)f;
}

int socket_filter_give(const struct socket_filter *f, struct heritage_capture *out)
{
    (void)f;
    (void)out;
    return -ENOTSUP;
}
#endif
