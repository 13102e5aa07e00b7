/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff-logger: one loop, in which everything is either a message on the bus or a second that has
 * passed. The only other thread compresses archived files.
 *
 * It ends at SIGTERM, which the manager sends when the workers are through. SIGINT it leaves to the
 * manager: Ctrl-C reaches every process of the terminal at once, and whoever runs in the foreground
 * wants the last records of the workers, too. */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/schema/counters.h"
#include "logger/archive.h"
#include "logger/receive.h"
#include "logger/rotation.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BUS_FDS       3
#define TICK_MS       1000u
#define SLOW_MS       1u
#define ACK_LINGER_MS 200

struct logger {
    const struct heritage *heritage;
    struct bus *bus;
    struct receive *receive;
    uv_loop_t loop;
    uv_poll_t polls[BUS_FDS];
    int n_polls;
    uv_timer_t tick;  /* each second: rotation, and what had to wait */
    uv_timer_t again; /* soon: there was more than one run takes */
    uv_signal_t term;
    uv_work_t archive;
    bool archiving;
    bool archive_again; /* more was rotated meanwhile */
    bool stopping;
    bool failing; /* sinks cannot be written: the tick tries again */
    struct rotation rotation;
    uint64_t rotate_ns; /* a rotation that is to be made, else 0 */
};

static void on_archive(uv_work_t *work)
{
    struct logger *l = work->data;

    archive_run(l->heritage->log_dir);
}

static void start_archive(struct logger *l);

static void after_archive(uv_work_t *work, int status)
{
    struct logger *l = work->data;

    (void)status;
    l->archiving = false;
    if (l->archive_again && !l->stopping)
        start_archive(l);
}

/* One at a time. */
static void start_archive(struct logger *l)
{
    if (l->heritage->one_shot || l->heritage->log_dir[0] == '\0')
        return;
    l->archive_again = l->archiving;
    if (l->archiving)
        return;
    l->archive.data = l;
    l->archiving = uv_queue_work(&l->loop, &l->archive, on_archive, after_archive) == 0;
}

static void end_loop(struct logger *l)
{
    for (int i = 0; i < l->n_polls; i++)
        uv_close((uv_handle_t *)&l->polls[i], NULL);
    uv_close((uv_handle_t *)&l->tick, NULL);
    uv_close((uv_handle_t *)&l->again, NULL);
    uv_close((uv_handle_t *)&l->term, NULL);
}

/* A rotation that fails (the disk is full) stays due and is tried again before anything is taken
 * from the bus: else records would come behind the footer. */
static int rotate_if_due(struct logger *l)
{
    int rc;

    if (l->rotate_ns == 0)
        return 0;
    rc = receive_rotate(l->receive, l->rotate_ns, clock_mono_ns());
    if (rc == 0) {
        l->rotate_ns = 0;
        start_archive(l);
    }
    return rc;
}

static void on_again(uv_timer_t *timer);
static void on_bus(uv_poll_t *poll, int status, int events);

/* What is not taken from the bus keeps its descriptors readable: to look at them would be to look
 * all the time. */
static void set_failing(struct logger *l, bool failing)
{
    if (l->failing == failing)
        return;
    l->failing = failing;
    for (int i = 0; i < l->n_polls; i++)
        CHECK((failing ? uv_poll_stop(&l->polls[i])
                       : uv_poll_start(&l->polls[i], UV_READABLE, on_bus)) == 0);
}

/* Takes one helping from the bus, so that signals are heard under any load. */
static void run(struct logger *l)
{
    int rc = rotate_if_due(l);

    if (rc == 0)
        rc = receive_run(l->receive, clock_mono_ns());
    set_failing(l, rc < 0 && rc != -EAGAIN);
    if (rc > 0 || rc == -EAGAIN) {
        uv_timer_start(&l->again, on_again, rc > 0 ? 0 : SLOW_MS, 0);
        return;
    }
    if (l->stopping)
        end_loop(l);
}

static void on_again(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_bus(uv_poll_t *poll, int status, int events)
{
    struct logger *l = poll->data;

    (void)status;
    (void)events;
    /* Else the timer comes anyway, and what is there will not go away. */
    if (!uv_is_active((uv_handle_t *)&l->again))
        run(l);
}

static void on_tick(uv_timer_t *timer)
{
    struct logger *l = timer->data;
    uint64_t due_ns = rotation_due(&l->rotation, clock_wall_ns());

    if (due_ns > 0)
        l->rotate_ns = due_ns;
    if (!uv_is_active((uv_handle_t *)&l->again))
        run(l);
}

static void on_term(uv_signal_t *handle, int number)
{
    struct logger *l = handle->data;

    (void)number;
    if (l->stopping)
        return;
    l->stopping = true;
    uv_timer_start(&l->again, on_again, 0, 0);
}

/* libuv fails here only when the process has no descriptor or memory left. */
static int open_loop(struct logger *l)
{
    int fds[BUS_FDS], rc;

    rc = uv_loop_init(&l->loop);
    if (rc < 0)
        return rc;
    uv_timer_init(&l->loop, &l->tick);
    uv_timer_init(&l->loop, &l->again);
    rc = uv_signal_init(&l->loop, &l->term);
    l->tick.data = l->again.data = l->term.data = l;
    if (rc == 0)
        rc = uv_signal_start(&l->term, on_term, SIGTERM);
    l->n_polls = bus_fds(l->bus, fds);
    for (int i = 0; i < l->n_polls && rc == 0; i++) {
        l->polls[i].data = l;
        rc = uv_poll_init(&l->loop, &l->polls[i], fds[i]);
        if (rc == 0)
            rc = uv_poll_start(&l->polls[i], UV_READABLE, on_bus);
    }
    if (rc == 0)
        rc = uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
    /* Edge-triggered: what came before we looked makes no descriptor readable. */
    if (rc == 0)
        rc = uv_timer_start(&l->again, on_again, 0, 0);
    return rc;
}

/* What is left to do when nothing more comes. */
static int finish(struct logger *l)
{
    bool cluster = !l->heritage->one_shot && l->heritage->log_dir[0] != '\0';
    int rc = 0;

    CHECK(uv_loop_close(&l->loop) == 0);
    if (cluster)
        rc = receive_rotate(l->receive, clock_wall_ns(), clock_mono_ns());
    if (receive_close(l->receive) < 0)
        rc = -EIO;
    bus_close(l->bus, ACK_LINGER_MS);
    if (cluster)
        archive_run(l->heritage->log_dir);
    return rc;
}

int main(void)
{
    struct logger l = {0};
    const struct heritage *h;
    struct counters *counters;
    int rc;

    log_init("spliff-logger", LOG_LEVEL_INFO);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    h = heritage_read();
    if (!h)
        return EXIT_FAILURE;
    log_init(h->node, LOG_LEVEL_INFO);
    l.heritage = h;
    counters = heritage_map(h->counters_fd, COUNTERS_PAGE_BYTES);
    if (!counters) {
        log_error("cannot map the page of counters: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    if (archive_prepare(h) < 0 || receive_open(&l.receive, h, counters) < 0)
        return EXIT_FAILURE;
    rc = heritage_drop_privileges(h);
    if (rc < 0) {
        log_error("cannot become user id %u: %s", (unsigned)h->uid, strerror(-rc));
        return EXIT_FAILURE;
    }
    if (bus_open(&l.bus, h) < 0 || receive_begin(l.receive, l.bus) < 0)
        return EXIT_FAILURE;
    rc = open_loop(&l);
    if (rc < 0) {
        log_error("cannot start the event loop: %s", uv_strerror(rc));
        return EXIT_FAILURE;
    }
    rotation_init(&l.rotation, h->one_shot || !h->log_dir[0] ? 0 : h->options.log_rotation_interval,
                  clock_wall_ns());
    start_archive(&l); /* what a predecessor left */
    uv_run(&l.loop, UV_RUN_DEFAULT);
    return finish(&l) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
