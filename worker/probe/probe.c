/* SPDX-License-Identifier: BSD-3-Clause */
/* What a turn of the loop does, in this order:
 *
 *   discover       new images are planned and hooked, processes noted: before the ring, so that
 *                  whoever speaks in it is known even if it is over by now
 *   the ring       events become items, items messages, and those are sent
 *   ended          processes whose end was told before the ring was read, if the ring is empty:
 *                  only now is it sure that nothing of theirs is left in it
 *   bus, sockets   questions are answered; claims of flows are taken, and sessions that waited for
 *                  them sent; a worker that came (back) is told its sessions anew
 *   each second    counters, addresses of the interfaces, whether the manager lives
 *
 * While events come the ring is read every GATHER_MS only: the plaintext of that time goes in one
 * message a worker, which holds it longer than that for its packets anyway, and the programs that
 * are watched need not wake us each time.
 *
 * Nothing waits but poll(2) at the end. A worker that is slow fills its own queue and loses its own
 * plaintext, counted; attaching takes a millisecond an image, and detaching is done elsewhere. */
#include "worker/probe/probe.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/bus.h"
#include "common/ipc/claim.h"
#include "common/ipc/plaintext_socket.h"
#include "common/schema/process_filter.h"
#include "worker/probe/claims.h"
#include "worker/probe/discover.h"
#include "worker/probe/hooking.h"
#include "worker/probe/images.h"
#include "worker/probe/kernel.h"
#include "worker/probe/outbox.h"
#include "worker/probe/owners.h"
#include "worker/probe/process.h"
#include "worker/probe/route.h"
#include "worker/probe/sessions.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#define PENDING_BYTES   (UINT64_C(32) * 1024 * 1024)
#define PROCESSES_MAX   16384u
#define CLAIMS_MAX      65536u
#define EVENTS_TURN     2048 /* taken from the ring before anything else is looked at */
#define DISCOVER_TURNS  64   /* of discovery before the ring is looked at, if it is behind */
#define ENDED_MAX       4096u
#define TICK_NS         NS_PER_SEC
#define GATHER_MS       3
#define RETRY_MS        2 /* a full queue is tried again */
#define FINISH_TURNS    50
#define FINISH_PAUSE_US 2000

struct probe {
    const struct heritage *heritage;
    struct counters *c;
    struct route route;
    struct claims *claims; /* NULL: our hash decides everywhere */
    struct process_table *processes;
    struct sessions *sessions;
    struct images *images;
    struct kernel *kernel;
    struct discover *discover;
    struct hooking hooking;
    struct owners owners;
    struct plaintext_socket *socket;
    struct bus *bus;
    struct outbox outbox;
    bool busy;              /* events came in this turn */
    uint64_t discovered_ns; /* up to then processes are known */
    int64_t wall_offset_ns;
    uint64_t tick_ns; /* when the next one is due */
    uint64_t sweep_ns;
    unsigned n_ended;
    pid_t ended[ENDED_MAX];
};

static int on_send(void *user, const char *node, const void *body, size_t len)
{
    struct probe *p = user;

    return plaintext_socket_send(p->socket, node, body, len);
}

static bool on_item(void *user, unsigned worker, const struct plaintext_item *item)
{
    struct probe *p = user;

    return outbox_add(&p->outbox, worker, item);
}

static const struct session_image *on_image_of(void *user, uint16_t number)
{
    struct probe *p = user;
    const struct image *i = images_at(p->images, number);

    return i ? &i->session : NULL;
}

/* Up to now. True: there is more to discover. */
static bool discover(struct probe *p)
{
    unsigned turns = 1;

    p->discovered_ns = clock_mono_ns();
    while (discover_run(p->discover, p->discovered_ns))
        if (turns++ == DISCOVER_TURNS)
            return true;
    if (p->owners.hooked_ns == 0)
        p->owners.hooked_ns = clock_wall_ns();
    return false;
}

/* What is newer than all that is known of processes may be of one that is not known yet. */
static void on_event(void *user, const struct probe_event *e)
{
    struct probe *p = user;

    if (e->ts_ns > p->discovered_ns)
        (void)discover(p);
    sessions_event(p->sessions, e, p->wall_offset_ns);
}

static void on_image(void *user, const struct discovered *d)
{
    struct probe *p = user;

    if (hooking_image(&p->hooking, d)) {
        kernel_watch(p->kernel, d->pid);
        (void)process_table_get(p->processes, d->pid); /* while it is there to be asked */
    }
}

static void on_fork(void *user, pid_t parent, pid_t pid)
{
    struct probe *p = user;

    process_table_fork(p->processes, parent, pid);
    if (images_fork(p->images, parent, pid))
        kernel_watch(p->kernel, pid);
}

static void on_exec(void *user, pid_t pid)
{
    struct probe *p = user;

    process_table_stale(p->processes, pid);
    if (images_exec(p->images, pid))
        kernel_unwatch(p->kernel, pid);
}

static void on_program(void *user, pid_t pid, const char *name, const char *path)
{
    struct probe *p = user;

    process_table_program(p->processes, pid, name, path);
}

static void process_ended(struct probe *p, pid_t pid)
{
    sessions_exit(p->sessions, (uint32_t)pid, clock_wall_ns());
    process_table_stale(p->processes, pid);
}

static void on_exit_of(void *user, pid_t pid)
{
    struct probe *p = user;

    if (images_exit(p->images, pid))
        kernel_unwatch(p->kernel, pid);
    if (p->n_ended < ENDED_MAX)
        p->ended[p->n_ended++] = pid;
    else
        process_ended(p, pid);
}

static int config_make(struct probe_config *out, const struct options *o, struct process_filter *f,
                       uint32_t netns)
{
    char error[256];
    uint64_t cgroup;

    if (process_filter_parse(o, f, error, sizeof error) < 0 ||
        process_filter_cgroup(o->probe_cgroup, &cgroup, error, sizeof error) < 0 ||
        !plan_check_list(o->probe_libraries, error, sizeof error)) {
        log_error("%s", error);
        return -EINVAL;
    }
    *out = (struct probe_config){.cgroup = cgroup,
                                 .n_pids = f->n_pids,
                                 .n_ppids = f->n_ppids,
                                 .n_comms = f->n_comms,
                                 .n_addresses = f->addresses.n,
                                 .call_max = (unsigned)o->plaintext_call_max,
                                 .own_netns = netns};
    _Static_assert(sizeof f->pids == sizeof out->pids && sizeof f->comms == sizeof out->comms &&
                       LOCAL_NETS_MAX <= PROBE_ADDRESSES_MAX,
                   "what the options take, the programs take");
    memcpy(out->pids, f->pids, sizeof out->pids);
    memcpy(out->ppids, f->ppids, sizeof out->ppids);
    memcpy(out->comms, f->comms, sizeof out->comms);
    for (unsigned i = 0; i < f->addresses.n; i++) {
        memcpy(out->addresses[i].prefix, f->addresses.net[i].addr.b,
               sizeof f->addresses.net[i].addr);
        out->addresses[i].bits = f->addresses.net[i].bits;
    }
    return 0;
}

/* So that no session has a number that one of the probe before had. */
static uint64_t first_number(void)
{
    uint32_t random = 0;

    (void)getrandom(&random, sizeof random, 0);
    return (uint64_t)(random & 0x3fffff) << 40;
}

/* Whether the workers of any interface claim their flows. */
static bool wants_claims(const struct heritage_probe *h)
{
    bool any = false;

    for (unsigned i = 0; i < h->n_interfaces; i++)
        any |= h->claims[i];
    return any;
}

static int memory_open(struct probe *p)
{
    static const struct sessions_ops ops = {on_item, on_image_of};
    bool claims = wants_claims(&p->heritage->probe);

    if (claims)
        p->claims = claims_new(CLAIMS_MAX, p->heritage, p->c);
    p->processes = process_table_new(PROCESSES_MAX);
    p->images = images_new();
    if (p->processes && (p->claims || !claims))
        p->sessions =
            sessions_new((uint32_t)p->heritage->options.plaintext_sessions, PENDING_BYTES,
                         first_number(), &p->route, p->claims, p->processes, &ops, p, p->c);
    if (p->images && p->sessions)
        return 0;
    log_error("cannot map memory for %llu sessions: lower plaintext_table_size",
              (unsigned long long)p->heritage->options.plaintext_sessions);
    return -ENOMEM;
}

static int kernel_side_open(struct probe *p)
{
    const struct options *o = &p->heritage->options;
    struct probe_config config;
    char error[256];
    int err = config_make(&config, o, &p->owners.filter, p->route.netns);

    if (err < 0)
        return EX_UNAVAILABLE;
    err = kernel_open(&p->kernel, &config, o->plaintext_ring, (uint32_t)o->plaintext_sessions,
                      p->heritage->capture.processes_fd, p->c, error, sizeof error);
    if (err == 0)
        return 0;
    log_error("%s", error);
    return EX_UNAVAILABLE;
}

static int bus_side_open(struct probe *p)
{
    const struct heritage *h = p->heritage;
    int err = plaintext_socket_bind(&p->socket, h->run_dir, geteuid(), h->gid);

    if (err == 0)
        err = bus_open_client(&p->bus, h->run_dir);
    if (err == 0)
        err = bus_subscribe(p->bus, OWNERS_TOPIC);
    if (err == 0 && p->claims)
        err = bus_subscribe(p->bus, CLAIM_TOPIC);
    return err;
}

/* Levels describe this process; totals go on from what its predecessor counted. */
static void counters_reset(struct counters *c)
{
    c->probe_processes = c->probe_hooked = c->probe_hooked_sites = c->probe_hooks = 0;
    c->probe_sessions_active = c->probe_pending_bytes = 0;
}

static int open_all(struct probe *p)
{
    static const struct discover_ops ops = {on_image, on_fork, on_exec, on_program, on_exit_of};
    int status;

    p->c = heritage_map(p->heritage->counters_fd, COUNTERS_PAGE_BYTES);
    if (!p->c) {
        log_error("cannot map the counters: %s", strerror(errno));
        return EX_OSERR;
    }
    counters_reset(p->c);
    route_init(&p->route, p->heritage);
    p->outbox.heritage = p->heritage;
    p->outbox.c = p->c;
    p->outbox.send = on_send;
    p->outbox.user = p;
    if (memory_open(p) < 0 || bus_side_open(p) < 0)
        return EX_OSERR;
    status = kernel_side_open(p);
    if (status != 0)
        return status;
    p->owners.bus = p->bus;
    p->owners.kernel = p->kernel;
    p->owners.images = p->images;
    p->owners.processes = p->processes;
    p->owners.heritage = p->heritage;
    if (discover_open(&p->discover, &ops, p, p->c) < 0)
        return EX_OSERR;
    hooking_init(&p->hooking, p->images, p->kernel, p->discover, &p->heritage->options, p->c);
    return 0;
}

int probe_open(struct probe **out, const struct heritage *h)
{
    struct probe *p = calloc(1, sizeof *p);
    int status;

    if (!p)
        return EX_OSERR;
    p->heritage = h;
    status = open_all(p);
    if (status == 0)
        *out = p;
    else
        probe_close(p);
    return status;
}

/* True: there is more in the ring. */
static bool take_events(struct probe *p)
{
    unsigned ended = p->n_ended;
    int n;

    p->wall_offset_ns = (int64_t)(clock_wall_ns() - clock_mono_ns());
    n = kernel_poll(p->kernel, on_event, p, EVENTS_TURN);
    p->busy = n > 0;
    if (n >= EVENTS_TURN)
        return true;
    for (unsigned i = 0; i < ended; i++)
        process_ended(p, p->ended[i]);
    p->n_ended -= ended;
    memmove(p->ended, p->ended + ended, p->n_ended * sizeof p->ended[0]);
    return false;
}

/* True: it was one of claims. */
static bool take_claims(struct probe *p, const struct bus_message *m)
{
    if (m->topic_len < strlen(CLAIM_TOPIC) ||
        memcmp(m->topic, CLAIM_TOPIC, strlen(CLAIM_TOPIC)) != 0)
        return false;
    claims_message(p->claims, m, clock_mono_ns());
    return true;
}

static void take_messages(struct probe *p)
{
    struct bus_message m;
    bool claimed = false;
    unsigned worker;
    const char *node;

    while (bus_receive(p->bus, &m)) {
        if (m.kind != BUS_MESSAGE)
            continue;
        if (take_claims(p, &m)) {
            claimed = true;
            continue;
        }
        p->c->probe_questions++;
        owners_answer(&p->owners, &m);
    }
    if (claimed)
        sessions_claimed(p->sessions);
    while ((node = plaintext_socket_arrival(p->socket)))
        if (outbox_arrival(&p->outbox, node, &worker)) {
            sessions_forget_worker(p->sessions, worker);
            p->owners.worker_ns[worker] = clock_wall_ns();
        }
}

static void tick(struct probe *p, uint64_t now_ns)
{
    if (now_ns < p->tick_ns)
        return;
    p->tick_ns = now_ns + TICK_NS;
    route_refresh(&p->route);
    p->c->probe_processes = images_processes(p->images);
    kernel_count(p->kernel);
    if (now_ns < p->sweep_ns)
        return;
    p->sweep_ns = now_ns + HOOKING_SWEEP_NS;
    hooking_sweep(&p->hooking);
}

/* until_ns: when to wake up at the latest. */
static void wait_for_more(struct probe *p, bool unsent, uint64_t until_ns)
{
    static struct pollfd polls[DISCOVER_FDS_MAX + 5];
    int fds[DISCOVER_FDS_MAX], n = 0, m = discover_fds(p->discover, fds);
    uint64_t now = clock_mono_ns();
    int timeout_ms = now < until_ns ? (int)((until_ns - now) / NS_PER_MS) + 1 : 0;

    for (int i = 0; i < m; i++)
        polls[n++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    m = bus_fds(p->bus, fds);
    for (int i = 0; i < m; i++)
        polls[n++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    polls[n++] = (struct pollfd){.fd = plaintext_socket_fd(p->socket), .events = POLLIN};
    if (!p->busy)
        polls[n++] = (struct pollfd){.fd = kernel_fd(p->kernel), .events = POLLIN};
    else if (timeout_ms > GATHER_MS)
        timeout_ms = GATHER_MS;
    if (unsent && timeout_ms > RETRY_MS)
        timeout_ms = RETRY_MS;
    (void)poll(polls, (nfds_t)n, timeout_ms);
}

void probe_loop(struct probe *p, const volatile int *stop)
{
    while (!*stop && !heritage_orphaned(p->heritage)) {
        bool more = discover(p), unsent;
        uint64_t until;

        more |= take_events(p);
        unsent = outbox_flush(&p->outbox);
        take_messages(p);
        until = sessions_run(p->sessions, clock_mono_ns());
        tick(p, clock_mono_ns());
        if (!more)
            wait_for_more(p, unsent, until < p->tick_ns ? until : p->tick_ns);
    }
}

/* What is in the ring at the end goes out, as far as workers still take it. */
static void finish(struct probe *p)
{
    unsigned turns = 0;

    while (take_events(p) && turns++ < FINISH_TURNS)
        (void)outbox_flush(&p->outbox);
    (void)sessions_run(p->sessions, UINT64_MAX);
    while (outbox_flush(&p->outbox) && turns++ < FINISH_TURNS)
        usleep(FINISH_PAUSE_US);
    kernel_count(p->kernel);
}

void probe_close(struct probe *p)
{
    if (p->discover) {
        finish(p);
        discover_close(p->discover);
    }
    if (p->kernel)
        kernel_close(p->kernel);
    bus_close(p->bus, 0);
    plaintext_socket_close(p->socket);
    outbox_fini(&p->outbox);
    sessions_free(p->sessions);
    claims_free(p->claims);
    images_free(p->images);
    process_table_free(p->processes);
    free(p);
}
