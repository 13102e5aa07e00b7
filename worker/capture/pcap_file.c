/* SPDX-License-Identifier: BSD-3-Clause */
/* Capture files: classic pcap in microseconds and nanoseconds, pcapng, either of them in gzip, from
 * a file or a pipe.
 *
 * Bytes come in large blocks into a window and frames point into it, so a packet costs neither a
 * read nor a copy. One recv hands out what the window holds; only a recv that has nothing yet reads
 * on. That keeps frames valid until the next recv, and passes on what a live pipe delivers as it
 * comes.
 *
 * A file that ends early or stops making sense gives all frames up to there, then one line that
 * names the place. */
#include "worker/capture/pcap_file.h"

#include "common/base/check.h"
#include "common/base/filter.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "common/base/pcap_header.h"
#include "worker/capture/pcapng.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_HEADER_BYTES 16u

enum format { FORMAT_UNKNOWN, FORMAT_CLASSIC, FORMAT_PCAPNG };

struct capture {
    struct pcap_input in;
    enum format format;
    int ended;   /* what recv returns from now on; 0: not ended */
    bool warned; /* of a link type that cannot be decoded */
    bool frames_out;
    const char *name;
    const char *expr; /* filter, "" for none; in the heritage */
    uint32_t snaplen;
    struct counters *counters;
    uint64_t frames; /* read so far, for messages */

    bool big_endian;
    uint32_t ns_per_fraction;
    uint16_t linktype;

    struct {
        uint16_t linktype;
        struct filter *filter;
    } filters[LINKTYPES]; /* those of one file that a filter was compiled for */
    unsigned n_filters;

    struct pcapng ng;
};

/* Remembers r as the end of the capture. */
static int end_with(struct capture *c, int r)
{
    c->ended = r;
    return r;
}

static int broken(struct capture *c, const char *what)
{
    log_error("%s: %s in packet %" PRIu64 " at byte %" PRIu64 ": what was read before is logged",
              c->name, what, c->frames + 1, pcap_input_offset(&c->in));
    return end_with(c, -EBADMSG);
}

static int refuse_linktype(struct capture *c, uint16_t linktype)
{
    char known[512];

    linktype_list(known, sizeof known);
    log_error("%s: link type %u is not supported; supported are %s", c->name, linktype, known);
    return end_with(c, -EPROTONOSUPPORT);
}

/* The input gave r < 1: nothing now, an end or a failure. */
static int no_more(struct capture *c, int r)
{
    switch (r) {
    case 0:
        return 0;
    case -ENODATA:
        if (c->format == FORMAT_UNKNOWN) {
            log_error(c->in.window_at + c->in.end == 0 ? "%s: is empty, not a capture"
                                                       : "%s: too short for a capture",
                      c->name);
            return end_with(c, -EBADMSG);
        }
        return pcap_input_is_cut(&c->in) ? broken(c, "cut short") : end_with(c, -ENODATA);
    case -EBADMSG:
        return broken(c, "compressed data is corrupt");
    case -ENOTSUP:
        log_error("%s: is compressed, and this build has no zlib: unpack it first (gunzip)",
                  c->name);
        return end_with(c, r);
    default:
        log_error("%s: cannot be read: %s", c->name, strerror(-r));
        return end_with(c, r);
    }
}

/* Finds or compiles the filter for a link type; NULL if there is none to apply.
 * Returns 0 or -EINVAL after printing why the expression cannot be used. */
static int filter_for(struct capture *c, uint16_t linktype, const struct filter **out)
{
    char error[512];
    unsigned i = 0;

    *out = NULL;
    if (c->expr[0] == '\0')
        return 0;
    while (i < c->n_filters && c->filters[i].linktype != linktype)
        i++;
    if (i == c->n_filters) {
        CHECK(i < LINKTYPES); /* only those that linktype.c knows come here */
        if (filter_compile(&c->filters[i].filter, c->expr, linktype, error, sizeof error) < 0) {
            log_error("%s: %s", c->name, error);
            return end_with(c, -EINVAL);
        }
        c->filters[c->n_filters++].linktype = linktype;
    }
    *out = c->filters[i].filter;
    return 0;
}

static int take_classic_header(struct capture *c, const struct pcap_header *h)
{
    const struct filter *unused;

    c->format = FORMAT_CLASSIC;
    c->big_endian = h->big_endian;
    c->ns_per_fraction = h->nanoseconds ? 1 : 1000;
    c->linktype = h->linktype;
    pcap_input_consume(&c->in, PCAP_HEADER_BYTES);
    if (!linktype_name(c->linktype))
        return refuse_linktype(c, c->linktype);
    return filter_for(c, c->linktype, &unused);
}

/* Reads until the format is known. Returns 0: known, or nothing there yet; else the end. */
static int take_header(struct capture *c)
{
    struct cursor in = pcap_input_cursor(&c->in);
    struct pcap_header h;

    while (cursor_left(&in) < PCAP_HEADER_BYTES) {
        int r = pcap_input_fill(&c->in);
        if (r < 1)
            return no_more(c, r);
        in = pcap_input_cursor(&c->in);
    }
    if (pcap_header_read(&h, in.p))
        return take_classic_header(c, &h);
    if (pcapng_is_section(&c->in)) {
        c->format = FORMAT_PCAPNG;
        return 0;
    }
    log_error("%s: is not a pcap or pcapng capture (it begins with %08" PRIx32 ")", c->name,
              bytes_be32(in.p));
    return end_with(c, -EBADMSG);
}

static uint32_t field(const struct capture *c, const uint8_t *p)
{
    return c->big_endian ? bytes_be32(p) : bytes_le32(p);
}

static enum pcap_next classic_next(struct capture *c, struct frame *f)
{
    struct cursor h = pcap_input_cursor(&c->in);
    const uint8_t *head = cursor_bytes(&h, FRAME_HEADER_BYTES);
    uint32_t seconds, fraction;

    if (!head)
        return PCAP_NEXT_MORE;
    seconds = field(c, head);
    fraction = field(c, head + 4);
    f->caplen = field(c, head + 8);
    f->wirelen = field(c, head + 12);
    if (f->caplen > PCAP_FRAME_MAX)
        return PCAP_NEXT_CORRUPT;
    f->data = cursor_bytes(&h, f->caplen);
    if (!cursor_ok(&h))
        return PCAP_NEXT_MORE;
    f->ts_ns = seconds * NS_PER_SEC + (uint64_t)fraction * c->ns_per_fraction;
    f->linktype = c->linktype;
    pcap_input_consume(&c->in, FRAME_HEADER_BYTES + f->caplen);
    return PCAP_NEXT_FRAME;
}

/* One interface of several: the others are worth going on for. Decode counts its frames. */
static void warn_of_linktype(struct capture *c, uint16_t linktype)
{
    if (!c->warned)
        log_warn("%s: link type %u of packet %" PRIu64
                 " is not supported: packets of such types are left out",
                 c->name, linktype, c->frames);
    c->warned = true;
}

/* Whether the frame is to be passed on; counts if not. */
static bool wanted(struct capture *c, struct frame *f)
{
    const struct filter *filter;

    if (f->wirelen < f->caplen)
        f->wirelen = f->caplen;
    /* Of a classic file there is one, and it was looked at with the header. */
    if (c->format == FORMAT_PCAPNG && !linktype_name(f->linktype)) {
        warn_of_linktype(c, f->linktype);
    } else if (c->expr[0] != '\0') {
        if (filter_for(c, f->linktype, &filter) < 0)
            return false;
        if (!filter_match(filter, f->data, f->caplen, f->wirelen)) {
            c->counters->capture_filtered++;
            return false;
        }
    }
    if (f->caplen > c->snaplen)
        f->caplen = c->snaplen;
    if (f->caplen < f->wirelen)
        c->counters->capture_truncated++;
    f->vlan_tci = 0;
    f->hashed = false;
    f->processes = NULL;
    f->outgoing = false; /* nor known: a file does not tell which host wrote it */
    f->checksum = FRAME_CHECKSUM_UNKNOWN;
    return true;
}

static enum pcap_next next_frame(struct capture *c, struct frame *f)
{
    return c->format == FORMAT_CLASSIC ? classic_next(c, f) : pcapng_next(&c->ng, &c->in, f);
}

/* Reads on at most once: a filter that nothing passes must not keep the worker from its other
 * duties for a whole file. */
static int pcap_file_recv(struct capture *c, struct frame *out, uint32_t max)
{
    bool filled = false;
    uint32_t n = 0;

    CHECK(!c->frames_out);
    if (!c->ended && c->format == FORMAT_UNKNOWN)
        take_header(c);
    while (n < max && !c->ended && c->format != FORMAT_UNKNOWN) {
        enum pcap_next next = next_frame(c, &out[n]);

        if (next == PCAP_NEXT_FRAME) {
            c->frames++;
            n += wanted(c, &out[n]);
        } else if (next != PCAP_NEXT_OTHER && n > 0) {
            break; /* first what comes before it */
        } else if (next == PCAP_NEXT_CORRUPT) {
            broken(c, "corrupt data");
        } else if (next == PCAP_NEXT_MORE) {
            int r = filled ? 0 : pcap_input_fill(&c->in);
            filled = true;
            if (r < 1) {
                no_more(c, r);
                break;
            }
        }
    }
    c->frames_out = n > 0;
    return n > 0 ? (int)n : c->ended;
}

static void pcap_file_release(struct capture *c)
{
    c->frames_out = false;
}

/* A regular file is always ready: poll(2) returns at once. */
static int pcap_file_wait_fd(struct capture *c)
{
    return c->in.fd;
}

static void pcap_file_close(struct capture *c)
{
    for (unsigned i = 0; i < c->n_filters; i++)
        filter_free(c->filters[i].filter);
    pcap_input_close(&c->in);
    free(c);
}

bool pcap_file_has_places(const struct capture *c)
{
    return c->format == FORMAT_CLASSIC && c->in.regular && !c->in.gzip;
}

struct pcap_place pcap_file_place(const struct capture *c)
{
    return (struct pcap_place){pcap_input_offset(&c->in), c->frames};
}

void pcap_file_go_to(struct capture *c, const struct pcap_place *place)
{
    CHECK(pcap_file_has_places(c) && !c->frames_out);
    pcap_input_go_to(&c->in, place->offset);
    c->frames = place->frames;
}

/* The header of a file is read at once, so that what is no capture is refused before anything
 * starts; a pipe may not have it yet. */
int pcap_file_open(struct capture **out, const struct heritage *h,
                   const struct pcap_windows *windows, struct counters *counters)
{
    struct capture *c = calloc(1, sizeof *c);
    int r = -ENOMEM;

    if (c)
        r = pcap_input_open(&c->in, h->capture.fd, windows, counters);
    if (r < 0) {
        log_error("%s: %s", h->capture.name, strerror(-r));
        free(c);
        return r;
    }
    c->name = h->capture.name;
    c->expr = h->options.filter;
    c->snaplen = h->options.snaplen > UINT32_MAX ? UINT32_MAX : (uint32_t)h->options.snaplen;
    c->counters = counters;
    r = c->in.regular ? take_header(c) : 0;
    if (r < 0) {
        pcap_file_close(c);
        return r;
    }
    *out = c;
    return 0;
}

static int open_alone(struct capture **out, const struct heritage *h, struct counters *counters)
{
    return pcap_file_open(out, h, NULL, counters);
}

const struct capture_ops capture_pcap_file = {
    .kind = CAPTURE_PCAP_FILE,
    .name = "pcap",
    .open = open_alone,
    .recv = pcap_file_recv,
    .release = pcap_file_release,
    .wait_fd = pcap_file_wait_fd,
    .close = pcap_file_close,
};
