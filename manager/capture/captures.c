/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers of one interface are opened together, since they share it: the i-th of them gets what
 * bucket_owner says is i's. */
#include "manager/capture/captures.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/capture/shared_file.h"
#include "manager/numa.h"
#include "manager/prefilter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The workers of one interface: their numbers, in order. */
struct members {
    const struct topology_node *first;
    unsigned n;
    unsigned worker[TOPOLOGY_WORKERS_MAX];
};

struct captured {
    const struct opener *opener;
    struct opened *opened;
    bool open;
    struct capture_request request; /* but for bucket_owner */
    struct members members;
    struct link link;
};

struct captures {
    int processes_fd; /* of bpf/processes.h; -1: there is none */
    unsigned n;
    struct captured interface[TOPOLOGY_WORKERS_MAX];
};

/* Whether our hash says which of these workers has a flow. Where it does not they claim their
 * flows, so that the probe can find them. */
static bool hash_decides(const struct members *m, struct heritage *const *heritages)
{
    bool all = true;

    for (unsigned i = 0; i < m->n; i++)
        all &= heritages[m->worker[i]]->capture.hash_decides;
    return m->n == 1 || all;
}

static void share_out(const struct members *m, const uint16_t *owner,
                      struct heritage *const *heritages)
{
    bool decides = hash_decides(m, heritages);

    for (unsigned i = 0; i < m->n; i++) {
        struct heritage *h = heritages[m->worker[i]];

        h->claims = h->plaintext && !decides;
        for (unsigned b = 0; b < FLOW_BUCKETS; b++)
            h->bucket_owner[b] = (uint16_t)m->worker[owner[b]];
    }
}

/* Softirqs are threads in a kernel for real time, which says so in its version. */
static bool kernel_preempts(void)
{
    struct utsname u;

    return uname(&u) < 0 || strstr(u.version, "PREEMPT_RT");
}

/* With the rings and buffers that the manager allocates for it in its card's memory. */
static int open_near(const struct opener *opener, const struct capture_request *r,
                     struct heritage_capture *const *out, struct opened **o, char *error)
{
    int node = numa_node_of("/sys", r->interface), err;

    if (node >= 0 && numa_prefer(node) < 0) {
        log_warn("interface %s: cannot have memory of its node %d", r->interface, node);
        node = -1;
    }
    err = opener->open(r, out, o, error);
    if (node >= 0)
        (void)numa_prefer(-1);
    return err;
}

static int open_interface(struct captured *c, struct heritage *const *heritages, char *error)
{
    const struct members *m = &c->members;
    struct capture_request r = c->request;
    struct heritage_capture *out[TOPOLOGY_WORKERS_MAX];
    uint16_t owner[FLOW_BUCKETS];
    int err;

    for (unsigned b = 0; b < FLOW_BUCKETS; b++)
        owner[b] = (uint16_t)(b % m->n);
    for (unsigned i = 0; i < m->n; i++)
        out[i] = &heritages[m->worker[i]]->capture;
    r.bucket_owner = owner;
    c->opened = NULL;
    err = open_near(c->opener, &r, out, &c->opened, error);
    if (err < 0)
        return err;
    c->open = true;
    for (unsigned i = 0; i < m->n; i++)
        out[i]->lists_fd = prefilter_give(r.prefilter);
    share_out(m, owner, heritages);
    return 0;
}

/* The first time: of an interface that is not there nobody waits for. */
static int begin_interface(struct captured *c, struct heritage *const *heritages, char *error)
{
    const struct topology_node *first = c->members.first;
    char behind[HERITAGE_PATH_MAX];
    int err;

    c->opener = opener_find(first->mode);
    if (!c->opener) {
        snprintf(error, INI_ERROR_BYTES,
                 "interface %s: this build lacks its capture mode: install %s and build again",
                 first->interface, opener_package(first->mode));
        return -ENOTSUP;
    }
    c->request.interface = first->interface;
    c->request.n_workers = c->members.n;
    link_init(&c->link, first->interface);
    err = open_interface(c, heritages, error);
    if (err < 0)
        return err;
    if (c->opener->link) {
        c->opener->link(c->opened, behind, sizeof behind);
        link_init(&c->link, behind);
    }
    link_say_down(&c->link);
    return 0;
}

/* The workers of the same interface as workers[i], which are marked as done. */
static void members_of(struct members *m, const struct topology_node *const *workers, unsigned n,
                       unsigned i, bool *done)
{
    m->first = workers[i];
    m->n = 0;
    for (unsigned j = i; j < n; j++) {
        if (strcmp(workers[j]->interface, workers[i]->interface) == 0) {
            m->worker[m->n++] = j;
            done[j] = true;
        }
    }
}

int captures_open(struct captures **out, const struct topology *t, const struct options *o,
                  const struct prefilter *prefilter, uint32_t seed, uint32_t fanout_base,
                  struct heritage *const *heritages, char *error)
{
    const struct topology_node *workers[TOPOLOGY_WORKERS_MAX];
    bool done[TOPOLOGY_WORKERS_MAX] = {false};
    struct captures *c = calloc(1, sizeof *c);
    unsigned n = 0;

    if (!c) {
        snprintf(error, INI_ERROR_BYTES, "out of memory");
        return -ENOMEM;
    }
    *out = c;
    c->processes_fd = -1;
    for (unsigned i = 0; i < t->n; i++)
        if (t->nodes[i].kind == TOPOLOGY_WORKER)
            workers[n++] = &t->nodes[i];
    opener_sweep();
    for (unsigned i = 0; i < n; i++) {
        struct captured *captured = &c->interface[c->n];
        int err;

        if (done[i])
            continue;
        captured->request = (struct capture_request){
            .options = o,
            .prefilter = prefilter,
            .preempts = kernel_preempts(),
            .seed = seed,
            .number = c->n,
            .fanout_group = (fanout_base + c->n) & 0xffff,
            .processes_fd = heritages[i]->plaintext ? &c->processes_fd : NULL};
        members_of(&captured->members, workers, n, i, done);
        err = begin_interface(captured, heritages, error);
        if (err < 0)
            return err;
        c->n++;
    }
    return 0;
}

static const char *input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int open_input(const char *path, struct heritage_capture *c, char *error)
{
    int err;

    c->kind = CAPTURE_PCAP_FILE;
    c->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                   : open(path, O_RDONLY | O_CLOEXEC);
    if (c->fd >= 0)
        return 0;
    err = -errno;
    snprintf(error, INI_ERROR_BYTES, "cannot read %s: %s", input_name(path), strerror(-err));
    return err;
}

/* reader: NULL, the workers read in turn. */
static int share_input(struct shared_file *shared, struct heritage *const *heritages, unsigned n,
                       struct heritage *reader, char *error)
{
    int err = shared_file_open(shared, n);

    if (err == 0 && reader)
        err = shared_file_give(shared, -1, &reader->capture);
    for (unsigned i = 0; i < n && err == 0; i++) {
        heritages[i]->capture.kind = reader ? CAPTURE_SHARED_FILE : CAPTURE_FILE_IN_TURN;
        err = shared_file_give(shared, (int)i, &heritages[i]->capture);
    }
    if (err < 0)
        snprintf(error, INI_ERROR_BYTES, "cannot make what %u workers read a file through: %s", n,
                 strerror(-err));
    return err;
}

static void name_replay(const char *path, unsigned n, struct heritage *h)
{
    snprintf(h->capture.name, sizeof h->capture.name, "%s", input_name(path));
    for (unsigned b = 0; b < FLOW_BUCKETS; b++)
        h->bucket_owner[b] = (uint16_t)(b % n);
}

int captures_open_replay(const char *path, const struct prefilter *prefilter,
                         struct heritage *const *heritages, unsigned n, struct heritage *reader,
                         struct shared_file *shared, char *error)
{
    int err = 0;

    CHECK(n > 0);
    for (unsigned i = 0; i < n; i++) {
        name_replay(path, n, heritages[i]);
        heritages[i]->capture.lists_fd = prefilter_give(prefilter);
    }
    if (reader) {
        name_replay(path, n, reader);
        err = open_input(path, &reader->capture, error);
    }
    for (unsigned i = 0; i < n && !reader && err == 0; i++)
        err = open_input(path, &heritages[i]->capture, error);
    if (err == 0 && n > 1)
        err = share_input(shared, heritages, n, reader, error);
    return err;
}

unsigned captures_count(const struct captures *c)
{
    return c ? c->n : 0;
}

const char *captures_interface(const struct captures *c, unsigned i)
{
    return c->interface[i].request.interface;
}

bool captures_read_on(const struct captures *c, unsigned i)
{
    return c->interface[i].opener->back != NULL;
}

void captures_note_removed(struct captures *c, unsigned index)
{
    for (unsigned i = 0; c && i < c->n; i++)
        link_note_removed(&c->interface[i].link, index);
}

enum link_news captures_look(struct captures *c, unsigned i)
{
    struct captured *one = &c->interface[i];
    enum link_news news = LINK_SAME;
    char other_name[IF_NAMESIZE];
    struct interface now;

    if (one->link.name[0] != '\0')
        news = link_look(&one->link, link_find(&one->link, &now, other_name) ? &now : NULL,
                         clock_wall_ns());
    if (news == LINK_GONE && one->opener->gone)
        one->opener->gone(one->opened);
    if (one->open && !one->link.gone && one->opener->tick)
        one->opener->tick(one->opened);
    return news;
}

void captures_shut(struct captures *c, unsigned i)
{
    struct captured *one = &c->interface[i];

    if (one->open && one->opened)
        one->opener->close(one->opened);
    one->opened = NULL;
    one->open = false;
}

int captures_reopen(struct captures *c, unsigned i, struct heritage *const *heritages,
                    uint64_t *gone_ns)
{
    struct captured *one = &c->interface[i];
    char other_name[IF_NAMESIZE], error[INI_ERROR_BYTES] = "";
    struct interface now;
    int err = -ENODEV;

    if (!link_find(&one->link, &now, other_name))
        return err;
    /* From here on a removal is that of the new one. */
    one->link.as.index = now.index;
    one->link.removed = false;
    if (captures_read_on(c, i))
        err = one->opener->back(one->opened, &now, error);
    else
        err = open_interface(one, heritages, error);
    if (err < 0 && !one->link.stuck)
        log_error("%s", error);
    one->link.stuck = err < 0;
    if (err == 0)
        *gone_ns = link_note_back(&one->link, &now, clock_wall_ns());
    return err;
}

static void learned_host(void *user, const struct alt_svc_host_key *key, uint64_t expires_ns)
{
    struct captures *c = user;

    for (unsigned i = 0; c && i < c->n; i++)
        if (c->interface[i].open && c->interface[i].opener->learned_host)
            c->interface[i].opener->learned_host(c->interface[i].opened, key, expires_ns);
}

static void learned_port(void *user, const struct alt_svc_port_key *key, uint64_t expires_ns)
{
    struct captures *c = user;

    for (unsigned i = 0; c && i < c->n; i++)
        if (c->interface[i].open && c->interface[i].opener->learned_port)
            c->interface[i].opener->learned_port(c->interface[i].opened, key, expires_ns);
}

struct alt_svc_mirror captures_mirror(struct captures *c)
{
    return (struct alt_svc_mirror){learned_host, learned_port, c};
}

int captures_give_processes(const struct captures *c)
{
    return c && c->processes_fd >= 0 ? fcntl(c->processes_fd, F_DUPFD_CLOEXEC, 3) : -1;
}

void captures_close(struct captures *c)
{
    for (unsigned i = 0; c && i < c->n; i++)
        captures_shut(c, i);
    if (c && c->processes_fd >= 0)
        close(c->processes_fd);
    free(c);
}
