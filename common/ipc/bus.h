/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus: every process has one publishing and one subscribing ZeroMQ socket; the manager runs the
 * broker between them (broker.h). Workers tell the loggers of sealed batches directly, from the
 * same publishing socket. A message is one frame: topic, a zero byte, body. Topics end in '/', so
 * that "worker-1/" never receives "worker-10/".
 *
 *   batches/<node>/           worker -> logger (direct): sealed batches, and where they lie
 *   log/<path>/<node>/        worker -> anyone who subscribes at the broker: a batch whole
 *   ack/<node>/               logger -> worker
 *   logger/<name>/            subscribed by a logger only: tells a worker that it is there
 *   event/<what>/<node>/      worker -> workers, manager and probe, and back (event.h, owner.h,
 *                             claim.h)
 *
 * A logger that starts subscribes to "batches/" before it shows "logger/<name>/", so whoever sees
 * the latter can publish at once.
 *
 * Nothing here blocks: a message that a peer's full queue cannot take is dropped for that peer.
 * Such a queue holds BUS_QUEUE_MESSAGES. ZeroMQ's one home is common/ipc; others see only these
 * functions. */
#ifndef SPLIFF_IPC_BUS_H
#define SPLIFF_IPC_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;
struct heritage;

#define BUS_QUEUE_MESSAGES  512 /* a peer */
#define BUS_TOPIC_BYTES_MAX 255
#define BUS_BODY_BYTES_MAX  1048576 /* messages with more are not received */

enum bus_kind {
    BUS_MESSAGE,
    BUS_SUBSCRIBED,   /* no message: a peer has subscribed to `topic` at our publishing socket */
    BUS_UNSUBSCRIBED, /* the last one that had subscribed to it has left */
};

struct bus_message {
    enum bus_kind kind;
    const char *topic; /* not NUL-terminated */
    size_t topic_len;
    const uint8_t *body; /* of a message */
    size_t body_len;
};

/* Connects both sockets to the broker; a worker also to each logger, a logger binds its log
 * endpoint. Returns 0 or -errno, after printing what failed. */
int bus_open(struct bus **out, const struct heritage *h);

/* The manager's: both sockets connected to the broker in run_dir, and nothing to loggers. */
int bus_open_client(struct bus **out, const char *run_dir);

/* Lets queued messages go for at most linger_ms, then closes. */
void bus_close(struct bus *b, int linger_ms);

int bus_subscribe(struct bus *b, const char *topic); /* prefix; 0 or -errno */

/* Copies. Returns 0, or -EAGAIN when it was dropped for want of memory. Nobody there to take it is
 * no error. */
int bus_publish(struct bus *b, const char *topic, const void *body, size_t len);

/* The same with a body in two parts, that are one at the receiver. */
int bus_publish_joined(struct bus *b, const char *topic, const void *head, size_t head_len,
                       const void *rest, size_t rest_len);

/* Next message or news of subscriptions, borrowed until the next call. True if there is one. */
bool bus_receive(struct bus *b, struct bus_message *m);

/* Keeps what bus_receive has just told of beyond its next call: *m is borrowed from what is
 * returned until that is let go. NULL: there is no memory. */
struct bus_held *bus_hold(struct bus *b, struct bus_message *m);
void bus_let_go(struct bus_held *held);

/* Descriptors that become readable when bus_receive may have something. Edge-triggered as ZeroMQ's
 * are, and every call here may eat the edge: whatever was called last, call bus_receive until it
 * says false before waiting. Returns how many (at most 3). */
int bus_fds(const struct bus *b, int fds[3]);

#endif
