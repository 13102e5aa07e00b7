/* SPDX-License-Identifier: BSD-3-Clause */
/* What the analyzer keeps of a connection, and what its parts do for each other. Private to http2.
 *
 *   http2.c          bytes -> frames, and where they begin when that was missed
 *   http2_headers.c  header blocks -> fields of transactions
 *   http2_control.c  frames about the connection; floods
 *   http2_stream.c   streams, from their first frame to their record
 *   http2_child.c    contents that have an analyzer of their own: gRPC, WebSocket */
#ifndef SPLIFF_PARSE_HTTP2_FLOW_H
#define SPLIFF_PARSE_HTTP2_FLOW_H

#include "worker/parse/http/http_transaction.h"
#include "worker/parse/http2/http2_frame.h"
#include "worker/parse/http2/http2_hpack.h"

#define HTTP2_STREAMS_MAX     1024u
#define HTTP2_BUCKET_BITS     8u
#define HTTP2_RESETS_KEPT     32u
#define HTTP2_LINGER_NS       UINT64_C(1000000000)
#define HTTP2_HEADER_LIST_MAX 65536u     /* bytes of a header list that are looked at */
#define HTTP2_ALTSVC_MAX      4096u      /* bytes of an ALTSVC frame */
#define HTTP2_TEXTS_MAX       (2u << 20) /* bytes that the texts of all streams of a flow take */

struct http2_stream {
    struct http2_stream *next;            /* in its bucket */
    struct http2_stream *older, *younger; /* in the order of opening */
    struct http_transaction *t;
    size_t capacity; /* of the buffer this lies in */
    uint32_t id;
    uint32_t text_bytes; /* that its texts take, as counted in the flow's */
    uint32_t lost[2];    /* by side: `losses` of it that the stream was told of */
    int child;           /* analyzer of the content; 0: none */
    bool asked;          /* headers of the request were seen, or begin */
    bool answered;       /* those of the final response were seen */
    bool ended[2];       /* by side: END_STREAM */
    bool lingers;   /* the client has reset it: what the server had sent by then may still come */
    bool websocket; /* extended CONNECT (RFC 8441) */
};

enum http2_phase {
    HTTP2_AT_PREFACE,
    HTTP2_AT_HEAD,
    HTTP2_AT_PREFIX,  /* of the payload: pad length, priority, promised stream; or the whole of a
                         short payload */
    HTTP2_IN_PAYLOAD, /* and the padding after it */
    HTTP2_SEARCH,     /* somewhere: looking for frames */
};

enum http2_block { HTTP2_NO_BLOCK, HTTP2_REQUEST, HTTP2_RESPONSE, HTTP2_TRAILERS, HTTP2_IGNORED };

struct http2_side {
    struct http2_hpack hpack;
    struct http2_frame frame;
    struct http2_stream *stream; /* that the frame or the open header block is about; NULL: none */
    uint64_t frame_ns;           /* when the frame began */
    uint64_t block_ns;           /* when the header block began */
    struct membuf altsvc;        /* payload so far */
    uint32_t left;               /* bytes to come of the payload, */
    uint32_t padding;            /* and of the padding behind it */
    uint32_t last_id;            /* highest stream that this side has opened */
    uint32_t losses;             /* times that nobody knew where its frames begin */
    uint32_t list_bytes;         /* of the header list so far */
    uint32_t continuations;
    uint8_t phase; /* enum http2_phase */
    uint8_t block; /* enum http2_block: the header block that is open */
    uint8_t have;  /* bytes in `bytes` */
    uint8_t need;
    uint8_t bytes[HTTP2_PREFACE_BYTES];
    bool begun;            /* a frame was read */
    bool skipped;          /* bytes before it were not */
    bool sure;             /* frames were followed from the side's beginning on */
    bool block_ends;       /* the stream's side, with the block */
    bool block_broken;     /* what is left of it cannot be read */
    bool block_unknown;    /* some of its fields are */
    bool informational;    /* the block is a 1xx response */
    uint64_t flood_ns;     /* the present second of http2_control_flood, */
    uint32_t flood_points; /* what was counted in it */
};

struct http2_flow {
    struct analyzer_ctx *ctx; /* of the callback that runs now */
    struct http2_side side[2];
    struct http2_stream *bucket[1u << HTTP2_BUCKET_BITS];
    struct http2_stream *oldest, *youngest;
    uint32_t n_streams;
    uint32_t text_bytes; /* of all streams */
    uint64_t bucket_key; /* odd */
    uint64_t depth;      /* transactions so far */
    const char *view;    /* static; NULL: "packet" */
    bool missed;         /* bytes of a side were: requests may be unknown */
    bool oriented;       /* which side is the client's is known, not only supposed */
    bool cut_reported;
    uint64_t resets_ns; /* the present second of http2_rapid_reset, */
    uint32_t resets;    /* resets in it, */
    uint32_t requests;  /* and requests */
    /* The last streams that were reset, as a ring. */
    struct {
        uint64_t ns;
        uint32_t id;
    } reset[HTTP2_RESETS_KEPT];
    uint32_t reset_next;   /* place of the next, counted up */
    uint32_t reset_oldest; /* that may linger */
};

static inline bool http2_is_client_stream(uint32_t id)
{
    return (id & 1) != 0;
}

/* --- http2_stream.c --- */

struct http2_stream *http2_stream_find(struct http2_flow *f, uint32_t id);

/* A new stream, begun at ts_ns, or NULL when there is no memory. At HTTP2_STREAMS_MAX the oldest
 * gives way. */
struct http2_stream *http2_stream_open(struct http2_flow *f, uint32_t id, uint64_t ts_ns);

/* The stream that the present frame of a side (HEADERS or DATA) belongs to, also if its opening may
 * have been missed; NULL: it is over, or the frame is out of place. */
struct http2_stream *http2_stream_of(struct http2_flow *f, unsigned side);

/* Of contents that the side has sent meanwhile bytes may be missing, nobody knows how many. To be
 * called before anything more of the side is added to the stream. */
void http2_stream_settle(struct http2_flow *f, struct http2_stream *s, unsigned side);

/* Headers were added to the stream: keeps the flow within HTTP2_TEXTS_MAX, for which the oldest
 * streams give way, but not this one. */
void http2_stream_account(struct http2_flow *f, struct http2_stream *s);

/* The side sends no more. May close the stream. */
void http2_stream_end(struct http2_flow *f, struct http2_stream *s, unsigned side);

/* A side resets it, which ends it for both. error: static name. */
void http2_stream_reset(struct http2_flow *f, struct http2_stream *s, unsigned side,
                        const char *error);

/* Closes streams that have lingered long enough. */
void http2_stream_expire(struct http2_flow *f);

/* Was it reset a short while ago? Then frames that were under way are of no use. */
bool http2_stream_was_reset(const struct http2_flow *f, uint32_t id);

/* Emits its record and frees it. */
void http2_stream_close(struct http2_flow *f, struct http2_stream *s);

/* Sets a field, and reports once a flow when a bound cut one. */
void http2_stream_set(struct http2_flow *f, struct http2_stream *s, enum http_field field,
                      struct str value);
void http2_report_cut(struct http2_flow *f);

/* --- http2_headers.c --- */

/* HEADERS or PUSH_PROMISE begins: id is the stream that the fields are of. */
void http2_block_begin(struct http2_flow *f, unsigned side, uint32_t id);
void http2_block_data(struct http2_flow *f, unsigned side, const uint8_t *data, size_t len);

/* The frame is over, and the block with it if it has END_HEADERS. */
void http2_block_frame_end(struct http2_flow *f, unsigned side);

/* Bytes of the block are missing. */
void http2_block_break(struct http2_side *s);

/* --- http2_control.c --- */

/* Of a frame that is begun: does the side flood? */
void http2_flood_count(struct http2_flow *f, unsigned side);

/* A frame whose first bytes are in side->bytes is over. */
void http2_rst_stream(struct http2_flow *f, unsigned side);
void http2_goaway(struct http2_flow *f, unsigned side);

void http2_altsvc_data(struct http2_flow *f, unsigned side, const uint8_t *data, size_t len);
void http2_altsvc_end(struct http2_flow *f, unsigned side);

/* --- http2_child.c --- */

void http2_child_tell(struct http2_flow *f, const struct http2_stream *s, enum analyzer_fact fact,
                      struct str text);

/* Headers of the stream are complete: opens an analyzer for the content if it has one, and tells it
 * what is new. */
void http2_child_headers(struct http2_flow *f, struct http2_stream *s, enum http2_block block);

#endif
