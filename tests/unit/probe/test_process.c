/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *path, *container;
} paths[] = {
    {"/docker/" ID, ID},
    {"/system.slice/docker-" ID ".scope", ID},
    {"/docker/" ID "/docker/fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
     "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"},
    {"/kubepods/burstable/pod6f5a/" ID, ID},
    {"/kubepods.slice/kubepods-pod6f5a.slice/cri-containerd-" ID ".scope", ID},
    {"/kubepods.slice/kubepods-pod6f5a.slice/crio-" ID ".scope", ID},
    {"/kubepods.slice/kubepods-pod6f5a.slice/crio-conmon-" ID ".scope", ""},
    {"/system.slice/containerd.service/kubepods-besteffort-pod6f5a.slice:cri-containerd:" ID, ID},
    {"/machine.slice/libpod-" ID ".scope", ID},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container", ID},
    {"/machine.slice/libpod-conmon-" ID ".scope", ""},
    {"/lxc/web", "web"},
    {"/lxc/web/system.slice/nginx.service", "web"},
    {"/lxc.payload.web/init.scope", "web"},
    {"/lxc.payload/web", "web"},
    {"/lxc.monitor.web", ""},
    {"/machine.slice/machine-web.scope", "web"},
    {"/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service", "web"},
    {"/machine.slice/machine-qemu\\x2d1\\x2dguest.scope", ""},
    {"/system.slice/nginx.service", ""},
    {"/user.slice/user-1000.slice/session-1.scope", ""},
    {"/system.slice/x" ID ".scope", ""},
    {"/", ""},
    {"", ""},
};

static void containers_are_known_by_their_cgroups(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct str id = process_container(str_of(paths[i].path));

        if (!str_equal(id, str_of(paths[i].container)))
            fail_msg("%s: container '%.*s'", paths[i].path, (int)id.len, id.p);
    }
}

/* A process that waits to be killed, under that name. */
static pid_t start(const char *name)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        prctl(PR_SET_NAME, name, 0, 0, 0);
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void assert_name(const struct process_facts *f, const char *name)
{
    assert_true(str_equal(f->name, str_of(name)));
}

static void facts_are_those_of_proc_and_outlive_the_process(void **state)
{
    struct process_table *t = process_table_new(8);
    const struct process_facts *f;
    pid_t pid = start("fifteen_letters");
    char exe[512];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe);

    (void)state;
    assert_non_null(t);
    f = process_table_get(t, pid);
    assert_int_equal(f->pid, pid);
    assert_name(f, "fifteen_letters");
    assert_true(str_equal(f->exe, str_make(exe, (size_t)n)));
    assert_in_range(f->cgroup.len, 1, PLAINTEXT_TEXT_MAX);
    assert_int_equal(f->cgroup.p[0], '/');
    end(pid);
    assert_name(process_table_get(t, pid), "fifteen_letters");
    process_table_stale(t, pid);
    assert_name(process_table_get(t, pid), "fifteen_letters");
    process_table_free(t);
}

static void who_is_gone_has_no_facts(void **state)
{
    struct process_table *t = process_table_new(8);
    pid_t pid = start("gone");

    (void)state;
    end(pid);
    assert_int_equal(process_table_get(t, pid)->pid, pid);
    assert_int_equal(process_table_get(t, pid)->name.len, 0);
    assert_int_equal(process_table_get(t, pid)->exe.len, 0);
    process_table_free(t);
}

static void new_facts_are_read_when_the_old_are_stale(void **state)
{
    struct process_table *t = process_table_new(8);
    char before[16] = "";

    (void)state;
    prctl(PR_GET_NAME, before, 0, 0, 0);
    assert_name(process_table_get(t, getpid()), before);
    prctl(PR_SET_NAME, "another", 0, 0, 0);
    assert_name(process_table_get(t, getpid()), before);
    process_table_stale(t, getpid());
    assert_name(process_table_get(t, getpid()), "another");
    process_table_free(t);
}

/* As of a curl that is over before anybody looked. */
static void who_is_gone_is_known_by_what_others_told(void **state)
{
    struct process_table *t = process_table_new(8);
    pid_t pid = start("gone"), child;
    const struct process_facts *f;

    (void)state;
    end(pid);
    process_table_program(t, pid, "curl", "/usr/bin/curl");
    f = process_table_get(t, pid);
    assert_name(f, "curl");
    assert_true(str_equal(f->exe, STR_LIT("/usr/bin/curl")));
    assert_int_equal(f->pid, pid);
    child = start("child");
    end(child);
    process_table_fork(t, pid, child);
    f = process_table_get(t, child);
    assert_name(f, "curl");
    assert_true(str_equal(f->exe, STR_LIT("/usr/bin/curl")));
    assert_int_equal(f->pid, child);
    process_table_free(t);
}

/* /proc knows more, as long as it knows anything. */
static void a_copy_has_its_own_facts_once_it_is_asked(void **state)
{
    struct process_table *t = process_table_new(8);
    pid_t pid = start("itself");
    uint32_t container;

    (void)state;
    container = process_table_get(t, getpid())->container.len;
    process_table_fork(t, getpid(), pid);
    assert_name(process_table_get(t, pid), "itself");
    end(pid);
    pid = start("over");
    end(pid);
    process_table_fork(t, getpid(), pid);
    assert_int_equal(process_table_get(t, pid)->container.len, container);
    assert_int_equal(process_table_get(t, pid)->cgroup.p[0], '/');
    process_table_free(t);
}

static void the_table_has_a_bound(void **state)
{
    struct process_table *t = process_table_new(2);
    pid_t pid = start("early");

    (void)state;
    assert_name(process_table_get(t, pid), "early");
    (void)process_table_get(t, getpid());
    (void)process_table_get(t, pid); /* used again: the other one goes */
    (void)process_table_get(t, 1);
    end(pid);
    assert_name(process_table_get(t, pid), "early");
    (void)process_table_get(t, 2);
    (void)process_table_get(t, getpid());
    assert_int_equal(process_table_get(t, pid)->name.len, 0);
    process_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_are_known_by_their_cgroups),
        cmocka_unit_test(facts_are_those_of_proc_and_outlive_the_process),
        cmocka_unit_test(who_is_gone_has_no_facts),
        cmocka_unit_test(new_facts_are_read_when_the_old_are_stale),
        cmocka_unit_test(who_is_gone_is_known_by_what_others_told),
        cmocka_unit_test(a_copy_has_its_own_facts_once_it_is_asked),
        cmocka_unit_test(the_table_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
