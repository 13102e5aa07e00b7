/* SPDX-License-Identifier: BSD-3-Clause */
/* Hooks of an image are attached by one uprobe_multi link for each way of attaching (entries,
 * returns, instructions), or where the kernel has none (before 6.6), each by a perf event. libbpf
 * of the oldest supported version does not know uprobe_multi, so that link is made by the system
 * call itself.
 *
 * Returns come before entries, and go after them: else a call would be seen to begin and not to
 * end.
 *
 * To close a link the kernel waits until no CPU can be in the probe any more, up to a tenth of a
 * second each. So links are closed by a thread, which takes them from a list under a lock and
 * closes without it: whoever detaches or attaches never waits. */
#include "worker/probe/kernel_hooks.h"

#include "common/base/check.h"
#include "common/base/log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ATTACH_TYPE_UPROBE_MULTI 48u /* BPF_TRACE_UPROBE_MULTI */
#define MULTI_RETURN             1u  /* BPF_F_UPROBE_MULTI_RETURN */
#define CLOSE_WAIT_S             3
#define HOOK_KINDS               3u

/* The part of union bpf_attr that creates a uprobe_multi link. */
struct multi_attr {
    uint32_t prog_fd, target_fd, attach_type, link_flags;
    uint64_t path, offsets, ref_ctr_offsets, cookies;
    uint32_t cnt, flags, pid, pad;
};

struct attachment {
    bool used;
    int next;           /* in the list of free ones or of those to close; -1: end */
    int fd[HOOK_KINDS]; /* multi links by enum hook_kind; -1: none */
    unsigned n_links;   /* else */
    struct bpf_link **links;
};

struct kernel_hooks {
    struct bpf_program *program[HOOK_KINDS]; /* by enum hook_kind */
    bool multi;
    bool stop;     /* the thread ends when it has closed all that is to be closed */
    int free_list; /* the first unused attachment */
    int closing;   /* the first that is to be closed */
    pthread_t thread;
    pthread_mutex_t lock; /* of closing, free_list and stop */
    pthread_cond_t work;
    struct attachment attachments[KERNEL_HOOKS_IMAGES];
};

/* Entries first. */
static void attachment_close(struct attachment *a)
{
    for (unsigned kind = 0; kind < HOOK_KINDS; kind++)
        if (a->fd[kind] >= 0)
            close(a->fd[kind]);
    for (unsigned i = a->n_links; i > 0; i--)
        bpf_link__destroy(a->links[i - 1]);
    free(a->links);
}

static void attachment_init(struct attachment *a)
{
    memset(a, 0, sizeof *a);
    for (unsigned kind = 0; kind < HOOK_KINDS; kind++)
        a->fd[kind] = -1;
}

static uint64_t cookie_word(const struct hook *hook, uint16_t image)
{
    struct probe_cookie cookie = hook->cookie;
    uint64_t word;

    _Static_assert(sizeof cookie == sizeof word, "the cookie is one word");
    cookie.image = image;
    memcpy(&word, &cookie, sizeof word);
    return word;
}

/* One link for all hooks of a kind. 0 (also if there are none) or -errno. */
static int attach_multi(const struct kernel_hooks *h, struct attachment *a, enum hook_kind kind,
                        const char *path, uint16_t image, const struct plan *p)
{
    uint64_t offsets[PLAN_HOOKS_MAX], cookies[PLAN_HOOKS_MAX];
    struct multi_attr attr = {.prog_fd = (uint32_t)bpf_program__fd(h->program[kind]),
                              .attach_type = ATTACH_TYPE_UPROBE_MULTI,
                              .path = (uintptr_t)path,
                              .offsets = (uintptr_t)offsets,
                              .cookies = (uintptr_t)cookies,
                              .flags = kind == HOOK_RETURN ? MULTI_RETURN : 0};
    long fd;

    for (size_t i = 0; i < p->n; i++) {
        if (p->hooks[i].kind != kind)
            continue;
        offsets[attr.cnt] = p->hooks[i].offset;
        cookies[attr.cnt++] = cookie_word(&p->hooks[i], image);
    }
    if (attr.cnt == 0)
        return 0;
    fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof attr);
    if (fd < 0)
        return -errno;
    a->fd[kind] = (int)fd;
    return 0;
}

/* A perf event for each hook of a kind. */
static int attach_single(const struct kernel_hooks *h, struct attachment *a, enum hook_kind kind,
                         const char *path, uint16_t image, const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie_word(&p->hooks[i], image),
                    .retprobe = kind == HOOK_RETURN);
        struct bpf_link *link;
        if (p->hooks[i].kind != kind)
            continue;
        link =
            bpf_program__attach_uprobe_opts(h->program[kind], -1, path, p->hooks[i].offset, &opts);
        if (!link)
            return -errno;
        a->links[a->n_links++] = link;
    }
    return 0;
}

static int attach_all(const struct kernel_hooks *h, struct attachment *a, const char *path,
                      uint16_t image, const struct plan *p)
{
    static const enum hook_kind order[HOOK_KINDS] = {HOOK_RETURN, HOOK_EXIT, HOOK_ENTRY};
    int r = 0;

    if (!h->multi) {
        a->links = calloc(PLAN_HOOKS_MAX, sizeof(void *));
        if (!a->links)
            return -ENOMEM;
    }
    for (unsigned i = 0; r == 0 && i < HOOK_KINDS; i++)
        r = h->multi ? attach_multi(h, a, order[i], path, image, p)
                     : attach_single(h, a, order[i], path, image, p);
    return r;
}

int kernel_hooks_attach(struct kernel_hooks *h, const char *path, uint16_t image,
                        const struct plan *p)
{
    struct attachment a;
    int handle, r;

    CHECK(p->n <= PLAN_HOOKS_MAX);
    for (size_t i = 0; i < p->n; i++) /* it would crash the program: Go moves its stacks */
        CHECK(!(p->hooks[i].kind == HOOK_RETURN && p->hooks[i].cookie.flags & PROBE_FLAG_GO));
    attachment_init(&a);
    r = attach_all(h, &a, path, image, p);
    if (r < 0) {
        attachment_close(&a);
        return r;
    }
    pthread_mutex_lock(&h->lock);
    handle = h->free_list;
    if (handle >= 0)
        h->free_list = h->attachments[handle].next;
    pthread_mutex_unlock(&h->lock);
    if (handle < 0) {
        attachment_close(&a);
        return -ENOSPC;
    }
    a.used = true;
    h->attachments[handle] = a;
    return handle;
}

static void list_to_close(struct kernel_hooks *h, int handle)
{
    h->attachments[handle].used = false;
    h->attachments[handle].next = h->closing;
    h->closing = handle;
}

void kernel_hooks_detach(struct kernel_hooks *h, int handle)
{
    CHECK(handle >= 0 && handle < KERNEL_HOOKS_IMAGES && h->attachments[handle].used);
    pthread_mutex_lock(&h->lock);
    list_to_close(h, handle);
    pthread_cond_signal(&h->work);
    pthread_mutex_unlock(&h->lock);
}

static void *closer(void *arg)
{
    struct kernel_hooks *h = arg;

    pthread_mutex_lock(&h->lock);
    for (;;) {
        int handle = h->closing;
        if (handle >= 0) {
            h->closing = h->attachments[handle].next;
            pthread_mutex_unlock(&h->lock);
            attachment_close(&h->attachments[handle]);
            pthread_mutex_lock(&h->lock);
            h->attachments[handle].next = h->free_list;
            h->free_list = handle;
        } else if (h->stop) {
            break;
        } else {
            pthread_cond_wait(&h->work, &h->lock);
        }
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* The thread leaves all signals to the process's loop. */
static int start_thread(struct kernel_hooks *h)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&h->thread, NULL, closer, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

struct kernel_hooks *kernel_hooks_open(struct bpf_program *on_entry, struct bpf_program *on_return,
                                       bool multi)
{
    struct kernel_hooks *h = calloc(1, sizeof *h);
    int r;

    if (!h)
        return NULL;
    h->program[HOOK_ENTRY] = on_entry;
    h->program[HOOK_RETURN] = h->program[HOOK_EXIT] = on_return;
    h->multi = multi;
    h->closing = -1;
    for (int i = 0; i < KERNEL_HOOKS_IMAGES; i++)
        h->attachments[i].next = i + 1 < KERNEL_HOOKS_IMAGES ? i + 1 : -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->work, NULL);
    r = start_thread(h);
    if (r != 0) {
        free(h);
        errno = r;
        return NULL;
    }
    return h;
}

bool kernel_hooks_close(struct kernel_hooks *h)
{
    struct timespec until;

    pthread_mutex_lock(&h->lock);
    for (int i = 0; i < KERNEL_HOOKS_IMAGES; i++)
        if (h->attachments[i].used)
            list_to_close(h, i);
    h->stop = true;
    pthread_cond_signal(&h->work);
    pthread_mutex_unlock(&h->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_WAIT_S;
    if (pthread_timedjoin_np(h->thread, NULL, &until) != 0)
        return false;
    pthread_cond_destroy(&h->work);
    pthread_mutex_destroy(&h->lock);
    free(h);
    return true;
}
