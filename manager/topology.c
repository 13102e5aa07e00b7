/* SPDX-License-Identifier: BSD-3-Clause */
/* A section of node.cfg is collected whole, key by key, before it becomes nodes: lb_procs, which
 * multiplies it, may come last. Names are compared without regard to case, as zeekctl does, because
 * they also become file names and topics.
 *
 * Errors name the line of the key that is wrong, or of the section when a key is missing. */
#include "manager/topology.h"

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

#define VALUE_MAX 200 /* inih's lines are not longer */

enum section_key {
    KEY_TYPE,
    KEY_HOST,
    KEY_INTERFACE,
    KEY_LB_METHOD,
    KEY_LB_PROCS,
    KEY_PIN_CPUS,
    KEY_ENV_VARS,
    KEYS
};

static const char *const key_names[KEYS] = {"type",     "host",     "interface", "lb_method",
                                            "lb_procs", "pin_cpus", "env_vars"};

/* Taken from zeekctl's files without effect; a trailing _ stands for every key that so begins. */
static const char *const ignored_keys[] = {"aux_scripts", "zone_id", "lb_interfaces", "ether",
                                           "zeekbase",    "brobase", "count",         "af_packet_"};

/* What lb_method and the part of an interface before "::" call the capture modes. */
static const struct {
    const char *name;
    enum mode mode;
} methods[] = {
    {"af_packet", MODE_KERNEL},
    {"xdp", MODE_XDP},
    {"af_xdp", MODE_AF_XDP},
    {"dpdk", MODE_DPDK},
};

#define METHODS_TEXT "af_packet, xdp, af_xdp or dpdk"

static const char *const type_names[] = {"manager", "logger", "worker",
                                         "probe",   "proxy",  "standalone"};
enum { TYPE_STANDALONE = TOPOLOGY_PROXY + 1, TYPES };

/* One section while it is read. */
struct section {
    char name[HERITAGE_NODE_MAX];
    unsigned line;
    char value[KEYS][VALUE_MAX];
    unsigned key_line[KEYS]; /* 0: not given */
};

struct topology_reading {
    struct topology *t;
    struct text *notes;
    const char *file;
    char *error; /* INI_ERROR_BYTES, with the place */
    struct section now;
    bool standalone;
};

const char *topology_kind_name(enum topology_kind kind)
{
    return type_names[kind];
}

unsigned topology_count(const struct topology *t, enum topology_kind kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        n += t->nodes[i].kind == kind;
    return n;
}

__attribute__((format(printf, 3, 4))) static int topology_fail(struct topology_reading *r,
                                                               unsigned line, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(r->error, INI_ERROR_BYTES, "%s:%u: ", r->file, line);

    va_start(ap, fmt);
    if (n > 0 && n < INI_ERROR_BYTES)
        vsnprintf(r->error + n, INI_ERROR_BYTES - (size_t)n, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

__attribute__((format(printf, 3, 4))) static void topology_note(struct topology_reading *r,
                                                                unsigned line, const char *fmt, ...)
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

/* A new node, for the caller to complete; NULL after an error. */
static struct topology_node *topology_add(struct topology_reading *r, enum topology_kind kind,
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

/* A decimal number of at most max. 0 or -EINVAL. */
static int parse_number(const char *text, unsigned max, unsigned *out)
{
    unsigned v = 0;

    if (!*text)
        return -EINVAL;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            return -EINVAL;
        v = v * 10 + (unsigned)(*text - '0');
        if (v > max)
            return -EINVAL;
    }
    *out = v;
    return 0;
}

/* NAME=VALUE,NAME=VALUE: each has a name that a shell would take. */
static bool env_vars_valid(const char *list)
{
    while (*list) {
        size_t name =
            strspn(list, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

        if (name == 0 || isdigit((unsigned char)*list) || list[name] != '=')
            return false;
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return true;
}

static bool host_is_local(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
           strcmp(host, "::1") == 0;
}

static int section_type(struct topology_reading *r, unsigned *type)
{
    struct section *s = &r->now;
    const char *text = s->value[KEY_TYPE];

    if (!s->key_line[KEY_TYPE])
        return topology_fail(r, s->line, "[%s] has no type", s->name);
    for (*type = 0; *type < TYPES; (*type)++)
        if (strcasecmp(text, type_names[*type]) == 0)
            return 0;
    return topology_fail(r, s->key_line[KEY_TYPE],
                         "type=%s: give manager, logger, worker, probe, proxy or standalone", text);
}

static int section_check_host(struct topology_reading *r)
{
    struct section *s = &r->now;

    if (!s->key_line[KEY_HOST])
        return topology_fail(r, s->line, "[%s] has no host: give host=localhost", s->name);
    if (!host_is_local(s->value[KEY_HOST]))
        return topology_fail(r, s->key_line[KEY_HOST],
                             "host=%s: nodes run on this host only; give localhost",
                             s->value[KEY_HOST]);
    return 0;
}

/* The mode of this name; MODE_AUTO if there is none. */
static enum mode method_find(const char *name, size_t len)
{
    for (unsigned i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strlen(methods[i].name) == len && strncasecmp(methods[i].name, name, len) == 0)
            return methods[i].mode;
    return MODE_AUTO;
}

/* What lb_method and lb_procs say: how many workers. 0 or -EINVAL. */
static int section_procs(struct topology_reading *r, bool worker, unsigned *procs)
{
    struct section *s = &r->now;
    const char *method = s->value[KEY_LB_METHOD];
    unsigned line = s->key_line[KEY_LB_METHOD];

    *procs = 1;
    if (line && method_find(method, strlen(method)) == MODE_AUTO)
        return topology_fail(r, line, "lb_method=%s: give " METHODS_TEXT, method);
    if (line && !s->key_line[KEY_LB_PROCS])
        return topology_fail(r, line, "lb_method without lb_procs: give lb_procs=N, the workers");
    if (!s->key_line[KEY_LB_PROCS])
        return 0;
    line = s->key_line[KEY_LB_PROCS];
    if (!worker)
        return topology_fail(r, line, "lb_procs is for workers only");
    if (parse_number(s->value[KEY_LB_PROCS], TOPOLOGY_WORKERS_MAX, procs) < 0 || *procs == 0)
        return topology_fail(r, line, "lb_procs=%s: give a number from 1 to %d",
                             s->value[KEY_LB_PROCS], TOPOLOGY_WORKERS_MAX);
    return 0;
}

/* The capture mode: lb_method's, or that of the interface's prefix; both may say it, but not
 * different ones. 0 or -EINVAL. */
static int section_mode(struct topology_reading *r, const char *prefix, size_t len, enum mode *mode)
{
    struct section *s = &r->now;
    const char *method = s->value[KEY_LB_METHOD];
    enum mode by_method = method_find(method, strlen(method));

    *mode = len > 0 ? method_find(prefix, len) : by_method;
    if (len > 0 && *mode == MODE_AUTO)
        return topology_fail(r, s->key_line[KEY_INTERFACE],
                             "interface=%s: before :: give " METHODS_TEXT, prefix);
    if (by_method != MODE_AUTO && by_method != *mode)
        return topology_fail(r, s->key_line[KEY_LB_METHOD],
                             "lb_method=%s: interface=%s says another method", method, prefix);
    if (*mode == MODE_AUTO)
        *mode = MODE_KERNEL;
    return 0;
}

/* The interface without its prefix into out, and the mode. 0 or -EINVAL. */
static int section_interface(struct topology_reading *r, char out[TOPOLOGY_NAME_MAX],
                             enum mode *mode)
{
    struct section *s = &r->now;
    const char *name = s->value[KEY_INTERFACE];
    unsigned line = s->key_line[KEY_INTERFACE];
    const char *colons = strstr(name, "::");

    if (!line || !*name)
        return topology_fail(r, line ? line : s->line, "[%s] has no interface", s->name);
    if (section_mode(r, name, colons ? (size_t)(colons - name) : 0, mode) < 0)
        return -EINVAL;
    name = colons ? colons + 2 : name;
    if (!*name || strlen(name) >= TOPOLOGY_NAME_MAX ||
        strpbrk(name, *mode == MODE_DPDK ? " " : " /,"))
        return topology_fail(r, line, "interface=%s: this is no name of an interface", name);
    memcpy(out, name, strlen(name) + 1);
    return 0;
}

/* The cores of pin_cpus; how many, or -EINVAL. */
static int section_pins(struct topology_reading *r, unsigned pins[TOPOLOGY_PINS_MAX])
{
    struct section *s = &r->now;
    int n = cores_parse(s->value[KEY_PIN_CPUS], pins, TOPOLOGY_PINS_MAX);

    if (n < 0)
        return topology_fail(r, s->key_line[KEY_PIN_CPUS],
                             "pin_cpus=%s: give at most %d core numbers such as 0,2,4",
                             s->value[KEY_PIN_CPUS], TOPOLOGY_PINS_MAX);
    return n;
}

static int section_add_workers(struct topology_reading *r)
{
    struct section *s = &r->now;
    char interface[TOPOLOGY_NAME_MAX], name[HERITAGE_NODE_MAX + 8];
    unsigned pins[TOPOLOGY_PINS_MAX], procs;
    enum mode mode;
    int n_pins;

    if (section_procs(r, true, &procs) < 0 || section_interface(r, interface, &mode) < 0)
        return -EINVAL;
    n_pins = section_pins(r, pins);
    if (n_pins < 0)
        return n_pins;
    if (topology_count(r->t, TOPOLOGY_WORKER) + procs > TOPOLOGY_WORKERS_MAX)
        return topology_fail(r, s->line, "more than %d workers", TOPOLOGY_WORKERS_MAX);
    for (unsigned i = 0; i < procs; i++) {
        struct topology_node *n;

        snprintf(name, sizeof name, s->key_line[KEY_LB_PROCS] ? "%s-%u" : "%s", s->name, i + 1);
        if (strlen(name) >= HERITAGE_NODE_MAX)
            return topology_fail(r, s->line, "[%s]: this name is too long", s->name);
        n = topology_add(r, TOPOLOGY_WORKER, name, s->line);
        if (!n)
            return -EINVAL;
        snprintf(n->interface, sizeof n->interface, "%s", interface);
        n->mode = mode;
        snprintf(n->env_vars, sizeof n->env_vars, "%s", s->value[KEY_ENV_VARS]);
        if (n_pins > 0)
            n->pin_cpu = (int)pins[i % (unsigned)n_pins];
    }
    return 0;
}

/* Of its own: it reads no interface, and its core is the first of pin_cpus. */
static int section_add_probe(struct topology_reading *r)
{
    struct section *s = &r->now;
    unsigned pins[TOPOLOGY_PINS_MAX], procs;
    int n_pins = section_pins(r, pins);
    struct topology_node *n;

    if (n_pins < 0 || section_procs(r, false, &procs) < 0)
        return -EINVAL;
    if (topology_count(r->t, TOPOLOGY_PROBE) > 0)
        return topology_fail(
            r, s->line, "[%s]: there is a probe already, and one sees the whole host", s->name);
    n = topology_add(r, TOPOLOGY_PROBE, s->name, s->line);
    if (!n)
        return -EINVAL;
    snprintf(n->env_vars, sizeof n->env_vars, "%s", s->value[KEY_ENV_VARS]);
    n->pin_cpu = n_pins > 0 ? (int)pins[0] : -1;
    return 0;
}

/* standalone: what zeekctl runs as one process is a manager, a logger and one worker here. */
static int section_add_standalone(struct topology_reading *r)
{
    struct section *s = &r->now;

    if (!topology_add(r, TOPOLOGY_MANAGER, "manager", s->line) ||
        !topology_add(r, TOPOLOGY_LOGGER, "logger-1", s->line))
        return -EINVAL;
    snprintf(s->name, sizeof s->name, "worker-1");
    r->standalone = true;
    return section_add_workers(r);
}

/* Nodes that cannot be beside a standalone one. */
static unsigned topology_others(const struct topology *t)
{
    return t->n - topology_count(t, TOPOLOGY_PROBE);
}

static int section_add(struct topology_reading *r)
{
    struct section *s = &r->now;
    struct topology_node *n;
    unsigned type = TYPES, procs;

    if (section_type(r, &type) < 0 || section_check_host(r) < 0)
        return -EINVAL;
    if (type != TOPOLOGY_PROBE &&
        (r->standalone || (type == TYPE_STANDALONE && topology_others(r->t) > 0)))
        return topology_fail(r, s->line, "a standalone node must be the only one beside a probe");
    if (s->key_line[KEY_ENV_VARS] && !env_vars_valid(s->value[KEY_ENV_VARS]))
        return topology_fail(r, s->key_line[KEY_ENV_VARS],
                             "env_vars=%s: give NAME=VALUE,NAME=VALUE", s->value[KEY_ENV_VARS]);
    if (type == TYPE_STANDALONE)
        return section_add_standalone(r);
    if (type == TOPOLOGY_WORKER)
        return section_add_workers(r);
    if (type == TOPOLOGY_PROBE)
        return section_add_probe(r);
    if (section_procs(r, false, &procs) < 0)
        return -EINVAL;
    n = topology_add(r, (enum topology_kind)type, s->name, s->line);
    if (!n)
        return -EINVAL;
    snprintf(n->env_vars, sizeof n->env_vars, "%s", s->value[KEY_ENV_VARS]);
    if (type == TOPOLOGY_PROXY)
        topology_note(r, s->line, "%s: proxies have nothing to do here, none is run", n->name);
    return 0;
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

    if (r->now.line && section_add(r) < 0)
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
        err = section_add(r);
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

int topology_of_run(struct topology *t, unsigned n_workers, const char *interface, enum mode mode,
                    const char *pins, bool probe, char *error)
{
    struct topology_reading r = {.t = t, .file = "run", .error = error};
    unsigned cpus[TOPOLOGY_PINS_MAX];
    int n_pins = cores_parse(pins, cpus, TOPOLOGY_PINS_MAX);
    char name[HERITAGE_NODE_MAX];

    t->n = 0;
    if (n_pins < 0 || n_workers == 0 || n_workers > TOPOLOGY_WORKERS_MAX) {
        if (n_pins < 0)
            snprintf(error, INI_ERROR_BYTES, "--pin-cores %s: give core numbers such as 0,2,4",
                     pins);
        else
            snprintf(error, INI_ERROR_BYTES, "--workers: give a number from 1 to %d",
                     TOPOLOGY_WORKERS_MAX);
        return -EINVAL;
    }
    if (strlen(interface) >= TOPOLOGY_NAME_MAX) {
        snprintf(error, INI_ERROR_BYTES, "--interface: this is no name of an interface");
        return -EINVAL;
    }
    topology_add(&r, TOPOLOGY_MANAGER, "manager", 0);
    topology_add(&r, TOPOLOGY_LOGGER, "logger-1", 0);
    for (unsigned i = 0; i < n_workers; i++) {
        struct topology_node *n;

        snprintf(name, sizeof name, "worker-%u", i + 1);
        n = topology_add(&r, TOPOLOGY_WORKER, name, 0);
        CHECK(n);
        snprintf(n->interface, sizeof n->interface, "%s", interface);
        n->mode = mode == MODE_AUTO ? MODE_KERNEL : mode;
        n->pin_cpu = n_pins > 0 ? (int)cpus[i % (unsigned)n_pins] : -1;
    }
    if (probe)
        topology_add(&r, TOPOLOGY_PROBE, "probe", 0);
    return 0;
}
