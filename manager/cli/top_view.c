/* SPDX-License-Identifier: BSD-3-Clause */
/* A column is a row of the table below: its name in both forms and a function of two samples of a
 * node. One that has no answer (a logger's packets, a restarted process's CPU time) gives NAN. */
#include "manager/cli/top_view.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct interval {
    const struct top_node *before, *now; /* before: NULL if the node is new */
    double seconds;
};

static bool is_worker(const struct interval *i)
{
    return strcmp(i->now->type, "worker") == 0;
}

/* Growth of a counter; its page outlives its process, so that restarts do not matter. */
static double growth(const struct interval *i, size_t offset)
{
    uint64_t now, before;

    if (!i->before || !is_worker(i) || i->seconds <= 0)
        return NAN;
    memcpy(&now, (const char *)&i->now->counters + offset, sizeof now);
    memcpy(&before, (const char *)&i->before->counters + offset, sizeof before);
    return now < before ? NAN : (double)(now - before) / i->seconds;
}
#define GROWTH(i, member) growth(i, offsetof(struct counters, member))

static double vsize(const struct interval *i)
{
    return i->now->command[0] ? (double)i->now->vsize_bytes : NAN;
}

static double rss(const struct interval *i)
{
    return i->now->command[0] ? (double)i->now->rss_bytes : NAN;
}

static double cpu(const struct interval *i)
{
    const struct top_node *a = i->before, *b = i->now;

    if (!a || a->pid != b->pid || !b->command[0] || b->cpu_ticks < a->cpu_ticks || i->seconds <= 0)
        return NAN;
    return 100.0 * (double)(b->cpu_ticks - a->cpu_ticks) / (double)sysconf(_SC_CLK_TCK) /
           i->seconds;
}

static double packets(const struct interval *i)
{
    return GROWTH(i, capture_packets);
}

static double bits(const struct interval *i)
{
    return 8 * GROWTH(i, capture_wire_bytes);
}

static double shunted(const struct interval *i)
{
    return GROWTH(i, shunt_packets);
}

static double sleeps(const struct interval *i)
{
    return GROWTH(i, loop_sleeps);
}

/* The part of the time in which there were frames: what CPU time is where it does not poll. */
static double busy(const struct interval *i)
{
    return GROWTH(i, loop_busy_ns) * 100 / (double)NS_PER_SEC;
}

static double switches(const struct interval *i)
{
    return GROWTH(i, loop_mode_switches);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Whether a counter is of pieces that were lost, and not of time or bytes. */
static bool is_of_pieces(const struct counter_schema *s)
{
    return !ends_with(s->name, "_ms") && !ends_with(s->name, "_bytes");
}

/* All causes together: which they are stands at the end of the line. Of time and bytes counts that
 * some were. */
static double lost(const struct interval *i)
{
    double sum = 0;

    for (size_t s = 0; i->before && s < counter_schemas_n; s++) {
        uint64_t now = counter_read(&i->now->counters, &counter_schemas[s]);
        uint64_t before = counter_read(&i->before->counters, &counter_schemas[s]);

        if (counter_schemas[s].kind == COUNTER_LOSS && now > before)
            sum += is_of_pieces(&counter_schemas[s]) ? (double)(now - before) : 1;
    }
    return i->before && i->seconds > 0 ? sum / i->seconds : NAN;
}

static double frequency(const struct interval *i)
{
    return i->now->frequency_khz > 0 ? (double)i->now->frequency_khz / 1000 : NAN;
}

enum format { SIZE, RATE, PERCENT, NUMBER };

/* What is asked for first comes first: a terminal of 80 columns shows the loss. */
static const struct column {
    const char *title, *key;
    int width;
    enum format format;
    double (*value)(const struct interval *i);
} columns[] = {
    {"VSize", "vsize", 6, SIZE, vsize},
    {"Rss", "rss", 6, SIZE, rss},
    {"Cpu", "cpu", 5, PERCENT, cpu},
    {"Packets/s", "packets_per_second", 9, RATE, packets},
    {"Lost/s", "lost_per_second", 6, RATE, lost},
    {"Bits/s", "bits_per_second", 7, RATE, bits},
    {"Shunted/s", "shunted_per_second", 9, RATE, shunted},
    {"Busy", "busy", 5, PERCENT, busy},
    {"Sleeps/s", "sleeps_per_second", 8, RATE, sleeps},
    {"Switches/s", "mode_switches_per_second", 10, RATE, switches},
    {"MHz", "mhz", 5, NUMBER, frequency},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

/* v in at most four digits, with a letter for the thousands. */
static void format_scaled(double v, double thousand, int decimals, char *out, size_t bytes)
{
    static const char *const letters[] = {"", "K", "M", "G", "T", "P"};
    unsigned letter = 0;

    while (v >= thousand && letter + 1 < sizeof letters / sizeof letters[0]) {
        v /= thousand;
        letter++;
    }
    snprintf(out, bytes, "%.*f%s", letter > 0 ? decimals : 0, v, letters[letter]);
}

static void format_cell(const struct column *c, double v, char out[32])
{
    if (isnan(v))
        snprintf(out, 32, "-");
    else if (c->format == SIZE)
        format_scaled(v, 1024, 0, out, 32);
    else if (c->format == RATE && v > 0 && v < 1)
        snprintf(out, 32, "<1");
    else if (c->format == RATE)
        format_scaled(v, 1000, 1, out, 32);
    else
        snprintf(out, 32, "%.0f%s", v, c->format == PERCENT ? "%" : "");
}

/* Calls found for each counter of a loss that grew. */
static void each_loss(const struct interval *i, struct text *out,
                      void (*found)(struct text *out, const char *name, uint64_t n))
{
    for (size_t s = 0; i->before && s < counter_schemas_n; s++) {
        uint64_t now = counter_read(&i->now->counters, &counter_schemas[s]);
        uint64_t before = counter_read(&i->before->counters, &counter_schemas[s]);

        if (counter_schemas[s].kind == COUNTER_LOSS && now > before)
            found(out, counter_schemas[s].name, now - before);
    }
}

static void loss_text(struct text *out, const char *name, uint64_t n)
{
    text_printf(out, " %s %" PRIu64, name, n);
}

static void loss_json(struct text *out, const char *name, uint64_t n)
{
    json_key(out, name);
    json_uint(out, n);
}

static struct interval interval_of(const struct top_sample *before, const struct top_sample *now,
                                   unsigned i)
{
    return (struct interval){.before = top_sample_find(before, now->nodes[i].name),
                             .now = &now->nodes[i],
                             .seconds = (double)(now->at_ns - before->at_ns) / (double)NS_PER_SEC};
}

static void table_node(const struct interval *i, struct text *out)
{
    const struct top_node *n = i->now;
    char cell[32];
    size_t before;

    text_printf(out, "%-12s %-7s %-10s ", n->name, n->type, n->host);
    if (n->pid > 0)
        text_printf(out, "%-7d", (int)n->pid);
    else
        text_puts(out, "<not running>");
    for (size_t c = 0; n->pid > 0 && c < COLUMNS; c++) {
        format_cell(&columns[c], columns[c].value(i), cell);
        text_printf(out, " %*s", columns[c].width, cell);
    }
    if (n->pid > 0)
        text_printf(out, " %-7s %-9s %-14s", n->mode[0] ? n->mode : "-",
                    n->rx_mode[0] ? n->rx_mode : "-", n->command);
    before = out->len;
    each_loss(i, out, loss_text);
    text_puts(out, out->len == before ? " -\n" : "\n");
}

void top_view_table(const struct top_sample *before, const struct top_sample *now, struct text *out)
{
    text_printf(out, "%-12s %-7s %-10s %-7s", "Name", "Type", "Host", "Pid");
    for (size_t c = 0; c < COLUMNS; c++)
        text_printf(out, " %*s", columns[c].width, columns[c].title);
    text_printf(out, " %-7s %-9s %-14s %s\n", "Mode", "Rx-mode", "Cmd", "Lost");
    for (unsigned i = 0; i < now->n; i++) {
        struct interval of = interval_of(before, now, i);

        table_node(&of, out);
    }
}

static void json_text(struct text *out, const char *key, const char *value)
{
    if (!value[0])
        return;
    json_key(out, key);
    json_string(out, value);
}

static void json_node(const struct interval *i, struct text *out)
{
    const struct top_node *n = i->now;

    json_item(out);
    text_puts(out, "{");
    json_text(out, "name", n->name);
    json_text(out, "type", n->type);
    json_text(out, "host", n->host);
    json_text(out, "interface", n->interface);
    json_text(out, "mode", n->mode);
    json_text(out, "rx_mode", n->rx_mode);
    json_key(out, "pid");
    if (n->pid > 0)
        json_uint(out, (uint64_t)n->pid);
    else
        text_puts(out, "null");
    json_text(out, "cmd", n->command);
    for (size_t c = 0; c < COLUMNS; c++) {
        double v = columns[c].value(i);

        json_key(out, columns[c].key);
        if (isnan(v))
            text_puts(out, "null");
        else
            text_printf(out, "%.*f", columns[c].format == SIZE ? 0 : 1, v);
    }
    json_key(out, "lost");
    text_puts(out, "{");
    each_loss(i, out, loss_json);
    text_puts(out, "}}");
}

void top_view_json(const struct top_sample *before, const struct top_sample *now, struct text *out)
{
    text_printf(out, "{\"interval\":%.3f",
                (double)(now->at_ns - before->at_ns) / (double)NS_PER_SEC);
    json_key(out, "nodes");
    text_puts(out, "[");
    for (unsigned i = 0; i < now->n; i++) {
        struct interval of = interval_of(before, now, i);

        json_node(&of, out);
    }
    text_puts(out, "]}\n");
}
