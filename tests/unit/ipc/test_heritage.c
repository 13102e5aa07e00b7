/* SPDX-License-Identifier: BSD-3-Clause */
/* Each test forks: what crosses a fork, and what a process can give up only once, is tried in a
 * child whose exit status says where it failed. */
#include "common/ipc/heritage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

/* In a child: leaves with the line where it is not so. */
#define EXPECT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond))                                                                               \
            _exit(__LINE__ % 256 ? __LINE__ % 256 : 1);                                            \
    } while (0)

static void run_child(void (*child)(const struct heritage *h), const struct heritage *h)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        child(h);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0)
        fail_msg("in the child, line %d modulo 256", WEXITSTATUS(status));
}

static void reads_what_was_written(const struct heritage *h)
{
    const struct heritage *read;
    int fd = heritage_write(h);

    EXPECT(fd >= 0);
    EXPECT(dup2(fd, HERITAGE_FD) == HERITAGE_FD);
    read = heritage_read();
    EXPECT(read);
    EXPECT(strcmp(read->node, "worker-7") == 0 && read->epoch == 99 && read->n_workers == 8);
    EXPECT(read->manager_pid == getpid() && !heritage_orphaned(h));
    EXPECT(heritage_orphaned(read)); /* our parent is not the one that wrote it */
    EXPECT(ftruncate(fd, 0) < 0 && errno == EPERM);
    EXPECT(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
}

static void refuses_what_is_no_heritage(const struct heritage *h)
{
    struct heritage wrong = *h;
    int fd;

    EXPECT(freopen("/dev/null", "w", stderr));
    close(HERITAGE_FD);
    EXPECT(!heritage_read());
    fd = memfd_create("short", 0);
    EXPECT(dup2(fd, HERITAGE_FD) == HERITAGE_FD && ftruncate(HERITAGE_FD, 16) == 0);
    EXPECT(!heritage_read());
    EXPECT(pwrite(HERITAGE_FD, &wrong, sizeof wrong, 0) == sizeof wrong);
    EXPECT(!heritage_read()); /* no magic */
}

static bool status_has(const char *line)
{
    static char text[8192];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);

    close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    return strstr(text, line) != NULL;
}

static void keeps_no_privilege(const struct heritage *h)
{
    bool root = geteuid() == 0;
    int signal_at_death = 0;

    EXPECT(heritage_drop_privileges(h) == 0);
    EXPECT(status_has("CapInh:\t0000000000000000") && status_has("CapPrm:\t0000000000000000"));
    EXPECT(status_has("CapEff:\t0000000000000000") && status_has("CapAmb:\t0000000000000000"));
    EXPECT(status_has("NoNewPrivs:\t1"));
    EXPECT(prctl(PR_GET_PDEATHSIG, &signal_at_death) == 0 && signal_at_death == SIGTERM);
    if (!root)
        return;
    EXPECT(getuid() == h->uid && geteuid() == h->uid && getgid() == h->gid);
    EXPECT(getgroups(0, NULL) == 0);
    EXPECT(h->uid == 0 || setuid(0) < 0);
}

static unsigned long long capabilities(const char *set)
{
    char line[256];
    unsigned long long caps = 0;
    FILE *f = fopen("/proc/self/status", "r");

    EXPECT(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, set, strlen(set)) == 0)
            caps = strtoull(line + strlen(set) + 1, NULL, 16);
    fclose(f);
    return caps;
}

/* What lets it look into processes, and nothing that changes what belongs to others. */
static void keeps_what_a_probe_needs(const struct heritage *h)
{
    const unsigned long long needed = 1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH |
                                      1ull << CAP_BPF | 1ull << CAP_PERFMON;
    const unsigned long long others = 1ull << CAP_SETUID | 1ull << CAP_DAC_OVERRIDE |
                                      1ull << CAP_CHOWN | 1ull << CAP_NET_ADMIN | 1ull << CAP_KILL |
                                      1ull << CAP_SYS_MODULE;
    unsigned long long had = capabilities("CapPrm:");

    EXPECT(heritage_drop_privileges(h) == 0);
    EXPECT((capabilities("CapEff:") & needed) == (had & needed));
    EXPECT((capabilities("CapPrm:") & others) == 0);
    EXPECT(capabilities("CapInh:") == 0 && capabilities("CapAmb:") == 0);
    EXPECT(status_has("NoNewPrivs:\t1"));
}

static void the_probe_keeps_its_eyes(void **state)
{
    struct heritage h = {
        .kind = NODE_PROBE, .uid = geteuid(), .gid = getegid(), .manager_pid = getpid()};

    (void)state;
    run_child(keeps_what_a_probe_needs, &h);
}

static void record_crosses_the_fork(void **state)
{
    struct heritage h = {.node = "worker-7", .epoch = 99, .n_workers = 8};

    (void)state;
    run_child(reads_what_was_written, &h);
}

static void other_descriptors_are_told_apart(void **state)
{
    struct heritage h = {.node = "worker-7"};

    (void)state;
    run_child(refuses_what_is_no_heritage, &h);
}

static void privileges_are_gone(void **state)
{
    struct heritage h = {.uid = NOBODY, .gid = NOBODY, .manager_pid = getpid()};

    (void)state;
    run_child(keeps_no_privilege, &h);
    h.uid = h.gid = 0; /* root, but without its capabilities */
    run_child(keeps_no_privilege, &h);
}

static void learns_that_it_is_orphaned(const struct heritage *h)
{
    EXPECT(heritage_drop_privileges(h) == -ESRCH);
}

static void manager_that_died_before_is_noticed(void **state)
{
    struct heritage h = {.uid = geteuid(), .gid = getegid(), .manager_pid = getpid() + 1};

    (void)state;
    run_child(learns_that_it_is_orphaned, &h);
}

static void shared_memory_keeps_its_size(void **state)
{
    int fd = heritage_shm("test", 8192);
    const uint8_t *read;
    uint8_t *mem;

    (void)state;
    assert_true(fd >= 0);
    mem = heritage_map(fd, 8192);
    assert_non_null(mem);
    assert_int_equal(mem[8191], 0);
    read = heritage_map_read(fd, 8192);
    assert_non_null(read);
    mem[8191] = 7;
    assert_int_equal(read[8191], 7);
    assert_null(heritage_map(fd, 8193 + 4096));
    assert_int_equal(errno, EINVAL);
    assert_null(heritage_map_read(fd, 8193 + 4096));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    munmap(mem, 8192);
    munmap((void *)(uintptr_t)read, 8192);
    close(fd);
}

static void shown_memory_is_written_by_its_maker_alone(void **state)
{
    void *mine = NULL;
    int fd = heritage_shm_shown("test", 8192, &mine), again;
    const uint8_t *read;
    char path[32];

    (void)state;
    assert_true(fd >= 0);
    assert_null(heritage_map(fd, 8192));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = open(path, O_RDWR);
    assert_null(heritage_map(again, 8192));
    assert_int_equal(pwrite(again, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    read = heritage_map_read(fd, 8192);
    assert_non_null(read);
    ((uint8_t *)mine)[8191] = 7;
    assert_int_equal(read[8191], 7);
    munmap(mine, 8192);
    munmap((void *)(uintptr_t)read, 8192);
    close(again);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_crosses_the_fork),
        cmocka_unit_test(other_descriptors_are_told_apart),
        cmocka_unit_test(privileges_are_gone),
        cmocka_unit_test(the_probe_keeps_its_eyes),
        cmocka_unit_test(manager_that_died_before_is_noticed),
        cmocka_unit_test(shared_memory_keeps_its_size),
        cmocka_unit_test(shown_memory_is_written_by_its_maker_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
