/* SPDX-License-Identifier: BSD-3-Clause */
#include "logger/sink/outbuf.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096u

int outbuf_init(struct outbuf *b)
{
    /* NORESERVE: a bound is not a need, and there is one of these for every log. */
    void *p = mmap(NULL, OUTBUF_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    *b = (struct outbuf){.base = p};
    if (p == MAP_FAILED) {
        b->base = NULL;
        return -ENOMEM;
    }
    return 0;
}

void outbuf_fini(struct outbuf *b)
{
    if (b->base)
        munmap(b->base, OUTBUF_BYTES);
    b->base = NULL;
}

void outbuf_expect(struct outbuf *b, size_t bytes)
{
    size_t end = b->len + bytes < OUTBUF_BYTES ? b->len + bytes : OUTBUF_BYTES;

    if (end <= b->touched)
        return;
    end = (end + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
    memory_touch(b->base + b->touched, end - b->touched);
    b->touched = end;
}

/* The rest is moved to the front rather than remembered: it happens only when a write fails, and so
 * the writers need not know of it. */
int outbuf_write(struct outbuf *b, int fd, uint64_t *bytes)
{
    size_t done = 0;
    int rc = 0;

    while (done < b->len) {
        ssize_t n = write(fd, b->base + done, b->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n < 0 ? -errno : -EIO;
            break;
        }
        done += (size_t)n;
    }
    if (done > 0 && done < b->len)
        memmove(b->base, b->base + done, b->len - done);
    b->len -= done;
    *bytes += done;
    return rc;
}

/* An error that lasts is one line at its beginning and one at its end, however often it is met. */
int outbuf_report(struct outbuf *b, const char *name, int rc)
{
    if (rc < 0 && rc != -EAGAIN && !b->failing) {
        log_error("cannot write %s: %s; records wait until it works", name, strerror(-rc));
        b->failing = true;
    } else if (rc == 0 && b->failing) {
        log_info("%s is written again", name);
        b->failing = false;
    }
    return rc;
}
