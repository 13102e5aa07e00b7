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
};

/* One flow as an analyzer sees it; valid during a callback. */
struct analyzer_ctx {
    const struct analyzer_host *host;
    struct bufpool *bufs; /* for what must wait for more input; bounded, may refuse */
    uint64_t ts_ns;       /* time of the packet that brought the present bytes */
    uint8_t transport;    /* ANALYZER_TCP or ANALYZER_UDP */
    bool midstream;       /* the flow's beginning was not seen */
    bool log_secrets;     /* option log_secrets */
    uint16_t resp_p;      /* responder's port, for what only a port can tell */
};

struct analyzer {
    const char *name;   /* "http1", as hand_over names it */
    uint8_t transports; /* ANALYZER_TCP | ANALYZER_UDP */
    uint32_t state_bytes;
    uint32_t state_max; /* flows at once that may have this analyzer: bound of its pool */

    /* Pure: what are the first bytes of a direction? Called again with more after PROBE_MORE. */
    enum probe_result (*probe)(const uint8_t *data, size_t len, uint8_t transport);

    /* state is zeroed, state_bytes long. */
    void (*open)(struct analyzer_ctx *ctx, void *state);

    /* Bytes in order (TCP) or one datagram (UDP) of a side. */
    void (*data)(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                 size_t len);

    /* TCP: len bytes of a side are missing here. Never for UDP. */
    void (*gap)(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len);

    /* TCP: a side has finished (FIN in order, or RST). A side that was never finished is not told.
     */
    void (*end)(struct analyzer_ctx *ctx, void *state, unsigned side);

    /* The flow is over, or hand_over took it: emit what is still open, give buffers back. */
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

/* Nothing more can be learned from this flow: no more data() calls; close() comes at its end. */
static inline void analyzer_done(struct analyzer_ctx *ctx)
{
    ctx->host->done(ctx);
}

/* All analyzers in the order that detection asks them; NULL-terminated (parse/table.c). */
extern const struct analyzer *const analyzers[];

#endif
