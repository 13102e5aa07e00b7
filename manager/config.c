/* SPDX-License-Identifier: BSD-3-Clause */
/* Which keys there are and what their values look like is options.def's business; here is what a
 * file adds: that a key stands once, and what holds between options.
 *
 * The bounds are checked before anything starts, because a worker meets them only when it maps its
 * memory, and says so from the background. */
#include "manager/config.h"

#include "common/base/local_nets.h"
#include "common/schema/process_filter.h"
#include "manager/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_reading {
    struct options *o;
    unsigned set_at[256]; /* line that set the n-th option, 0 if none has */
};

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Bounds of single values: below, a worker could not run; above, its tables could not be indexed or
 * a mistyped unit would only show when memory is gone. */
static const struct {
    const char *key;
    uint64_t min, max;
} limits[] = {
    {"workers", 1, 192},
    {"log_flush_interval", NS_PER_MS, 3600 * NS_PER_SEC},
    {"spool_size", 4 * MIB, 64 * GIB},
    {"af_packet_buffer_size", 64 * KIB, 64 * GIB},
    {"af_packet_block_size", 64 * KIB, 64 * MIB},
    {"af_packet_block_timeout", NS_PER_MS, 10 * NS_PER_SEC},
    {"af_packet_fanout_id", 0, 65535},
    {"xdp_first_bytes", 0, GIB},
    {"xdp_flow_table_size", 1024, UINT64_C(1) << 28},
    {"xdp_gather_interval", 0, NS_PER_SEC},
    {"xdp_ring_size", 256 * KIB, GIB},
    {"af_xdp_buffer_size", MIB, 4 * GIB},
    {"af_xdp_frame_size", 0, 4 * KIB},
    {"af_xdp_headroom", 0, KIB},
    {"gather_interval", 0, 100 * NS_PER_MS},
    {"busy_poll", 0, NS_PER_SEC},
    {"busy_poll_budget", 1, 1024},
    {"dpdk_memory", 16 * MIB, 64 * GIB},
    {"dpdk_descriptors", 64, 65536},
    {"idle_threshold", 1, UINT32_MAX},
    {"resume_threshold", 1, 64},
    {"sleep_timeout", 10 * NS_PER_US, NS_PER_SEC},
    {"snaplen", 64, 256 * KIB},
    {"tunnel_max_depth", 0, 16},
    {"flow_table_size", 1024, UINT64_C(1) << 28},
    {"shunt_table_size", 16, UINT64_C(1) << 24},
    {"dpdk_shunt_flows", 1, UINT64_C(1) << 20},
    {"tcp_inactivity_timeout", NS_PER_SEC, 365 * 86400 * NS_PER_SEC},
    {"tcp_attempt_delay", NS_PER_MS, 365 * 86400 * NS_PER_SEC},
    {"tcp_close_delay", NS_PER_MS, 365 * 86400 * NS_PER_SEC},
    {"udp_inactivity_timeout", NS_PER_MS, 365 * 86400 * NS_PER_SEC},
    {"icmp_inactivity_timeout", NS_PER_MS, 365 * 86400 * NS_PER_SEC},
    {"fragment_timeout", NS_PER_MS, 3600 * NS_PER_SEC},
    {"fragment_memory", 256 * KIB, 64 * GIB},
    {"reassembly_memory", 4 * MIB, 1024 * GIB},
    {"reassembly_flow_memory", 4 * KIB, 64 * MIB},
    {"alt_svc_table_size", 1, UINT64_C(1) << 20},
    {"names_table_size", 0, UINT64_C(1) << 26},
    {"quic_table_size", 0, UINT64_C(1) << 26},
    {"screen_scan_ports", 1, 400},
    {"screen_scan_hosts", 1, 400},
    {"screen_scan_interval", NS_PER_SEC, 86400 * NS_PER_SEC},
    {"screen_syn_flood", 1, UINT32_MAX},
    {"screen_flood_interval", NS_PER_SEC, 86400 * NS_PER_SEC},
    {"screen_table_size", 64, UINT64_C(1) << 20},
    {"plaintext_call_max", 1, MIB},
    {"plaintext_ring_size", MIB, GIB},
    {"plaintext_memory", MIB, 64 * GIB},
    {"plaintext_table_size", 16, UINT64_C(1) << 20},
    {"plaintext_delay", 0, NS_PER_SEC},
    {"body-max", 1, 32 * KIB},
    {"seed", 0, UINT32_MAX},
    {"StopTimeout", NS_PER_SEC, 3600 * NS_PER_SEC},
};
#define LIMITS (sizeof limits / sizeof limits[0])

/* Whether the option of s is within its limits, if it has any. 0 may be below them where it is the
 * default: then it stands for a choice that is made at start. */
static int config_check_limit(const struct options *o, const struct option_schema *s, char *error)
{
    struct options bound = *o, defaults;
    char given[32], right[32];
    size_t i = 0;
    uint64_t v, normal;

    while (i < LIMITS && strcmp(limits[i].key, s->key) != 0)
        i++;
    if (i == LIMITS)
        return 0;
    memcpy(&v, (const char *)o + s->offset, sizeof v);
    options_init(&defaults);
    memcpy(&normal, (const char *)&defaults + s->offset, sizeof normal);
    if ((v >= limits[i].min && v <= limits[i].max) || (v == 0 && normal == 0))
        return 0;
    memcpy((char *)&bound + s->offset, v < limits[i].min ? &limits[i].min : &limits[i].max,
           sizeof v);
    option_format(o, s, given, sizeof given);
    option_format(&bound, s, right, sizeof right);
    snprintf(error, INI_ERROR_BYTES, "%s = %s: give at %s %s", s->key, given,
             v < limits[i].min ? "least" : "most", right);
    return -EINVAL;
}

/* A file is read from wherever somebody stands: what it names must not depend on that, or `status`
 * would look for the cluster elsewhere than `start` put it. */
static int config_check_path(const char *key, const char *value, char *error)
{
    bool path = strcmp(key, "state_dir") == 0 || strcmp(key, "log-dir") == 0 ||
                strncmp(key, "prefilter-", strlen("prefilter-")) == 0;

    if (!path || value[0] == '/' || (value[0] == '\0' && strcmp(key, "state_dir") != 0))
        return 0;
    snprintf(error, INI_ERROR_BYTES, "%s = %s: give a path that begins with /", key, value);
    return -EINVAL;
}

static int config_check_nets(const char *key, const char *value, char *error)
{
    struct local_nets nets;
    char bad[64];

    if (strcmp(key, "local_nets") != 0 || local_nets_init(&nets, value, bad, sizeof bad) == 0)
        return 0;
    snprintf(error, INI_ERROR_BYTES, "%s: '%s' is not a prefix such as 192.0.2.0/24 (at most %u)",
             key, bad, LOCAL_NETS_MAX);
    return -EINVAL;
}

static int config_check_filter(const struct options *o, char *error)
{
    struct process_filter filter;

    return process_filter_parse(o, &filter, error, INI_ERROR_BYTES);
}

/* Only keys that spliff.cfg takes are suggested. */
static int config_unknown(const char *key, char *error)
{
    struct suggest near = {NULL, 0};
    char hint[64];

    for (size_t i = 0; i < option_schemas_n; i++)
        if (option_schemas[i].scope & OPTION_SCOPE_CFG)
            suggest_offer(&near, key, option_schemas[i].key);
    snprintf(error, INI_ERROR_BYTES, "unknown key %s%s", key,
             suggest_text(&near, hint, sizeof hint));
    return -EINVAL;
}

static int config_entry(void *user, const struct ini_entry *e, char *error)
{
    struct config_reading *r = user;
    const struct option_schema *s = option_find(e->key);
    size_t i = s ? (size_t)(s - option_schemas) : 0;

    if (!s)
        return config_unknown(e->key, error);
    if (!(s->scope & OPTION_SCOPE_CFG)) {
        snprintf(error, INI_ERROR_BYTES, "%s is an option of `spliff-cluster run` only", e->key);
        return -EINVAL;
    }
    if (i < sizeof r->set_at / sizeof r->set_at[0]) {
        if (r->set_at[i]) {
            snprintf(error, INI_ERROR_BYTES, "%s was already set in line %u", e->key, r->set_at[i]);
            return -EINVAL;
        }
        r->set_at[i] = e->line;
    }
    if (config_check_path(s->key, e->value, error) < 0 ||
        config_check_nets(s->key, e->value, error) < 0 ||
        option_set(r->o, s, e->value, error, INI_ERROR_BYTES) < 0 ||
        config_check_filter(r->o, error) < 0)
        return -EINVAL;
    return config_check_limit(r->o, s, error);
}

int config_read(const char *path, struct options *o, char *error)
{
    struct config_reading r = {.o = o};

    return ini_file_read(path, config_entry, &r, error);
}

int config_read_text(const char *text, size_t len, const char *file, struct options *o, char *error)
{
    struct config_reading r = {.o = o};

    return ini_text_read(text, len, file, config_entry, &r, error);
}

struct config_place {
    struct options *o;
    unsigned line; /* that gave it, 0: none has */
    int result;    /* whether it could be told, */
    char *error;   /* and why not */
};

static int config_place_set(struct config_place *p, const struct option_schema *s,
                            const struct ini_entry *e, char *error)
{
    if (p->line > 0)
        snprintf(error, INI_ERROR_BYTES, "%s was already set in line %u", e->key, p->line);
    else if (config_check_path(s->key, e->value, error) == 0)
        return option_set(p->o, s, e->value, error, INI_ERROR_BYTES);
    return -EINVAL;
}

static int config_place_entry(void *user, const struct ini_entry *e, char *error)
{
    const struct option_schema *s = option_find("state_dir");
    struct config_place *p = user;

    if (!option_find(e->key))
        return config_unknown(e->key, error);
    if (option_find(e->key) != s || p->result < 0)
        return 0;
    p->result = config_place_set(p, s, e, error);
    p->line = e->line;
    if (p->result < 0)
        snprintf(p->error, INI_ERROR_BYTES, "%s:%u: %.400s", e->file, e->line, error);
    return 0;
}

int config_read_state_dir_text(const char *text, size_t len, const char *file, struct options *o,
                               char *error)
{
    char unread[INI_ERROR_BYTES];
    struct config_place place = {.o = o, .error = error};
    int err = ini_text_read_all(text, len, file, config_place_entry, &place, unread);

    if (err == 0 || place.line > 0)
        return place.result;
    /* That line may have been meant to give it. */
    snprintf(error, INI_ERROR_BYTES, "%.400s; and no other line is state_dir", unread);
    return err;
}

int config_read_state_dir(const char *path, struct options *o, char *error)
{
    char *text;
    size_t len;
    int err = ini_file_load(path, &text, &len, error);

    if (err == 0)
        err = config_read_state_dir_text(text, len, path, o, error);
    free(text);
    return err;
}

static int config_check_limits(const struct options *o, char *error)
{
    for (size_t i = 0; i < option_schemas_n; i++)
        if (config_check_limit(o, &option_schemas[i], error) < 0)
            return -EINVAL;
    return 0;
}

int config_check(const struct options *o, char *error)
{
    const char *wrong = NULL;

    if (config_check_limits(o, error) < 0 || config_check_filter(o, error) < 0)
        return -EINVAL;
    if (o->ring_block_size & (o->ring_block_size - 1))
        wrong = "af_packet_block_size: give a power of two";
    else if (o->ring_size < o->ring_block_size)
        wrong = "af_packet_buffer_size is smaller than af_packet_block_size: raise it";
    else if (o->af_xdp_frame_size != 0 && o->af_xdp_frame_size != 2048 &&
             o->af_xdp_frame_size != 4096)
        wrong = "af_xdp_frame_size: give 2K, 4K or 0";
    else if (o->plaintext_ring & (o->plaintext_ring - 1))
        wrong = "plaintext_ring_size: give a power of two";
    else if (o->reassembly_memory > 0 && o->reassembly_flow_memory > o->reassembly_memory)
        wrong = "reassembly_flow_memory is larger than reassembly_memory: lower it";
    else if (o->user[0] == '\0' || strcmp(o->user, "root") == 0)
        wrong = "user: workers read hostile bytes and never run as root; name another user";
    if (wrong)
        snprintf(error, INI_ERROR_BYTES, "%s", wrong);
    return wrong ? -EINVAL : 0;
}
