/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/link_watch.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 1000u

static int open_netlink(void)
{
    struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A bridge sends the same message, in its own family, of a port that leaves it. */
static void look_for_removals(const struct link_watch *w, struct nlmsghdr *h, size_t bytes)
{
    for (; NLMSG_OK(h, bytes); h = NLMSG_NEXT(h, bytes)) {
        const struct ifinfomsg *i = NLMSG_DATA(h);

        if (h->nlmsg_type == RTM_DELLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof *i) &&
            i->ifi_family == AF_UNSPEC)
            w->removed(w->user, (unsigned)i->ifi_index);
    }
}

/* What else the messages say does not matter: who is told asks for itself. */
static void on_messages(uv_poll_t *poll, int status, int events)
{
    struct link_watch *w = poll->data;
    _Alignas(struct nlmsghdr) char message[8192];
    ssize_t n;

    (void)status;
    (void)events;
    while ((n = recv(w->fd, message, sizeof message, 0)) > 0)
        look_for_removals(w, (void *)message, (size_t)n);
    w->changed(w->user);
}

static void on_tick(uv_timer_t *timer)
{
    struct link_watch *w = timer->data;

    w->changed(w->user);
}

void link_watch_start(struct link_watch *w, uv_loop_t *loop, void (*changed)(void *user),
                      void (*removed)(void *user, unsigned index), void *user)
{
    w->changed = changed;
    w->removed = removed;
    w->user = user;
    w->fd = open_netlink();
    if (w->fd >= 0) {
        uv_poll_init(loop, &w->poll, w->fd);
        w->poll.data = w;
        uv_poll_start(&w->poll, UV_READABLE, on_messages);
    }
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_tick, TICK_MS, TICK_MS);
}

void link_watch_fini(struct link_watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
