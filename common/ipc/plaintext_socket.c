/* SPDX-License-Identifier: BSD-3-Clause */
/* The probe's end is an XPUB that does not drop: a queue that is full is an error for that one
 * message, so whoever sends knows what was lost, and to whom. It also hands over subscriptions and
 * their ends: who listens is kept here, since to publish for nobody is no error to ZeroMQ.
 *
 * A worker that was killed may be followed by its successor before its own end is noticed. Then
 * there is no end, only the second subscription (XPUB_VERBOSE), and it is that which counts. */
#include "common/ipc/plaintext_socket.h"

#include "common/base/log.h"
#include "common/ipc/bus_socket.h"
#include "common/ipc/heritage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_FILE  "plain"
#define TOPIC_PREFIX "plain/"
#define TOPIC_BYTES  (sizeof TOPIC_PREFIX + HERITAGE_NODE_MAX + 1)

/* Messages that wait inside the worker's process, besides those in its own memory: few, so that
 * what it cannot take is seen by the probe. */
#define RECEIVE_MESSAGES 64

struct plaintext_socket {
    void *context;
    void *socket;
    zmq_msg_t frame; /* the last one received */
    unsigned n;      /* probe: workers that listen */
    char node[HERITAGE_WORKERS_MAX][HERITAGE_NODE_MAX];
    char arrived[HERITAGE_NODE_MAX];
};

static int socket_new(struct plaintext_socket **out, int type)
{
    struct plaintext_socket *s = calloc(1, sizeof *s);
    int err = -ENOMEM;

    if (!s)
        goto fail;
    zmq_msg_init(&s->frame);
    s->context = zmq_ctx_new();
    err = s->context ? bus_socket_open(&s->socket, s->context, type) : -errno;
    if (err < 0)
        goto fail;
    *out = s;
    return 0;
fail:
    log_error("cannot make the socket of plaintext: %s", zmq_strerror(-err));
    plaintext_socket_close(s);
    return err;
}

static int socket_opened(struct plaintext_socket *s, int err, struct plaintext_socket **out)
{
    if (err < 0)
        plaintext_socket_close(s);
    else
        *out = s;
    return err;
}

int plaintext_socket_bind(struct plaintext_socket **out, const char *run_dir, uid_t uid, gid_t gid)
{
    struct plaintext_socket *s;
    int err = socket_new(&s, ZMQ_XPUB);

    if (err < 0)
        return err;
    err = bus_socket_set(s->socket, ZMQ_XPUB_VERBOSE, 1);
    if (err == 0)
        err = bus_socket_set(s->socket, ZMQ_XPUB_NODROP, 1);
    if (err == 0)
        err = bus_socket_set(s->socket, ZMQ_SNDHWM, PLAINTEXT_QUEUE_MESSAGES);
    if (err == 0)
        err = bus_socket_bind(s->socket, run_dir, SOCKET_FILE, uid, gid);
    return socket_opened(s, err, out);
}

int plaintext_socket_connect(struct plaintext_socket **out, const char *run_dir, const char *node)
{
    char topic[TOPIC_BYTES];
    struct plaintext_socket *s;
    int err = socket_new(&s, ZMQ_SUB);

    if (err < 0)
        return err;
    snprintf(topic, sizeof topic, TOPIC_PREFIX "%.*s/", HERITAGE_NODE_MAX - 1, node);
    err = bus_socket_set(s->socket, ZMQ_RCVHWM, RECEIVE_MESSAGES);
    if (err == 0 && zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, topic, strlen(topic)) < 0)
        err = -errno;
    if (err == 0)
        err = bus_socket_connect(s->socket, run_dir, SOCKET_FILE);
    return socket_opened(s, err, out);
}

void plaintext_socket_close(struct plaintext_socket *s)
{
    if (!s)
        return;
    zmq_msg_close(&s->frame);
    if (s->socket)
        zmq_close(s->socket);
    if (s->context)
        zmq_ctx_term(s->context);
    free(s);
}

/* Index of a worker that listens, n if it does not. */
static unsigned listener_find(const struct plaintext_socket *s, const char *node)
{
    unsigned i = 0;

    while (i < s->n && strcmp(s->node[i], node) != 0)
        i++;
    return i;
}

static void listener_remove(struct plaintext_socket *s, const char *node)
{
    unsigned i = listener_find(s, node);

    if (i < s->n)
        memcpy(s->node[i], s->node[--s->n], HERITAGE_NODE_MAX);
}

/* The name in a subscription to "plain/<node>/". False for any other: it gets what it asked for,
 * but is nobody that we send to. */
static bool node_of(char out[HERITAGE_NODE_MAX], const char *topic, size_t n)
{
    size_t prefix = strlen(TOPIC_PREFIX);

    if (n <= prefix + 1 || n - prefix - 1 >= HERITAGE_NODE_MAX ||
        memcmp(topic, TOPIC_PREFIX, prefix) != 0 || topic[n - 1] != '/')
        return false;
    memcpy(out, topic + prefix, n - prefix - 1);
    out[n - prefix - 1] = '\0';
    return strlen(out) == n - prefix - 1 && !strchr(out, '/');
}

const char *plaintext_socket_arrival(struct plaintext_socket *s)
{
    /* A byte 1 (from here on) or 0 (no more), then the topic. */
    while (zmq_msg_recv(&s->frame, s->socket, ZMQ_DONTWAIT) >= 0) {
        const char *p = zmq_msg_data(&s->frame);
        size_t n = zmq_msg_size(&s->frame);

        if (n == 0 || !node_of(s->arrived, p + 1, n - 1))
            continue;
        if (p[0] == 0)
            listener_remove(s, s->arrived);
        if (p[0] != 1)
            continue;
        if (listener_find(s, s->arrived) == s->n) {
            if (s->n == HERITAGE_WORKERS_MAX)
                continue;
            memcpy(s->node[s->n++], s->arrived, HERITAGE_NODE_MAX);
        }
        return s->arrived;
    }
    return NULL;
}

int plaintext_socket_send(struct plaintext_socket *s, const char *node, const void *body,
                          size_t len)
{
    char topic[TOPIC_BYTES];

    if (listener_find(s, node) == s->n)
        return -ENOENT;
    snprintf(topic, sizeof topic, TOPIC_PREFIX "%.*s/", HERITAGE_NODE_MAX - 1, node);
    return bus_socket_send(s->socket, topic, body, len, NULL, 0);
}

bool plaintext_socket_receive(struct plaintext_socket *s, const uint8_t **body, size_t *len)
{
    struct bus_message m;

    if (!bus_socket_receive(s->socket, &s->frame, &m))
        return false;
    *body = m.body;
    *len = m.body_len;
    return true;
}

int plaintext_socket_fd(const struct plaintext_socket *s)
{
    return bus_socket_fd(s->socket);
}
