/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of the records as a capture file (--format pcap), with nanosecond timestamps. A file
 * of this format has one link type, that of the first frame; frames of another one cannot go in and
 * are counted instead. */
#include "common/base/clock.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "logger/sink/stream.h"
#include "logger/sink/table.h"

#include <errno.h>
#include <inttypes.h>

#define PCAP_MAGIC_NS 0xa1b23c4du
#define PCAP_SNAPLEN  262144u

struct pcap_file_header {
    uint32_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t zone;
    uint32_t accuracy;
    uint32_t snaplen;
    uint32_t linktype;
};

struct pcap_frame_header {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t bytes;
    uint32_t wire_bytes;
};

/* Not before the link type is known; a successor finds the header written and adds frames only. */
static void pcap_begin(struct outbuf *b, struct stream_context *context, uint32_t linktype)
{
    struct pcap_file_header head = {PCAP_MAGIC_NS, 2, 4, 0, 0, PCAP_SNAPLEN, linktype};

    if (!context->begun)
        outbuf_bytes(b, &head, sizeof head);
    context->begun = true;
}

static int read_frame(struct cursor *c, struct value v[RECORD_packet_FIELDS])
{
    const struct field_schema *fields = record_schemas[RECORD_packet].fields;
    uint32_t n;

    if (record_reader_begin(c, &n) < 0 || n != RECORD_packet_FIELDS)
        return -EBADMSG;
    /* Unlike in a log, no field may be unset: a frame without its time is none. */
    for (uint32_t i = 0; i < n; i++)
        if (record_reader_value(c, &v[i]) < 0 || v[i].kind == VALUE_NIL ||
            !record_reader_fits(fields[i].type, &v[i]))
            return -EBADMSG;
    return v[RECORD_packet_linktype].u > UINT32_MAX ? -EBADMSG : 0;
}

static int pcap_record(struct outbuf *b, struct cursor *c, enum record_type type, void *context)
{
    struct stream_context *stream = context;
    struct value v[RECORD_packet_FIELDS];
    struct pcap_frame_header head;
    uint32_t linktype;

    (void)type;
    if (read_frame(c, v) < 0)
        return -EBADMSG;
    linktype = (uint32_t)v[RECORD_packet_linktype].u;
    if (!stream->linktype_known) {
        stream->linktype_known = true;
        stream->linktype = linktype;
        pcap_begin(b, stream, linktype);
    }
    if (linktype != stream->linktype) {
        stream->refused++;
        return 0;
    }
    head.seconds = (uint32_t)(v[RECORD_packet_ts].u / NS_PER_SEC);
    head.nanoseconds = (uint32_t)(v[RECORD_packet_ts].u % NS_PER_SEC);
    head.bytes = v[RECORD_packet_frame].bytes.len;
    head.wire_bytes = (uint32_t)v[RECORD_packet_wire_len].u;
    outbuf_bytes(b, &head, sizeof head);
    outbuf_bytes(b, v[RECORD_packet_frame].bytes.p, head.bytes);
    return 0;
}

static void pcap_end(struct outbuf *b, struct stream_context *context)
{
    pcap_begin(b, context, LINKTYPE_ETHERNET); /* a file without frames is a file all the same */
    if (context->refused > 0)
        log_warn("%" PRIu64 " frames are not in the output: their link type is not %" PRIu32
                 ", that of the first one",
                 context->refused, context->linktype);
}

static bool pcap_takes(enum record_type type)
{
    return type == RECORD_packet;
}

static bool pcap_wanted(const struct heritage *h)
{
    return stream_wanted(h, OUTPUT_PCAP);
}

static int pcap_open(struct sink_state **state, const struct heritage *h,
                     const struct sink_lengths *committed)
{
    static const struct stream_format format = {pcap_takes, pcap_record, pcap_end};

    return stream_open(state, h, committed, &format);
}

const struct sink sink_pcap = {
    .name = "pcap",
    .wanted = pcap_wanted,
    .open = pcap_open,
    STREAM_SINK,
};
