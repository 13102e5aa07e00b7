/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus over ZeroMQ. The publishing socket is an XPUB, which hands its peers' subscriptions to us
 * as messages: so a worker learns that a logger has come (back). VERBOSE, because a logger that
 * restarts asks again for what its predecessor had asked for.
 *
 * Topic and body share a frame because of a peer that is killed in the middle of a message: what it
 * leaves at the receiver of several frames makes libzmq abort that one, too. */
#include "common/ipc/bus.h"

#include "common/base/log.h"
#include "common/ipc/bus_socket.h"
#include "common/ipc/heritage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct bus {
    void *context;
    void *pub;
    void *sub;
    void *direct;      /* logger: bound, for the workers' batches; NULL elsewhere */
    zmq_msg_t message; /* the last one received */
};

/* On failure what was opened stays in b, for bus_close. */
static int open_sockets(struct bus *b, bool direct)
{
    int err;

    b->context = zmq_ctx_new();
    if (!b->context)
        return -errno;
    err = bus_socket_open(&b->pub, b->context, ZMQ_XPUB);
    if (err == 0)
        err = bus_socket_set(b->pub, ZMQ_XPUB_VERBOSE, 1);
    if (err == 0)
        err = bus_socket_open(&b->sub, b->context, ZMQ_SUB);
    if (err == 0 && direct)
        err = bus_socket_open(&b->direct, b->context, ZMQ_SUB);
    return err;
}

static int subscribe(void *socket, const char *topic)
{
    return zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, strlen(topic)) < 0 ? -errno : 0;
}

static void log_endpoint_name(char out[HERITAGE_NODE_MAX + 4], const char *logger)
{
    snprintf(out, HERITAGE_NODE_MAX + 4, "%.*s.log", HERITAGE_NODE_MAX - 1, logger);
}

/* Subscribed before it is bound, so that no worker finds a logger that does not listen. A peer is
 * sent subscriptions in the order of their bytes: "batches/" comes before "logger/". */
static int bind_direct(struct bus *b, const struct heritage *h)
{
    char topic[HERITAGE_NODE_MAX + 8], file[HERITAGE_NODE_MAX + 4];
    int err = subscribe(b->direct, "batches/");

    snprintf(topic, sizeof topic, "logger/%.*s/", HERITAGE_NODE_MAX - 1, h->node);
    if (err == 0)
        err = subscribe(b->direct, topic);
    if (err < 0)
        return err;
    log_endpoint_name(file, h->node);
    return bus_socket_bind(b->direct, h->run_dir, file, h->uid, h->gid);
}

/* Connecting succeeds before the other side is there and is tried again by ZeroMQ for as long as we
 * live, so processes may start and restart in any order. */
static int connect_broker(struct bus *b, const char *run_dir)
{
    int err = bus_socket_connect(b->sub, run_dir, "bus.out");

    return err < 0 ? err : bus_socket_connect(b->pub, run_dir, "bus.in");
}

static int connect_all(struct bus *b, const struct heritage *h)
{
    char file[HERITAGE_NODE_MAX + 4];
    int err = connect_broker(b, h->run_dir);

    for (uint32_t i = 0; h->kind == NODE_WORKER && err == 0 && i < h->n_loggers; i++) {
        log_endpoint_name(file, h->loggers[i]);
        err = bus_socket_connect(b->pub, h->run_dir, file);
    }
    if (err == 0 && h->kind == NODE_LOGGER)
        err = bind_direct(b, h);
    return err;
}

/* Not yet connected to anything. */
static int bus_new(struct bus **out, bool direct)
{
    struct bus *b = calloc(1, sizeof *b);
    int err;

    if (!b)
        return -ENOMEM;
    zmq_msg_init(&b->message);
    err = open_sockets(b, direct);
    if (err < 0) {
        log_error("cannot make the sockets of the bus: %s", zmq_strerror(-err));
        bus_close(b, 0);
        return err;
    }
    *out = b;
    return 0;
}

/* Hands it out if connecting went well. */
static int bus_opened(struct bus *b, int err, struct bus **out)
{
    if (err < 0)
        bus_close(b, 0);
    else
        *out = b;
    return err;
}

int bus_open(struct bus **out, const struct heritage *h)
{
    struct bus *b;
    int err = bus_new(&b, h->kind == NODE_LOGGER);

    return err < 0 ? err : bus_opened(b, connect_all(b, h), out);
}

int bus_open_client(struct bus **out, const char *run_dir)
{
    struct bus *b;
    int err = bus_new(&b, false);

    return err < 0 ? err : bus_opened(b, connect_broker(b, run_dir), out);
}

static void close_socket(void *socket, int linger_ms)
{
    if (!socket)
        return;
    bus_socket_set(socket, ZMQ_LINGER, linger_ms);
    zmq_close(socket);
}

void bus_close(struct bus *b, int linger_ms)
{
    if (!b)
        return;
    zmq_msg_close(&b->message);
    /* Only what is published may linger; nothing waits to leave a subscriber. */
    close_socket(b->pub, linger_ms);
    close_socket(b->sub, 0);
    close_socket(b->direct, 0);
    if (b->context)
        zmq_ctx_term(b->context);
    free(b);
}

int bus_subscribe(struct bus *b, const char *topic)
{
    return subscribe(b->sub, topic);
}

int bus_publish(struct bus *b, const char *topic, const void *body, size_t len)
{
    return bus_publish_joined(b, topic, body, len, NULL, 0);
}

/* XPUB drops for a peer whose queue is full, without a word and without waiting; whoever must know
 * that it arrived asks for an acknowledgement. */
int bus_publish_joined(struct bus *b, const char *topic, const void *head, size_t head_len,
                       const void *rest, size_t rest_len)
{
    return bus_socket_send(b->pub, topic, head, head_len, rest, rest_len);
}

/* Subscriptions are messages of a byte 1 and the topic; a byte 0 ends one. */
static bool receive_subscription(struct bus *b, struct bus_message *m)
{
    while (zmq_msg_recv(&b->message, b->pub, ZMQ_DONTWAIT) >= 0) {
        const char *p = zmq_msg_data(&b->message);
        size_t n = zmq_msg_size(&b->message);

        if (n == 0 || (unsigned char)p[0] > 1)
            continue;
        *m = (struct bus_message){.kind = p[0] == 1 ? BUS_SUBSCRIBED : BUS_UNSUBSCRIBED,
                                  .topic = p + 1,
                                  .topic_len = n - 1};
        return true;
    }
    return false;
}

bool bus_receive(struct bus *b, struct bus_message *m)
{
    return receive_subscription(b, m) || bus_socket_receive(b->sub, &b->message, m) ||
           (b->direct && bus_socket_receive(b->direct, &b->message, m));
}

struct bus_held {
    zmq_msg_t message;
};

/* The bytes of a short message lie in the frame itself, and move with it. */
struct bus_held *bus_hold(struct bus *b, struct bus_message *m)
{
    struct bus_held *held = malloc(sizeof *held);
    const char *before = zmq_msg_data(&b->message), *after;

    if (!held)
        return NULL;
    zmq_msg_init(&held->message);
    zmq_msg_move(&held->message, &b->message);
    after = zmq_msg_data(&held->message);
    m->topic = after + (m->topic - before);
    if (m->body)
        m->body = (const uint8_t *)after + (m->body - (const uint8_t *)before);
    return held;
}

void bus_let_go(struct bus_held *held)
{
    zmq_msg_close(&held->message);
    free(held);
}

int bus_fds(const struct bus *b, int fds[3])
{
    int n = 0;

    fds[n++] = bus_socket_fd(b->pub);
    fds[n++] = bus_socket_fd(b->sub);
    if (b->direct)
        fds[n++] = bus_socket_fd(b->direct);
    return n;
}
