/* SPDX-License-Identifier: BSD-3-Clause */
/* The broker: publishers' messages to subscribers, subscribers' wishes to publishers, each whole.
 *
 * VERBOSER, because the upstream socket counts subscriptions: it must see every one and every end
 * of one, or a tap that leaves would keep the workers publishing to nobody. */
#include "common/ipc/broker.h"

#include "common/base/log.h"
#include "common/ipc/bus_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zmq.h>

/* A context of its own: a process may have both a broker and a bus, and closes them apart. */
struct broker {
    void *context;
    void *in;  /* XSUB: what publishers send */
    void *out; /* XPUB: what subscribers get */
};

int broker_open(struct broker **out, const char *run_dir, int gid)
{
    struct broker *b = calloc(1, sizeof *b);
    int err;

    if (!b)
        return -ENOMEM;
    b->context = zmq_ctx_new();
    err = b->context ? 0 : -errno;
    if (err == 0)
        err = bus_socket_open(&b->in, b->context, ZMQ_XSUB);
    if (err == 0)
        err = bus_socket_open(&b->out, b->context, ZMQ_XPUB);
    if (err == 0)
        err = bus_socket_set(b->out, ZMQ_XPUB_VERBOSER, 1);
    if (err < 0) {
        log_error("cannot make the broker: %s", zmq_strerror(-err));
        goto fail;
    }
    err = bus_socket_bind(b->in, run_dir, "bus.in", (uid_t)-1, (gid_t)gid);
    if (err == 0)
        err = bus_socket_bind(b->out, run_dir, "bus.out", (uid_t)-1, (gid_t)gid);
    if (err < 0)
        goto fail;
    *out = b;
    return 0;

fail:
    broker_close(b);
    return err;
}

void broker_close(struct broker *b)
{
    if (!b)
        return;
    if (b->in)
        zmq_close(b->in);
    if (b->out)
        zmq_close(b->out);
    if (b->context)
        zmq_ctx_term(b->context);
    free(b);
}

void broker_fds(const struct broker *b, int fds[2])
{
    fds[0] = bus_socket_fd(b->in);
    fds[1] = bus_socket_fd(b->out);
}

/* Passes on one message, all its frames. False if there was none. Sending never waits: a full queue
 * drops the message for that peer. */
static bool pass(void *from, void *to)
{
    int more = 1;
    bool any = false;

    while (more) {
        zmq_msg_t frame;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, from, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return any;
        }
        any = true;
        more = zmq_msg_more(&frame);
        if (zmq_msg_send(&frame, to, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0)
            zmq_msg_close(&frame);
    }
    return any;
}

uint32_t broker_run(struct broker *b, uint32_t max)
{
    uint32_t n = 0;
    bool more = true;

    /* A send on one socket may take the edge of its descriptor with it, so only a round in which
     * both had nothing ends this. */
    while (more && n < max) {
        bool down = pass(b->in, b->out);
        bool up = pass(b->out, b->in);

        n += (uint32_t)down + (uint32_t)up;
        more = down || up;
    }
    return n < max ? n : max;
}
