/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/probe/fake_ssl.h"

#include <setjmp.h>
#include <sys/socket.h>

const int fake_socket_type = 0x505;

static jmp_buf back;

/* Whoever seals or chooses bytes reads them, which brings their page in. */
static void touch(const void *bytes, size_t n)
{
    const volatile unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        (void)p[i];
}

int __attribute__((noinline)) fake_read(struct fake_ssl *s, void *buffer, int bytes)
{
    if (s->fd >= 0)
        return (int)recv(s->fd, buffer, (size_t)bytes, 0);
    return s->result != 0 ? s->result : bytes;
}

int __attribute__((noinline)) fake_write(struct fake_ssl *s, const void *buffer, int bytes)
{
    touch(buffer, (size_t)bytes);
    touch(&fake_socket_type, sizeof fake_socket_type);
    if (s->fd >= 0)
        return (int)send(s->fd, buffer, (size_t)bytes, 0);
    return s->result != 0 ? s->result : bytes;
}

int __attribute__((noinline))
fake_read_calls_back(struct fake_ssl *s, const void *answer, int bytes)
{
    return fake_write(s, answer, bytes) == bytes ? -1 : 0;
}

int __attribute__((noinline))
fake_write_ex(struct fake_ssl *s, const void *buffer, size_t bytes, size_t *done)
{
    (void)buffer;
    *done = bytes;
    return s->result < 0 ? 0 : 1;
}

int __attribute__((noinline)) fake_handshake(struct fake_ssl *s)
{
    touch(&fake_socket_type, sizeof fake_socket_type);
    return s->result;
}

void __attribute__((noinline)) fake_free(struct fake_ssl *s)
{
    s->fd = -1;
}

void __attribute__((noinline))
fake_alpn(struct fake_ssl *s, const unsigned char **data, unsigned *len)
{
    *data = (const unsigned char *)"h2";
    *len = s->result < 0 ? 0 : 2;
    touch(*data, *len);
}

int __attribute__((noinline)) fake_alpn_datum(struct fake_ssl *s, struct fake_datum *out)
{
    (void)s;
    out->data = (const unsigned char *)"http/1.1";
    out->size = 8;
    touch(out->data, out->size);
    return 0;
}

struct fake_ssl *__attribute__((noinline)) fake_import(struct fake_ssl *s)
{
    return s;
}

struct fake_ssl *__attribute__((noinline))
fake_accept(struct fake_ssl *listener, struct fake_ssl *s)
{
    listener->result = 0;
    return s;
}

int __attribute__((noinline)) fake_writev(struct fake_ssl *s, const struct iovec *v, int n)
{
    size_t sum = 0;

    for (int i = 0; i < n; i++) {
        touch(v[i].iov_base, v[i].iov_len);
        sum += v[i].iov_len;
    }
    return s->result != 0 ? s->result : (int)sum;
}

static const char *const layer_names[] = {NULL, "files", "SSL", "SSL layer"};
const char *const *fake_layer_names = layer_names;

int __attribute__((noinline))
fake_write_layer(struct fake_layer *top, const void *buffer, int bytes)
{
    (void)top;
    touch(buffer, (size_t)bytes);
    return bytes;
}

int __attribute__((noinline)) fake_flush(struct fake_ssl *s, const void *buffer, int bytes)
{
    return fake_write(s, buffer, bytes) - bytes;
}

int __attribute__((noinline)) fake_write_outer(struct fake_ssl *s, const void *buffer, int bytes)
{
    return fake_write(s, buffer, bytes) + 0;
}

int __attribute__((noinline)) fake_write_leaves(struct fake_ssl *s, const void *buffer, int bytes)
{
    (void)s, (void)buffer;
    longjmp(back, bytes);
}

void __attribute__((noinline)) fake_write_left(struct fake_ssl *s, const void *buffer, int bytes)
{
    if (setjmp(back) == 0)
        fake_write_leaves(s, buffer, bytes);
}

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl fake_site_write, fake_site_call, fake_site_jump\n"
        ".type fake_site_write, @function\n"
        "fake_site_write:\n"
        "    sub $24, %rsp\n"
        "fake_site_call:\n"
        "    call fake_write\n"
        "    test %eax, %eax\n"
        "fake_site_jump:\n"
        "    jle 1f\n"
        "1:  add $24, %rsp\n"
        "    ret\n"
        ".size fake_site_write, . - fake_site_write\n"
        ".globl fake_go_write, fake_go_entry, fake_go_exit\n"
        ".type fake_go_write, @function\n"
        "fake_go_write:\n"
        "    push %rbx\n"
        "    push %r14\n"
        "    mov %rcx, %r14\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rbx\n"
        "    mov %rdx, %rcx\n"
        "    call fake_go_entry\n"
        "    pop %r14\n"
        "    pop %rbx\n"
        "    ret\n"
        "fake_go_entry:\n"
        "    test %r9d, %r9d\n"
        "    jz 1f\n"
        "    dec %r9d\n"
        "    jmp fake_go_entry\n"
        "1:  sub $24, %rsp\n"
        "    mov %r8, %rdi\n"
        "    mov %rbx, %rsi\n"
        "    mov %rcx, %rdx\n"
        "    mov $1, %eax\n" /* write(2) */
        "    syscall\n"
        "    add $24, %rsp\n"
        "fake_go_exit:\n"
        "    ret\n"
        ".size fake_go_write, . - fake_go_write\n");
#endif
