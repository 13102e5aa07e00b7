/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cli/top_sample.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct top_node *top_sample_find(const struct top_sample *s, const char *name)
{
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->nodes[i].name, name) == 0)
            return &s->nodes[i];
    return NULL;
}

/* The lines of a node follow each other. NULL if there are more than there can be. */
static struct top_node *node_of_line(struct top_sample *s, const char *name)
{
    struct top_node *last = s->n > 0 ? &s->nodes[s->n - 1] : NULL;

    if (last && strcmp(last->name, name) == 0)
        return last;
    if (s->n == TOPOLOGY_NODES_MAX)
        return NULL;
    last = &s->nodes[s->n++];
    memset(last, 0, sizeof *last);
    snprintf(last->name, sizeof last->name, "%s", name);
    return last;
}

static void take_counter(struct counters *c, const char *name, const char *value)
{
    for (size_t i = 0; i < counter_schemas_n; i++) {
        if (strcmp(counter_schemas[i].name, name) == 0) {
            uint64_t n = strtoull(value, NULL, 10);

            memcpy((char *)c + counter_schemas[i].offset, &n, sizeof n);
            return;
        }
    }
}

static const struct fact {
    const char *key;
    size_t offset, bytes;
} facts[] = {
#define FACT(member)                                                                               \
    {                                                                                              \
#member, offsetof(struct top_node, member), sizeof(((struct top_node *)0)->member)         \
    }
    FACT(type), FACT(host), FACT(interface), FACT(mode), FACT(rx_mode),
#undef FACT
};

static void take(struct top_node *n, const char *key, const char *value)
{
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (strcmp(key, facts[i].key) == 0) {
            snprintf((char *)n + facts[i].offset, facts[i].bytes, "%s", value);
            return;
        }
    }
    if (strcmp(key, "pid") == 0)
        n->pid = (pid_t)strtol(value, NULL, 10);
    else
        take_counter(&n->counters, key, value);
}

void top_sample_read(struct top_sample *s, const char *answer)
{
    char name[HERITAGE_NODE_MAX], key[64], value[64];

    s->n = 0;
    for (const char *line = answer; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        struct top_node *n;

        if (sscanf(line, "%31s %63s %63s", name, key, value) != 3)
            continue;
        n = node_of_line(s, name);
        if (n)
            take(n, key, value);
    }
}

/* The frequency of a core in kHz, 0 where the kernel does not scale it. */
static uint64_t core_khz(const char *root, int core)
{
    char path[PATH_MAX];
    uint64_t khz = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", root,
             core);
    f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%" SCNu64, &khz) != 1)
        khz = 0;
    fclose(f);
    return khz;
}

/* /proc/PID/stat, see proc_pid_stat(5): the command in brackets may hold blanks and brackets, so
 * the last bracket ends it. */
static void measure_node(struct top_node *n, const char *root)
{
    char path[PATH_MAX], line[1024];
    const char *open, *close;
    uint64_t user = 0, system = 0, pages = 0;
    int core = -1;
    FILE *f;

    snprintf(path, sizeof path, "%s/proc/%d/stat", root, (int)n->pid);
    f = fopen(path, "re");
    if (!f)
        return;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    open = strchr(line, '(');
    close = strrchr(line, ')');
    if (!open || !close ||
        sscanf(close + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
               " %*d %*d %*d %*d %*d %*d %*u %" SCNu64 " %" SCNu64
               " %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
               &user, &system, &n->vsize_bytes, &pages, &core) < 4)
        return;
    snprintf(n->command, sizeof n->command, "%.*s", (int)(close - open - 1), open + 1);
    n->cpu_ticks = user + system;
    n->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    n->frequency_khz = core >= 0 ? core_khz(root, core) : 0;
}

void top_sample_measure(struct top_sample *s, const char *root)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->nodes[i].pid > 0)
            measure_node(&s->nodes[i], root);
}
