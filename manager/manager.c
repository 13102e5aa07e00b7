/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of starting is broker, loggers, a reader, workers, probe, so that nothing is sent to
 * nobody. That of ending is the reverse, and of what a process's end means to the others: ending.c.
 */
#include "manager/manager.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/capture/captures.h"
#include "manager/comeback.h"
#include "manager/control.h"
#include "manager/ending.h"
#include "manager/learned.h"
#include "manager/limits.h"
#include "manager/nodes.h"
#include "manager/output_watch.h"
#include "manager/prefilter.h"
#include "manager/rx_mode.h"
#include "manager/sizes.h"
#include "manager/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#define START_POLL_MS     50
#define START_SETTLE_NS   (300 * NS_PER_MS) /* a child that cannot run has said so by then */
#define START_PATIENCE_NS (10 * NS_PER_SEC)
#define BROKER_HELPING    1024u
#define REPLAY_SEED       0x51f715eeu /* a replay gives the same uids every time */

void manager_say(struct manager *m, const char *fmt, ...)
{
    char line[INI_ERROR_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (m->plan->report_fd >= 0)
        dprintf(m->plan->report_fd, "%s\n", line);
    if (m->control)
        control_say(m->control, line);
    if (m->plan->purpose == MANAGER_CLUSTER)
        log_info("%s", line);
}

/* The start is decided: its caller gets the exit status and goes on. */
static void report_end(struct manager *m, int status)
{
    if (m->plan->report_fd < 0)
        return;
    dprintf(m->plan->report_fd, "exit %d\n", status);
    close(m->plan->report_fd);
    m->plan->report_fd = -1;
}

static void close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    /* Pipes are the control socket's, which closes them when their last line is out. */
    if (!uv_is_closing(handle) && handle->type != UV_NAMED_PIPE)
        uv_close(handle, NULL);
}

static void close_control(struct manager *m)
{
    if (m->control)
        control_close(m->control, m->exit_status);
    m->control = NULL;
}

void manager_end(struct manager *m)
{
    m->phase = MANAGER_ENDED;
    report_end(m, m->exit_status ? m->exit_status : EXIT_FAILURE); /* stopped while it started */
    close_control(m);
    uv_walk(&m->loop, close_handle, NULL);
}

static void on_tick(uv_timer_t *timer)
{
    const struct manager *m = timer->data;

    m->plan->tick(m->plan->tick_user);
}

static void start_done(struct manager *m)
{
    m->phase = MANAGER_RUNNING;
    uv_timer_stop(&m->timer);
    report_end(m, 0);
    if (m->plan->tick)
        uv_timer_start(&m->timer, on_tick, m->plan->tick_ms, m->plan->tick_ms);
}

static void on_start_poll(uv_timer_t *timer)
{
    struct manager *m = timer->data;
    uint64_t waited_ns = clock_mono_ns() - m->started_mono_ns;
    unsigned up = 0;

    if (m->phase != MANAGER_STARTING) {
        uv_timer_stop(timer);
        return;
    }
    for (unsigned i = 0; i < m->n_nodes; i++) {
        up += status_is_up(&m->nodes[i]);
        if (!status_is_up(&m->nodes[i]) && waited_ns >= START_PATIENCE_NS)
            manager_say(m, "(%s still initializing)", m->nodes[i].def->name);
    }
    if ((up == m->n_nodes && waited_ns >= START_SETTLE_NS) || waited_ns >= START_PATIENCE_NS)
        start_done(m);
}

/* Reads again what may change while the cluster runs. 0 or -errno with a line in error, which is
 * logged as well. */
static int manager_reload(struct manager *m, char *error)
{
    int err = prefilter_reload(m->prefilter, error);

    if (err < 0)
        log_error("%s: the lists stay as they were", error);
    else
        log_info("the prefilter's lists were read: %u prefixes", prefilter_size(m->prefilter));
    return err;
}

static void end_as_asked(struct manager *m)
{
    m->asked |= m->phase < MANAGER_STOPPING_PROBE;
    ending_begin(m);
}

static void on_signal(uv_signal_t *handle, int sig)
{
    struct manager *m = handle->data;
    char error[INI_ERROR_BYTES];

    if (sig == SIGHUP && m->plan->purpose == MANAGER_CLUSTER) {
        (void)manager_reload(m, error);
        return;
    }
    if (m->phase < MANAGER_STOPPING_PROBE && m->plan->purpose == MANAGER_REPLAY)
        ending_note_status(m, EXIT_FAILURE); /* the input was not read to its end */
    end_as_asked(m);
}

static void on_broker_idle(uv_idle_t *idle);

static void broker_help(struct manager *m)
{
    uint32_t n = broker_run(m->broker, BROKER_HELPING);

    m->counters.bus_messages += n;
    /* More is waiting, but its descriptors are edge-triggered and will not say so again. */
    if (n == BROKER_HELPING && !uv_is_closing((uv_handle_t *)&m->broker_idle))
        uv_idle_start(&m->broker_idle, on_broker_idle);
}

static void on_broker_idle(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    broker_help(idle->data);
}

static void on_broker(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    broker_help(poll->data);
}

static int manager_open_broker(struct manager *m, char *error)
{
    int fds[2];
    int err = broker_open(&m->broker, m->plan->run_dir, (int)m->plan->ids.gid);

    if (err < 0) {
        snprintf(error, INI_ERROR_BYTES, "cannot open the message bus in %s: %s", m->plan->run_dir,
                 strerror(-err));
        return err;
    }
    broker_fds(m->broker, fds);
    uv_idle_init(&m->loop, &m->broker_idle);
    m->broker_idle.data = m;
    for (int i = 0; i < 2; i++) {
        uv_poll_init(&m->loop, &m->broker_polls[i], fds[i]);
        m->broker_polls[i].data = m;
        uv_poll_start(&m->broker_polls[i], UV_READABLE, on_broker);
    }
    broker_help(m);
    return 0;
}

static void on_output_gone(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    ending_begin(poll->data);
}

/* A run that writes to its output alone is over when nobody reads that any more. */
static void manager_watch_output(struct manager *m)
{
    if (m->plan->log_dir[0] || m->nodes[0].output_fd < 0)
        return;
    m->output_watch_fd = output_watch_open(m->nodes[0].output_fd);
    if (m->output_watch_fd < 0)
        return;
    uv_poll_init(&m->loop, &m->output_poll, m->output_watch_fd);
    m->output_poll.data = m;
    uv_poll_start(&m->output_poll, UV_READABLE, on_output_gone);
}

static void on_links_changed(void *user)
{
    comeback_look(user);
}

static void on_link_removed(void *user, unsigned index)
{
    struct manager *m = user;

    captures_note_removed(m->captures, index);
}

static int on_control_status(void *user, bool json, struct text *out)
{
    struct manager *m = user;

    prefilter_count(m->prefilter, &m->counters);
    if (json)
        status_json(m, out);
    else
        status_table(m, out);
    return status_all_running(m) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void print_alt_svc(const struct manager *m, bool json, struct text *out)
{
    learned_print(m->learned, json, out);
}

static void print_counters(const struct manager *m, bool json, struct text *out)
{
    if (json)
        status_json(m, out);
    else
        status_lines(m, out);
}

static int on_control_rx_mode(void *user, const char *words, bool json, struct text *out)
{
    return rx_mode_answer(user, words, json, out);
}

static int on_control_reload(void *user, struct text *out)
{
    struct manager *m = user;
    char error[INI_ERROR_BYTES];

    if (manager_reload(m, error) < 0) {
        text_printf(out, CONTROL_ERROR "%s: the lists stay as they were\n", error);
        return EXIT_FAILURE;
    }
    text_printf(out, "the prefilter has %u prefixes\n", prefilter_size(m->prefilter));
    return EXIT_SUCCESS;
}

static void on_control_stop(void *user)
{
    struct manager *m = user;

    if (m->phase < MANAGER_STOPPING_PROBE)
        end_as_asked(m);
    else
        manager_say(m, "it is stopping already ...");
}

/* What `print` can show. */
static const struct {
    const char *name;
    void (*print)(const struct manager *m, bool json, struct text *out);
} printables[] = {
    {"alt_svc", print_alt_svc},
    {"counters", print_counters},
};
#define PRINTABLES (sizeof printables / sizeof printables[0])

static int on_control_print(void *user, const char *what, bool json, struct text *out)
{
    for (size_t i = 0; i < PRINTABLES; i++) {
        if (strcmp(what, printables[i].name) == 0) {
            printables[i].print(user, json, out);
            return EXIT_SUCCESS;
        }
    }
    text_puts(out, CONTROL_ERROR);
    if (*what)
        text_printf(out, "there is no '%s' to print; there is", what);
    else
        text_puts(out, "print what? there is");
    for (size_t i = 0; i < PRINTABLES; i++)
        text_printf(out, "%s %s", i ? "," : "", printables[i].name);
    text_puts(out, "\n");
    return CONTROL_USAGE;
}

static const struct control_ops control_ops = {
    on_control_status, on_control_print, on_control_rx_mode, on_control_reload, on_control_stop};

/* A replay's workers are never restarted, and what they learn is of another time. */
static int manager_open_learned(struct manager *m, char *error)
{
    const struct manager_plan *p = m->plan;
    struct learned_plan plan = {
        .loop = &m->loop,
        .run_dir = p->run_dir,
        .state_dir = p->purpose == MANAGER_CLUSTER ? p->state_dir : NULL,
        .options = &p->options,
        .counters = &m->counters,
        .mirror = captures_mirror(m->captures),
    };
    int err;

    if (p->purpose == MANAGER_REPLAY || p->options.no_learn_alt_svc)
        return 0;
    err = learned_open(&m->learned, &plan);
    if (err < 0)
        snprintf(error, INI_ERROR_BYTES, "cannot keep what is learned: %s", strerror(-err));
    return err;
}

static uint32_t choose_seed(const struct manager_plan *p)
{
    uint32_t seed = (uint32_t)p->options.seed;

    if (seed == 0 && p->purpose == MANAGER_REPLAY)
        return REPLAY_SEED;
    if (seed == 0 && getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)clock_wall_ns();
    return seed;
}

static void manager_open_signals(struct manager *m)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < 3; i++) {
        uv_signal_init(&m->loop, &m->signals[i]);
        m->signals[i].data = m;
        uv_signal_start(&m->signals[i], on_signal, signals[i]);
    }
    uv_timer_init(&m->loop, &m->timer);
    m->timer.data = m;
}

static void choose_sizes(struct manager *m)
{
    struct options *o = &m->plan->options;
    char line[256];

    sizes_choose(o, topology_count(&m->plan->topology, TOPOLOGY_WORKER), sizes_memory_bytes());
    sizes_describe(o, line, sizeof line);
    if (m->plan->purpose == MANAGER_CLUSTER)
        log_info("%s", line);
}

int manager_open(struct manager **out, struct manager_plan *plan, char *error)
{
    struct manager *m = calloc(1, sizeof *m);
    int err = -ENOMEM;

    *out = NULL;
    if (!m || uv_loop_init(&m->loop) < 0) {
        snprintf(error, INI_ERROR_BYTES, "out of memory");
        free(m);
        return err;
    }
    m->plan = plan;
    m->started_mono_ns = clock_mono_ns();
    m->started_wall_ns = clock_wall_ns();
    m->epoch = m->started_wall_ns;
    m->seed = choose_seed(plan);
    choose_sizes(m);
    manager_open_signals(m);
    m->output_watch_fd = m->links.fd = -1;
    err = limits_raise_files(&plan->topology, error);
    if (err == 0 && plan->purpose != MANAGER_REPLAY)
        err = sizes_check(&plan->options, &plan->topology, sizes_memory_bytes(), error);
    if (err == 0)
        err = prefilter_open(&m->prefilter, &plan->options, error);
    if (err == 0)
        err = nodes_open(m, ending_node_gone, error);
    if (err == 0)
        manager_watch_output(m);
    if (err == 0 && m->captures)
        link_watch_start(&m->links, &m->loop, on_links_changed, on_link_removed, m);
    if (err == 0)
        err = manager_open_broker(m, error);
    if (err == 0)
        err = manager_open_learned(m, error);
    if (err == 0 && plan->purpose == MANAGER_CLUSTER) {
        err = control_open(&m->control, &m->loop, plan->state_dir, &control_ops, m);
        if (err < 0)
            snprintf(error, INI_ERROR_BYTES, "cannot listen on %s/control.sock: %s",
                     plan->state_dir, strerror(-err));
    }
    if (err < 0)
        manager_close(m);
    else
        *out = m;
    return err;
}

void manager_close(struct manager *m)
{
    close_control(m);
    uv_walk(&m->loop, close_handle, NULL);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    nodes_close(m);
    if (m->output_watch_fd >= 0)
        close(m->output_watch_fd);
    learned_close(m->learned);
    if (m->broker)
        broker_close(m->broker);
    link_watch_fini(&m->links);
    captures_close(m->captures);
    shared_file_close(&m->shared);
    prefilter_close(m->prefilter);
    CHECK(uv_loop_close(&m->loop) == 0);
    free(m);
}

/* Nobody can be without it, except for a probe. */
static void spawn_failed(struct manager *m, const struct node *n, int err)
{
    bool fatal = n->kind != NODE_PROBE;
    char line[INI_ERROR_BYTES];

    snprintf(line, sizeof line, "cannot start %s (%s): %s%s", n->def->name, n->program,
             strerror(-err), fatal ? "" : "; going on without plaintext");
    if (m->plan->purpose != MANAGER_CLUSTER)
        log_error("%s", line);
    manager_say(m, "%s%s", fatal ? CONTROL_ERROR : "", line);
    if (fatal) {
        ending_note_status(m, EXIT_FAILURE);
        ending_begin(m);
    }
}

int manager_loop(struct manager *m)
{
    for (unsigned i = 0; i < m->n_nodes && m->phase < MANAGER_STOPPING_PROBE; i++) {
        struct node *n = &m->nodes[i];
        int err;

        manager_say(m, "starting %s ...", n->def->name);
        err = supervise_spawn(n);
        if (err < 0)
            spawn_failed(m, n, err);
    }
    if (m->phase == MANAGER_STARTING && m->plan->purpose == MANAGER_CLUSTER)
        uv_timer_start(&m->timer, on_start_poll, START_POLL_MS, START_POLL_MS);
    else if (m->phase == MANAGER_STARTING)
        start_done(m);
    uv_run(&m->loop, UV_RUN_DEFAULT);
    CHECK(m->phase == MANAGER_ENDED);
    /* Who supervises the manager would start it again; who asked is told what went wrong. */
    return m->asked && m->plan->purpose == MANAGER_CLUSTER ? EXIT_SUCCESS : m->exit_status;
}
