/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters are read from the nodes' shared pages, so a node that hangs, or was just killed, is
 * reported like any other. */
#include "manager/status.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line of the table; zeekctl's widths. */
static void table_row(struct text *out, const char *name, const char *type, const char *host,
                      const char *status, const char *pid, const char *started)
{
    text_printf(out, "%-12s %-7s %-16s %-9s %-6s", name, type, host, status, pid);
    text_printf(out, *started ? " %s\n" : "%s\n", started);
    /* No blanks at the end of a line. */
    while (out->len > 1 && out->p[out->len - 2] == ' ') {
        out->p[out->len - 2] = '\n';
        out->p[--out->len] = '\0';
    }
}

static void table_header(struct text *out)
{
    table_row(out, "Name", "Type", "Host", "Status", "Pid", "Started");
}

static void table_running(struct text *out, const struct topology_node *def, const char *status,
                          pid_t pid, uint64_t started_ns)
{
    char pid_text[16] = "", time_text[32] = "";
    time_t t = (time_t)(started_ns / NS_PER_SEC);
    struct tm tm;

    if (pid > 0) {
        snprintf(pid_text, sizeof pid_text, "%d", (int)pid);
        strftime(time_text, sizeof time_text, "%d %b %H:%M:%S", localtime_r(&t, &tm));
    }
    table_row(out, def->name, topology_kind_name(def->kind), def->host, status, pid_text,
              time_text);
}

bool status_is_up(const struct node *n)
{
    switch (n->kind) {
    case NODE_WORKER:
        return n->counters->loop_sleeps + n->counters->loop_spins + n->counters->loop_batches > 0;
    case NODE_PROBE:
        return n->counters->probe_images > 0 || n->state == NODE_STOPPED;
    case NODE_LOGGER:
    case NODE_READER:
    case NODE_PORT:
        break;
    }
    return true;
}

const char *status_word(const struct node *n)
{
    if (n->absent)
        return "absent";
    switch (n->state) {
    case NODE_WAITING:
        return "crashed";
    case NODE_STOPPED:
        return "stopped";
    case NODE_ALIVE:
        break;
    }
    return status_is_up(n) ? "running" : "starting";
}

/* By kinds of nodes: whose counters they keep. */
static const enum counter_process counters_of_kind[] = {[NODE_WORKER] = COUNTER_WORKER,
                                                        [NODE_LOGGER] = COUNTER_LOGGER,
                                                        [NODE_PROBE] = COUNTER_PROBE,
                                                        [NODE_READER] = COUNTER_READER,
                                                        [NODE_PORT] = 0};

uint64_t status_counter(const struct manager *m, const struct counter_schema *s)
{
    uint64_t sum = s->process & COUNTER_MANAGER ? counter_read(&m->counters, s) : 0;

    for (unsigned i = 0; i < m->n_nodes; i++)
        if (s->process & counters_of_kind[m->nodes[i].kind])
            sum += counter_read(m->nodes[i].counters, s);
    return sum;
}

bool status_all_running(const struct manager *m)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        const struct node *n = &m->nodes[i];

        if (n->state != NODE_ALIVE || n->absent || !status_is_up(n))
            return false;
    }
    return true;
}

static const struct topology_node *manager_def(const struct topology *t)
{
    unsigned i = 0;

    while (t->nodes[i].kind != TOPOLOGY_MANAGER)
        i++;
    return &t->nodes[i];
}

static void losses_of(const struct counters *c, enum counter_process process, struct text *out)
{
    for (size_t i = 0; i < counter_schemas_n; i++) {
        const struct counter_schema *s = &counter_schemas[i];
        uint64_t n = s->process & process && s->kind == COUNTER_LOSS ? counter_read(c, s) : 0;

        if (n > 0)
            text_printf(out, "%s%s %" PRIu64, out->len ? ", " : "", s->name, n);
    }
}

/* Below the table, since its columns are zeekctl's. */
static void table_probe(struct text *out, const struct node *n)
{
    const volatile struct counters *c = n->counters;
    struct text losses = {0};

    losses_of(n->counters, COUNTER_PROBE, &losses);
    text_printf(out,
                "%s: %" PRIu64 " files hooked in %" PRIu64 " processes; %" PRIu64
                " TLS sessions, %" PRIu64 " of them open; lost: %s\n",
                n->def->name, c->probe_hooked, c->probe_processes, c->probe_sessions,
                c->probe_sessions_active, losses.len ? losses.p : "nothing");
    text_free(&losses);
}

void status_table(const struct manager *m, struct text *out)
{
    table_header(out);
    table_running(out, manager_def(&m->plan->topology), "running", getpid(), m->started_wall_ns);
    for (unsigned i = 0; i < m->n_nodes; i++) {
        const struct node *n = &m->nodes[i];

        table_running(out, n->def, status_word(n), n->pid, n->started_wall_ns);
    }
    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].kind == NODE_PROBE)
            table_probe(out, &m->nodes[i]);
}

void status_table_stopped(const struct topology *t, struct text *out)
{
    table_header(out);
    for (unsigned i = 0; i < t->n; i++)
        if (t->nodes[i].kind != TOPOLOGY_PROXY)
            table_running(out, &t->nodes[i], "stopped", 0, 0);
}

static void json_counters(struct text *out, const struct counters *c, enum counter_process process)
{
    json_key(out, "counters");
    text_puts(out, "{");
    for (size_t i = 0; i < counter_schemas_n; i++) {
        const struct counter_schema *s = &counter_schemas[i];

        if (s->process & process) {
            json_key(out, s->name);
            json_uint(out, counter_read(c, s));
        }
    }
    text_puts(out, "}");
}

/* An object without its closing brace. */
static void json_node(struct text *out, const struct topology_node *def, const char *status,
                      pid_t pid, uint64_t started_ns)
{
    json_item(out);
    text_puts(out, "{");
    json_key(out, "name");
    json_string(out, def->name);
    json_key(out, "type");
    json_string(out, topology_kind_name(def->kind));
    json_key(out, "host");
    json_string(out, def->host);
    if (def->interface[0]) {
        json_key(out, "interface");
        json_string(out, def->interface);
    }
    json_key(out, "status");
    json_string(out, status);
    if (pid <= 0)
        return;
    json_key(out, "pid");
    json_uint(out, (uint64_t)pid);
    json_key(out, "started");
    text_printf(out, "%" PRIu64 ".%06" PRIu64, started_ns / NS_PER_SEC,
                started_ns % NS_PER_SEC / NS_PER_US);
}

static void json_losses(const struct manager *m, struct text *out)
{
    json_key(out, "losses");
    text_puts(out, "{");
    for (size_t i = 0; i < counter_schemas_n; i++) {
        if (counter_schemas[i].kind == COUNTER_LOSS) {
            json_key(out, counter_schemas[i].name);
            json_uint(out, status_counter(m, &counter_schemas[i]));
        }
    }
    text_puts(out, "}");
}

void status_json(const struct manager *m, struct text *out)
{
    text_puts(out, "{");
    json_key(out, "running");
    json_bool(out, status_all_running(m));
    json_key(out, "nodes");
    text_puts(out, "[");
    json_node(out, manager_def(&m->plan->topology), "running", getpid(), m->started_wall_ns);
    json_counters(out, &m->counters, COUNTER_MANAGER);
    text_puts(out, "}");
    for (unsigned i = 0; i < m->n_nodes; i++) {
        const struct node *n = &m->nodes[i];

        json_node(out, n->def, status_word(n), n->pid, n->started_wall_ns);
        json_key(out, "restarts");
        json_uint(out, n->restarts);
        json_counters(out, n->counters, counters_of_kind[n->kind]);
        text_puts(out, "}");
    }
    text_puts(out, "]");
    json_losses(m, out);
    text_puts(out, "}\n");
}

static void line(struct text *out, const char *node, const char *key, const char *value)
{
    if (value[0])
        text_printf(out, "%s %s %s\n", node, key, value);
}

static void lines_node(struct text *out, const struct topology_node *def, pid_t pid,
                       const struct counters *c, enum counter_process process)
{
    line(out, def->name, "type", topology_kind_name(def->kind));
    line(out, def->name, "host", def->host);
    line(out, def->name, "interface", def->interface);
    if (def->kind == TOPOLOGY_WORKER) {
        line(out, def->name, "mode", option_word(option_find("mode"), def->mode));
        line(out, def->name, "rx_mode", option_word(option_find("rx-mode"), c->loop_rx_mode));
    }
    text_printf(out, "%s pid %d\n", def->name, (int)pid);
    for (size_t i = 0; i < counter_schemas_n; i++)
        if (counter_schemas[i].process & process)
            text_printf(out, "%s %s %" PRIu64 "\n", def->name, counter_schemas[i].name,
                        counter_read(c, &counter_schemas[i]));
}

void status_lines(const struct manager *m, struct text *out)
{
    lines_node(out, manager_def(&m->plan->topology), getpid(), &m->counters, COUNTER_MANAGER);
    for (unsigned i = 0; i < m->n_nodes; i++)
        lines_node(out, m->nodes[i].def, m->nodes[i].pid, m->nodes[i].counters,
                   counters_of_kind[m->nodes[i].kind]);
}

void status_json_stopped(const struct topology *t, struct text *out)
{
    text_puts(out, "{\"running\":false,\"nodes\":[");
    for (unsigned i = 0; i < t->n; i++) {
        if (t->nodes[i].kind == TOPOLOGY_PROXY)
            continue;
        json_node(out, &t->nodes[i], "stopped", 0, 0);
        text_puts(out, "}");
    }
    text_puts(out, "]}\n");
}

static void counters_of(const struct manager *m, enum node_kind kind, struct text *out)
{
    text_printf(out, "%-32s", "counter");
    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].kind == kind)
            text_printf(out, " %14s", m->nodes[i].def->name);
    text_puts(out, "\n");
    for (size_t c = 0; c < counter_schemas_n; c++) {
        const struct counter_schema *s = &counter_schemas[c];

        if (!(s->process & counters_of_kind[kind]))
            continue;
        text_printf(out, "%-32s", s->name);
        for (unsigned i = 0; i < m->n_nodes; i++)
            if (m->nodes[i].kind == kind)
                text_printf(out, " %14" PRIu64, counter_read(m->nodes[i].counters, s));
        text_puts(out, "\n");
    }
}

void status_counters(const struct manager *m, struct text *out)
{
    if (topology_count(&m->plan->topology, TOPOLOGY_READER) > 0)
        counters_of(m, NODE_READER, out);
    counters_of(m, NODE_WORKER, out);
    counters_of(m, NODE_LOGGER, out);
    if (topology_count(&m->plan->topology, TOPOLOGY_PROBE) > 0)
        counters_of(m, NODE_PROBE, out);
    text_printf(out, "%-32s %14s\n", "counter", "manager");
    for (size_t i = 0; i < counter_schemas_n; i++)
        if (counter_schemas[i].process & COUNTER_MANAGER)
            text_printf(out, "%-32s %14" PRIu64 "\n", counter_schemas[i].name,
                        counter_read(&m->counters, &counter_schemas[i]));
}

void status_losses(const struct manager *m, struct text *out)
{
    for (size_t i = 0; i < counter_schemas_n; i++) {
        const struct counter_schema *s = &counter_schemas[i];
        uint64_t n = s->kind == COUNTER_LOSS ? status_counter(m, s) : 0;

        if (n > 0)
            text_printf(out, "%s%s %" PRIu64, out->len ? ", " : "", s->name, n);
    }
}

/* In the unit that a reader would take. */
static void text_duration(struct text *out, uint64_t ns)
{
    if (ns < NS_PER_MS)
        text_printf(out, " %8.1fus", (double)ns / (double)NS_PER_US);
    else if (ns < NS_PER_SEC)
        text_printf(out, " %8.2fms", (double)ns / (double)NS_PER_MS);
    else
        text_printf(out, " %9.2fs", (double)ns / (double)NS_PER_SEC);
}

void status_latency(const struct manager *m, struct text *out)
{
    text_printf(out, "%-20s %10s %10s %10s %10s %10s %10s\n", "packet to plaintext", "samples",
                "min", "mean", "p50", "p99", "max");
    for (unsigned i = 0; i < m->n_nodes; i++) {
        const volatile struct counters *c = m->nodes[i].counters;

        if (m->nodes[i].kind != NODE_WORKER)
            continue;
        text_printf(out, "%-20s %10" PRIu64, m->nodes[i].def->name, c->plain_latency_n);
        if (c->plain_latency_n > 0) {
            text_duration(out, c->plain_latency_min_ns);
            text_duration(out, c->plain_latency_mean_ns);
            text_duration(out, c->plain_latency_p50_ns);
            text_duration(out, c->plain_latency_p99_ns);
            text_duration(out, c->plain_latency_max_ns);
        }
        text_puts(out, "\n");
    }
}
