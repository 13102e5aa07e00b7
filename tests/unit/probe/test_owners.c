/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has a socket is played here, and the bus; processes are this one, and one that is over. */
#include "worker/probe/owners.h"

#include "common/ipc/owner.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define QUESTION  77u
#define HOOKED_NS UINT64_C(1000)
#define BACK_NS   UINT64_C(5000)
#define NAME      "owner-to-be"

static struct heritage heritage;
static struct owners owners;
static pid_t owner[2]; /* at the ends of the key */
static struct {
    unsigned n;
    char topic[BUS_TOPIC_BYTES_MAX + 1];
    uint8_t body[OWNER_ANSWER_BYTES];
    size_t len;
} published;

pid_t kernel_owner(struct kernel *k, const struct flow_key *key, unsigned end)
{
    assert_ptr_equal(k, &owner);
    assert_int_equal(key->port[0] + key->port[1], 443 + 50000);
    return owner[end];
}

int bus_publish(struct bus *b, const char *topic, const void *body, size_t len)
{
    assert_ptr_equal(b, &published);
    assert_true(len <= sizeof published.body);
    published.n++;
    snprintf(published.topic, sizeof published.topic, "%s", topic);
    memcpy(published.body, body, len);
    published.len = len;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&heritage, 0, sizeof heritage);
    memset(&published, 0, sizeof published);
    memset(owner, 0, sizeof owner);
    heritage.n_workers = 2;
    strcpy(heritage.workers[0], "worker-1");
    strcpy(heritage.workers[1], "worker-10");
    owners = (struct owners){.heritage = &heritage,
                             .bus = (struct bus *)(void *)&published,
                             .kernel = (struct kernel *)(void *)&owner,
                             .images = images_new(),
                             .processes = process_table_new(16),
                             .hooked_ns = HOOKED_NS};
    prctl(PR_SET_NAME, NAME, 0, 0, 0);
    return owners.images && owners.processes ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    images_free(owners.images);
    process_table_free(owners.processes);
    return 0;
}

static void send_body(const char *topic, const uint8_t *body, size_t len)
{
    struct bus_message m = {
        .topic = topic, .topic_len = strlen(topic), .body = body, .body_len = len};

    owners_answer(&owners, &m);
}

static size_t question(uint8_t body[OWNER_QUESTION_BYTES], uint64_t start_ns)
{
    static const struct ipaddr a = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    static const struct ipaddr b = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
    struct owner_question q = {.id = QUESTION, .start_ns = start_ns};

    (void)flow_key_set(&q.key, &a, 50000, &b, 443, IPPROTO_TCP);
    return owner_question_encode(body, &q);
}

/* A question of that worker about a flow that began then. The answer borrows from `published`. */
static struct owner_answer ask_as(const char *node, uint64_t start_ns)
{
    uint8_t body[OWNER_QUESTION_BYTES];
    char topic[64];
    struct owner_answer answer;

    published.n = 0;
    snprintf(topic, sizeof topic, "event/owner/%s/", node);
    send_body(topic, body, question(body, start_ns));
    assert_int_equal(published.n, 1);
    snprintf(topic, sizeof topic, "event/owned/%s/", node);
    assert_string_equal(published.topic, topic);
    assert_int_equal(owner_answer_decode(published.body, published.len, &answer), 0);
    assert_true(answer.id == QUESTION);
    return answer;
}

static struct owner_answer ask(void)
{
    return ask_as("worker-1", HOOKED_NS);
}

/* The process has mapped an image that is hooked (handle >= 0) or missed. */
static void map(pid_t pid, const char *path, int handle)
{
    static uint64_t inode;
    struct image *i = images_add(owners.images, 1, ++inode);

    assert_non_null(i);
    images_describe(i, "openssl", "entry", path, "abc");
    i->handle = handle;
    i->missed = handle < 0;
    images_map(owners.images, pid, i);
}

static void assert_text(struct str s, const char *expected)
{
    if (!str_equal(s, str_of(expected)))
        fail_msg("'%.*s' instead of '%s'", (int)s.len, s.p, expected);
}

static void nobodys_socket_is_an_answer(void **state)
{
    (void)state;
    assert_false(ask().found);
}

static void of_a_process_that_is_hooked_nothing_is_missed(void **state)
{
    struct owner_answer a;

    (void)state;
    owner[0] = getpid();
    map(getpid(), "/lib/libssl.so.3", 1);
    a = ask();
    assert_true(a.found);
    assert_int_equal(a.end, 0);
    assert_int_equal(a.process.pid, getpid());
    assert_text(a.process.name, NAME);
    assert_int_equal(a.missed.len, 0);
}

static void the_library_that_could_not_be_hooked_is_named(void **state)
{
    struct owner_answer a;

    (void)state;
    owner[0] = getpid();
    map(getpid(), "/lib/libssl.so.3", 1);
    map(getpid(), "/opt/libssl.so.4", -1);
    a = ask();
    assert_true(a.found);
    assert_text(a.missed, "/opt/libssl.so.4");
    assert_text(a.build_id, "abc");
}

static void else_the_program_is_named(void **state)
{
    char exe[256] = "";
    struct owner_answer a;

    (void)state;
    assert_true(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0);
    owner[0] = getpid();
    a = ask();
    assert_true(a.found);
    assert_text(a.missed, exe);
    assert_text(a.process.exe, exe);
}

static void a_process_that_is_over_is_named_as_it_was_known(void **state)
{
    pid_t pid = fork();
    struct owner_answer a;

    (void)state;
    if (pid == 0)
        _exit(0);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    process_table_program(owners.processes, pid, "brief", "/opt/brief");
    owner[1] = pid;
    a = ask();
    assert_true(a.found);
    assert_int_equal(a.end, 1);
    assert_text(a.process.name, "brief");
    assert_text(a.missed, "/opt/brief");
    assert_int_equal(a.build_id.len, 0);
}

static void only_who_is_wanted_is_named(void **state)
{
    struct process_filter *f = &owners.filter;

    (void)state;
    owner[0] = getpid();
    f->n_comms = 2;
    strcpy(f->comms[0], "other");
    strcpy(f->comms[1], "owner");
    assert_false(ask().found);
    strcpy(f->comms[1], NAME);
    assert_true(ask().found);
    f->n_pids = 1;
    f->pids[0] = 1;
    assert_false(ask().found);
    f->pids[0] = (uint32_t)getpid();
    assert_true(ask().found);
}

/* Whether a process is among those that were asked for is not easily told. */
static void with_other_filters_nobody_is_named(void **state)
{
    (void)state;
    owner[0] = getpid();
    assert_true(ask().found);
    owners.filter.n_ppids = 1;
    assert_false(ask().found);
    owners.filter.n_ppids = 0;
    owners.filter.addresses.n = 1;
    assert_false(ask().found);
    owners.filter.addresses.n = 0;
    strcpy(heritage.options.probe_cgroup, "/a.slice");
    assert_false(ask().found);
    heritage.options.probe_cgroup[0] = '\0';
    strcpy(heritage.options.probe_libraries, "openssl");
    assert_false(ask().found);
}

static void of_both_ends_the_one_that_is_wanted_is_named(void **state)
{
    (void)state;
    owner[0] = getppid();
    owner[1] = getpid();
    assert_int_equal(ask().end, 0);
    owners.filter.n_pids = 1;
    owners.filter.pids[0] = (uint32_t)getpid();
    assert_int_equal(ask().end, 1);
    assert_int_equal(ask().process.pid, getpid());
}

/* What it said before nobody heard, hooked or not. */
static void flows_that_began_too_early_are_nobodys(void **state)
{
    (void)state;
    owner[0] = getpid();
    assert_false(ask_as("worker-1", HOOKED_NS - 1).found);
    assert_true(ask_as("worker-1", HOOKED_NS).found);
    owners.hooked_ns = 0; /* it is still busy with it */
    assert_false(ask_as("worker-1", HOOKED_NS).found);
}

static void a_worker_that_came_back_asks_in_vain_about_flows_before(void **state)
{
    (void)state;
    owner[0] = getpid();
    owners.worker_ns[1] = BACK_NS;
    assert_true(ask_as("worker-1", BACK_NS - 1).found);
    assert_false(ask_as("worker-10", BACK_NS - 1).found);
    assert_true(ask_as("worker-10", BACK_NS).found);
    assert_false(ask_as("worker-2", BACK_NS).found); /* none of ours */
}

static void what_cannot_be_read_is_passed_over(void **state)
{
    uint8_t body[OWNER_QUESTION_BYTES];
    size_t len = question(body, HOOKED_NS);
    char long_topic[BUS_TOPIC_BYTES_MAX + 3] = OWNERS_TOPIC;

    (void)state;
    send_body("event/owner/worker-1/", body, 0);
    send_body("event/owner/worker-1/", body, len - 1);
    send_body("event/owner/", body, len);
    send_body("event/owner/worker-1", body, len);
    memset(long_topic + strlen(OWNERS_TOPIC), 'x', sizeof long_topic - strlen(OWNERS_TOPIC) - 1);
    long_topic[sizeof long_topic - 2] = '/';
    send_body(long_topic, body, len);
    assert_int_equal(published.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobodys_socket_is_an_answer),
        TEST(of_a_process_that_is_hooked_nothing_is_missed),
        TEST(the_library_that_could_not_be_hooked_is_named),
        TEST(else_the_program_is_named),
        TEST(a_process_that_is_over_is_named_as_it_was_known),
        TEST(only_who_is_wanted_is_named),
        TEST(with_other_filters_nobody_is_named),
        TEST(of_both_ends_the_one_that_is_wanted_is_named),
        TEST(flows_that_began_too_early_are_nobodys),
        TEST(a_worker_that_came_back_asks_in_vain_about_flows_before),
        TEST(what_cannot_be_read_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
