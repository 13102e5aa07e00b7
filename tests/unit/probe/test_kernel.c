/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs in the running kernel: functions of this very file are hooked (fake_ssl.c), a child
 * calls them, and what the ring then holds is looked at. What depends on the kernel's means runs
 * twice: with what this one has, and as on an old one. Skipped where BPF or uprobes cannot be had.
 */
#include "tests/unit/probe/fake_ssl.h"
#include "worker/probe/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENTS    64
#define CALL_MAX  (64u * 1024)
#define IMAGE     77
#define THE_BYTES "GET / HTTP/1.1\r\n\r\n"

/* A TCP connection of this process with itself. */
struct pair {
    int fd[2];
    struct sockaddr_in6 address[2];
};

static struct kernel *kernel;
static struct counters counters;
static char why_not[400];
static struct pair pairs[2]; /* the child has them from the parent */
static struct {
    uint8_t data[PROBE_CHUNK_MAX];
    struct probe_event e;
} got[EVENTS];
static unsigned n_got;
static pid_t child;

/* --- the bench ------------------------------------------------------------------------------ */

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
#if defined(__x86_64__)
    write.flags |= PROBE_FLAG_SITE;
    add(&p, HOOK_ENTRY, (uintptr_t)fake_site_call, write);
    add(&p, HOOK_EXIT, (uintptr_t)fake_site_jump, write);
    write.count = PROBE_COUNT_LONG;
    write.flags = PROBE_FLAG_GO;
    add(&p, HOOK_ENTRY, (uintptr_t)fake_go_entry, write);
    add(&p, HOOK_EXIT, (uintptr_t)fake_go_exit, write);
#endif
    assert_return_code(kernel_attach(kernel, "/proc/self/exe", IMAGE, &p), errno);
}

static void open_kernel(struct probe_config config)
{
    struct stat netns;

    assert_int_equal(stat("/proc/self/ns/net", &netns), 0);
    config.own_netns = (unsigned)netns.st_ino;
    config.call_max = CALL_MAX;
    if (kernel_open(&kernel, &config, 1 << 20, 1024, &counters, why_not, sizeof why_not) == 0)
        attach();
}

/* Sockets are there before the probe is. */
static int prepare(void **state)
{
    (void)state;
    make_pair(&pairs[0]);
    make_pair(&pairs[1]);
    memset(&counters, 0, sizeof counters);
    open_kernel((struct probe_config){0});
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    kernel_close(kernel);
    kernel = NULL;
    for (int i = 0; i < 4; i++)
        close(pairs[i / 2].fd[i % 2]);
    unsetenv("SPLIFF_PROBE_FALLBACK");
    return 0;
}

static int prepare_old(void **state)
{
    setenv("SPLIFF_PROBE_FALLBACK", "1", 1);
    return prepare(state);
}

static void skip_without_kernel(void)
{
    if (kernel)
        return;
    printf("skipped: %s\n", why_not);
    skip();
}

static void take(void *arg, const struct probe_event *e)
{
    (void)arg;
    if ((pid_t)e->pid != child || n_got == EVENTS)
        return;
    memcpy(&got[n_got].e, e, sizeof *e);
    memcpy(got[n_got].data, e->data, e->len);
    n_got++;
}

/* A child does it; what it did is in got[0 … n_got - 1]. */
static void run(void (*scene)(void))
{
    int ready[2], status;
    char byte = 0;

    skip_without_kernel();
    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (read(ready[0], &byte, 1) == 1)
            scene();
        _exit(0);
    }
    kernel_watch(kernel, child);
    assert_int_equal(write(ready[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    kernel_unwatch(kernel, child);
    close(ready[0]);
    close(ready[1]);
    n_got = 0;
    while (kernel_poll(kernel, take, NULL, 16) > 0)
        continue;
    kernel_count(kernel);
}

static void expect_tuple(unsigned i, const struct pair *p, unsigned end, enum probe_method method)
{
    const struct probe_tuple *t = &got[i].e.tuple;

    assert_int_equal(got[i].e.method, method);
    assert_memory_equal(t->local, &p->address[end].sin6_addr, 16);
    assert_memory_equal(t->remote, &p->address[!end].sin6_addr, 16);
    assert_int_equal(t->local_port, ntohs(p->address[end].sin6_port));
    assert_int_equal(t->remote_port, ntohs(p->address[!end].sin6_port));
}

static void expect_data(unsigned i, bool write, uint64_t offset, const char *bytes)
{
    assert_true(i < n_got);
    assert_int_equal(got[i].e.type, PROBE_EVENT_DATA);
    assert_int_equal(got[i].e.write, write);
    assert_int_equal(got[i].e.offset, offset);
    assert_int_equal(got[i].e.image, IMAGE);
    assert_int_equal(got[i].e.len, strlen(bytes));
    assert_memory_equal(got[i].data, bytes, strlen(bytes));
    assert_true(got[i].e.ts_ns >= got[i].e.entry_ns);
}

static void expect_close(unsigned i, uint64_t read, uint64_t written)
{
    assert_true(i < n_got);
    assert_int_equal(got[i].e.type, PROBE_EVENT_CLOSE);
    assert_int_equal(got[i].e.offset, read);
    assert_int_equal(got[i].e.offset_write, written);
}

/* --- scenes and what is expected of them ------------------------------------------------------ */

static void talk(void)
{
    struct fake_ssl client = {.fd = pairs[0].fd[0]}, server = {.fd = pairs[0].fd[1]};
    char buffer[100];

    fake_write(&client, THE_BYTES, 18);
    fake_read(&server, buffer, sizeof buffer);
    fake_write(&server, "answer", 6);
    fake_read(&client, buffer, 3);
    fake_read(&client, buffer, 3);
}

static void socket_inside_the_call_tells_the_tuple(void **state)
{
    (void)state;
    run(talk);
    assert_int_equal(n_got, 5);
    expect_data(0, true, 0, THE_BYTES);
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_SOCKET);
    expect_data(1, false, 0, THE_BYTES);
    expect_tuple(1, &pairs[0], 1, PROBE_METHOD_SOCKET);
    expect_data(2, true, 0, "answer");
    expect_data(3, false, 0, "ans");
    expect_data(4, false, 3, "wer");
    expect_tuple(4, &pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(got[0].e.session, got[4].e.session);
    assert_int_equal(got[1].e.session, got[2].e.session);
    assert_int_not_equal(got[0].e.session, got[1].e.session);
}

static void write_much(void)
{
    static char buffer[100000];
    struct fake_ssl s = {.fd = -1};

    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)(i / 1000);
    fake_write(&s, buffer, 40000);
    fake_write(&s, buffer, sizeof buffer);
    fake_write(&s, "end", 3);
}

static void long_calls_come_in_chunks_up_to_a_bound(void **state)
{
    static const unsigned lengths[] = {16384, 16384, 7232, 16384, 16384, 16384, 16384, 3};
    static const uint64_t offsets[] = {0, 16384, 32768, 40000, 56384, 72768, 89152, 140000};
    uint64_t cut = counters.probe_cut_bytes;

    (void)state;
    run(write_much);
    assert_int_equal(n_got, 8);
    for (unsigned i = 0; i < n_got; i++) {
        assert_int_equal(got[i].e.len, lengths[i]);
        assert_int_equal(got[i].e.offset, offsets[i]);
        assert_int_equal(got[i].e.method, PROBE_METHOD_NONE);
    }
    assert_int_equal(got[2].data[7231], 39);
    assert_int_equal(got[6].data[16383], 65);
    assert_int_equal(counters.probe_cut_bytes - cut, 100000 - CALL_MAX);
}

static void fail_and_go_on(void)
{
    struct fake_ssl s = {.fd = -1, .result = -1};
    size_t done = 0;

    fake_write(&s, THE_BYTES, 18);
    fake_write_ex(&s, THE_BYTES, 18, &done);
    s.result = 5; /* a part only */
    fake_write(&s, THE_BYTES, 18);
    fake_write_ex(&s, &(THE_BYTES)[5], 13, &done);
}

static void only_what_the_result_says_counts(void **state)
{
    (void)state;
    run(fail_and_go_on);
    assert_int_equal(n_got, 2);
    expect_data(0, true, 0, "GET /");
    expect_data(1, true, 5, &(THE_BYTES)[5]);
}

static void use_descriptors(void)
{
    struct fake_bio3 three = {.method = &fake_socket_type, .descriptor = pairs[0].fd[0]};
    struct fake_bio1 one = {.method = &fake_socket_type, .descriptor = pairs[1].fd[1]};
    int other = 0x401;
    struct fake_bio3 memory = {.method = &other, .descriptor = pairs[0].fd[0]};
    struct fake_ssl a = {.fd = -1, .bio = &three}, b = {.fd = -1, .bio = &one};
    struct fake_ssl c = {.fd = -1, .bio = &memory};

    fake_write(&a, "a", 1);
    fake_write(&b, "b", 1);
    fake_write(&c, "c", 1);
    three.descriptor = STDOUT_FILENO; /* no socket, but what is known stays */
    fake_write(&a, "d", 1);
}

static void descriptor_of_a_socket_bio_tells_the_tuple(void **state)
{
    (void)state;
    run(use_descriptors);
    assert_int_equal(n_got, 4);
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
    expect_tuple(1, &pairs[1], 1, PROBE_METHOD_DESCRIPTOR);
    assert_int_equal(got[2].e.method, PROBE_METHOD_NONE);
    expect_tuple(3, &pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
}

/* Both ends' bytes pass through the program: what it receives it gives to the session. */
static void serve_by_memory(void)
{
    struct fake_ssl a = {.fd = -1}, b = {.fd = -1};
    char buffer[100];

    send(pairs[0].fd[0], "x", 1, 0);
    send(pairs[1].fd[0], "y", 1, 0);
    recv(pairs[0].fd[1], buffer, 1, 0);
    fake_read(&a, buffer, 1);
    recv(pairs[1].fd[1], buffer, 1, 0);
    fake_read(&b, buffer, 1);
    fake_read(&a, buffer, 1);
}

static void receive_before_a_read_tells_the_tuple(void **state)
{
    (void)state;
    run(serve_by_memory);
    assert_int_equal(n_got, 3);
    expect_tuple(0, &pairs[0], 1, PROBE_METHOD_LEARNED);
    expect_tuple(1, &pairs[1], 1, PROBE_METHOD_LEARNED);
    expect_tuple(2, &pairs[0], 1, PROBE_METHOD_LEARNED);
}

static void write_by_memory(void)
{
    struct fake_ssl a = {.fd = -1};

    fake_write(&a, THE_BYTES, 18);
    send(pairs[0].fd[0], "sealed", 6, 0);
    fake_write(&a, "more", 4);
    send(pairs[1].fd[0], "else", 4, 0); /* of something else */
    fake_write(&a, "last", 4);
}

static void send_after_a_write_tells_the_tuple(void **state)
{
    (void)state;
    run(write_by_memory);
    assert_int_equal(n_got, 4);
    expect_data(0, true, 0, THE_BYTES);
    assert_int_equal(got[0].e.method, PROBE_METHOD_NONE);
    assert_int_equal(got[1].e.type, PROBE_EVENT_TUPLE);
    expect_tuple(1, &pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    expect_tuple(2, &pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    expect_tuple(3, &pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    assert_int_equal(got[0].e.session, got[3].e.session);
}

/* A client that has just received something in the clear begins a handshake. */
static void guess_wrong_at_first(void)
{
    struct fake_ssl a = {.fd = -1, .result = -1};
    char buffer[100];

    send(pairs[1].fd[1], "redis", 5, 0);
    recv(pairs[1].fd[0], buffer, 5, 0);
    fake_handshake(&a);
    send(pairs[0].fd[0], "hello", 5, 0);
    a.result = 0;
    fake_write(&a, THE_BYTES, 18);
}

static void first_send_of_a_handshake_corrects_a_guess(void **state)
{
    (void)state;
    run(guess_wrong_at_first);
    assert_int_equal(n_got, 2);
    assert_int_equal(got[0].e.type, PROBE_EVENT_TUPLE);
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    expect_data(1, true, 0, THE_BYTES);
    expect_tuple(1, &pairs[0], 0, PROBE_METHOD_NEXT_SEND);
}

static void shake_hands(void)
{
    struct fake_bio3 bio = {.method = &fake_socket_type, .descriptor = pairs[0].fd[0]};
    struct fake_ssl a = {.bio = &bio, .fd = -1, .result = 1};

    fake_handshake(&a);
    fake_handshake(&a);
    a.fd = pairs[0].fd[0];
    fake_write(&a, THE_BYTES, 18);
}

static void session_is_told_of_before_its_bytes(void **state)
{
    (void)state;
    run(shake_hands);
    assert_int_equal(n_got, 2);
    assert_int_equal(got[0].e.type, PROBE_EVENT_TUPLE);
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
    expect_data(1, true, 0, THE_BYTES);
    assert_int_equal(got[0].e.session, got[1].e.session);
}

static void mix_two_sessions(void)
{
    struct fake_ssl a = {.fd = pairs[0].fd[0]}, b = {.fd = -1};
    char buffer[100];

    fake_write(&a, "a", 1); /* a has the first socket */
    send(pairs[0].fd[1], "x", 1, 0);
    recv(pairs[0].fd[0], buffer, 1, 0);
    fake_read(&b, buffer, 1);
    fake_write(&b, "b", 1);
    send(pairs[0].fd[0], "of a", 4, 0);
    send(pairs[1].fd[0], "of b", 4, 0);
}

static void socket_of_another_session_is_no_guess(void **state)
{
    (void)state;
    run(mix_two_sessions);
    assert_int_equal(n_got, 4);
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(got[1].e.method, PROBE_METHOD_NONE);
    assert_int_equal(got[2].e.method, PROBE_METHOD_NONE);
    assert_int_equal(got[3].e.type, PROBE_EVENT_TUPLE);
    expect_tuple(3, &pairs[1], 0, PROBE_METHOD_NEXT_SEND);
}

static void use_again(void)
{
    struct fake_ssl a = {.fd = pairs[0].fd[0]};

    fake_write(&a, "first", 5);
    a.fd = pairs[1].fd[0];
    fake_write(&a, "second", 6);
    fake_free(&a);
    fake_write(&a, "third", 5);
}

static void another_socket_or_an_end_makes_another_session(void **state)
{
    (void)state;
    run(use_again);
    assert_int_equal(n_got, 5);
    expect_data(0, true, 0, "first");
    expect_close(1, 0, 5);
    expect_data(2, true, 0, "second");
    expect_tuple(2, &pairs[1], 0, PROBE_METHOD_SOCKET);
    expect_close(3, 0, 6);
    expect_data(4, true, 0, "third");
    assert_int_equal(got[4].e.method, PROBE_METHOD_NONE);
    assert_int_equal(got[0].e.session, got[1].e.session);
    assert_int_equal(got[2].e.session, got[3].e.session);
    assert_int_not_equal(got[0].e.session, got[2].e.session);
    assert_int_not_equal(got[2].e.session, got[4].e.session);
}

static void call_inside_calls(void)
{
    struct fake_ssl a = {.fd = -1};

    fake_write_outer(&a, "once", 4);
    fake_write_left(&a, "never", 5);
    fake_write_outer(&a, "again", 5);
    fake_write(&a, "plain", 5);
}

static void outermost_call_counts_and_lost_ones_do_no_harm(void **state)
{
    (void)state;
    run(call_inside_calls);
    assert_int_equal(n_got, 3);
    expect_data(0, true, 0, "once");
    expect_data(1, true, 4, "again");
    expect_data(2, true, 9, "plain");
}

static void write_in_a_callback(void)
{
    struct fake_ssl a = {.fd = -1};

    fake_read_calls_back(&a, "greeting", 8);
    send(pairs[0].fd[0], "sealed", 6, 0);
    fake_write(&a, "more", 4);
}

static void call_of_another_kind_inside_counts(void **state)
{
    (void)state;
    run(write_in_a_callback);
    assert_int_equal(n_got, 3);
    expect_data(0, true, 0, "greeting");
    assert_int_equal(got[1].e.type, PROBE_EVENT_TUPLE);
    expect_tuple(1, &pairs[0], 0, PROBE_METHOD_NEXT_SEND);
    expect_data(2, true, 8, "more");
}

static void ask_protocol(void)
{
    struct fake_ssl a = {.fd = pairs[0].fd[0], .result = -1}, b = {.fd = -1};
    const unsigned char *data;
    struct fake_datum datum;
    unsigned len;

    fake_write(&a, "x", 1);
    fake_alpn(&a, &data, &len); /* none yet */
    a.result = 0;
    fake_alpn(&a, &data, &len);
    fake_alpn(&a, &data, &len);
    fake_alpn_datum(&b, &datum);
}

static void protocol_is_told_once(void **state)
{
    (void)state;
    run(ask_protocol);
    assert_int_equal(n_got, 3);
    assert_int_equal(got[1].e.type, PROBE_EVENT_ALPN);
    assert_int_equal(got[1].e.len, 2);
    assert_memory_equal(got[1].data, "h2", 2);
    expect_tuple(1, &pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(got[2].e.type, PROBE_EVENT_ALPN);
    assert_int_equal(got[2].e.len, 8);
    assert_memory_equal(got[2].data, "http/1.1", 8);
}

static void write_vectors(void)
{
    struct fake_ssl plain = {.fd = -1}, tls = {.fd = -1};
    char a[] = "GET ", b[] = "/ HT", c[] = "TP";
    struct iovec v[] = {{a, 4}, {b, 4}, {c, 2}};

    fake_import(&tls);
    fake_writev(&plain, v, 3);
    fake_writev(&tls, v, 3);
    tls.result = 6;
    fake_writev(&tls, v, 3);
}

static void vectors_of_marked_sessions_only(void **state)
{
    (void)state;
    run(write_vectors);
    assert_int_equal(n_got, 5);
    expect_data(0, true, 0, "GET ");
    expect_data(1, true, 4, "/ HT");
    expect_data(2, true, 8, "TP");
    expect_data(3, true, 10, "GET ");
    expect_data(4, true, 14, "/ ");
}

static void write_nowhere(void)
{
    struct fake_ssl a = {.fd = -1};
    void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    size_t done;

    fake_write_ex(&a, gone, 100, &done);
    fake_write(&a, "here", 4);
}

static void unreadable_bytes_are_a_jump(void **state)
{
    uint64_t fault = counters.probe_fault_bytes;

    (void)state;
    run(write_nowhere);
    assert_int_equal(n_got, 1);
    expect_data(0, true, 100, "here");
    assert_int_equal(counters.probe_fault_bytes - fault, 100);
}

#if defined(__x86_64__)
static void use_sites(void)
{
    struct fake_ssl a = {.fd = pairs[0].fd[0]};
    static uint64_t g[2] = {0, UINT64_C(1) << 47};
    char buffer[100];

    fake_site_write(&a, "site", 4);
    a.fd = -1;
    a.result = -1;
    fake_site_write(&a, "fails", 5);
    fake_go_write(buffer, "go", 2, g, pairs[1].fd[0], 0);
    send(pairs[0].fd[0], "between", 7, 0);
    fake_go_write(buffer, "again", 5, g, pairs[1].fd[0], 1);
}
#endif

static void instructions_and_goroutines_can_be_hooked(void **state)
{
    (void)state;
#if defined(__x86_64__)
    run(use_sites);
    assert_int_equal(n_got, 3);
    expect_data(0, true, 0, "site");
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_SOCKET);
    assert_int_equal(got[0].e.flags, PROBE_FLAG_SITE | PROBE_FLAG_OPENSSL);
    expect_data(1, true, 0, "go");
    if (got[1].e.method != PROBE_METHOD_NONE) /* the first call of a process may be too early */
        expect_tuple(1, &pairs[1], 0, PROBE_METHOD_SOCKET);
    expect_data(2, true, 2, "again");
    expect_tuple(2, &pairs[1], 0, PROBE_METHOD_SOCKET);
#else
    printf("skipped: written for x86-64\n");
    skip();
#endif
}

#if defined(__x86_64__)
static void reuse_go_connection(void)
{
    static uint64_t g[2] = {0, UINT64_C(1) << 47};
    /* net.Conn of a *net.TCPConn in a tls.Conn: type, data -> netFD -> poll.FD with descriptor */
    uint64_t net_fd[3] = {0, 0, (uint64_t)pairs[0].fd[0]}, tcp[1] = {(uintptr_t)net_fd};
    uint64_t conn[2] = {0, (uintptr_t)tcp};
    int null = open("/dev/null", O_WRONLY);

    fake_go_write(conn, "one", 3, g, null, 0);
    net_fd[2] = (uint64_t)pairs[1].fd[1];
    fake_go_write(conn, "two", 3, g, null, 0);
    net_fd[2] = (uint64_t)null;
    fake_go_write(conn, "more", 4, g, null, 0);
}
#endif

static void place_of_a_go_connection_may_get_another(void **state)
{
    (void)state;
#if defined(__x86_64__)
    run(reuse_go_connection);
    assert_int_equal(n_got, 4);
    expect_data(0, true, 0, "one");
    expect_tuple(0, &pairs[0], 0, PROBE_METHOD_DESCRIPTOR);
    expect_close(1, 0, 3);
    expect_data(2, true, 0, "two");
    expect_tuple(2, &pairs[1], 1, PROBE_METHOD_DESCRIPTOR);
    expect_data(3, true, 3, "more");
#else
    printf("skipped: written for x86-64\n");
    skip();
#endif
}

static void accept_some(void)
{
    struct fake_ssl tls = {.fd = -1}, plain = {.fd = -1}, a = {.fd = -1}, b = {.fd = -1};
    struct iovec v = {THE_BYTES, 5};

    fake_import(&tls);
    fake_accept(&plain, &a);
    fake_writev(&a, &v, 1);
    fake_accept(&tls, &b);
    fake_writev(&b, &v, 1);
}

static void accepted_by_a_marked_listener_is_marked(void **state)
{
    (void)state;
    run(accept_some);
    assert_int_equal(n_got, 1);
    expect_data(0, true, 0, "GET /");
}

/* --- owners, filters, ends ------------------------------------------------------------------- */

static pid_t owner(const struct pair *p, unsigned from, uint8_t proto, unsigned *port)
{
    struct ipaddr a[2];
    struct flow_key key;
    pid_t pid = 0;

    for (int i = 0; i < 2; i++)
        memcpy(a[i].b, &p->address[i].sin6_addr, 16);
    flow_key_set(&key, &a[from], ntohs(p->address[from].sin6_port), &a[!from],
                 ntohs(p->address[!from].sin6_port), proto);
    *port = 0;
    for (unsigned end = 0; end < 2 && pid == 0; end++) {
        pid = kernel_owner(kernel, &key, end);
        *port = pid != 0 ? key.port[end] : 0;
    }
    return pid;
}

static void sockets_that_were_there_have_owners(void **state)
{
    struct pair nobody = pairs[0];
    unsigned port;

    (void)state;
    skip_without_kernel();
    nobody.address[1].sin6_port = 1;
    assert_int_equal(owner(&pairs[0], 0, IPPROTO_TCP, &port), getpid());
    assert_int_equal(owner(&nobody, 0, IPPROTO_TCP, &port), 0);
    assert_int_equal(owner(&pairs[0], 0, IPPROTO_UDP, &port), 0);
}

static void send_both_ways(void)
{
    send(pairs[0].fd[0], "x", 1, 0);
    send(pairs[0].fd[1], "y", 1, 0);
}

static void last_user_of_a_socket_owns_it(void **state)
{
    unsigned port;

    (void)state;
    run(send_both_ways);
    assert_int_equal(owner(&pairs[0], 0, IPPROTO_TCP, &port), child);
    assert_int_equal(owner(&pairs[0], 1, IPPROTO_TCP, &port), child);
}

static void answer_udp(void)
{
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = pairs[0].address[0].sin6_port};
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    bind(fd, (struct sockaddr *)&any, sizeof any);
    sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to);
}

static void udp_server_owns_all_it_talks_with(void **state)
{
    unsigned port;

    (void)state;
    run(answer_udp);
    assert_int_equal(owner(&pairs[0], 0, IPPROTO_UDP, &port), child);
    assert_int_equal(port, ntohs(pairs[0].address[0].sin6_port));
}

static void named_scene(void)
{
    prctl(PR_SET_NAME, "spliff-scene");
    talk();
}

/* How many events there are of a child under other filters. */
static unsigned events_with(struct probe_config config)
{
    skip_without_kernel();
    kernel_close(kernel);
    kernel = NULL;
    open_kernel(config);
    run(named_scene);
    return n_got;
}

static struct probe_config address_filter(const char *text, unsigned bits)
{
    struct probe_config config = {.n_addresses = 2};

    inet_pton(AF_INET6, "2001:db8::", config.addresses[0].prefix);
    config.addresses[0].bits = 32;
    inet_pton(AF_INET6, text, config.addresses[1].prefix);
    config.addresses[1].bits = bits;
    return config;
}

static void filters_hold_in_the_kernel(void **state)
{
    struct probe_config mine = {.n_ppids = 2, .ppids = {1, (unsigned)getpid()}};
    struct probe_config others = {.n_ppids = 1, .ppids = {(unsigned)getppid()}};

    (void)state;
    assert_int_equal(events_with(mine), 5);
    assert_int_equal(events_with(others), 0);
    assert_true(counters.probe_filtered > 0);
    assert_int_equal(events_with((struct probe_config){.n_pids = 1, .pids = {1}}), 0);
    assert_int_equal(
        events_with((struct probe_config){.n_comms = 2, .comms = {"nginx", "spliff-scene"}}), 5);
    assert_int_equal(events_with((struct probe_config){.n_comms = 1, .comms = {"spliff"}}), 0);
    assert_int_equal(events_with((struct probe_config){.cgroup = 1}), 5); /* the root */
    assert_int_equal(events_with((struct probe_config){.cgroup = UINT64_MAX}), 0);
    assert_int_equal(events_with(address_filter("::1", 128)), 5);
    assert_int_equal(events_with(address_filter("::", 127)), 5);
    assert_int_equal(events_with(address_filter("::2", 127)), 0);
    mine.n_comms = 1;
    strcpy(mine.comms[0], "nginx");
    assert_int_equal(events_with(mine), 0);
}

static void flood(void)
{
    static char buffer[16384];
    struct fake_ssl a = {.fd = -1};

    for (int i = 0; i < 100; i++)
        fake_write(&a, buffer, sizeof buffer);
}

static void full_ring_is_counted_and_shows_as_a_jump(void **state)
{
    uint64_t lost = counters.probe_ring_bytes, taken = 0;

    (void)state;
    run(flood); /* 1.6 MB into a ring of one */
    for (unsigned i = 0; i < n_got; i++) {
        assert_int_equal(got[i].e.offset, taken);
        taken += got[i].e.len;
    }
    assert_int_equal(counters.probe_ring_bytes - lost + taken, 100 * 16384);
    assert_true(taken < 100 * 16384);
}

static void detached_functions_are_silent(void **state)
{
    (void)state;
    skip_without_kernel();
    kernel_detach(kernel, 0);
    kernel_close(kernel); /* waits for that */
    kernel = NULL;
    open_kernel((struct probe_config){0});
    run(talk);
    assert_int_equal(n_got, 5); /* once, not twice */
}

/* Those that find sockets or are attached by other means on an old kernel. */
#define TESTS_OF_BOTH                                                                              \
    cmocka_unit_test(sockets_that_were_there_have_owners),                                         \
        cmocka_unit_test(socket_inside_the_call_tells_the_tuple),                                  \
        cmocka_unit_test(descriptor_of_a_socket_bio_tells_the_tuple),                              \
        cmocka_unit_test(receive_before_a_read_tells_the_tuple),                                   \
        cmocka_unit_test(send_after_a_write_tells_the_tuple),                                      \
        cmocka_unit_test(first_send_of_a_handshake_corrects_a_guess),                              \
        cmocka_unit_test(session_is_told_of_before_its_bytes),                                     \
        cmocka_unit_test(socket_of_another_session_is_no_guess),                                   \
        cmocka_unit_test(another_socket_or_an_end_makes_another_session),                          \
        cmocka_unit_test(outermost_call_counts_and_lost_ones_do_no_harm),                          \
        cmocka_unit_test(call_of_another_kind_inside_counts),                                      \
        cmocka_unit_test(vectors_of_marked_sessions_only),                                         \
        cmocka_unit_test(instructions_and_goroutines_can_be_hooked),                               \
        cmocka_unit_test(place_of_a_go_connection_may_get_another),                                \
        cmocka_unit_test(last_user_of_a_socket_owns_it),                                           \
        cmocka_unit_test(udp_server_owns_all_it_talks_with)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS_OF_BOTH,
        cmocka_unit_test(long_calls_come_in_chunks_up_to_a_bound),
        cmocka_unit_test(only_what_the_result_says_counts),
        cmocka_unit_test(protocol_is_told_once),
        cmocka_unit_test(accepted_by_a_marked_listener_is_marked),
        cmocka_unit_test(unreadable_bytes_are_a_jump),
        cmocka_unit_test(full_ring_is_counted_and_shows_as_a_jump),
        cmocka_unit_test(filters_hold_in_the_kernel),
        cmocka_unit_test(detached_functions_are_silent),
    };
    const struct CMUnitTest old[] = {TESTS_OF_BOTH};
    int failed = cmocka_run_group_tests_name("kernel", tests, prepare, clean_up);

    return failed + cmocka_run_group_tests_name("old kernel", old, prepare_old, clean_up);
}
