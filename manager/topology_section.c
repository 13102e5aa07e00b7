/* SPDX-License-Identifier: BSD-3-Clause */
/* What a whole section of node.cfg becomes: one node, or the many that lb_procs says. */
#include "manager/topology_section.h"

#include "manager/capture/dpdk_device.h"
#include "manager/cores.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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
        if (*type != TOPOLOGY_READER && *type != TOPOLOGY_PORT &&
            strcasecmp(text, topology_type_names[*type]) == 0)
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

/* pci= or vdev= in place of an interface. 1 if there is one; 0, or -EINVAL. */
static int section_device(struct topology_reading *r, char out[TOPOLOGY_NAME_MAX], enum mode *mode)
{
    struct section *s = &r->now;
    enum section_key key = s->key_line[KEY_PCI] ? KEY_PCI : KEY_VDEV;
    const char *name = s->value[key], *method = s->value[KEY_LB_METHOD];
    unsigned line = s->key_line[key];
    char why[160];

    if (!line)
        return 0;
    if (s->key_line[KEY_INTERFACE] || (key == KEY_PCI && s->key_line[KEY_VDEV]))
        return topology_fail(r, line, "[%s]: give one of interface, pci and vdev", s->name);
    if (s->key_line[KEY_LB_METHOD] && method_find(method, strlen(method)) != MODE_DPDK)
        return topology_fail(r, s->key_line[KEY_LB_METHOD],
                             "lb_method=%s: a device of pci= or vdev= is read by dpdk", method);
    if (dpdk_device_name(name, key == KEY_VDEV, out, TOPOLOGY_NAME_MAX, why, sizeof why) < 0)
        return topology_fail(r, line, "%s=%s: %s", key == KEY_PCI ? "pci" : "vdev", name, why);
    *mode = MODE_DPDK;
    return 1;
}

/* The interface without its prefix into out, and the mode. 0 or -EINVAL. */
static int section_interface(struct topology_reading *r, char out[TOPOLOGY_NAME_MAX],
                             enum mode *mode)
{
    struct section *s = &r->now;
    const char *name = s->value[KEY_INTERFACE];
    unsigned line = s->key_line[KEY_INTERFACE];
    const char *colons = strstr(name, "::");
    int device = section_device(r, out, mode);

    if (device != 0)
        return device < 0 ? device : 0;
    if (!line || !*name)
        return topology_fail(r, line ? line : s->line, "[%s] has no interface", s->name);
    if (section_mode(r, name, colons ? (size_t)(colons - name) : 0, mode) < 0)
        return -EINVAL;
    name = colons ? colons + 2 : name;
    if (!*name || strlen(name) >= TOPOLOGY_NAME_MAX ||
        strpbrk(name, *mode == MODE_DPDK ? " " : " /,"))
        return topology_fail(r, line, "interface=%s: this is no name of an interface", name);
    snprintf(out, TOPOLOGY_NAME_MAX, "%s%.*s", *mode == MODE_DPDK ? dpdk_device_domain(name) : "",
             TOPOLOGY_NAME_MAX - 1, name);
    return 0;
}

/* The cores of pin_cpus or lcores; how many, or -EINVAL. */
static int section_pins(struct topology_reading *r, unsigned pins[TOPOLOGY_PINS_MAX])
{
    struct section *s = &r->now;
    enum section_key key = s->key_line[KEY_LCORES] ? KEY_LCORES : KEY_PIN_CPUS;
    int n = cores_parse(s->value[key], pins, TOPOLOGY_PINS_MAX);

    if (s->key_line[KEY_LCORES] && s->key_line[KEY_PIN_CPUS])
        return topology_fail(r, s->key_line[KEY_LCORES],
                             "lcores: pin_cpus says the same; give one");
    if (n < 0)
        return topology_fail(
            r, s->key_line[key], "%s=%s: give at most %d core numbers such as 0,2,4",
            key == KEY_LCORES ? "lcores" : "pin_cpus", s->value[key], TOPOLOGY_PINS_MAX);
    return n;
}

/* lcores= is of DPDK's, and names exactly the cores that there are workers for. */
static int section_check_lcores(struct topology_reading *r, enum mode mode, int n_pins,
                                unsigned procs)
{
    unsigned line = r->now.key_line[KEY_LCORES];

    if (!line)
        return 0;
    if (mode != MODE_DPDK)
        return topology_fail(r, line, "lcores is for workers of lb_method=dpdk: give pin_cpus");
    if ((unsigned)n_pins != procs)
        return topology_fail(r, line, "lcores=%s: give a core for each of the %u workers",
                             r->now.value[KEY_LCORES], procs);
    return 0;
}

static int section_add_workers(struct topology_reading *r)
{
    struct section *s = &r->now;
    char interface[TOPOLOGY_NAME_MAX], name[HERITAGE_NODE_MAX + 8];
    unsigned pins[TOPOLOGY_PINS_MAX], procs;
    enum mode mode = MODE_KERNEL;
    int n_pins;

    if (section_procs(r, true, &procs) < 0 || section_interface(r, interface, &mode) < 0)
        return -EINVAL;
    n_pins = section_pins(r, pins);
    if (n_pins < 0 || section_check_lcores(r, mode, n_pins, procs) < 0)
        return -EINVAL;
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

int topology_section_add(struct topology_reading *r)
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
