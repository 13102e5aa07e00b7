/* SPDX-License-Identifier: BSD-3-Clause */
/* A child has these descriptors and no other (all of ours are close-on-exec):
 *
 *   0, 1  /dev/null     3  heritage     5      spool (workers)     then output (logger), and one of
 *   2     stderr        4  counters     6 ...  capture             each worker (logger, reader)
 *
 * It leads a session of its own, so that ^C at the terminal reaches the manager alone, which then
 * stops workers before loggers; were all to get it at once, the logger would be gone before the
 * last records came. */
#include "manager/supervise.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum child_fd {
    CHILD_COUNTERS = HERITAGE_FD + 1,
    CHILD_SPOOL,
    CHILD_CAPTURE,
    CHILD_OUTPUT = CHILD_CAPTURE + HERITAGE_CAPTURE_FDS,
    CHILD_FDS,
    CHILD_WORKERS = CHILD_FDS,
    CHILD_FDS_MAX = CHILD_WORKERS + HERITAGE_WORKERS_MAX
};

#define ENV_ADDED_MAX 64

extern char **environ;

unsigned supervise_delay_ms(unsigned last, uint64_t up_ms)
{
    if (last == 0 || up_ms >= SUPERVISE_GOOD_MS)
        return SUPERVISE_DELAY_MIN_MS;
    return last >= SUPERVISE_DELAY_MAX_MS / 2 ? SUPERVISE_DELAY_MAX_MS : last * 2;
}

const char *supervise_end_text(const struct node *n, char *out, size_t bytes)
{
    if (n->term_signal)
        snprintf(out, bytes, "was killed by signal %d (%s)", n->term_signal,
                 strsignal(n->term_signal));
    else
        snprintf(out, bytes, "ended with status %d", n->exit_status);
    return out;
}

/* Shared memory that no other child inherits. */
static int node_shm(const char *name, size_t bytes)
{
    int fd = heritage_shm(name, bytes);

    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* What the next process is to begin with. */
static int write_heritage(struct node *n)
{
    int fd = heritage_write(n->heritage);

    if (fd < 0)
        return fd;
    if (n->heritage_fd >= 0)
        close(n->heritage_fd);
    n->heritage_fd = fd;
    return 0;
}

/* Whoever reads for others wakes them. */
static bool wakes_workers(const struct node *n)
{
    return n->kind == NODE_READER ||
           (n->kind == NODE_WORKER && n->heritage->capture.kind == CAPTURE_FILE_IN_TURN);
}

int supervise_recapture(struct node *n)
{
    n->heritage->workers_fd = wakes_workers(n) ? CHILD_WORKERS : -1;
    for (unsigned i = 0; i < HERITAGE_CAPTURE_FDS; i++)
        *heritage_capture_fd(&n->heritage->capture, i) =
            n->capture_fds[i] >= 0 ? CHILD_CAPTURE + (int)i : -1;
    return write_heritage(n);
}

void supervise_close_capture(struct node *n)
{
    for (size_t i = 0; i < HERITAGE_CAPTURE_FDS; i++) {
        if (n->capture_fds[i] >= 0)
            close(n->capture_fds[i]);
        n->capture_fds[i] = -1;
    }
}

int supervise_init(struct node *n, uv_loop_t *loop, uint64_t spool_bytes)
{
    struct heritage *h = n->heritage;

    n->loop = loop;
    uv_timer_init(loop, &n->timer);
    n->timer.data = n;
    n->process.data = n;
    n->counters_fd = node_shm("spliff-counters", COUNTERS_PAGE_BYTES);
    if (n->counters_fd < 0)
        return n->counters_fd;
    n->counters = heritage_map(n->counters_fd, COUNTERS_PAGE_BYTES);
    if (!n->counters)
        return -errno;
    settings_set_rx_mode(settings_of(n->counters), h->options.rx_mode);
    if (n->kind == NODE_WORKER) {
        n->spool_fd = node_shm("spliff-spool", spool_bytes);
        if (n->spool_fd < 0)
            return n->spool_fd;
    }
    h->counters_fd = CHILD_COUNTERS;
    h->spool_fd = n->kind == NODE_WORKER   ? CHILD_SPOOL
                  : n->kind == NODE_LOGGER ? CHILD_WORKERS
                                           : -1;
    h->output_fd = n->output_fd >= 0 ? CHILD_OUTPUT : -1;
    return supervise_recapture(n);
}

void supervise_fini(struct node *n)
{
    const int fds[] = {n->heritage_fd, n->counters_fd, n->spool_fd, n->output_fd};

    CHECK(n->state != NODE_ALIVE);
    if (n->counters)
        munmap(n->counters, COUNTERS_PAGE_BYTES);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    supervise_close_capture(n);
}

/* The child's environment: env_vars first, so that they win over the manager's. Pointers into
 * `list` and environ; NULL if there are too many. Freed by the caller. */
static char **node_environment(char *list)
{
    size_t n = 0, k = 0;
    char *save = NULL;
    char **env;

    while (environ[n])
        n++;
    env = calloc(n + ENV_ADDED_MAX + 1, sizeof *env);
    if (!env)
        return NULL;
    for (char *p = strtok_r(list, ",", &save); p && k < ENV_ADDED_MAX;
         p = strtok_r(NULL, ",", &save))
        env[k++] = p;
    memcpy(env + k, environ, n * sizeof *env);
    return env;
}

static void node_closed(uv_handle_t *handle)
{
    struct node *n = handle->data;

    n->state = NODE_STOPPED;
    n->on_end(n);
}

/* The handle is closed before anyone is told, so that it is free for the next process. Until then
 * the node counts as alive, but there is nobody left to signal. */
static void node_exited(uv_process_t *process, int64_t status, int signal)
{
    struct node *n = process->data;

    uv_timer_stop(&n->timer);
    n->pid = 0;
    n->exit_status = (int)status;
    n->term_signal = signal;
    uv_close((uv_handle_t *)process, node_closed);
}

static bool has_worker_fds(const struct node *n)
{
    return n->kind == NODE_LOGGER || wakes_workers(n);
}

static int spawn_with(struct node *n, int stderr_fd, char **env)
{
    int fds[CHILD_FDS_MAX] = {-1, -1, stderr_fd, n->heritage_fd, n->counters_fd, n->spool_fd};
    uint32_t n_workers = has_worker_fds(n) ? n->heritage->n_workers : 0;
    uv_stdio_container_t stdio[CHILD_FDS_MAX];
    char program[PATH_MAX];
    char *args[] = {program, NULL};
    uv_process_options_t o = {.file = n->program,
                              .args = args,
                              .env = env,
                              .exit_cb = node_exited,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio = stdio,
                              .stdio_count = CHILD_FDS + (int)n_workers};

    snprintf(program, sizeof program, "%s", n->program);
    memcpy(fds + CHILD_CAPTURE, n->capture_fds, sizeof n->capture_fds);
    fds[CHILD_OUTPUT] = n->output_fd;
    memcpy(fds + CHILD_WORKERS, n->worker_fds, n_workers * sizeof fds[0]);
    for (int i = 0; i < o.stdio_count; i++) {
        stdio[i].flags = fds[i] >= 0 ? UV_INHERIT_FD : UV_IGNORE;
        stdio[i].data.fd = fds[i];
    }
    return uv_spawn(n->loop, &n->process, &o);
}

/* Before it can do that itself it would load its libraries on the core of the one started last. A
 * worker tries it again, and says so if it cannot be. */
static void pin(const struct node *n)
{
    int cpu = n->heritage->pin_cpu;
    cpu_set_t set;

    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(n->pid, sizeof set, &set) < 0 && n->kind != NODE_WORKER)
        log_warn("%s: cannot pin to core %d: %s; running on any core", n->heritage->node, cpu,
                 strerror(errno));
}

int supervise_spawn(struct node *n)
{
    char list[TOPOLOGY_ENV_MAX];
    int stderr_fd = STDERR_FILENO;
    char **env;
    int err;

    memcpy(list, n->def->env_vars, sizeof list);
    env = node_environment(list);
    if (!env)
        return -ENOMEM;
    if (n->stderr_path)
        stderr_fd = open(n->stderr_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    err = stderr_fd < 0 ? -errno : spawn_with(n, stderr_fd, env);
    if (err < 0 && stderr_fd >= 0)
        uv_close((uv_handle_t *)&n->process, NULL); /* it was begun; free for another try */
    if (err == 0) {
        n->state = NODE_ALIVE;
        n->pid = n->process.pid;
        pin(n);
        n->killed = n->again = false;
        n->started_wall_ns = clock_wall_ns();
        n->started_mono_ns = clock_mono_ns();
    }
    if (stderr_fd >= 0 && stderr_fd != STDERR_FILENO)
        close(stderr_fd);
    free(env);
    return err;
}

static void on_kill_timeout(uv_timer_t *timer)
{
    struct node *n = timer->data;

    log_warn("%s did not terminate ... killing ...", n->def->name);
    supervise_kill(n);
}

int supervise_drain(struct node *n, uint64_t timeout_ms)
{
    int err;

    CHECK(n->kind == NODE_WORKER && n->state == NODE_STOPPED);
    n->drained = true;
    n->heritage->capture.kind = CAPTURE_NONE;
    err = write_heritage(n);
    if (err < 0)
        return err;
    err = supervise_spawn(n);
    if (err == 0)
        uv_timer_start(&n->timer, on_kill_timeout, timeout_ms, 0);
    return err;
}

void supervise_stop(struct node *n, uint64_t timeout_ms)
{
    if (n->state == NODE_WAITING) {
        uv_timer_stop(&n->timer);
        n->state = NODE_STOPPED;
    }
    if (n->pid == 0)
        return;
    uv_process_kill(&n->process, SIGTERM);
    uv_timer_start(&n->timer, on_kill_timeout, timeout_ms, 0);
}

void supervise_kill(struct node *n)
{
    if (n->pid == 0)
        return;
    n->killed = true;
    uv_process_kill(&n->process, SIGKILL);
}

void supervise_begin(struct node *n)
{
    int err = supervise_spawn(n);

    if (err < 0) {
        log_error("cannot start %s (%s): %s", n->def->name, n->program, strerror(-err));
        supervise_restart(n);
    }
}

static void on_restart(uv_timer_t *timer)
{
    supervise_begin(timer->data);
}

void supervise_restart(struct node *n)
{
    uint64_t up_ms = (clock_mono_ns() - n->started_mono_ns) / NS_PER_MS;

    CHECK(n->state != NODE_ALIVE);
    n->delay_ms = supervise_delay_ms(n->delay_ms, up_ms);
    n->state = NODE_WAITING;
    n->restarts++;
    uv_timer_start(&n->timer, on_restart, n->delay_ms, 0);
}
