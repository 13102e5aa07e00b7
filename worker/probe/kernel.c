/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel can is read from its own type information before anything is loaded, so that
 * there is one way through: the programs that this kernel has a use for are loaded, the others are
 * not, and what is missing is said in words and not by a verifier's log. */
#include "worker/probe/kernel.h"

#include "bpf/processes.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/probe/kernel_hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "probe.skel.h"
#pragma GCC diagnostic pop

#define ATTACH_TYPE_UPROBE_MULTI 48
#define RING_MIN_BYTES           (64u * 1024)
#define RING_MAX_BYTES           (UINT64_C(1) << 30)
#define GO_CALLS_MIN             16384u /* every waiting read of a connection is one */
#define CPUS_MAX                 4096

struct kernel {
    struct probe_bpf *bpf;
    struct kernel_hooks *hooks;
    struct ring_buffer *ring;
    struct counters *counters;
    uint32_t own_netns;
    bool multi;   /* the kernel has uprobe_multi */
    bool lengths; /* and tracepoints at the end of socket calls */
    int cpus;
    char *error;
    size_t error_bytes;
    uint64_t *stat_values; /* of one counter, by CPU */

    /* During kernel_poll. */
    void (*take)(void *arg, const struct probe_event *e);
    void *arg;
    int left;
    struct kernel *next_abandoned;
};

static int __attribute__((format(printf, 3, 4)))
fail(const struct kernel *k, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(k->error, k->error_bytes, fmt, ap);
    va_end(ap);
    return code;
}

/* "confidentiality" forbids programs to read memory. */
static bool locked_down(void)
{
    char text[128] = "";
    FILE *f = fopen("/sys/kernel/security/lockdown", "re");

    if (!f)
        return false;
    if (!fgets(text, sizeof text, f))
        text[0] = '\0';
    fclose(f);
    return strstr(text, "[confidentiality]") != NULL;
}

static bool has_type(const struct btf *btf, const char *name, uint32_t kind)
{
    return btf__find_by_name_kind(btf, name, kind) > 0;
}

/* Perf events of uprobes were open to CAP_PERFMON from 5.8 on; newer and patched kernels want
 * CAP_SYS_ADMIN again, as hooks can be put between instructions. uprobe_multi does not. */
static bool is_admin(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};

    return syscall(SYS_capget, &head, caps) == 0 && caps[0].effective & 1u << CAP_SYS_ADMIN;
}

/* From 6.11 on a function that is hooked at its return ends in a system call on x86-64, and until
 * 6.14 that went through the filters of programs that restrict theirs. */
#if defined(__x86_64__)
static void warn_of_filters(void)
{
    struct utsname u;
    unsigned major, minor;

    if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2 || major != 6 ||
        minor < 11 || minor > 13)
        return;
    log_warn("this kernel (%s) may end programs that restrict their system calls (seccomp: in "
             "containers, by systemd) when a TLS function of theirs returns; fixed in 6.14, and in "
             "some 6.12 and 6.13: update it, or leave such programs' libraries out of `libraries`",
             u.release);
}
#endif

/* What this kernel has. SPLIFF_PROBE_FALLBACK in the environment, for tests: as if it were an old
 * one. */
static int ask_kernel(struct kernel *k)
{
    bool old = getenv("SPLIFF_PROBE_FALLBACK") != NULL;
    struct btf *btf;

    if (locked_down())
        return fail(k, -EPERM,
                    "kernel lockdown is in mode confidentiality, which forbids probes to read "
                    "memory: boot with lockdown=integrity or without");
    btf = btf__load_vmlinux_btf();
    if (!btf)
        return fail(k, -ENOTSUP,
                    "the kernel has no type information (/sys/kernel/btf/vmlinux): use one that is "
                    "built with CONFIG_DEBUG_INFO_BTF");
    k->lengths = has_type(btf, "btf_trace_sock_send_length", BTF_KIND_TYPEDEF) && !old;
    k->multi = has_type(btf, "bpf_uprobe_multi_link", BTF_KIND_STRUCT) && !old;
    if (!k->multi && !has_type(btf, "bpf_perf_link", BTF_KIND_STRUCT)) {
        btf__free(btf);
        return fail(k, -ENOTSUP, "the kernel is too old: probes need 5.15 or newer");
    }
    btf__free(btf);
    if (!k->multi && access("/sys/bus/event_source/devices/uprobe/type", R_OK) < 0)
        return fail(k, -ENOTSUP,
                    "the kernel has no uprobes: use one that is built with CONFIG_UPROBE_EVENTS");
#if defined(__x86_64__)
    warn_of_filters();
#endif
    if (!k->multi && !is_admin())
        log_warn("the kernel has no uprobe_multi (before 6.6): it may refuse each hook to a probe "
                 "without CAP_SYS_ADMIN");
    return 0;
}

static uint32_t power_of_two(uint64_t bytes)
{
    uint64_t size = RING_MIN_BYTES;

    while (size < bytes && size < RING_MAX_BYTES)
        size *= 2;
    return (uint32_t)size;
}

/* Sizes, constants, and which programs. */
static int configure(struct kernel *k, const struct probe_config *config, uint64_t ring_bytes,
                     uint32_t sessions, int processes_fd)
{
    struct probe_bpf *b = k->bpf;
    uint32_t call_max = PROBE_CHUNKS * PROBE_CHUNK_MAX;
    uint32_t go_calls = sessions < GO_CALLS_MIN ? GO_CALLS_MIN : sessions;
    int r;

    CHECK(config->n_pids <= 16 && config->n_ppids <= 16 && config->n_comms <= 16 &&
          config->n_addresses <= PROBE_ADDRESSES_MAX);
    b->rodata->config = *config;
    if (config->call_max > call_max)
        b->rodata->config.call_max = call_max;
    b->rodata->own_pid = (uint32_t)getpid();
    b->rodata->has_lengths = k->lengths;
    b->rodata->has_processes = processes_fd >= 0;
    r = processes_fd < 0 ? bpf_map__set_autocreate(b->maps.flow_processes, false)
                         : bpf_map__reuse_fd(b->maps.flow_processes, processes_fd);
    bpf_map__set_max_entries(b->maps.sessions, sessions);
    bpf_map__set_max_entries(b->maps.claims, sessions);
    bpf_map__set_max_entries(b->maps.go_calls, go_calls);
    bpf_map__set_max_entries(b->maps.ring, power_of_two(ring_bytes));
    bpf_program__set_autoload(b->progs.on_send, k->lengths);
    bpf_program__set_autoload(b->progs.on_receive, k->lengths);
    bpf_program__set_autoload(b->progs.on_syscall, !k->lengths);
    if (r < 0 || !k->multi)
        return r;
    bpf_program__set_expected_attach_type(b->progs.on_entry, ATTACH_TYPE_UPROBE_MULTI);
    return bpf_program__set_expected_attach_type(b->progs.on_return, ATTACH_TYPE_UPROBE_MULTI);
}

static int load(struct kernel *k)
{
    int r = probe_bpf__load(k->bpf);

    if (r == 0)
        return 0;
    if (r == -EPERM || r == -EACCES)
        return fail(k, r,
                    "the kernel refuses the probe's programs (%s): run as root, in a container "
                    "with CAP_BPF and CAP_PERFMON",
                    strerror(-r));
    if (r == -ENOMEM || r == -E2BIG)
        return fail(k, r, "no memory for the probe's tables: set plaintext_ring_size lower");
    return fail(k, r, "the kernel cannot load the probe's programs: %s", strerror(-r));
}

static int watch_sockets(struct kernel *k)
{
    struct probe_bpf *b = k->bpf;

    if (k->lengths) {
        b->links.on_send = bpf_program__attach(b->progs.on_send);
        b->links.on_receive = bpf_program__attach(b->progs.on_receive);
        if (!b->links.on_send || !b->links.on_receive)
            return fail(k, -errno, "cannot watch sockets (tracepoint sock_send_length): %s",
                        strerror(errno));
        return 0;
    }
    log_info("sockets are watched by the beginning of system calls: the kernel has no tracepoint "
             "at the end of theirs (before 6.3)");
    b->links.on_syscall = bpf_program__attach(b->progs.on_syscall);
    if (!b->links.on_syscall)
        return fail(k, -errno, "cannot watch sockets (tracepoint sys_enter): %s", strerror(errno));
    return 0;
}

/* Who has the sockets that are there already. Without it owners are known as their sockets are
 * used. */
static void snapshot(struct kernel *k)
{
    struct bpf_link *link = bpf_program__attach_iter(k->bpf->progs.on_file, NULL);
    char nothing[64];
    int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;

    if (fd < 0)
        log_debug("cannot list the sockets of all processes: %s", strerror(errno));
    while (fd >= 0 && read(fd, nothing, sizeof nothing) > 0)
        continue;
    if (fd >= 0)
        close(fd);
    bpf_link__destroy(link);
}

/* Called by libbpf for an event: a negative result ends the call that reads. */
static int on_event(void *arg, void *data, size_t bytes)
{
    struct kernel *k = arg;
    const struct probe_event *e = data;

    CHECK(bytes >= sizeof *e && e->len <= bytes - sizeof *e);
    k->counters->probe_events++;
    if (e->type == PROBE_EVENT_DATA)
        k->counters->probe_bytes += e->len;
    k->take(k->arg, e);
    return --k->left > 0 ? 0 : -ENOBUFS;
}

static int open_all(struct kernel *k, const struct probe_config *config, uint64_t ring_bytes,
                    uint32_t sessions, int processes_fd)
{
    int r = ask_kernel(k);

    if (r < 0)
        return r;
    k->bpf = probe_bpf__open();
    k->cpus = libbpf_num_possible_cpus();
    if (!k->bpf || k->cpus <= 0 || k->cpus > CPUS_MAX)
        return fail(k, -EINVAL, "cannot read the probe's programs");
    k->stat_values = calloc((size_t)k->cpus, sizeof *k->stat_values);
    if (!k->stat_values)
        return fail(k, -ENOMEM, "no memory");
    r = configure(k, config, ring_bytes, sessions, processes_fd);
    if (r < 0)
        return fail(k, r, "cannot set up the probe's programs: %s", strerror(-r));
    r = load(k);
    if (r == 0)
        r = watch_sockets(k);
    if (r < 0)
        return r;
    snapshot(k);
    k->ring = ring_buffer__new(bpf_map__fd(k->bpf->maps.ring), on_event, k, NULL);
    if (!k->ring)
        return fail(k, -errno, "cannot map the probe's ring: %s", strerror(errno));
    k->hooks = kernel_hooks_open(k->bpf->progs.on_entry, k->bpf->progs.on_return, k->multi);
    if (!k->hooks)
        return fail(k, -errno, "cannot start a thread: %s", strerror(errno));
    return 0;
}

int kernel_open(struct kernel **out, const struct probe_config *config, uint64_t ring_bytes,
                uint32_t sessions, int processes_fd, struct counters *c, char *error,
                size_t error_bytes)
{
    struct kernel *k = calloc(1, sizeof *k);
    int r;

    *out = NULL;
    if (!k) {
        snprintf(error, error_bytes, "no memory");
        return -ENOMEM;
    }
    libbpf_set_print(NULL); /* one line of our own is enough */
    k->counters = c;
    k->error = error;
    k->error_bytes = error_bytes;
    k->own_netns = config->own_netns;
    r = open_all(k, config, ring_bytes, sessions, processes_fd);
    if (r < 0) {
        kernel_close(k);
        return r;
    }
    *out = k;
    return 0;
}

/* Closed while hooks were still being detached: their programs stay to the end of the process. */
static struct kernel *abandoned;

void kernel_close(struct kernel *k)
{
    if (!k)
        return;
    if (k->ring)
        ring_buffer__free(k->ring);
    free(k->stat_values);
    if (k->hooks && !kernel_hooks_close(k->hooks)) {
        k->next_abandoned = abandoned;
        abandoned = k;
        return;
    }
    probe_bpf__destroy(k->bpf);
    free(k);
}

const char *kernel_attach_name(const struct kernel *k)
{
    return k->multi ? "uprobe_multi" : "uprobe";
}

int kernel_attach(struct kernel *k, const char *path, uint16_t image, const struct plan *p)
{
    return kernel_hooks_attach(k->hooks, path, image, p);
}

void kernel_detach(struct kernel *k, int handle)
{
    kernel_hooks_detach(k->hooks, handle);
}

void kernel_watch(struct kernel *k, pid_t pid)
{
    uint32_t key = (uint32_t)pid, flags = 0;
    int map = bpf_map__fd(k->bpf->maps.watched);

    if (bpf_map_lookup_elem(map, &key, &flags) < 0 || !(flags & PROBE_WATCH_SOCKETS)) {
        flags |= PROBE_WATCH_SOCKETS;
        bpf_map_update_elem(map, &key, &flags, BPF_ANY);
    }
}

void kernel_unwatch(struct kernel *k, pid_t pid)
{
    uint32_t key = (uint32_t)pid;

    bpf_map_delete_elem(bpf_map__fd(k->bpf->maps.watched), &key);
}

int kernel_fd(const struct kernel *k)
{
    return ring_buffer__epoll_fd(k->ring);
}

int kernel_poll(struct kernel *k, void (*take)(void *arg, const struct probe_event *e), void *arg,
                int max)
{
    k->take = take;
    k->arg = arg;
    k->left = max;
    ring_buffer__consume(k->ring);
    return max - k->left;
}

static uint64_t stat_sum(struct kernel *k, uint32_t stat)
{
    uint64_t sum = 0;

    if (bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.stats), &stat, k->stat_values) < 0)
        return 0;
    for (int i = 0; i < k->cpus; i++)
        sum += k->stat_values[i];
    return sum;
}

void kernel_count(struct kernel *k)
{
    struct counters *c = k->counters;

    c->probe_calls = stat_sum(k, PROBE_STAT_CALLS);
    c->probe_ring_bytes = stat_sum(k, PROBE_STAT_RING_BYTES);
    c->probe_cut_bytes = stat_sum(k, PROBE_STAT_CUT_BYTES);
    c->probe_fault_bytes = stat_sum(k, PROBE_STAT_FAULT_BYTES);
    c->probe_table_full = stat_sum(k, PROBE_STAT_TABLE_FULL);
    c->probe_filtered = stat_sum(k, PROBE_STAT_FILTERED);
    c->probe_processes_lost = stat_sum(k, PROBE_STAT_PROCESS_LOST);
}

static pid_t owner_find(struct kernel *k, const struct probe_owner_key *key)
{
    uint32_t pid = 0;

    if (bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.owners), key, &pid) < 0)
        return 0;
    return (pid_t)pid;
}

/* A UDP socket that talks with many: bound to the address or to any, of either family. */
static pid_t owner_unconnected(struct kernel *k, struct probe_owner_key *key)
{
    pid_t pid;

    key->remote_port = 0;
    memset(key->remote, 0, sizeof key->remote);
    if (memcmp(key->local, ipaddr_v4_prefix, sizeof ipaddr_v4_prefix) == 0) {
        memcpy(key->remote, ipaddr_v4_prefix, sizeof ipaddr_v4_prefix);
        pid = owner_find(k, key);
        memset(key->local + sizeof ipaddr_v4_prefix, 0, 4);
        if (pid == 0)
            pid = owner_find(k, key);
        memset(key->remote, 0, sizeof key->remote);
    } else {
        pid = owner_find(k, key);
    }
    memset(key->local, 0, sizeof key->local);
    return pid != 0 ? pid : owner_find(k, key);
}

pid_t kernel_owner(struct kernel *k, const struct flow_key *key, unsigned end)
{
    struct probe_owner_key o = {.local_port = key->port[end],
                                .remote_port = key->port[!end],
                                .proto = key->proto,
                                .netns = k->own_netns};
    pid_t pid;

    memcpy(o.local, key->addr[end].b, sizeof o.local);
    memcpy(o.remote, key->addr[!end].b, sizeof o.remote);
    pid = owner_find(k, &o);
    if (pid != 0)
        return pid;
    if (key->proto == IPPROTO_UDP)
        return owner_unconnected(k, &o);
    o.netns = 0; /* any, of what is not a loopback's */
    return owner_find(k, &o);
}
