/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver's descriptor needs after it was ready differs: the event counter of a real device
 * must be read, or it stays ready; from that of a virtual device a frame would be read. DPDK knows
 * which, but only its own epoll wrapper does it: so the descriptor lies in an epoll instance, that
 * is what is polled, and DPDK takes the events out of it.
 *
 * A frame that comes between the last look at the queue and the arming interrupts nobody. Hence
 * the order: take events out, arm, look at the queue once more, sleep.
 *
 * A driver that has a descriptor and nothing to enable has one of the kernel, which is ready with
 * each frame.
 *
 * Some have no interrupts to tell of, and yet read a socket of the kernel, which is ready as long
 * as frames lie there. They do not give it away, but it is a descriptor of this process, of a
 * family that nothing else here opens: it is found by that. Nothing has to be armed then, but an
 * error that nobody fetches, as when the interface is down, would leave it ready for ever. */
#include "worker/capture/dpdk_interrupt.h"

#include <dirent.h>
#include <errno.h>
#include <rte_config.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Drivers that read a socket, its family, and the least number of frames that they leave there,
 * however many descriptors they are asked for. */
static const struct reading_socket {
    const char *driver;
    int family;
    uint32_t frames;
} reading_sockets[] = {{"net_af_xdp", AF_XDP, 2048}, {"net_af_packet", AF_PACKET, 512}};

/* That there are none is an answer, and not for DPDK to print as an error. */
static int add_queue(const struct dpdk_interrupt *i)
{
    int level = rte_log_get_level(rte_eth_dev_logtype), r;

    (void)rte_log_set_level(rte_eth_dev_logtype, RTE_LOG_EMERG);
    r = rte_eth_dev_rx_intr_ctl_q(i->port, i->queue, i->fd, RTE_INTR_EVENT_ADD, NULL);
    if (level >= 0)
        (void)rte_log_set_level(rte_eth_dev_logtype, (uint32_t)level);
    return r;
}

/* NULL: the driver reads none. */
static const struct reading_socket *find_reading(uint16_t port)
{
    struct rte_eth_dev_info info;

    if (rte_eth_dev_info_get(port, &info) < 0)
        return NULL;
    for (size_t k = 0; k < sizeof reading_sockets / sizeof reading_sockets[0]; k++)
        if (strcmp(info.driver_name, reading_sockets[k].driver) == 0)
            return &reading_sockets[k];
    return NULL;
}

static bool is_socket_of(int fd, int family)
{
    socklen_t bytes = sizeof(int);
    int is;

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &is, &bytes) == 0 && is == family;
}

/* Has fd be ready with every socket that the driver reads: sets socket_frames if there is one. */
static void add_sockets(struct dpdk_interrupt *i)
{
    const struct reading_socket *reading = find_reading(i->port);
    DIR *mine = reading ? opendir("/proc/self/fd") : NULL;

    for (const struct dirent *e; mine && (e = readdir(mine));) {
        int fd = (int)strtol(e->d_name, NULL, 10); /* 0 for those that are no number: no socket */
        struct epoll_event readable = {.events = EPOLLIN, .data = {.fd = fd}};

        if (is_socket_of(fd, reading->family) &&
            epoll_ctl(i->fd, EPOLL_CTL_ADD, fd, &readable) == 0)
            i->socket_frames = reading->frames;
    }
    if (mine)
        closedir(mine);
}

int dpdk_interrupt_open(struct dpdk_interrupt *i, uint16_t port, uint16_t queue)
{
    *i = (struct dpdk_interrupt){.fd = epoll_create1(EPOLL_CLOEXEC), .port = port, .queue = queue};
    if (i->fd < 0)
        return -errno;
    if (add_queue(i) == 0)
        return 0;
    add_sockets(i);
    if (i->socket_frames > 0)
        return 0;
    dpdk_interrupt_close(i);
    return -ENOTSUP;
}

void dpdk_interrupt_close(struct dpdk_interrupt *i)
{
    if (i->fd >= 0)
        close(i->fd);
    i->fd = -1;
}

/* Whether there were events. */
static bool take_events(const struct dpdk_interrupt *i)
{
    struct rte_epoll_event event;

    return rte_epoll_wait(i->fd, &event, 1, 0) > 0;
}

/* Whether a socket has frames. An error of one is fetched, so that it is not ready for ever. */
static bool look_at_sockets(const struct dpdk_interrupt *i)
{
    struct epoll_event e;
    socklen_t bytes = sizeof(int);
    int error;

    if (epoll_wait(i->fd, &e, 1, 0) <= 0)
        return false;
    if (e.events & EPOLLERR)
        (void)getsockopt(e.data.fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    return (e.events & EPOLLIN) != 0;
}

bool dpdk_interrupt_arm(struct dpdk_interrupt *i)
{
    if (i->socket_frames > 0)
        return look_at_sockets(i);
    if (!take_events(i) && i->armed)
        return false;
    (void)rte_eth_dev_rx_intr_enable(i->port, i->queue);
    i->armed = true;
    return true;
}

void dpdk_interrupt_disarm(struct dpdk_interrupt *i)
{
    if (i->armed)
        (void)rte_eth_dev_rx_intr_disable(i->port, i->queue);
    i->armed = false;
}
