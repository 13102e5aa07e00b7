/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* From a socket, a descriptor, or the library's own structs to a five-tuple. */
#ifndef SPLIFF_BPF_PROBE_TUPLE_H
#define SPLIFF_BPF_PROBE_TUPLE_H

#include "bpf/probe_maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define AF_INET      2
#define AF_INET6     10
#define MSG_PEEK     2
#define PROTO_TCP    6
#define PROTO_UDP    17
#define S_IFMT       0170000
#define S_IFSOCK     0140000
#define DESCRIPTORS  (1u << 30)
#define BIO_SOCKET   0x505 /* BIO_TYPE_SOCKET: number 5, with descriptor, source and sink */
#define SSL_RBIO     16
#define BIO_METHOD_3 8 /* OpenSSL 3 */
#define BIO_NUM_3    56
#define BIO_METHOD_1 0 /* OpenSSL 1.1.1 */
#define BIO_NUM_1    48
#define GO_CONN_DATA 8  /* tls.Conn begins with a net.Conn, an interface: type, data */
#define GO_SYSFD     16 /* netFD begins with poll.FD: fdMutex, Sysfd */

/* The endpoints of an IP socket; false for others. The remote port is 0 if it is not connected.
 * Works with any pointer to a sock, whether the verifier trusts it or not. */
static __always_inline _Bool tuple_read(struct probe_tuple *t, struct sock *sk)
{
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

    __builtin_memset(t, 0, sizeof *t);
    if (family == AF_INET) {
        __be32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
        __be32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);
        t->local[10] = t->local[11] = t->remote[10] = t->remote[11] = 0xff;
        __builtin_memcpy(t->local + 12, &local, sizeof local);
        __builtin_memcpy(t->remote + 12, &remote, sizeof remote);
    } else if (family == AF_INET6) {
        BPF_CORE_READ_INTO(&t->local, sk, __sk_common.skc_v6_rcv_saddr);
        BPF_CORE_READ_INTO(&t->remote, sk, __sk_common.skc_v6_daddr);
    } else {
        return 0;
    }
    t->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
    t->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
    t->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
    if (has_lengths)
        t->cookie = (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
    else /* nothing gives sockets one: what no two connections have in common */
        t->cookie = (__u64)sk ^ (__u64)t->local_port << 48 ^ (__u64)t->remote_port << 32;
    return 1;
}

static __always_inline _Bool tuple_is_loopback(const struct probe_tuple *t)
{
    const __u64 *local = (const __u64 *)t->local;

    if (local[0] != 0)
        return 0;
    return local[1] == bpf_cpu_to_be64(1) || (t->local[10] == 0xff && t->local[12] == 127);
}

static __always_inline _Bool tuple_same(const struct probe_tuple *a, const struct probe_tuple *b)
{
    const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

    if (a->cookie && b->cookie)
        return a->cookie == b->cookie;
    return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && x[4] == y[4];
}

/* The socket behind a descriptor of the current process, or NULL. */
static __always_inline struct sock *tuple_socket(__u32 fd)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct fdtable *table = BPF_CORE_READ(task, files, fdt);
    struct file **files, *file = NULL;
    struct socket *socket;

    if (fd >= DESCRIPTORS || fd >= BPF_CORE_READ(table, max_fds))
        return NULL;
    files = BPF_CORE_READ(table, fd);
    bpf_probe_read_kernel(&file, sizeof file, files + fd);
    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
        return NULL;
    socket = BPF_CORE_READ(file, private_data);
    return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline __u64 user_word(__u64 at)
{
    __u64 value = 0;

    bpf_probe_read_user(&value, sizeof value, (void *)at);
    return value;
}

/* As user_word, of an int; -1 if it cannot be read. */
static __always_inline int user_int(__u64 at)
{
    int value = -1;

    return bpf_probe_read_user(&value, sizeof value, (void *)at) == 0 ? value : -1;
}

/* Descriptor of an SSL *, or -1. The version is not known: the type that the method begins with
 * tells whether the guess was right. In 1.1.1 a callback lies where 3.0 has the method. */
static __always_inline int tuple_openssl_fd(__u64 ssl)
{
    __u64 bio = user_word(ssl + SSL_RBIO);

    if (bio == 0)
        return -1;
    if (user_int(user_word(bio + BIO_METHOD_3)) == BIO_SOCKET)
        return user_int(bio + BIO_NUM_3);
    if (user_int(user_word(bio + BIO_METHOD_1)) == BIO_SOCKET)
        return user_int(bio + BIO_NUM_1);
    return -1;
}

/* Descriptor of a Go connection whose net.Conn is a *net.TCPConn, or a number that means nothing:
 * the caller asks whether it is a TCP socket. */
static __always_inline int tuple_go_fd(__u64 conn)
{
    __u64 tcp_conn = user_word(conn + GO_CONN_DATA);
    __u64 net_fd = tcp_conn ? user_word(tcp_conn) : 0;

    return net_fd ? user_int(net_fd + GO_SYSFD) : -1;
}

/* The five-tuple of a connected TCP socket by its descriptor. */
static __always_inline _Bool tuple_of_fd(struct probe_tuple *t, int fd)
{
    struct sock *sk = fd >= 0 ? tuple_socket((__u32)fd) : NULL;

    return sk && BPF_CORE_READ(sk, sk_protocol) == PROTO_TCP && tuple_read(t, sk) &&
           t->remote_port != 0;
}

#endif
