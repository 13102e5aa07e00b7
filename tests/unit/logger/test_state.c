/* SPDX-License-Identifier: BSD-3-Clause */
/* Every moment at which a commit can be cut short. A crash image is a copy of the file before the
 * commit whose first n bytes are those of after it: a writer that is killed leaves some of its
 * stores, and none that it did not make. */
#include "logger/state.h"

#include "common/schema/record.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_MAX_BYTES (64 * 1024)

struct image {
    uint8_t bytes[FILE_MAX_BYTES];
    size_t n;
};

static struct heritage heritage;
static struct image before, after, crash;

static int setup(void **state)
{
    int fd;

    (void)state;
    memset(&heritage, 0, sizeof heritage);
    snprintf(heritage.state_path, sizeof heritage.state_path, "/tmp/spliff-state-XXXXXX");
    snprintf(heritage.log_dir, sizeof heritage.log_dir, "/nowhere");
    fd = mkstemp(heritage.state_path);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(heritage.state_path);
}

static void read_image(struct image *i)
{
    int fd = open(heritage.state_path, O_RDONLY);

    i->n = (size_t)read(fd, i->bytes, sizeof i->bytes);
    close(fd);
    assert_in_range(i->n, 1, sizeof i->bytes - 1);
}

static void write_image(const struct image *i)
{
    int fd = open(heritage.state_path, O_WRONLY | O_TRUNC);

    assert_int_equal(write(fd, i->bytes, i->n), i->n);
    close(fd);
}

static struct state *open_state(void)
{
    struct state *s;

    assert_int_equal(state_open(&s, &heritage), 0);
    return s;
}

static struct sink_lengths lengths_of(uint64_t n)
{
    struct sink_lengths l;

    for (unsigned t = 0; t < RECORD_TYPES; t++)
        l.file[t] = n * 100 + t;
    l.stream = n;
    return l;
}

/* Brings three nodes to sequence n. */
static void advance(struct state *s, uint64_t n)
{
    static const char *const names[] = {"worker-1", "worker-10", "worker-2"};
    bool fresh;

    for (unsigned i = 0; i < 3; i++)
        state_at(s, state_node(s, str_of(names[i]), 7, 0, &fresh))->seq = n + i;
}

/* Whether the file says n, all of it; 0: that nothing was committed. */
static void assert_says(uint64_t n)
{
    struct state *s = open_state();
    const struct sink_lengths *l = state_committed(s);
    struct sink_lengths expected = lengths_of(n);
    bool fresh;

    if (n == 0) {
        assert_null(l);
    } else {
        assert_non_null(l);
        assert_memory_equal(l, &expected, sizeof expected);
        assert_int_equal(state_at(s, state_node(s, STR_LIT("worker-1"), 7, 0, &fresh))->seq, n);
        assert_false(fresh);
        assert_int_equal(state_at(s, state_node(s, STR_LIT("worker-2"), 7, 0, &fresh))->seq, n + 2);
        assert_false(fresh);
    }
    state_close(s);
}

static void commit(struct state *s, uint64_t n)
{
    struct sink_lengths l = lengths_of(n);

    advance(s, n);
    state_commit(s, &l);
}

static void test_remembers_what_was_committed(void **state)
{
    struct state *s = open_state();

    (void)state;
    assert_null(state_committed(s));
    commit(s, 1);
    commit(s, 2);
    advance(s, 3); /* taken, but not committed */
    state_close(s);
    assert_says(2);
}

static void test_killed_while_filling(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 3; n++) { /* the first commit, and one into each slot */
        struct sink_lengths l = lengths_of(n);
        struct state *s = open_state();
        size_t changed = 0;

        read_image(&before);
        advance(s, n);
        state_fill(s, &l);
        read_image(&after);
        state_close(s);
        for (size_t i = 0; i < after.n; i++)
            if (before.bytes[i] != after.bytes[i]) {
                memcpy(crash.bytes, after.bytes, i + 1);
                memcpy(crash.bytes + i + 1, before.bytes + i + 1, before.n - i - 1);
                crash.n = before.n;
                write_image(&crash);
                assert_says(n - 1);
                changed++;
            }
        assert_true(changed > 20);

        write_image(&after);
        s = open_state();
        commit(s, n);
        state_close(s);
        assert_says(n);
    }
}

/* What a power cut may leave of a commit: its last store without those before it. */
static void test_a_torn_commit_is_not_believed(void **state)
{
    struct state *s = open_state();

    (void)state;
    commit(s, 1);
    read_image(&before);
    commit(s, 2);
    read_image(&after);
    state_close(s);
    for (size_t i = 0; i < after.n; i++)
        if (before.bytes[i] != after.bytes[i]) {
            crash = after;
            crash.bytes[i] = before.bytes[i];
            write_image(&crash);
            assert_says(1);
        }
}

static void test_other_logs_begin_anew(void **state)
{
    struct state *s = open_state();

    (void)state;
    commit(s, 1);
    state_close(s);
    snprintf(heritage.log_dir, sizeof heritage.log_dir, "/elsewhere");
    assert_says(0);
    snprintf(heritage.log_dir, sizeof heritage.log_dir,
             "/nowhere"); /* what was there was not kept */
    assert_says(0);
}

static void test_a_file_that_is_not_ours(void **state)
{
    (void)state;
    memset(crash.bytes, 0x5a, sizeof crash.bytes);
    for (crash.n = 0; crash.n < sizeof crash.bytes; crash.n += 4096) {
        write_image(&crash);
        assert_says(0);
    }
}

static void test_each_epoch_is_a_sequence(void **state)
{
    struct state *s = open_state();
    bool fresh;

    (void)state;
    state_at(s, state_node(s, STR_LIT("w"), 1, 0, &fresh))->seq = 9;
    assert_int_equal(state_at(s, state_node(s, STR_LIT("w"), 2, 4, &fresh))->seq, 4);
    assert_true(fresh);
    assert_int_equal(state_at(s, state_node(s, STR_LIT("w"), 1, 0, &fresh))->seq, 9);
    assert_false(fresh);
    state_close(s);
}

/* Full, the table gives up the node that was silent the longest. */
static void test_the_table_is_bounded(void **state)
{
    struct sink_lengths l = lengths_of(1);
    struct state *s = open_state();
    bool fresh;

    (void)state;
    for (uint64_t i = 1; i <= STATE_NODES; i++) {
        state_at(s, state_node(s, STR_LIT("w"), i, 0, &fresh))->seq = i;
        state_commit(s, &l);
    }
    (void)state_node(s, STR_LIT("w"), 1, 0, &fresh);
    assert_false(fresh);
    (void)state_node(s, STR_LIT("w"), STATE_NODES + 1, 0, &fresh);
    assert_true(fresh);
    assert_int_equal(state_at(s, state_node(s, STR_LIT("w"), 1, 0, &fresh))->seq, 1);
    assert_int_equal(state_at(s, state_node(s, STR_LIT("w"), 3, 0, &fresh))->seq, 3);
    (void)state_node(s, STR_LIT("w"), 2, 0, &fresh);
    assert_true(fresh);
    state_close(s);
}

/* A logger that begins when it is told to; what it has to say goes into a pipe, its status is
 * whether it found n committed. It is made first, since who inherits a lock has it, too. */
static pid_t successor(int *begin, int *says, uint64_t n)
{
    int begins[2], words[2];
    pid_t child;
    char c;

    assert_int_equal(pipe(begins), 0);
    assert_int_equal(pipe(words), 0);
    child = fork();
    if (child == 0) {
        const struct sink_lengths *l;

        dup2(words[1], STDERR_FILENO);
        close(words[0]);
        close(words[1]);
        if (read(begins[0], &c, 1) != 1)
            _exit(1);
        l = state_committed(open_state());
        _exit(!l || l->stream != n);
    }
    close(begins[0]);
    close(words[1]);
    *begin = begins[1];
    *says = words[0];
    return child;
}

static void test_a_successor_waits(void **state)
{
    int begin, says, status;
    pid_t child = successor(&begin, &says, 2);
    struct state *s = open_state();
    char line[512];
    ssize_t n;

    (void)state;
    commit(s, 1);
    assert_int_equal(write(begin, "", 1), 1);
    n = read(says, line, sizeof line - 1); /* it waits; or has ended, and this is nothing */
    assert_in_range(n, 1, sizeof line - 1);
    line[n] = '\0';
    assert_non_null(strstr(line, heritage.state_path));
    commit(s, 2);
    state_close(s);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(begin);
    close(says);
}

static void test_without_a_file(void **state)
{
    struct heritage h = {0};
    struct sink_lengths l = lengths_of(1);
    struct state *s;

    (void)state;
    assert_int_equal(state_open(&s, &h), 0);
    assert_null(state_committed(s));
    state_commit(s, &l);
    state_close(s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_remembers_what_was_committed),
        TEST(test_killed_while_filling),
        TEST(test_a_torn_commit_is_not_believed),
        TEST(test_other_logs_begin_anew),
        TEST(test_a_file_that_is_not_ours),
        TEST(test_each_epoch_is_a_sequence),
        TEST(test_the_table_is_bounded),
        TEST(test_a_successor_waits),
        TEST(test_without_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
