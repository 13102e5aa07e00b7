/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cli/devices.h"

#include "manager/capture/dpdk_device.h"
#include "manager/cores.h"
#include "manager/topology.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static int fail(char *error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error, INI_ERROR_BYTES, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* Whether the word is one of the list's. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
        if (strcspn(p, " ") == len && strncmp(p, word, len) == 0)
            return true;
    return false;
}

/* The devices of one option behind those in out. */
static int add_devices(const char *list, bool vdev, char *out, char *error)
{
    const char *option = vdev ? "--vdev" : "--pci";

    for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
        char given[OPTION_LIST_MAX], name[TOPOLOGY_NAME_MAX], why[160];
        size_t used = strlen(out);

        snprintf(given, sizeof given, "%.*s", (int)strcspn(p, " "), p);
        if (dpdk_device_name(given, vdev, name, sizeof name, why, sizeof why) < 0)
            return fail(error, "%s %.200s: %s", option, given, why);
        if (has_word(out, name))
            return fail(error, "%s %.200s: this device was given before", option, given);
        snprintf(out + used, DEVICES_BYTES - used, "%s%s", used > 0 ? " " : "", name);
    }
    return 0;
}

static int check_lcores(const struct options *o, const char *devices, char *error)
{
    unsigned cores[TOPOLOGY_PINS_MAX], workers = (unsigned)o->workers;
    int n = cores_parse(o->lcores, cores, TOPOLOGY_PINS_MAX), missing;

    if (!o->lcores[0])
        return 0;
    if (o->mode != MODE_DPDK)
        return fail(error, "--lcores is of mode dpdk: give --pin-cores");
    if (o->pin_cores[0])
        return fail(error, "--lcores and --pin-cores say the same: give one");
    if (n < 0)
        return fail(error, "--lcores %s: give at most %d core numbers such as 0,2,4", o->lcores,
                    TOPOLOGY_PINS_MAX);
    for (; (devices = strchr(devices, ' ')); devices++)
        workers += (unsigned)o->workers;
    if ((unsigned)n != workers)
        return fail(error,
                    "--lcores %s: it names %d, and there are %u workers: give a core for each",
                    o->lcores, n, workers);
    missing = cores_missing(cores, (unsigned)n);
    if (missing >= 0)
        return fail(error, "--lcores %s: there is no core %d", o->lcores, missing);
    return 0;
}

int devices_choose(struct options *o, char *out, char *error)
{
    bool dpdk = o->pci[0] || o->vdev[0];

    snprintf(out, DEVICES_BYTES, "%s", dpdk ? "" : o->interface);
    if (dpdk && o->interface[0])
        return fail(error, "give either -i or the devices of --pci and --vdev, not both");
    if (dpdk && o->mode != MODE_AUTO && o->mode != MODE_DPDK)
        return fail(error, "--pci and --vdev name devices of DPDK: leave out --mode");
    if (dpdk)
        o->mode = MODE_DPDK;
    if (add_devices(o->pci, false, out, error) < 0 || add_devices(o->vdev, true, out, error) < 0)
        return -EINVAL;
    return check_lcores(o, out, error);
}

const char *devices_pins(const struct options *o)
{
    return o->lcores[0] ? o->lcores : o->pin_cores;
}
