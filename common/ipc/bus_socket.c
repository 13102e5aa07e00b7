/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/bus_socket.h"

#include "common/base/check.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RECONNECT_MIN_MS 10
#define RECONNECT_MAX_MS 50
#define IPC_SCHEME       "ipc://"

struct endpoint {
    char text[sizeof IPC_SCHEME + sizeof((struct sockaddr_un *)0)->sun_path];
    const char *path; /* in text */
};

int bus_socket_set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) < 0 ? -errno : 0;
}

int bus_socket_fd(void *socket)
{
    int fd = -1;
    size_t len = sizeof fd;

    CHECK(zmq_getsockopt(socket, ZMQ_FD, &fd, &len) == 0);
    return fd;
}

int bus_socket_open(void **out, void *context, int type)
{
    /* No linger: a process that fails must not hang in its exit (bus_close sets one when it means
     * it). Immediate: queue only for a peer that is there, so that a successor of a dead logger
     * gets no stale batches. */
    static const int options[][2] = {
        {ZMQ_LINGER, 0},
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_SNDHWM, BUS_QUEUE_MESSAGES},
        {ZMQ_RCVHWM, BUS_QUEUE_MESSAGES},
        {ZMQ_RECONNECT_IVL, RECONNECT_MIN_MS},
        {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
    };
    /* Of type int64_t, unlike the rest. */
    int64_t message_max = BUS_TOPIC_BYTES_MAX + 1 + BUS_BODY_BYTES_MAX;
    void *socket = zmq_socket(context, type);
    int err = 0;

    if (!socket)
        return -errno;
    for (size_t i = 0; err == 0 && i < sizeof options / sizeof options[0]; i++)
        err = bus_socket_set(socket, options[i][0], options[i][1]);
    if (err == 0 && zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) < 0)
        err = -errno;
    if (err < 0)
        zmq_close(socket);
    else
        *out = socket;
    return err;
}

/* Checked here, because ZeroMQ's own word for it names neither the path nor the bound. */
static int endpoint_of(struct endpoint *e, const char *run_dir, const char *file)
{
    int n = snprintf(e->text, sizeof e->text, IPC_SCHEME "%s/%s", run_dir, file);
    size_t max = sizeof IPC_SCHEME + sizeof((struct sockaddr_un *)0)->sun_path - 2;

    e->path = e->text + strlen(IPC_SCHEME);
    if (n >= 0 && (size_t)n <= max)
        return 0;
    log_error("socket path %s/%s is longer than the kernel's %zu bytes: choose a shorter state "
              "folder",
              run_dir, file, max - strlen(IPC_SCHEME));
    return -ENAMETOOLONG;
}

/* The mode of a socket file comes from the umask at bind(2), and there is no other moment to set it
 * before somebody connects. ZeroMQ unlinks what a dead predecessor left at the path. No link is
 * followed: the group may write to the folder, and may have put one there by now. */
int bus_socket_bind(void *socket, const char *run_dir, const char *file, uid_t uid, gid_t gid)
{
    struct endpoint e;
    mode_t mask;
    int err = endpoint_of(&e, run_dir, file);

    if (err < 0)
        return err;
    mask = umask(0007);
    err = zmq_bind(socket, e.text) < 0 ? -errno : 0;
    umask(mask);
    if (err == 0 && geteuid() == 0 && fchownat(AT_FDCWD, e.path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        err = -errno;
    if (err < 0)
        log_error("cannot bind %s: %s", e.path, zmq_strerror(-err));
    return err;
}

int bus_socket_connect(void *socket, const char *run_dir, const char *file)
{
    struct endpoint e;
    int err = endpoint_of(&e, run_dir, file);

    if (err < 0)
        return err;
    err = zmq_connect(socket, e.text) < 0 ? -errno : 0;
    if (err < 0)
        log_error("cannot connect to %s: %s", e.path, zmq_strerror(-err));
    return err;
}

int bus_socket_send(void *socket, const char *topic, const void *head, size_t head_len,
                    const void *rest, size_t rest_len)
{
    size_t topic_bytes = strlen(topic) + 1;
    zmq_msg_t frame;
    uint8_t *p;

    if (zmq_msg_init_size(&frame, topic_bytes + head_len + rest_len) < 0)
        return -EAGAIN;
    p = zmq_msg_data(&frame);
    memcpy(p, topic, topic_bytes);
    if (head_len > 0)
        memcpy(p + topic_bytes, head, head_len);
    if (rest_len > 0)
        memcpy(p + topic_bytes + head_len, rest, rest_len);
    if (zmq_msg_send(&frame, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&frame);
        return -EAGAIN;
    }
    return 0;
}

bool bus_socket_receive(void *socket, zmq_msg_t *frame, struct bus_message *m)
{
    while (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0) {
        const char *topic = zmq_msg_data(frame), *end;
        size_t n = zmq_msg_size(frame);
        bool more = zmq_msg_more(frame);

        while (more && zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0) {
            more = zmq_msg_more(frame);
            n = 0;
        }
        end = n > 0 ? memchr(topic, '\0', n) : NULL;
        if (!end)
            continue;
        *m = (struct bus_message){
            .kind = BUS_MESSAGE,
            .topic = topic,
            .topic_len = (size_t)(end - topic),
            .body = (const uint8_t *)end + 1,
            .body_len = n - (size_t)(end - topic) - 1,
        };
        return true;
    }
    return false;
}
