/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/output_watch.h"

#include <sys/epoll.h>
#include <unistd.h>

int output_watch_open(int output_fd)
{
    struct epoll_event nothing_but_its_end = {.events = 0};
    int fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, output_fd, &nothing_but_its_end) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}
