/* SPDX-License-Identifier: BSD-3-Clause */
/* A section of node.cfg is collected whole, key by key, before it becomes nodes: lb_procs, which
 * multiplies it, may come last. Names are compared without regard to case, as zeekctl does, because
 * they also become file names and topics.
 *
 * Errors name the line of the key that is wrong, or of the section when a key is missing. */
#include "manager/topology_section.h"

#include "common/base/check.h"
#include "manager/cores.h"
#include "manager/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const key_names[KEYS] = {"type",   "host",      "interface", "pci",
                                            "vdev",   "lb_method", "lb_procs",  "pin_cpus",
                                            "lcores", "env_vars"};

/* Taken from zeekctl's files without effect; a trailing _ stands for every key that so begins. */
static const char *const ignored_keys[] = {"aux_scripts", "zone_id", "lb_interfaces", "ether",
                                           "zeekbase",    "brobase", "count",         "af_packet_"};

const char *const topology_type_names[TYPES] = {"manager", "logger", "reader", "port",
                                                "worker",  "probe",  "proxy",  "standalone"};

const char *topology_kind_name(enum topology_kind kind)
{
    return topology_type_names[kind];
}

unsigned topology_count(const struct topology *t, enum topology_kind kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        n += t->nodes[i].kind == kind;
    return n;
}

int topology_fail(struct topology_reading *r, unsigned line, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(r->error, INI_ERROR_BYTES, "%s:%u: ", r->file, line);

    va_start(ap, fmt);
    if (n > 0 && n < INI_ERROR_BYTES)
        vsnprintf(r->error + n, INI_ERROR_BYTES - (size_t)n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

void topology_note(struct topology_reading *r, unsigned line, const char *fmt, ...)
{
    char note[256];
    va_list ap;

    if (!r->notes)
        return;
    va_start(ap, fmt);
    vsnprintf(note, sizeof note, fmt, ap);
    va_end(ap);
    text_printf(r->notes, "%s:%u: %s\n", r->file, line, note);
}

static bool topology_has(const struct topology *t, const char *name)
{
    for (unsigned i = 0; i < t->n; i++)
        if (strcasecmp(t->nodes[i].name, name) == 0)
            return true;
    return false;
}

struct topology_node *topology_add(struct topology_reading *r, enum topology_kind kind,
                                   const char *name, unsigned line)
{
    struct topology *t = r->t;
    struct topology_node *n;

    if (topology_has(t, name)) {
        topology_fail(r, line, "there is already a node named %s: names must differ", name);
        return NULL;
    }
    if (t->n == TOPOLOGY_NODES_MAX) {
        topology_fail(r, line, "more than %d nodes", TOPOLOGY_NODES_MAX);
        return NULL;
    }
    n = &t->nodes[t->n++];
    memset(n, 0, sizeof *n);
    snprintf(n->name, sizeof n->name, "%s", name);
    snprintf(n->host, sizeof n->host, "localhost");
    n->kind = kind;
    n->pin_cpu = -1;
    n->line = line;
    return n;
}

/* zeekctl's files write a literal % as %%. In place; 0 or -EINVAL for a single one. */
static int unescape_percent(char *value)
{
    char *out = value;

    for (const char *p = value; *p; p++) {
        if (*p == '%' && *++p != '%')
            return -EINVAL;
        *out++ = *p;
    }
    *out = '\0';
    return 0;
}

static bool key_is_ignored(const char *key)
{
    for (size_t i = 0; i < sizeof ignored_keys / sizeof ignored_keys[0]; i++) {
        size_t n = strlen(ignored_keys[i]);

        if (strncasecmp(key, ignored_keys[i], n) == 0 && (ignored_keys[i][n - 1] == '_' || !key[n]))
            return true;
    }
    return false;
}

static int section_take_key(struct topology_reading *r, const struct ini_entry *e)
{
    struct section *s = &r->now;
    struct suggest near = {NULL, 0};
    char hint[64], key[64];
    unsigned k = 0;

    /* zeekctl also takes lb.procs for lb_procs. */
    snprintf(key, sizeof key, "%s", e->key);
    for (char *p = key; *p; p++)
        *p = *p == '.' ? '_' : *p;
    while (k < KEYS && strcasecmp(key_names[k], key) != 0)
        suggest_offer(&near, key, key_names[k++]);
    if (k == KEYS && key_is_ignored(key)) {
        topology_note(r, e->line, "%s is ignored", e->key);
        return 0;
    }
    if (k == KEYS)
        return topology_fail(r, e->line, "unknown key %.64s%s", e->key,
                             suggest_text(&near, hint, sizeof hint));
    if (s->key_line[k])
        return topology_fail(r, e->line, "%s was already set in line %u", key_names[k],
                             s->key_line[k]);
    if (strlen(e->value) >= VALUE_MAX)
        return topology_fail(r, e->line, "%s: this value is too long", key_names[k]);
    snprintf(s->value[k], VALUE_MAX, "%s", e->value);
    s->key_line[k] = e->line;
    if (unescape_percent(s->value[k]) < 0)
        return topology_fail(r, e->line, "%s: write a literal %% as %%%%", key_names[k]);
    return 0;
}

static int section_begin(struct topology_reading *r, const struct ini_entry *e)
{
    size_t n = strlen(e->section);

    if (r->now.line && topology_section_add(r) < 0)
        return -EINVAL;
    memset(&r->now, 0, sizeof r->now);
    r->now.line = e->section_line;
    if (n == 0 || n >= HERITAGE_NODE_MAX)
        return topology_fail(r, e->section_line, "[%s]: give a name of 1 to %d letters", e->section,
                             HERITAGE_NODE_MAX - 1);
    for (const char *p = e->section; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
            return topology_fail(r, e->section_line,
                                 "[%s]: a name has letters, digits, - _ and . only", e->section);
    if (e->section[0] == '.')
        return topology_fail(r, e->section_line, "[%s]: a name begins with a letter", e->section);
    snprintf(r->now.name, sizeof r->now.name, "%s", e->section);
    return 0;
}

/* ini_entry_fn. Our errors carry their own place, so r->error wins over what inih's reader makes.
 */
static int topology_entry(void *user, const struct ini_entry *e, char *error)
{
    struct topology_reading *r = user;

    (void)error;
    if (e->section_line == 0)
        return topology_fail(r, e->line, "%s stands before the first [section]", e->key);
    if (e->section_line != r->now.line && section_begin(r, e) < 0)
        return -EINVAL;
    return section_take_key(r, e);
}

/* Sorts into the order of starting; within a kind the order of the file stands. */
static void topology_sort(struct topology *t)
{
    struct topology_node *sorted = malloc(sizeof t->nodes);
    unsigned n = 0;

    CHECK(sorted);
    for (unsigned kind = TOPOLOGY_MANAGER; kind <= TOPOLOGY_PROXY; kind++)
        for (unsigned i = 0; i < t->n; i++)
            if (t->nodes[i].kind == kind)
                sorted[n++] = t->nodes[i];
    memcpy(t->nodes, sorted, n * sizeof *sorted);
    free(sorted);
}

/* What only the whole file shows. */
static int topology_complete(struct topology_reading *r)
{
    struct topology *t = r->t;

    if (topology_count(t, TOPOLOGY_MANAGER) != 1)
        return topology_fail(r, 1, "%s [section] with type=manager: give exactly one",
                             topology_count(t, TOPOLOGY_MANAGER) ? "more than one" : "no");
    if (topology_count(t, TOPOLOGY_WORKER) == 0)
        return topology_fail(r, 1, "no [section] with type=worker: give at least one");
    if (topology_count(t, TOPOLOGY_LOGGER) > HERITAGE_LOGGERS)
        return topology_fail(r, 1, "more than %d loggers", HERITAGE_LOGGERS);
    if (topology_count(t, TOPOLOGY_LOGGER) == 0) {
        if (!topology_add(r, TOPOLOGY_LOGGER, "logger-1", 1))
            return -EINVAL;
        topology_note(r, 1, "no logger is named: logger-1 is run");
    }
    topology_sort(t);
    return 0;
}

static int topology_finish(struct topology_reading *r, int err, const char *ini_error)
{
    if (err == 0 && r->now.line)
        err = topology_section_add(r);
    if (err == 0)
        err = topology_complete(r);
    if (err < 0 && r->error[0] == '\0')
        snprintf(r->error, INI_ERROR_BYTES, "%s", ini_error);
    return err;
}

int topology_read_text(const char *text, size_t len, const char *file, struct topology *t,
                       struct text *notes, char *error)
{
    struct topology_reading r = {.t = t, .notes = notes, .file = file, .error = error};
    char ini_error[INI_ERROR_BYTES];

    t->n = 0;
    error[0] = '\0';
    return topology_finish(&r, ini_text_read(text, len, file, topology_entry, &r, ini_error),
                           ini_error);
}

int topology_read(const char *path, struct topology *t, struct text *notes, char *error)
{
    struct topology_reading r = {.t = t, .notes = notes, .file = path, .error = error};
    char ini_error[INI_ERROR_BYTES];

    t->n = 0;
    error[0] = '\0';
    return topology_finish(&r, ini_file_read(path, topology_entry, &r, ini_error), ini_error);
}

void topology_add_reader(struct topology *t)
{
    struct topology_reading r = {.t = t};

    CHECK(topology_add(&r, TOPOLOGY_READER, "reader", 0));
    topology_sort(t);
}

/* How many words there are between blanks; no text is one, too. */
static unsigned count_words(const char *text)
{
    unsigned n = 1;

    for (; *text; text++)
        n += *text == ' ';
    return n;
}

int topology_of_run(struct topology *t, unsigned n_workers, const char *interfaces, enum mode mode,
                    const char *pins, bool probe, char *error)
{
    struct topology_reading r = {.t = t, .file = "run", .error = error};
    unsigned cpus[TOPOLOGY_PINS_MAX], n_all = n_workers * count_words(interfaces);
    int n_pins = cores_parse(pins, cpus, TOPOLOGY_PINS_MAX);
    const char *interface = interfaces;
    char name[HERITAGE_NODE_MAX];

    t->n = 0;
    if (n_pins < 0 || n_workers == 0 || n_workers > TOPOLOGY_WORKERS_MAX ||
        n_all > TOPOLOGY_WORKERS_MAX) {
        if (n_pins < 0)
            snprintf(error, INI_ERROR_BYTES, "--pin-cores %s: give core numbers such as 0,2,4",
                     pins);
        else
            snprintf(error, INI_ERROR_BYTES,
                     "--workers: give a number from 1 to %d, of all devices", TOPOLOGY_WORKERS_MAX);
        return -EINVAL;
    }
    topology_add(&r, TOPOLOGY_MANAGER, "manager", 0);
    topology_add(&r, TOPOLOGY_LOGGER, "logger-1", 0);
    for (unsigned i = 0; i < n_all; i++) {
        int len = (int)strcspn(interface, " ");
        struct topology_node *n;

        if (len >= TOPOLOGY_NAME_MAX) {
            snprintf(error, INI_ERROR_BYTES, "interface %.64s…: this name is longer than %d bytes",
                     interface, TOPOLOGY_NAME_MAX - 1);
            return -EINVAL;
        }
        snprintf(name, sizeof name, "worker-%u", i + 1);
        n = topology_add(&r, TOPOLOGY_WORKER, name, 0);
        CHECK(n);
        snprintf(n->interface, sizeof n->interface, "%.*s", len, interface);
        if ((i + 1) % n_workers == 0)
            interface += len + (interface[len] == ' ');
        n->mode = mode == MODE_AUTO ? MODE_KERNEL : mode;
        n->pin_cpu = n_pins > 0 ? (int)cpus[i % (unsigned)n_pins] : -1;
    }
    if (probe)
        topology_add(&r, TOPOLOGY_PROBE, "probe", 0);
    return 0;
}
