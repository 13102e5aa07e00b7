/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Plaintext from TLS libraries, and the sockets it belongs to.
 *
 * Two programs serve every function of every library: on_entry keeps the arguments, on_return reads
 * the result, the bytes and the session. What they have to know of the function is in the attach
 * cookie (probe.h). The others hear of each use of a socket: while a thread is inside a call, that
 * socket is the session's (probe_session.h says what happens if there is none), and in any case
 * the thread's process is its owner.
 *
 * A function that a library calls inside another one is not counted again: of calls of a kind on
 * one stack the outermost counts, and one that never returned is forgotten when the stack is as low
 * again.
 *
 * Where the kernel has no tracepoint at the end of socket calls (before 6.3), on_syscall sees their
 * beginning: dearer, and without the result. */
#include "bpf/kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "bpf/probe.h"
#include "bpf/probe_copy.h"
#include "bpf/probe_filter.h"
#include "bpf/probe_layers.h"
#include "bpf/probe_maps.h"
#include "bpf/probe_regs.h"
#include "bpf/probe_session.h"
#include "bpf/probe_tuple.h"

/* --- calls ---------------------------------------------------------------------------------- */

static __always_inline struct go_key go_key(__u32 tgid, __u64 goroutine)
{
    return (struct go_key){.tgid = tgid, .goroutine = goroutine};
}

static __always_inline struct thread *thread_get(__u64 create)
{
    return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, create);
}

/* From now on sockets of this process are looked at with a goroutine in mind. */
static __always_inline void watch_go(__u32 tgid)
{
    __u32 *flags = bpf_map_lookup_elem(&watched, &tgid), value = PROBE_WATCH_GO;

    if (flags && *flags & PROBE_WATCH_GO)
        return;
    if (flags)
        value |= *flags;
    bpf_map_update_elem(&watched, &tgid, &value, BPF_ANY);
}

static __always_inline enum call_kind call_kind(const struct probe_cookie *cookie)
{
    switch (cookie->call) {
    case PROBE_CALL_READ:
    case PROBE_CALL_HANDSHAKE:
        return CALL_IN;
    case PROBE_CALL_WRITE:
        return CALL_OUT;
    default:
        return CALL_OTHER;
    }
}

static __always_inline void call_begin(struct call *c, const struct pt_regs *regs,
                                       const struct probe_cookie *cookie, const struct arguments *a)
{
    __builtin_memset(c, 0, sizeof *c);
    c->stack = regs_stack(regs, cookie);
    c->exit = c->stack + (cookie->flags & (PROBE_FLAG_GO | PROBE_FLAG_SITE) ? 0 : RETURN_POPS);
    c->session = regs_argument(a, 0);
    c->buffer = regs_argument(a, cookie->buffer);
    c->out = regs_argument(a, cookie->out);
    c->entry_ns = bpf_ktime_get_ns();
    c->cookie = *cookie;
    c->active = 1;
}

/* False: it is inside another one, or there is no room, or it began before: a function of Go that
 * needs more stack is begun again when it has got it. */
static __always_inline _Bool call_store(const struct pt_regs *regs, const struct call *c,
                                        __u32 tgid)
{
    if (c->cookie.flags & PROBE_FLAG_GO) {
        struct go_key key = go_key(tgid, GOROUTINE(regs));
        struct call *old = bpf_map_lookup_elem(&go_calls, &key);
        _Bool again = old && old->active && c->stack == old->stack && c->session == old->session;
        if (old && old->active && c->stack < old->stack)
            return 0;
        watch_go(tgid);
        if (bpf_map_update_elem(&go_calls, &key, c, BPF_ANY) == 0)
            return !again;
    } else {
        struct thread *t = thread_get(BPF_LOCAL_STORAGE_GET_F_CREATE);
        struct call *old = t ? &t->call[call_kind(&c->cookie)] : NULL;
        if (old && old->active && c->stack < old->stack)
            return 0;
        if (old) {
            *old = *c;
            return 1;
        }
    }
    count(PROBE_STAT_TABLE_FULL, 1);
    return 0;
}

/* Bytes that are told when the call begins: Go reads and writes a connection at the same time, and
 * the answer to a write may be read, on another thread, before the write has returned. Nothing is
 * offered twice there, as it is to libraries that do not block. */
static __always_inline _Bool told_at_entry(const struct probe_cookie *cookie)
{
    return (cookie->flags & PROBE_FLAG_GO) && cookie->call == PROBE_CALL_WRITE;
}

/* The call that returns here; NULL: none, or one inside it. Borrowed from its table. */
static __always_inline struct call *call_find(const struct pt_regs *regs,
                                              const struct probe_cookie *cookie, __u32 tgid,
                                              struct thread **thread)
{
    struct call *c = NULL;

    *thread = NULL;
    if (cookie->flags & PROBE_FLAG_GO) {
        struct go_key key = go_key(tgid, GOROUTINE(regs));
        c = bpf_map_lookup_elem(&go_calls, &key);
    } else {
        *thread = thread_get(0);
        if (*thread)
            c = &(*thread)->call[call_kind(cookie)];
    }
    return c && c->active && c->exit == regs_stack(regs, cookie) ? c : NULL;
}

/* Bytes that the call has read or written; 0 if it failed. */
static __always_inline __u64 call_bytes(const struct call *c, __u64 result)
{
    __s64 n = 0;

    if (told_at_entry(&c->cookie) || (c->cookie.flags & PROBE_FLAG_PEEK && c->out & MSG_PEEK))
        return 0;
    if (c->cookie.count == PROBE_COUNT_INT)
        n = (int)result;
    else if (c->cookie.count == PROBE_COUNT_LONG)
        n = (__s64)result;
    else if (c->cookie.count == PROBE_COUNT_OUT && (int)result > 0)
        n = (__s64)user_word(c->out);
    return n > 0 ? (__u64)n : 0;
}

/* --- what a function that returned has done --------------------------------------------------- */

static __always_inline void take_bytes(const struct session_key *key, struct session *s,
                                       const struct call *c, __u64 bytes)
{
    unsigned write = c->cookie.call == PROBE_CALL_WRITE;
    struct copy copy;

    count(PROBE_STAT_CALLS, 1);
    copy_head(&copy.head, key, s);
    copy.head.type = PROBE_EVENT_DATA;
    copy.head.write = (__u8)write;
    copy.head.entry_ns = c->entry_ns;
    copy.head.offset = s->offset[write];
    copy_bound(&copy);
    s->offset[write] += bytes;
    if (s->excluded || (config.n_addresses && s->method == PROBE_METHOD_NONE)) {
        count(PROBE_STAT_FILTERED, 1);
        return;
    }
    if (c->cookie.flags & PROBE_FLAG_IOV)
        copy_vectors(&copy, c->buffer, c->out, bytes);
    else
        copy_span(&copy, c->buffer, bytes);
}

/* The protocol's name, told once. */
static __always_inline void take_alpn(const struct session_key *key, struct session *s,
                                      const struct call *c)
{
    _Bool datum = c->cookie.count == PROBE_COUNT_ALPN_DATUM;
    __u64 from = user_word(c->buffer);
    __u64 bytes = (__u32)user_int(datum ? c->buffer + 8 : c->out);
    struct probe_event *e;

    if (s->alpn || s->excluded || from == 0 || bytes == 0 || bytes > PROBE_ALPN_MAX)
        return;
    e = copy_event(key, s, PROBE_EVENT_ALPN);
    if (!e)
        return;
    e->len = (__u32)bytes;
    if (bpf_probe_read_user(e->data, bytes, (void *)from) < 0) {
        bpf_ringbuf_discard(e, 0);
        return;
    }
    s->alpn = 1;
    copy_submit(e);
}

/* What the thread sends next may be the output of a session whose five-tuple is not certain: after
 * a write, or one of what an earlier call has taken, and in a handshake, which any call may drive.
 */
static __always_inline _Bool may_send(const struct session *s, const struct call *c, __u64 bytes)
{
    if (s->certain)
        return 0;
    if (c->cookie.call == PROBE_CALL_WRITE && (bytes > 0 || c->cookie.count == PROBE_COUNT_NONE))
        return 1;
    return !session_has_data(s);
}

static __always_inline void call_end(const struct call *c, struct thread *t, __u32 tgid,
                                     __u64 result)
{
    struct session_key key = {.tgid = tgid, .pointer = c->session};
    struct session *s = session_get(&key, c->cookie.image);
    _Bool was_certain;
    __u64 bytes;

    if (!s)
        return;
    s->image = c->cookie.image;
    s->flags = c->cookie.flags;
    if (c->cookie.call == PROBE_CALL_ALPN) {
        take_alpn(&key, s, c);
        return;
    }
    was_certain = s->certain != 0;
    session_resolve(&key, s, c, t);
    bytes = call_bytes(c, result);
    if (t && may_send(s, c, bytes))
        t->pending = c->session;
    else if (t && (s->certain || t->pending != c->session))
        t->pending = 0;
    if (bytes > 0)
        take_bytes(&key, s, c, bytes);
    else if (!was_certain && s->certain && !session_has_data(s))
        session_tell(&key, s, PROBE_EVENT_TUPLE);
}

/* The bytes are a slice: an address, and the next argument is their number. */
static __always_inline void tell_at_entry(const struct call *c, const struct arguments *a,
                                          __u32 tgid)
{
    struct session_key key = {.tgid = tgid, .pointer = c->session};
    struct session *s = session_get(&key, c->cookie.image);
    __s64 bytes = (__s64)regs_argument(a, c->cookie.buffer + 1);

    if (!s || bytes <= 0)
        return;
    s->image = c->cookie.image;
    s->flags = c->cookie.flags;
    session_resolve(&key, s, c, NULL);
    take_bytes(&key, s, c, (__u64)bytes);
}

static __always_inline void mark(__u32 tgid, __u64 session, __u16 image)
{
    struct session_key key = {.tgid = tgid, .pointer = session};
    struct session *s = session ? session_get(&key, image) : NULL;

    if (s)
        s->marked = 1;
}

/* Whether a session has a mark, or gets one now since it turns out to be TLS. */
static __always_inline _Bool is_marked(const struct pt_regs *regs,
                                       const struct probe_cookie *cookie, __u32 tgid, __u64 session)
{
    struct session_key key = {.tgid = tgid, .pointer = session};
    struct session *s = session_find(&key);

    if (s && s->marked)
        return 1;
    if (!layers_have_tls(regs, cookie, session))
        return 0;
    mark(tgid, session, cookie->image);
    return 1;
}

static __always_inline void end_session(__u32 tgid, __u64 session)
{
    struct session_key key = {.tgid = tgid, .pointer = session};
    struct session *s = session_find(&key);

    if (!s)
        return;
    session_tell(&key, s, PROBE_EVENT_CLOSE);
    session_forget_process(s);
    if (s->method != PROBE_METHOD_NONE && s->tuple.cookie) {
        __u64 cookie = s->tuple.cookie;
        bpf_map_delete_elem(&claims, &cookie);
    }
    bpf_map_delete_elem(&sessions, &key);
}

/* One that marks whatever the function was called with. */
static __always_inline _Bool is_plain_mark(const struct probe_cookie *cookie)
{
    return cookie->call == PROBE_CALL_MARK && !(cookie->flags & PROBE_FLAG_MARKED_ONLY);
}

SEC("uprobe")
int on_entry(struct pt_regs *regs)
{
    struct probe_cookie cookie = regs_cookie(regs);
    __u32 tgid = current_tgid();
    struct arguments a = regs_arguments(regs, &cookie);
    __u64 session = regs_argument(&a, 0);
    struct call c;

    if (!filter_process(tgid)) {
        count(PROBE_STAT_FILTERED, 1);
        return 0;
    }
    if (cookie.flags & PROBE_FLAG_MARKED_ONLY && !is_marked(regs, &cookie, tgid, session))
        return 0;
    if (cookie.call == PROBE_CALL_FREE) {
        end_session(tgid, session);
    } else if (is_plain_mark(&cookie)) {
        if (!(cookie.flags & PROBE_FLAG_RESULT))
            mark(tgid, session, cookie.image);
    } else {
        call_begin(&c, regs, &cookie, &a);
        if (call_store(regs, &c, tgid) && told_at_entry(&cookie))
            tell_at_entry(&c, &a, tgid);
    }
    return 0;
}

SEC("uprobe")
int on_return(struct pt_regs *regs)
{
    struct probe_cookie cookie = regs_cookie(regs);
    __u32 tgid = current_tgid();
    struct thread *thread;
    struct call *c;

    if (is_plain_mark(&cookie)) {
        if (cookie.flags & PROBE_FLAG_RESULT && filter_process(tgid))
            mark(tgid, RESULT(regs), cookie.image);
        return 0;
    }
    c = call_find(regs, &cookie, tgid, &thread);
    if (c) {
        if (cookie.call == PROBE_CALL_MARK)
            mark(tgid, RESULT(regs), cookie.image);
        else
            call_end(c, thread, tgid, RESULT(regs));
        c->active = 0;
    }
    return 0;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static __always_inline void owner_set(const struct probe_tuple *t, __u32 proto, __u32 tgid)
{
    struct probe_owner_key key;

    if (proto == PROTO_TCP && t->remote_port == 0)
        return; /* listens */
    __builtin_memset(&key, 0, sizeof key);
    __builtin_memcpy(key.local, t->local, sizeof key.local);
    __builtin_memcpy(key.remote, t->remote, sizeof key.remote);
    key.local_port = t->local_port;
    key.remote_port = t->remote_port;
    key.proto = proto;
    key.netns = proto == PROTO_TCP && !tuple_is_loopback(t) ? 0 : t->netns;
    bpf_map_update_elem(&owners, &key, &tgid, BPF_ANY);
}

static __always_inline _Bool is_ip(__u16 family, __u16 proto)
{
    return (family == AF_INET || family == AF_INET6) && (proto == PROTO_TCP || proto == PROTO_UDP);
}

static __always_inline _Bool ip_socket(struct sock *sk, __u16 *proto)
{
    *proto = BPF_CORE_READ(sk, sk_protocol);
    return is_ip(BPF_CORE_READ(sk, __sk_common.skc_family), *proto);
}

/* The innermost call that a thread is in: the one that began last. */
static __always_inline struct call *call_innermost(struct thread *t)
{
    struct call *in = &t->call[CALL_IN], *out = &t->call[CALL_OUT];

    if (in->active && out->active)
        return in->entry_ns > out->entry_ns ? in : out;
    return in->active ? in : out->active ? out : NULL;
}

/* The call that the current thread, or its goroutine, is in. */
static __always_inline struct call *call_current(struct thread *t, __u32 tgid, __u32 watch)
{
    struct pt_regs *regs;
    struct go_key key;
    __u64 goroutine;
    struct call *c;

    c = t ? call_innermost(t) : NULL;
    if (c)
        return c;
    if (!(watch & PROBE_WATCH_GO))
        return NULL;
    regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
    if (bpf_probe_read_kernel(&goroutine, sizeof goroutine, &GOROUTINE(regs)) < 0)
        return NULL;
    key = go_key(tgid, goroutine);
    c = bpf_map_lookup_elem(&go_calls, &key);
    return c && c->active ? c : NULL;
}

/* A call in flight has used its socket. When it returns its session will have that; but the packets
 * of a handshake pass until then. */
static __always_inline void early_process(const struct call *c, __u32 tgid)
{
    struct session_key key = {.tgid = tgid, .pointer = c->session};
    const struct session *s;

    if (!has_processes || c->cookie.call > PROBE_CALL_HANDSHAKE)
        return;
    s = session_find(&key);
    if ((!s || !s->certain) && !filter_excludes(&c->tuple))
        processes_put(&c->tuple);
}

/* A thread has used a TCP socket: sent (or received) n bytes, or failed. */
static __always_inline void use_socket(const struct probe_tuple *tuple, __u32 tgid, _Bool sent,
                                       int n)
{
    __u32 *flags = bpf_map_lookup_elem(&watched, &tgid), watch = flags ? *flags : 0;
    struct thread *t = thread_get(0);
    struct call *c = call_current(t, tgid, watch);

    if (!t && !watch)
        return;
    if (c) {
        if (!c->has_tuple && tuple->remote_port != 0) {
            c->tuple = *tuple;
            c->has_tuple = 1;
            early_process(c, tgid);
        }
        return;
    }
    if (n <= 0 || (sent && (!t || !t->pending)))
        return;
    if (sent) {
        session_next_send(t, tgid, tuple);
        return;
    }
    if (!t && watch & PROBE_WATCH_SOCKETS)
        t = thread_get(BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!t)
        return;
    t->received = *tuple;
    t->has_received = 1;
    t->pending = 0;
}

static __always_inline int on_length(struct sock *sk, int n, _Bool sent)
{
    __u32 tgid = current_tgid();
    __u16 proto = sk->sk_protocol;
    struct probe_tuple tuple;
    struct known *k;
    __u64 whose;

    if (!is_ip(sk->__sk_common.skc_family, proto))
        return 0;
    k = bpf_sk_storage_get(&known, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!k) {
        count(PROBE_STAT_TABLE_FULL, 1);
        return 0;
    }
    whose = (__u64)tgid << 32 | (__u32)sk->__sk_common.skc_dport << 16 | sk->__sk_common.skc_num;
    if (k->whose != whose) {
        bpf_get_socket_cookie(sk); /* gives it one */
        if (!tuple_read(&tuple, sk))
            return 0;
        owner_set(&tuple, proto, tgid);
        k->tuple = tuple; /* at once: another thread may use it */
        k->whose = whose;
    }
    if (proto == PROTO_TCP)
        use_socket(&k->tuple, tgid, sent, n);
    return 0;
}

/* Arguments: struct sock *sk, int ret, int flags. */
SEC("tp_btf/sock_send_length")
int on_send(__u64 *arguments)
{
    return on_length((struct sock *)arguments[0], (int)arguments[1], 1);
}

SEC("tp_btf/sock_recv_length")
int on_receive(__u64 *arguments)
{
    return on_length((struct sock *)arguments[0], (int)arguments[1], 0);
}

#if defined(__TARGET_ARCH_arm64)
enum { READ = 63, WRITE = 64, READV = 65, WRITEV = 66, SENDTO = 206, RECVFROM = 207 };
enum { SENDMSG = 211, RECVMSG = 212 };
#define FIRST_ARGUMENT(r) ((r)->regs[0])
#else
enum { READ = 0, WRITE = 1, READV = 19, WRITEV = 20, SENDTO = 44, RECVFROM = 45 };
enum { SENDMSG = 46, RECVMSG = 47 };
#define FIRST_ARGUMENT(r) ((r)->di)
#endif

/* Arguments: struct pt_regs *regs, long id. */
SEC("raw_tp/sys_enter")
int on_syscall(__u64 *arguments)
{
    __u64 id = arguments[1];
    _Bool send = id == WRITE || id == WRITEV || id == SENDTO || id == SENDMSG;
    _Bool receive = id == READ || id == READV || id == RECVFROM || id == RECVMSG;
    __u32 tgid = current_tgid();
    struct probe_tuple tuple;
    struct pt_regs *regs = (struct pt_regs *)arguments[0];
    struct sock *sk;
    __u16 proto;
    __u64 fd;

    if (!send && !receive)
        return 0;
    if (bpf_probe_read_kernel(&fd, sizeof fd, &FIRST_ARGUMENT(regs)) < 0)
        return 0;
    sk = tuple_socket((__u32)fd);
    if (!sk || !ip_socket(sk, &proto) || !tuple_read(&tuple, sk))
        return 0;
    owner_set(&tuple, proto, tgid);
    if (proto == PROTO_TCP)
        use_socket(&tuple, tgid, send, 1);
    return 0;
}

/* Once, at the start: who has the sockets that are there already. */
SEC("iter/task_file")
int on_file(struct bpf_iter__task_file *ctx)
{
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    struct probe_tuple tuple;
    struct socket *socket;
    struct sock *sk;
    __u16 proto;

    if (!task || !file)
        return 0;
    socket = bpf_sock_from_file(file);
    sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
    if (sk && ip_socket(sk, &proto) && tuple_read(&tuple, sk))
        owner_set(&tuple, proto, (__u32)BPF_CORE_READ(task, tgid));
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
