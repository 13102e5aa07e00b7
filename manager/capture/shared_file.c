/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/shared_file.h"

#include "common/base/linktype.h"
#include "common/base/pcap_header.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

bool shared_file_in_turn(const char *path)
{
    uint8_t bytes[PCAP_HEADER_BYTES];
    struct pcap_header header;
    struct stat st;
    bool known = false;
    int fd;

    if (strcmp(path, "-") == 0 || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (pread(fd, bytes, sizeof bytes, 0) == sizeof bytes && pcap_header_read(&header, bytes))
        known = linktype_name(header.linktype) != NULL;
    close(fd);
    return known;
}

/* Eventfds never block: one that is empty was read by a process that had no reason to. */
static int event_new(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

int shared_file_open(struct shared_file *s, uint32_t n_workers)
{
    int err;

    *s = (struct shared_file){.n_workers = n_workers, .reader_fd = -1};
    for (uint32_t i = 0; i < n_workers; i++)
        s->worker_fds[i] = -1;
    s->memory_fd = heritage_shm("spliff-frames", frame_ring_bytes(n_workers));
    if (s->memory_fd < 0)
        return s->memory_fd;
    fcntl(s->memory_fd, F_SETFD, FD_CLOEXEC);
    err = frame_ring_open(&s->ring, s->memory_fd, n_workers, FRAME_RING_READER);
    if (err < 0)
        return err;
    s->reader_fd = s->ring.reader_fd = event_new();
    if (s->reader_fd < 0)
        return s->reader_fd;
    for (uint32_t i = 0; i < n_workers; i++) {
        s->worker_fds[i] = s->ring.worker_fds[i] = event_new();
        if (s->worker_fds[i] < 0)
            return s->worker_fds[i];
    }
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void shared_file_close(struct shared_file *s)
{
    if (s->n_workers == 0)
        return;
    frame_ring_close(&s->ring);
    close_fd(s->memory_fd);
    close_fd(s->reader_fd);
    for (uint32_t i = 0; i < s->n_workers; i++)
        close_fd(s->worker_fds[i]);
    s->n_workers = 0;
}

static int copy_fd(int fd, int *out)
{
    *out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return *out < 0 ? -errno : 0;
}

int shared_file_give(const struct shared_file *s, int worker, struct heritage_capture *c)
{
    int err = copy_fd(s->memory_fd, &c->memory_fd);

    if (err == 0 && c->kind != CAPTURE_FILE_IN_TURN)
        err = copy_fd(s->reader_fd, &c->reader_fd);
    if (err == 0 && c->kind == CAPTURE_SHARED_FILE)
        err = copy_fd(s->worker_fds[worker], &c->fd);
    return err;
}

void shared_file_worker_gone(struct shared_file *s, uint32_t worker)
{
    if (worker < s->n_workers)
        frame_ring_leave(&s->ring, worker);
}

void shared_file_reader_gone(struct shared_file *s)
{
    if (s->n_workers > 0)
        frame_ring_end(&s->ring);
}
