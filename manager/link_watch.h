/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls when an interface has come, gone or changed: by the kernel's messages, and once a second,
 * since a message may be lost and what failed is worth another try. Manager process. */
#ifndef SPLIFF_MANAGER_LINK_WATCH_H
#define SPLIFF_MANAGER_LINK_WATCH_H

#include <uv.h>

struct link_watch {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd; /* netlink, or -1: there is only the timer */
    void (*changed)(void *user);
    void (*removed)(void *user, unsigned index);
    void *user;
};

/* removed: for each interface that the kernel says is not there any more, before `changed`. Only a
 * message can tell of one that is back, with its old number, by the time that somebody looks. */
void link_watch_start(struct link_watch *w, uv_loop_t *loop, void (*changed)(void *user),
                      void (*removed)(void *user, unsigned index), void *user);

/* Once the loop has closed its handles. */
void link_watch_fini(struct link_watch *w);

#endif
