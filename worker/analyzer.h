/* SPDX-License-Identifier: BSD-3-Clause */
/* The one interface that every protocol implements, and what the pipeline offers to it.
 *
 * An analyzer is a const struct of callbacks and a row in parse/table.c. It sees ordered bytes
 * (TCP) or datagrams (UDP) of one flow, and returns records. It never prints, sends, reads a clock
 * or knows another analyzer: what it needs comes in `struct analyzer_ctx`, and bytes that belong to
 * another protocol go back to the pipeline by name.
 *
 * Direction: side 0 is the originator (client), side 1 the responder (server).
 * Input may be cut anywhere: data() is called with any split of the stream. */
#ifndef SPLIFF_WORKER_ANALYZER_H
#define SPLIFF_WORKER_ANALYZER_H

#include "common/base/cursor.h"
#include "common/base/ipaddr.h"
#include "common/base/pool.h"
#include "common/base/str.h"
#include "common/schema/category.h"
#include "common/schema/options.h"
#include "common/schema/record.h"
#include "common/schema/weird.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum analyzer_transport { ANALYZER_TCP = 1, ANALYZER_UDP = 2 };

enum probe_result {
    PROBE_NO,     /* not this protocol */
    PROBE_MORE,   /* could be: ask again with more bytes */
    PROBE_CLIENT, /* yes, and these bytes are a client's */
    PROBE_SERVER, /* yes, and these bytes are a server's */
    PROBE_EITHER, /* yes, from one side or the other */
};

/* What readers of a flow tell each other: a text or bytes, borrowed for the call. */
enum analyzer_fact {
    /* to a successor or child: what the enclosing protocol knows of it */
    FACT_METHOD,            /* HTTP request method */
    FACT_HOST,              /* Host or :authority, as sent */
    FACT_URI,               /* request target, as sent */
    FACT_USER_AGENT,        /* User-Agent */
    FACT_CONTENT_TYPE,      /* of the request, as sent */
    FACT_CONTENT_ENCODING,  /* grpc-encoding, Content-Encoding, as sent */
    FACT_STREAM_ID,         /* HTTP/2 or HTTP/3 stream, decimal */
    FACT_STATUS,            /* HTTP status, decimal */
    FACT_HTTP2_SETTINGS,    /* HTTP2-Settings header, base64url (RFC 7540 section 3.2.1) */
    FACT_WS_PROTOCOLS,      /* Sec-WebSocket-Protocol of the client, as sent */
    FACT_WS_PROTOCOL,       /* the server's choice */
    FACT_WS_EXTENSIONS,     /* Sec-WebSocket-Extensions of the client, as sent */
    FACT_WS_EXTENSIONS_SET, /* those of the server */
    FACT_GRPC_STATUS,       /* grpc-status, decimal */
    FACT_GRPC_MESSAGE,      /* grpc-message, percent-encoded as sent */
    FACT_RESET,             /* the stream was reset: name of the error code */
    FACT_VIEW,              /* where the bytes come from: "packet", "plaintext", "decrypted" */
    /* from a child to what encloses it */
    FACT_SERVER_NAME,          /* SNI */
    FACT_ALPN,                 /* the first name that the client offers, or the server's choice */
    FACT_JA4,                  /* of the ClientHello */
    FACT_TRANSPORT_PARAMETERS, /* QUIC's, of the ClientHello, as on the wire (RFC 9000 section 18)
                                */
    /* from the host, right after open() */
    FACT_LEARNED_ALPN, /* other bytes than the flow's own say what it is: "h3" */
    FACT_PATH_OF,      /* uid of the connection whose further path this flow is */
    FACTS
};

/* To whom. Any other value is a child's handle. */
enum { ANALYZER_PARENT = 0, ANALYZER_SUCCESSOR = -1 };

struct analyzer_ctx;

/* What the pipeline offers. Only the wrappers below call these. */
struct analyzer_host {
    void (*record)(struct analyzer_ctx *ctx, enum record_type type, void *rec);
    void (*weird)(struct analyzer_ctx *ctx, enum weird w, const char *addl);
    void (*service)(struct analyzer_ctx *ctx, const char *name);
    void (*category)(struct analyzer_ctx *ctx, enum category category);
    void (*hand_over)(struct analyzer_ctx *ctx, const char *analyzer, unsigned side,
                      const uint8_t *rest, size_t len);
    void (*done)(struct analyzer_ctx *ctx);
    void (*leave)(struct analyzer_ctx *ctx, unsigned side, const uint8_t *data, size_t len);
    void (*tell)(struct analyzer_ctx *ctx, int whom, enum analyzer_fact fact, struct str text);
    int (*child_open)(struct analyzer_ctx *ctx, const char *analyzer);
    void (*child_data)(struct analyzer_ctx *ctx, int child, unsigned side, const uint8_t *data,
                       size_t len);
    void (*child_gap)(struct analyzer_ctx *ctx, int child, unsigned side, uint64_t len);
    void (*child_end)(struct analyzer_ctx *ctx, int child, unsigned side);
    void (*child_close)(struct analyzer_ctx *ctx, int child);
    void (*alt_svc)(struct analyzer_ctx *ctx, struct str origin, struct str value);
    void (*resolved)(struct analyzer_ctx *ctx, const struct ipaddr *addr, struct str name,
                     uint32_t ttl_s);
    void (*connection_id)(struct analyzer_ctx *ctx, unsigned side, const uint8_t *cid, size_t len);
    void (*spare)(struct analyzer_ctx *ctx, unsigned side, uint64_t len);
    uint64_t (*wire_time)(struct analyzer_ctx *ctx, unsigned side, uint64_t ts_ns);
};

/* One flow as an analyzer sees it; valid during a callback. */
struct analyzer_ctx {
    const struct analyzer_host *host;
    const struct options *options;
    struct bufpool *bufs; /* for what must wait for more input; bounded, may refuse */
    uint64_t ts_ns;       /* time of the packet that brought the present bytes; of plaintext: when
                             the process wrote or had read them */
    uint8_t transport;    /* ANALYZER_TCP or ANALYZER_UDP */
    bool midstream;       /* the flow's beginning was not seen */
    bool spared;          /* gap(): the bytes went by well, and were left out on purpose */
    uint16_t resp_p;      /* responder's port, for what only a port can tell */
};

struct analyzer {
    const char *name;   /* "http1", as hand_over names it */
    uint8_t transports; /* ANALYZER_TCP | ANALYZER_UDP */
    uint32_t state_bytes;
    uint32_t state_max; /* flows at once that it may read, 0: as many as are tracked */

    /* Pure: what are the first bytes of a direction? Called again with more after PROBE_MORE.
     * NULL: detection never finds it, others name it. */
    enum probe_result (*probe)(const uint8_t *data, size_t len, uint8_t transport);

    /* Pure, UDP: could this datagram be of this protocol, if something other than its bytes says
     * so? Then the host asks what was learned of its addresses and of its connection id. NULL: no
     * such thing. */
    bool (*plausible)(const uint8_t *data, size_t len);

    /* state is zeroed, state_bytes long. */
    void (*open)(struct analyzer_ctx *ctx, void *state);

    /* A fact from the predecessor, the parent or the host (right after open), or from a child
     * (while this analyzer's own call is on the stack: only take note of it). May be NULL. */
    void (*told)(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact, struct str text);

    /* Bytes in order (TCP) or one datagram (UDP) of a side. */
    void (*data)(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                 size_t len);

    /* TCP: len bytes of a side are missing here. UDP: len datagrams were spared; NULL if it never
     * spares any. */
    void (*gap)(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len);

    /* TCP: a side has finished (FIN in order, or RST). A side that was never finished is not told.
     */
    void (*end)(struct analyzer_ctx *ctx, void *state, unsigned side);

    /* The flow is over, the analyzer is done, or hand_over took the flow: emit what is still open,
     * give buffers back. */
    void (*close)(struct analyzer_ctx *ctx, void *state);
};

/* Emits a record: rec is a struct rec_<type> whose ts is set; the host fills uid and id.* of
 * records that have them. Borrows rec and all it points to for the call. */
static inline void analyzer_record(struct analyzer_ctx *ctx, enum record_type type, void *rec)
{
    ctx->host->record(ctx, type, rec);
}

/* Reports an oddity; addl may be NULL. Rate-limited per flow and name by the host. */
static inline void analyzer_weird(struct analyzer_ctx *ctx, enum weird w, const char *addl)
{
    ctx->host->weird(ctx, w, addl);
}

/* Adds to conn.log's service ("http", "ssl", "dns"): a static string, once each. */
static inline void analyzer_service(struct analyzer_ctx *ctx, const char *name)
{
    ctx->host->service(ctx, name);
}

/* Sets conn.log's category. A later call replaces an earlier one. */
static inline void analyzer_category(struct analyzer_ctx *ctx, enum category category)
{
    ctx->host->category(ctx, category);
}

/* From here on the flow's bytes belong to another analyzer, by name, or NULL: detect anew (CONNECT,
 * Upgrade, STARTTLS). Called from data(), which then returns; rest[len] is what it has not consumed
 * of `side`. The host then calls close() and feeds the rest to the successor. */
static inline void analyzer_hand_over(struct analyzer_ctx *ctx, const char *analyzer, unsigned side,
                                      const uint8_t *rest, size_t len)
{
    ctx->host->hand_over(ctx, analyzer, side, rest, len);
}

/* Before analyzer_hand_over, in the same call: bytes of a side that it had kept and that are the
 * successor's (what a client sends into a tunnel before it is open). Copied; fed first. */
static inline void analyzer_leave(struct analyzer_ctx *ctx, unsigned side, const uint8_t *data,
                                  size_t len)
{
    ctx->host->leave(ctx, side, data, len);
}

/* Tells a fact to a child (its handle), to the enclosing analyzer (ANALYZER_PARENT), or to the one
 * that analyzer_hand_over names afterwards in the same call (ANALYZER_SUCCESSOR). */
static inline void analyzer_tell(struct analyzer_ctx *ctx, int whom, enum analyzer_fact fact,
                                 struct str text)
{
    ctx->host->tell(ctx, whom, fact, text);
}

/* A child reads bytes that this analyzer has unwrapped (CRYPTO frames, the body of a stream): a
 * state of its own, the same flow. Returns a handle > 0, or 0 when there is no room (counted) or no
 * such analyzer: calls with 0 do nothing. The parent closes its children, at the latest in close().
 * A child that says done gets no more data; one that hands over is succeeded in its place. */
static inline int analyzer_child_open(struct analyzer_ctx *ctx, const char *analyzer)
{
    return ctx->host->child_open(ctx, analyzer);
}

static inline void analyzer_child_data(struct analyzer_ctx *ctx, int child, unsigned side,
                                       const uint8_t *data, size_t len)
{
    ctx->host->child_data(ctx, child, side, data, len);
}

static inline void analyzer_child_gap(struct analyzer_ctx *ctx, int child, unsigned side,
                                      uint64_t len)
{
    ctx->host->child_gap(ctx, child, side, len);
}

static inline void analyzer_child_end(struct analyzer_ctx *ctx, int child, unsigned side)
{
    ctx->host->child_end(ctx, child, side);
}

static inline void analyzer_child_close(struct analyzer_ctx *ctx, int child)
{
    ctx->host->child_close(ctx, child);
}

/* An origin ("example.net:8443", as in Host or :authority; empty: unknown) advertised alternative
 * services: value as in the Alt-Svc header or ALTSVC frame (RFC 7838 section 3). */
static inline void analyzer_alt_svc(struct analyzer_ctx *ctx, struct str origin, struct str value)
{
    ctx->host->alt_svc(ctx, origin, value);
}

/* The client of this flow was told that name has this address, for ttl_s seconds. */
static inline void analyzer_resolved(struct analyzer_ctx *ctx, const struct ipaddr *addr,
                                     struct str name, uint32_t ttl_s)
{
    ctx->host->resolved(ctx, addr, name, ttl_s);
}

/* QUIC packets to `side` of this connection may carry this connection id (1 to 20 bytes), on this
 * flow or on another path, also after the flow has ended, while there is room. */
static inline void analyzer_connection_id(struct analyzer_ctx *ctx, unsigned side,
                                          const uint8_t *cid, size_t len)
{
    ctx->host->connection_id(ctx, side, cid, len);
}

/* The next len bytes of a side, behind those of the present call, need not be given (UINT64_MAX:
 * all that come). UDP: no more datagrams of either side need, but those with a long header of QUIC.
 * They may be given all the same, or be told of by gap() with ctx->spared, in any pieces. */
static inline void analyzer_spare(struct analyzer_ctx *ctx, unsigned side, uint64_t len)
{
    ctx->host->spare(ctx, side, len);
}

/* When the packet came by that carried what a side said at ts_ns (a ctx->ts_ns of before), where
 * the bytes are not the packets' own: plaintext. 0: they are, or it is not known. */
static inline uint64_t analyzer_wire_time(struct analyzer_ctx *ctx, unsigned side, uint64_t ts_ns)
{
    return ctx->host->wire_time(ctx, side, ts_ns);
}

/* Nothing more can be learned from this flow: no more data() calls; close() follows this one. */
static inline void analyzer_done(struct analyzer_ctx *ctx)
{
    ctx->host->done(ctx);
}

/* All analyzers in the order that detection asks them; NULL-terminated (parse/table.c). */
extern const struct analyzer *const analyzers[];

#endif
