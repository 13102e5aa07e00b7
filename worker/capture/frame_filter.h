/* SPDX-License-Identifier: BSD-3-Clause */
/* The user's filter and snap length, where frames come up whole and without having passed one. */
#ifndef SPLIFF_WORKER_CAPTURE_FRAME_FILTER_H
#define SPLIFF_WORKER_CAPTURE_FRAME_FILTER_H

#include "common/base/filter.h"
#include "common/base/log.h"
#include "worker/capture/capture.h"

/* Compiles the expression for an interface's frames; an empty one leaves *out as it is. 0 or -errno
 * after printing what is wrong. */
static inline int frame_filter_compile(struct filter **out, const char *expr, uint16_t linktype,
                                       const char *interface)
{
    char error[512];
    int r;

    if (expr[0] == '\0')
        return 0;
    r = filter_compile(out, expr, linktype, error, sizeof error);
    if (r < 0)
        log_error("interface %s: %s", interface, error);
    return r;
}

/* Whether the filter, which looks at it whole, lets the frame through (NULL: all); cuts it. */
static inline bool frame_filter_pass(const struct filter *filter, uint32_t snaplen, struct frame *f,
                                     struct counters *counters)
{
    if (filter && !filter_match(filter, f->data, f->caplen, f->wirelen)) {
        counters->capture_filtered++;
        return false;
    }
    if (f->caplen > snaplen)
        f->caplen = snaplen;
    counters->capture_truncated += f->caplen < f->wirelen;
    return true;
}

#endif
