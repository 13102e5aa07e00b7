/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/worker/rig.h"

#include "common/base/check.h"
#include "common/base/linktype.h"
#include "worker/decode/fragments.h"
#include "worker/flow/conn.h"
#include "worker/host.h"
#include "worker/host_plain_private.h"
#include "worker/pipeline.h"
#include "worker/plaintext/plaintext.h"
#include "worker/shunt.h"
#include "worker/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUFS_BYTES     (8u << 20)
#define FLOWS          64u
#define FRAGMENT_BYTES (256u * 1024)
#define CHILDREN       24u
#define DETECTIONS     48u /* fewer than flows, so that they run out first */
#define FRAMES_HELD    64u
#define ANALYZER_FLOWS 32u /* fewer still; an analyzer's own bound if that is lower */
#define FLOW_BYTES     (64u * 1024)

static struct rig *rig; /* emit_record, the capture and cmocka know no better */

/* Fields that lines are made of; what is not of interest would only make tests brittle. */
static bool field_is_shown(const char *name)
{
    static const char *const shown[] = {
        "name",        "addl",         "source",   "service",     "history",        "category",
        "conn_state",  "missed_bytes", "uri",      "status_code", "note",           "msg",
        "tunnel_type", "tunnel_id",    "packets",  "bytes",       "tunnel_parents", "view",
        "pid",         "process_side", "peer_pid", "protocol"};

    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (strcmp(shown[i], name) == 0)
            return true;
    return false;
}

static void text_add(struct rig *r, const char *p, size_t n)
{
    if (n >= sizeof r->text - r->text_len)
        return;
    memcpy(r->text + r->text_len, p, n);
    r->text_len += n;
    r->text[r->text_len] = '\0';
}

static void text_add_field(struct rig *r, const struct field_schema *f, const void *member)
{
    const struct str *str = member;
    char number[24];

    text_add(r, " ", 1);
    text_add(r, f->name, strlen(f->name));
    text_add(r, "=", 1);
    if (f->type == FIELD_SET_STRING)
        text_add(
            r, number,
            (size_t)snprintf(number, sizeof number, "%u", ((const struct str_list *)member)->n));
    else if (f->type == FIELD_COUNT)
        text_add(r, number,
                 (size_t)snprintf(number, sizeof number, "%llu",
                                  (unsigned long long)*(const uint64_t *)member));
    else
        text_add(r, (const char *)str->p, str->len);
}

/* What the probe sends comes from the test. */
int plaintext_input_open(struct plaintext_input **out, const struct heritage *h, struct counters *c)
{
    (void)h;
    (void)c;
    *out = NULL;
    return 0;
}

void plaintext_input_close(struct plaintext_input *p)
{
    (void)p;
}

int plaintext_input_fd(const struct plaintext_input *p)
{
    (void)p;
    return -1;
}

void plaintext_input_receive(struct plaintext_input *p)
{
    (void)p;
}

bool plaintext_input_next(struct plaintext_input *p, uint64_t until_ns, struct plaintext_item *item)
{
    if (rig->n_items == 0 || plaintext_input_oldest_ns(p) > until_ns)
        return false;
    *item = *rig->items++;
    rig->n_items--;
    return true;
}

uint64_t plaintext_input_oldest_ns(struct plaintext_input *p)
{
    (void)p;
    return rig->n_items > 0 ? rig->items->ts_ns : UINT64_MAX;
}

/* There is no bus: what is learned stays here. */
int bus_subscribe(struct bus *b, const char *topic)
{
    (void)b;
    (void)topic;
    return 0;
}

int bus_publish(struct bus *b, const char *topic, const void *body, size_t len)
{
    (void)b;
    CHECK(len <= sizeof rig->published);
    snprintf(rig->published_topic, sizeof rig->published_topic, "%s", topic);
    memcpy(rig->published, body, len);
    rig->published_len = len;
    return 0;
}

/* The pipeline's only way out. */
void emit_record(struct emit *e, enum record_type type, const void *rec)
{
    const struct record_schema *s = &record_schemas[type];
    static uint8_t packed[RECORD_BYTES_MAX];
    uint64_t present;

    (void)e;
    memcpy(&present, rec, sizeof present);
    CHECK(present & 1);                                             /* ts */
    CHECK(record_pack(type, rec, packed, sizeof packed, NULL) > 0); /* reads all that it borrows */
    rig->records[type]++;
    if (type == RECORD_http)
        memcpy(&rig->http, rec, sizeof rig->http);
    else if (type == RECORD_tls_plain)
        memcpy(&rig->tls_plain, rec, sizeof rig->tls_plain);
    else if (type == RECORD_conn)
        memcpy(&rig->conn, rec, sizeof rig->conn);
    else if (type == RECORD_stats)
        memcpy(&rig->stats, rec, sizeof rig->stats);
    text_add(rig, s->path, strlen(s->path));
    for (unsigned i = 0; i < s->n_fields; i++)
        if ((present >> i & 1) && field_is_shown(s->fields[i].name))
            text_add_field(rig, &s->fields[i], (const uint8_t *)rec + s->fields[i].offset);
    text_add(rig, "\n", 1);
}

const char *rig_text(struct rig *r)
{
    if (r->text_len == 0)
        r->text[0] = '\0';
    r->text_len = 0;
    return r->text;
}

static int rig_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t n = rig->n_frames < max ? rig->n_frames : max;

    (void)c;
    if (n == 0)
        return -ENODATA;
    memcpy(out, rig->frames, n * sizeof *out);
    rig->frames += n;
    rig->n_frames -= n;
    return (int)n;
}

static void rig_release(struct capture *c)
{
    (void)c;
}

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    rig = r;
    options_init(&r->heritage.options);
    r->heritage.options.flow_table_size = FLOWS;
    r->heritage.n_workers = 1;
    r->capture = (struct capture_ops){.recv = rig_recv, .release = rig_release};
    snprintf(r->heritage.node, sizeof r->heritage.node, "worker-1");
}

void rig_open(struct rig *r)
{
    struct worker *w = &r->w;
    const struct options *o = &r->heritage.options;

    w->heritage = &r->heritage;
    w->options = o;
    w->timeout_min_ns = conn_timeout_min_ns(o);
    w->counters = &r->counters;
    w->capture_ops = &r->capture;
    w->categories = UINT32_MAX;
    w->decoder.checksums = decode_checksums(o->checksums, r->heritage.live);
    w->decoder.tunnel_max_depth = (uint32_t)o->tunnel_max_depth;
    w->decode_counters = r->heritage.worker_index == 0 ? w->counters : &w->uncounted;
    w->decoder.fragments = fragments_new(FRAGMENT_BYTES, o->fragment_timeout, w->decode_counters);
    CHECK(w->decoder.fragments);
    CHECK(bufpool_init(&w->bufs, BUFS_BYTES) == 0);
    CHECK(flow_table_init(&w->flows, (uint32_t)o->flow_table_size, r->flow_pages) == 0);
    CHECK(reassembly_init(&w->reassembly, &w->bufs, BUFS_BYTES, FLOW_BYTES, w->counters) == 0);
    CHECK(pool_init(&w->detections, sizeof(struct detection), DETECTIONS) == 0);
    for (unsigned i = 0; analyzers[i]; i++) {
        uint32_t n = analyzers[i]->state_max;

        if (n == 0 || n > ANALYZER_FLOWS)
            n = ANALYZER_FLOWS;
        CHECK(pool_init(&w->analyzer_states[i], analyzers[i]->state_bytes, n) == 0);
    }
    CHECK(pool_init(&w->children, host_child_bytes, CHILDREN) == 0);
    CHECK(pool_init(&w->oddities, host_oddities_bytes, FLOWS) == 0);
    CHECK(pool_init(&w->tunnels, tunnel_bytes, FLOWS) == 0);
    CHECK(pool_init(&w->tunnel_parents, tunnel_parents_bytes, FLOWS) == 0);
    CHECK(!r->heritage.plaintext || host_plain_open(w) == 0);
    CHECK(learn_open(&w->learn, &r->heritage, NULL, &r->counters) == 0);
    CHECK(o->no_screen || screen_open(&w->screen, o, 1, 0, &r->counters) == 0);
    CHECK(frames_init(&w->frames, o->format == OUTPUT_PCAP ? FRAMES_BY_CATEGORY : FRAMES_OFF, NULL,
                      &w->bufs, FRAMES_HELD) == 0);
    CHECK(shunt_open(w) == 0);
}

void rig_run(struct rig *r, const struct frame *frames, uint32_t n)
{
    r->frames = frames;
    r->n_frames = n;
    while (pipeline_run(&r->w) > 0)
        continue;
}

void rig_run_items(struct rig *r, const struct plaintext_item *items, uint32_t n)
{
    r->items = items;
    r->n_items = n;
    host_plain_run(&r->w, UINT64_MAX);
}

void rig_run_ethernet(struct rig *r, const uint8_t *data, size_t len, uint64_t ts_ns)
{
    struct frame f = {.data = data,
                      .caplen = (uint32_t)len,
                      .wirelen = (uint32_t)len,
                      .ts_ns = ts_ns,
                      .linktype = LINKTYPE_ETHERNET};

    rig_run(r, &f, 1);
}

void rig_finish(struct rig *r)
{
    const struct worker *w = &r->w;

    pipeline_finish(&r->w);
    CHECK(w->flows.flows.used == 0 && w->flows.wheel.armed == 0);
    CHECK(w->detections.used == 0 && w->reassembly.segments.used == 0 && w->frames.held.used == 0);
    for (unsigned i = 0; analyzers[i]; i++)
        CHECK(w->analyzer_states[i].used == 0);
    CHECK(!w->plain || correlate_is_empty(w->plain->correlate));
    CHECK(w->children.used == 0 && w->oddities.used == 0);
    CHECK(w->tunnels.used == 0 && w->tunnel_parents.used == 0 && r->counters.tunnels_active == 0);
    CHECK(w->shunt.flows.used == 0 && r->counters.shunt_active == 0);
    CHECK(w->bufs.used_bytes == 0 && r->counters.reassembly_bytes == 0);
    CHECK(r->counters.flows_active_tcp == 0 && r->counters.flows_active_udp == 0 &&
          r->counters.flows_active_icmp == 0 && r->counters.flows_active_other == 0);
    CHECK(w->categories != UINT32_MAX || w->options->conn_log_interval > 0 ||
          r->records[RECORD_conn] == r->counters.flows_tcp + r->counters.flows_udp +
                                         r->counters.flows_icmp + r->counters.flows_other);
}

void rig_close(struct rig *r)
{
    struct worker *w = &r->w;

    fragments_free(w->decoder.fragments);
    frames_fini(&w->frames);
    for (unsigned i = 0; analyzers[i]; i++)
        pool_fini(&w->analyzer_states[i]);
    pool_fini(&w->detections);
    pool_fini(&w->children);
    pool_fini(&w->oddities);
    pool_fini(&w->tunnels);
    pool_fini(&w->tunnel_parents);
    host_plain_close(w);
    learn_close(w->learn);
    screen_close(w->screen);
    reassembly_fini(&w->reassembly);
    shunt_close(w);
    flow_table_fini(&w->flows);
    bufpool_fini(&w->bufs);
}

int rig_tear_down(void **state)
{
    (void)state;
    rig_finish(rig);
    rig_close(rig);
    return 0;
}
