/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker looks at its settings before each batch, and one that sleeps when it wakes, which may
 * take it a second. So what is set and what is in effect are two columns, which also differ where a
 * driver without interrupts is to wait for them. */
#include "manager/rx_mode.h"

#include "common/base/log.h"
#include "manager/control.h"
#include "manager/suggest.h"

#include <stdio.h>
#include <string.h>

struct choice {
    bool nodes[TOPOLOGY_NODES_MAX]; /* by the manager's table */
    bool any;                       /* of them was named */
    bool sets;
    enum rx_mode mode;
};

static const char *mode_word(uint64_t mode)
{
    return option_word(option_find("rx-mode"), mode);
}

static bool take_mode(struct choice *c, const char *word)
{
    for (uint32_t mode = 0; mode_word(mode)[0]; mode++) {
        if (strcmp(word, mode_word(mode)) == 0) {
            c->mode = (enum rx_mode)mode;
            c->sets = true;
            return true;
        }
    }
    return false;
}

static bool take_node(const struct manager *m, struct choice *c, const char *word)
{
    for (unsigned i = 0; i < m->n_nodes; i++) {
        if (m->nodes[i].kind == NODE_WORKER && strcmp(m->nodes[i].def->name, word) == 0) {
            c->nodes[i] = c->any = true;
            return true;
        }
    }
    return false;
}

/* Neither a worker nor a mode: says what there is. */
static void refuse(const struct manager *m, const char *word, struct text *out)
{
    struct suggest near = {NULL, 0};
    char hint[80];

    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].kind == NODE_WORKER)
            suggest_offer(&near, word, m->nodes[i].def->name);
    for (uint64_t mode = 0; mode_word(mode)[0]; mode++)
        suggest_offer(&near, word, mode_word(mode));
    text_printf(out, CONTROL_ERROR "there is no worker and no mode '%s'%s (modes:", word,
                suggest_text(&near, hint, sizeof hint));
    for (uint64_t mode = 0; mode_word(mode)[0]; mode++)
        text_printf(out, "%s %s", mode ? "," : "", mode_word(mode));
    text_puts(out, ")\n");
}

/* False after writing what is wrong. */
static bool choose(const struct manager *m, const char *words, struct choice *c, struct text *out)
{
    while (*(words += strspn(words, " "))) {
        char word[HERITAGE_NODE_MAX];
        size_t n = strcspn(words, " ");

        snprintf(word, sizeof word, "%.*s", (int)n, words);
        words += n;
        if (c->sets) {
            text_printf(out, CONTROL_ERROR "rx-mode: the mode comes last, '%s' is behind it\n",
                        word);
            return false;
        }
        if (!take_node(m, c, word) && !take_mode(c, word)) {
            refuse(m, word, out);
            return false;
        }
    }
    return true;
}

struct row {
    const struct topology_node *def;
    const char *mode, *set, *effect; /* of capture; of waiting */
};

static struct row row_of(const struct node *n)
{
    uint64_t now = *(const volatile uint64_t *)&n->counters->loop_rx_mode;

    return (struct row){.def = n->def,
                        .mode = option_word(option_find("mode"), n->def->mode),
                        .set = mode_word(settings_rx_mode(settings_of(n->counters))),
                        .effect = n->pid > 0 ? mode_word(now) : ""};
}

static void show_row(const struct row *r, struct text *out)
{
    text_printf(out, "%-12s %-7s %-16s %-12s %-7s %-9s %s\n", r->def->name,
                topology_kind_name(r->def->kind), r->def->host, r->def->interface, r->mode, r->set,
                r->effect[0] ? r->effect : "-");
}

static void show_row_json(const struct row *r, struct text *out)
{
    const char *const pairs[][2] = {
        {"name", r->def->name}, {"type", topology_kind_name(r->def->kind)},
        {"host", r->def->host}, {"interface", r->def->interface},
        {"mode", r->mode},      {"rx_mode", r->set}};

    json_item(out);
    text_puts(out, "{");
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        json_key(out, pairs[i][0]);
        json_string(out, pairs[i][1]);
    }
    json_key(out, "in_effect");
    if (r->effect[0])
        json_string(out, r->effect);
    else
        text_puts(out, "null");
    text_puts(out, "}");
}

static void show(const struct manager *m, const struct choice *c, bool json, struct text *out)
{
    if (json)
        text_puts(out, "{\"nodes\":[");
    else
        text_printf(out, "%-12s %-7s %-16s %-12s %-7s %-9s %s\n", "Name", "Type", "Host",
                    "Interface", "Mode", "Rx-mode", "In-effect");
    for (unsigned i = 0; i < m->n_nodes; i++) {
        if (c->nodes[i]) {
            struct row r = row_of(&m->nodes[i]);

            (json ? show_row_json : show_row)(&r, out);
        }
    }
    if (json)
        text_puts(out, "]}\n");
}

int rx_mode_answer(struct manager *m, const char *words, bool json, struct text *out)
{
    struct choice c = {.any = false};

    if (!choose(m, words, &c, out))
        return CONTROL_USAGE;
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];

        if (!c.any)
            c.nodes[i] = n->kind == NODE_WORKER;
        if (c.nodes[i] && c.sets) {
            settings_set_rx_mode(settings_of(n->counters), c.mode);
            log_info("%s: rx-mode %s", n->def->name, mode_word(c.mode));
        }
    }
    show(m, &c, json, out);
    return 0;
}
