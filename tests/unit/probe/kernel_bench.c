/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/probe/kernel_bench.h"

#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define IMAGE 77

struct kernel_bench bench = {.processes_fd = -1};

static void make_pair(struct pair *p)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t len = sizeof any;
    int listener = socket(AF_INET6, SOCK_STREAM, 0);

    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&any, &len), 0);
    p->fd[0] = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(p->fd[0], (struct sockaddr *)&any, sizeof any), 0);
    p->fd[1] = accept(listener, NULL, NULL);
    assert_true(p->fd[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        len = sizeof p->address[i];
        getsockname(p->fd[i], (struct sockaddr *)&p->address[i], &len);
    }
}

/* Offset in this program's file of something in its text. */
struct place {
    uintptr_t address;
    uint64_t offset;
};

static int find_place(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    struct place *p = arg;

    (void)bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + h->p_vaddr;
        if (h->p_type == PT_LOAD && p->address >= begin && p->address < begin + h->p_filesz) {
            p->offset = p->address - begin + h->p_offset;
            return 1;
        }
    }
    return 0;
}

static uint64_t offset_of(uintptr_t address)
{
    struct place p = {.address = address};

    assert_int_equal(dl_iterate_phdr(find_place, &p), 1);
    return p.offset;
}

static void add(struct plan *p, enum hook_kind kind, uintptr_t address, struct probe_cookie cookie)
{
    p->hooks[p->n++] = (struct hook){.kind = kind, .offset = offset_of(address), .cookie = cookie};
}

static void add_function(struct plan *p, uintptr_t address, struct probe_cookie cookie)
{
    add(p, HOOK_ENTRY, address, cookie);
    add(p, HOOK_RETURN, address, cookie);
}

static struct probe_cookie cookie(enum probe_call call, enum probe_count count, unsigned out,
                                  unsigned flags)
{
    return (struct probe_cookie){.call = (unsigned char)call,
                                 .count = (unsigned char)count,
                                 .buffer = 1,
                                 .out = (unsigned char)out,
                                 .flags = (unsigned char)flags};
}

static void add_layered(struct plan *p)
{
    struct probe_cookie c = cookie(PROBE_CALL_WRITE, PROBE_COUNT_INT, 0, PROBE_FLAG_MARKED_ONLY);
    intptr_t from = (intptr_t)((uintptr_t)fake_write_layer & ~(uintptr_t)7);

    c.names = (int)(((intptr_t)&fake_layer_names - from) / 8);
    add_function(p, (uintptr_t)fake_write_layer, c);
}

static void attach(void)
{
    static struct plan p;
    struct probe_cookie write = cookie(PROBE_CALL_WRITE, PROBE_COUNT_INT, 0, PROBE_FLAG_OPENSSL);

    p.n = 0;
    add_function(&p, (uintptr_t)fake_read,
                 cookie(PROBE_CALL_READ, PROBE_COUNT_INT, 0, PROBE_FLAG_OPENSSL));
    add_function(&p, (uintptr_t)fake_read_calls_back,
                 cookie(PROBE_CALL_READ, PROBE_COUNT_INT, 0, PROBE_FLAG_OPENSSL));
    add_function(&p, (uintptr_t)fake_write, write);
    add_function(&p, (uintptr_t)fake_write_outer, write);
    add_function(&p, (uintptr_t)fake_write_leaves, write);
    add_function(&p, (uintptr_t)fake_write_ex,
                 cookie(PROBE_CALL_WRITE, PROBE_COUNT_OUT, 3, PROBE_FLAG_OPENSSL));
    add_function(&p, (uintptr_t)fake_handshake,
                 cookie(PROBE_CALL_HANDSHAKE, PROBE_COUNT_NONE, 0, PROBE_FLAG_OPENSSL));
    add(&p, HOOK_ENTRY, (uintptr_t)fake_free, cookie(PROBE_CALL_FREE, PROBE_COUNT_NONE, 0, 0));
    add_function(&p, (uintptr_t)fake_alpn, cookie(PROBE_CALL_ALPN, PROBE_COUNT_ALPN_REF, 2, 0));
    add_function(&p, (uintptr_t)fake_alpn_datum,
                 cookie(PROBE_CALL_ALPN, PROBE_COUNT_ALPN_DATUM, 0, 0));
    add(&p, HOOK_RETURN, (uintptr_t)fake_import,
        cookie(PROBE_CALL_MARK, PROBE_COUNT_NONE, 0, PROBE_FLAG_RESULT));
    add_function(
        &p, (uintptr_t)fake_accept,
        cookie(PROBE_CALL_MARK, PROBE_COUNT_NONE, 0, PROBE_FLAG_RESULT | PROBE_FLAG_MARKED_ONLY));
    add_function(
        &p, (uintptr_t)fake_writev,
        cookie(PROBE_CALL_WRITE, PROBE_COUNT_INT, 2, PROBE_FLAG_IOV | PROBE_FLAG_MARKED_ONLY));
    add_function(&p, (uintptr_t)fake_flush,
                 cookie(PROBE_CALL_WRITE, PROBE_COUNT_NONE, 0, PROBE_FLAG_OPENSSL));
    add_layered(&p);
#if defined(__x86_64__)
    write.flags |= PROBE_FLAG_SITE;
    add(&p, HOOK_ENTRY, (uintptr_t)fake_site_call, write);
    add(&p, HOOK_EXIT, (uintptr_t)fake_site_jump, write);
    write.count = PROBE_COUNT_LONG;
    write.flags = PROBE_FLAG_GO;
    add(&p, HOOK_ENTRY, (uintptr_t)fake_go_entry, write);
    add(&p, HOOK_EXIT, (uintptr_t)fake_go_exit, write);
#endif
    assert_return_code(kernel_attach(bench.kernel, "/proc/self/exe", IMAGE, &p), errno);
}

void bench_open(struct probe_config config)
{
    struct stat netns;

    assert_int_equal(stat("/proc/self/ns/net", &netns), 0);
    config.own_netns = (unsigned)netns.st_ino;
    config.call_max = BENCH_CALL_MAX;
    if (kernel_open(&bench.kernel, &config, 1 << 20, 1024, bench.processes_fd, &bench.counters,
                    bench.why_not, sizeof bench.why_not) == 0)
        attach();
}

/* Sockets are there before the probe is. */
int bench_prepare(void **state)
{
    (void)state;
    make_pair(&bench.pairs[0]);
    make_pair(&bench.pairs[1]);
    memset(&bench.counters, 0, sizeof bench.counters);
    bench_open((struct probe_config){0});
    return 0;
}

int bench_clean_up(void **state)
{
    (void)state;
    kernel_close(bench.kernel);
    bench.kernel = NULL;
    for (int i = 0; i < 4; i++)
        close(bench.pairs[i / 2].fd[i % 2]);
    unsetenv("SPLIFF_PROBE_FALLBACK");
    return 0;
}

int bench_prepare_old(void **state)
{
    setenv("SPLIFF_PROBE_FALLBACK", "1", 1);
    return bench_prepare(state);
}

void bench_need_kernel(void)
{
    if (bench.kernel)
        return;
    printf("skipped: %s\n", bench.why_not);
    skip();
}

static void take(void *arg, const struct probe_event *e)
{
    (void)arg;
    if ((pid_t)e->pid != bench.child || bench.n_got == BENCH_EVENTS)
        return;
    memcpy(&bench.got[bench.n_got].e, e, sizeof *e);
    memcpy(bench.got[bench.n_got].data, e->data, e->len);
    bench.n_got++;
}

void bench_run(void (*scene)(void))
{
    int ready[2], status;
    char byte = 0;

    bench_need_kernel();
    assert_int_equal(pipe(ready), 0);
    bench.child = fork();
    assert_true(bench.child >= 0);
    if (bench.child == 0) {
        if (read(ready[0], &byte, 1) == 1)
            scene();
        _exit(0);
    }
    kernel_watch(bench.kernel, bench.child);
    assert_int_equal(write(ready[1], &byte, 1), 1);
    assert_int_equal(waitpid(bench.child, &status, 0), bench.child);
    assert_int_equal(status, 0);
    kernel_unwatch(bench.kernel, bench.child);
    close(ready[0]);
    close(ready[1]);
    bench.n_got = 0;
    while (kernel_poll(bench.kernel, take, NULL, 16) > 0)
        continue;
    kernel_count(bench.kernel);
}

void bench_expect_tuple(unsigned i, const struct pair *p, unsigned end, enum probe_method method)
{
    const struct probe_tuple *t = &bench.got[i].e.tuple;

    assert_int_equal(bench.got[i].e.method, method);
    assert_memory_equal(t->local, &p->address[end].sin6_addr, 16);
    assert_memory_equal(t->remote, &p->address[!end].sin6_addr, 16);
    assert_int_equal(t->local_port, ntohs(p->address[end].sin6_port));
    assert_int_equal(t->remote_port, ntohs(p->address[!end].sin6_port));
}

void bench_expect_data(unsigned i, bool write, uint64_t offset, const char *bytes)
{
    assert_true(i < bench.n_got);
    assert_int_equal(bench.got[i].e.type, PROBE_EVENT_DATA);
    assert_int_equal(bench.got[i].e.write, write);
    assert_int_equal(bench.got[i].e.offset, offset);
    assert_int_equal(bench.got[i].e.image, IMAGE);
    assert_int_equal(bench.got[i].e.len, strlen(bytes));
    assert_memory_equal(bench.got[i].data, bytes, strlen(bytes));
    assert_true(bench.got[i].e.ts_ns >= bench.got[i].e.entry_ns);
}

void bench_expect_close(unsigned i, uint64_t read, uint64_t written)
{
    assert_true(i < bench.n_got);
    assert_int_equal(bench.got[i].e.type, PROBE_EVENT_CLOSE);
    assert_int_equal(bench.got[i].e.offset, read);
    assert_int_equal(bench.got[i].e.offset_write, written);
}

void bench_talk(void)
{
    struct fake_ssl client = {.fd = bench.pairs[0].fd[0]}, server = {.fd = bench.pairs[0].fd[1]};
    char buffer[100];

    fake_write(&client, BENCH_BYTES, 18);
    fake_read(&server, buffer, sizeof buffer);
    fake_write(&server, "answer", 6);
    fake_read(&client, buffer, 3);
    fake_read(&client, buffer, 3);
}
