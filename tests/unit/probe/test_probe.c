/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of the probe, without a kernel. */
#include "worker/probe/probe.h"

#include "common/base/clock.h"
#include "tests/unit/probe/elf_builder.h"
#include "tests/unit/probe/probe_bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static struct heritage heritage;
static struct probe *probe;

static int setup(void **state)
{
    elf_builder_setup(state);
    memset(&heritage, 0, sizeof heritage);
    memset(&counters, 0, sizeof counters);
    memset(&kernel, 0, sizeof kernel);
    memset(&bus, 0, sizeof bus);
    memset(&discovery, 0, sizeof discovery);
    options_init(&heritage.options);
    heritage.n_workers = 1;
    strcpy(heritage.run_dir, "/run/dir");
    strcpy(heritage.workers[0], "worker-1");
    bus.arrivals[0] = "worker-1";
    discovery.fd = eventfd(1, EFD_CLOEXEC);
    stop = 0;
    said[0] = line[0] = '\0';
    probe = NULL;
    return discovery.fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    close(discovery.fd);
    return 0;
}

/* Opens the probe, lets it run through the script, up to TURNS steps ended by NULL, and closes it.
 */
static void run(const step *script)
{
    assert_int_equal(probe_open(&probe, &heritage), 0);
    for (unsigned i = 0; i < TURNS && script[i]; i++)
        kernel.script[i] = script[i];
    probe_loop(probe, &stop);
    probe_close(probe);
    assert_true(kernel.closed);
}
#define RUN(...) run((const step[TURNS]){__VA_ARGS__})

/* An event of a process's only session. */
static void event(enum probe_event_type type, unsigned process, uint64_t ts_ns, const char *text)
{
    static uint64_t offset, room[64];
    struct probe_event *e = (void *)room;

    memset(room, 0, sizeof room);
    e->type = (unsigned char)type;
    e->session = process;
    e->pid = PID + process;
    e->ts_ns = e->entry_ns = ts_ns;
    e->method = PROBE_METHOD_SOCKET;
    e->tuple.local_port = 50000;
    e->tuple.remote_port = 443;
    e->offset = offset;
    e->len = (unsigned)strlen(text);
    memcpy(e->data, text, e->len);
    offset += e->len;
    kernel.take(kernel.arg, e);
}

/* --- tests, each with its steps --- */

static void say_a(void)
{
    event(PROBE_EVENT_DATA, 1, 1, "a");
}

static void say_b(void)
{
    event(PROBE_EVENT_DATA, 1, 1, "b");
}

static void pause_(void)
{
}

static void what_is_said_goes_to_its_worker(void **state)
{
    (void)state;
    RUN(say_a, say_b);
    assert_string_equal(said, "open 1 a b ");
    assert_int_equal(counters.probe_sent_bytes, 2);
}

static void library_mapped(void)
{
    static const uint8_t code[] = {0x31, 0xc0, 0xc3};
    struct discovered d = {.pid = PID + 1,
                           .device = 1,
                           .inode = 2,
                           .path = "/lib/libssl.so.3",
                           .first = true,
                           .open_path = "/proc/self/fd/77"};

    elf_builder_function(&builder, "SSL_read", code, sizeof code);
    elf_builder_function(&builder, "SSL_write", code, sizeof code);
    elf_builder_function(&builder, "SSL_free", code, sizeof code);
    d.fd = elf_builder_file(&builder);
    discovery.ops.image(discovery.user, &d);
    close(d.fd);
}

static void child_begins(void)
{
    discovery.ops.fork(discovery.user, PID + 1, PID + 2);
    discovery.ops.fork(discovery.user, PID + 8, PID + 9); /* of one without a library */
}

static void child_has_another_program(void)
{
    discovery.ops.exec(discovery.user, PID + 2);
    discovery.ops.exec(discovery.user, PID + 9);
}

static void parent_ends(void)
{
    discovery.ops.exit(discovery.user, PID + 1);
    discovery.ops.exit(discovery.user, PID + 8);
}

static void sockets_are_watched_of_processes_with_a_library(void **state)
{
    (void)state;
    RUN(library_mapped, child_begins, child_has_another_program, parent_ends);
    assert_string_equal(kernel.watched, "+1 +2 -2 -1 ");
    assert_int_equal(counters.probe_hooked, 1);
}

static void more_than_a_turn_takes(void)
{
    discovery.ops.exit(discovery.user, PID + 1);
    say_a();
    kernel.full = true;
}

/* The kernel tells of it by another way, which is quicker. */
static void the_end_of_a_process_waits_for_what_it_said(void **state)
{
    (void)state;
    RUN(more_than_a_turn_takes, say_b, pause_);
    assert_string_equal(said, "open 1 a b close ");
}

static void worker_comes_back(void)
{
    bus.arrivals[0] = "worker-1";
}

static void a_worker_that_came_back_is_told_anew(void **state)
{
    (void)state;
    RUN(say_a, worker_comes_back, say_b);
    assert_string_equal(said, "open 1 a open 1 b ");
}

static void queue_fills(void)
{
    bus.refuse = 2;
    say_a();
}

static void what_a_full_queue_refuses_is_tried_again(void **state)
{
    (void)state;
    RUN(queue_fills, pause_, say_b);
    assert_string_equal(said, "open 1 a b ");
    assert_int_equal(counters.probe_queue_bytes, 0);
}

static void say_and_stop(void)
{
    say_a();
    stop = 1;
    kernel.full = true;
}

static void what_is_in_the_ring_at_the_end_is_sent(void **state)
{
    (void)state;
    RUN(say_and_stop, say_b);
    assert_string_equal(said, "open 1 a b ");
}

static unsigned runs_before;

static void say_something_new(void)
{
    runs_before = discovery.runs;
    event(PROBE_EVENT_DATA, 1, 1, "old ");
    assert_int_equal(discovery.runs, runs_before);
    event(PROBE_EVENT_DATA, 1, clock_mono_ns() + NS_PER_SEC, "new");
    assert_true(discovery.runs > runs_before);
}

/* Its process may have begun since. */
static void processes_are_discovered_up_to_what_they_say(void **state)
{
    (void)state;
    RUN(say_something_new);
    assert_true(runs_before > 0);
}

static void ask(uint64_t start_ns)
{
    static const struct ipaddr a = {{[15] = 1}}, b = {{[15] = 2}};
    static uint8_t body[OWNER_QUESTION_BYTES];
    struct owner_question q = {.id = 5, .start_ns = start_ns};

    (void)flow_key_set(&q.key, &a, 1, &b, 2, IPPROTO_TCP);
    bus.question = (struct bus_message){.topic = "event/owner/worker-1/",
                                        .topic_len = strlen("event/owner/worker-1/"),
                                        .body = body,
                                        .body_len = owner_question_encode(body, &q)};
    bus.asked = true;
    bus.answer = (struct owner_answer){0};
}

static uint64_t before_ns;

static void ask_about_before(void)
{
    ask(before_ns);
}

static void ask_about_now(void)
{
    assert_int_equal(bus.answer.id, 5);
    assert_false(bus.answer.found);
    ask(clock_wall_ns());
}

static void come_back_and_ask(void)
{
    assert_true(bus.answer.found);
    before_ns = clock_wall_ns();
    worker_comes_back();
}

static void questions_are_answered_about_flows_that_were_heard(void **state)
{
    (void)state;
    before_ns = clock_wall_ns();
    RUN(ask_about_before, ask_about_now, come_back_and_ask, ask_about_before, ask_about_now);
    assert_true(bus.answer.found);
    assert_int_equal(counters.probe_questions, 4);
}

static void levels_begin_anew_and_totals_go_on(void **state)
{
    (void)state;
    counters.probe_hooked = counters.probe_hooks = counters.probe_processes = 3;
    counters.probe_sessions_active = counters.probe_pending_bytes = 3;
    counters.probe_sent_bytes = 3;
    RUN(say_a);
    assert_int_equal(counters.probe_hooked + counters.probe_hooks + counters.probe_processes, 0);
    assert_int_equal(counters.probe_sessions_active, 1);
    assert_int_equal(counters.probe_pending_bytes, 0);
    assert_int_equal(counters.probe_sent_bytes, 4);
}

static void what_cannot_work_ends_it_and_is_not_tried_again(void **state)
{
    (void)state;
    kernel.error = -EPERM;
    assert_int_equal(probe_open(&probe, &heritage), EX_UNAVAILABLE);
    assert_string_equal(line, "the kernel lacks something");
    kernel.opened = false;
    strcpy(heritage.options.probe_libraries, "openssl,nonsense");
    assert_int_equal(probe_open(&probe, &heritage), EX_UNAVAILABLE);
    assert_non_null(strstr(line, "'nonsense'"));
    assert_false(kernel.opened);
}

static void without_a_bus_it_may_be_tried_again(void **state)
{
    (void)state;
    bus.error = -ECONNREFUSED;
    assert_int_equal(probe_open(&probe, &heritage), EX_OSERR);
    assert_false(kernel.opened);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_said_goes_to_its_worker),
        TEST(sockets_are_watched_of_processes_with_a_library),
        TEST(the_end_of_a_process_waits_for_what_it_said),
        TEST(a_worker_that_came_back_is_told_anew),
        TEST(what_a_full_queue_refuses_is_tried_again),
        TEST(what_is_in_the_ring_at_the_end_is_sent),
        TEST(processes_are_discovered_up_to_what_they_say),
        TEST(questions_are_answered_about_flows_that_were_heard),
        TEST(levels_begin_anew_and_totals_go_on),
        TEST(what_cannot_work_ends_it_and_is_not_tried_again),
        TEST(without_a_bus_it_may_be_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
