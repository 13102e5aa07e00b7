/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* TLS sessions: their numbers and five-tuples.
 *
 * The five-tuple of most sessions is that of the socket which was used inside a call. A library
 * that is given its bytes by the program (a memory BIO) uses none: then the session is guessed from
 * what its thread received before the call, and sends after it. A guess by a receive is only right
 * while no other session has that socket, and is dropped if the session's first send goes
 * elsewhere. Bytes are told with the guess, since in a handshake the session sends before the
 * program has plaintext.
 *
 * A session whose five-tuple is certain is told of before it has bytes: its peer on the same
 * machine may have read and answered them before the call that wrote them has returned. */
#ifndef SPLIFF_BPF_PROBE_SESSION_H
#define SPLIFF_BPF_PROBE_SESSION_H

#include "bpf/probe_copy.h"
#include "bpf/probe_filter.h"
#include "bpf/probe_processes.h"
#include "bpf/probe_tuple.h"

static __always_inline struct session *session_find(const struct session_key *key)
{
    return bpf_map_lookup_elem(&sessions, key);
}

static __always_inline __u64 session_number(void)
{
    return __sync_fetch_and_add(&last_session, 1) + 1;
}

/* NULL: no room. */
static __always_inline struct session *session_get(const struct session_key *key, __u16 image)
{
    struct session *s = session_find(key), fresh;

    if (s)
        return s;
    __builtin_memset(&fresh, 0, sizeof fresh);
    fresh.number = session_number();
    fresh.image = image;
    /* Another thread may do the same now: Go begins to read and to write at once. */
    bpf_map_update_elem(&sessions, key, &fresh, BPF_NOEXIST);
    s = session_find(key);
    if (!s)
        count(PROBE_STAT_TABLE_FULL, 1);
    return s;
}

static __always_inline void session_tell(const struct session_key *key, const struct session *s,
                                         __u8 type)
{
    struct probe_event *e = s->excluded ? NULL : copy_event(key, s, type);

    if (!e)
        return;
    e->offset = s->offset[0];
    e->offset_write = s->offset[1];
    copy_submit(e);
}

static __always_inline _Bool session_has_data(const struct session *s)
{
    return s->offset[0] != 0 || s->offset[1] != 0;
}

/* From now on the five-tuple of the session is certain. */
static __always_inline void session_is_certain(struct session *s)
{
    s->certain = 1;
    if (has_processes && !s->excluded)
        processes_put(&s->tuple);
}

static __always_inline void session_forget_process(const struct session *s)
{
    if (has_processes && s->certain && !s->excluded)
        processes_remove(&s->tuple);
}

/* Another connection goes by the same pointer from now on. */
static __always_inline void session_renew(const struct session_key *key, struct session *s)
{
    session_tell(key, s, PROBE_EVENT_CLOSE);
    session_forget_process(s);
    s->number = session_number();
    s->offset[0] = s->offset[1] = 0;
    s->method = PROBE_METHOD_NONE;
    s->alpn = s->excluded = s->certain = 0;
}

static __always_inline void session_set_tuple(const struct session_key *key, struct session *s,
                                              const struct probe_tuple *t, __u8 method)
{
    s->tuple = *t;
    s->method = method;
    s->excluded = filter_excludes(t) != 0;
    s->certain = 0;
    if (method != PROBE_METHOD_LEARNED)
        session_is_certain(s);
    if (t->cookie)
        bpf_map_update_elem(&claims, &t->cookie, key, BPF_ANY);
}

/* A living session of the same process has the socket already. */
static __always_inline _Bool session_claimed(const struct probe_tuple *t,
                                             const struct session_key *key)
{
    struct session_key *claim = t->cookie ? bpf_map_lookup_elem(&claims, &t->cookie) : NULL;
    struct session_key other;
    struct session *s;

    if (!claim || claim->tgid != key->tgid || claim->pointer == key->pointer)
        return 0;
    other = *claim;
    s = session_find(&other);
    return s && s->tuple.cookie == t->cookie;
}

static __always_inline _Bool session_descriptor(const struct call *c, struct probe_tuple *t)
{
    if (c->cookie.flags & PROBE_FLAG_OPENSSL)
        return tuple_of_fd(t, tuple_openssl_fd(c->session));
    if (c->cookie.flags & PROBE_FLAG_GO)
        return tuple_of_fd(t, tuple_go_fd(c->session));
    return 0;
}

/* The last receive on the thread, for a call that takes bytes in. It is used up. */
static __always_inline void session_learn(const struct session_key *key, struct session *s,
                                          const struct call *c, struct thread *t)
{
    if (c->cookie.call == PROBE_CALL_WRITE || !t->has_received)
        return;
    if (s->method == PROBE_METHOD_NONE && !session_claimed(&t->received, key))
        session_set_tuple(key, s, &t->received, PROBE_METHOD_LEARNED);
    if (s->method != PROBE_METHOD_NONE && tuple_same(&s->tuple, &t->received))
        t->has_received = 0;
}

/* The five-tuple is certain: if the session has another one, it is another session. */
static __always_inline void session_evidence(const struct session_key *key, struct session *s,
                                             const struct probe_tuple *t, __u8 method)
{
    if (s->method != PROBE_METHOD_NONE && !tuple_same(&s->tuple, t))
        session_renew(key, s);
    if (s->method == PROBE_METHOD_NONE)
        session_set_tuple(key, s, t, method);
}

/* A call has returned: does it tell the session's five-tuple? t is NULL for Go, whose
 * collector may give the place of a connection to the next one unseen: there it is always asked. */
static __always_inline void session_resolve(const struct session_key *key, struct session *s,
                                            const struct call *c, struct thread *t)
{
    struct probe_tuple found;

    if (c->has_tuple)
        session_evidence(key, s, &c->tuple, PROBE_METHOD_SOCKET);
    else if ((s->method == PROBE_METHOD_NONE || c->cookie.flags & PROBE_FLAG_GO) &&
             session_descriptor(c, &found))
        session_evidence(key, s, &found, PROBE_METHOD_DESCRIPTOR);
    else if (t)
        session_learn(key, s, c, t);
}

/* The thread sends after a call that used no socket. */
static __always_inline void session_next_send(struct thread *t, __u32 tgid,
                                              const struct probe_tuple *to)
{
    struct session_key key = {.tgid = tgid, .pointer = t->pending};
    struct session *s = session_find(&key);

    if (s && session_claimed(to, &key))
        return; /* another session's bytes */
    t->pending = 0;
    if (!s || s->certain)
        return;
    if (s->method != PROBE_METHOD_NONE && (tuple_same(&s->tuple, to) || session_has_data(s))) {
        session_is_certain(s);
        return;
    }
    session_set_tuple(&key, s, to, PROBE_METHOD_NEXT_SEND);
    session_tell(&key, s, PROBE_EVENT_TUPLE);
}

#endif
