/* SPDX-License-Identifier: BSD-3-Clause */
/* Where it can be, each worker is a DPDK application of its own, with one port that has one queue.
 * A vdev's driver decides whether one device can be shared out like that:
 *
 *   net_af_xdp   each worker takes one queue of the interface behind it
 *   net_pcap     each worker takes one of the rx_pcap files that are named
 *   others       cannot: one worker has the device, or an owner has it for several
 *
 * Workers that share nothing are the better: nothing but the one itself ends with a worker, and
 * nothing but it has to be restarted. With an owner they share memory and a driver. */
#include "manager/capture/dpdk_device.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How the device of a driver is shared out: fills out->device. 0 or -errno with why. */
typedef int share_fn(const char *device, uint32_t number, uint32_t n_workers,
                     struct heritage_dpdk *out, char *why, size_t why_bytes);

static bool hex_then(const char **p, unsigned digits, char end)
{
    unsigned n = 0;

    while (n < digits && isxdigit((unsigned char)(*p)[n]))
        n++;
    if (n == 0 || (*p)[n] != end)
        return false;
    *p += n + (end != '\0');
    return true;
}

bool dpdk_device_is_pci(const char *device)
{
    const char *p = device, *first = strchr(device, ':');

    if (first && strchr(first + 1, ':') && !hex_then(&p, 8, ':'))
        return false;
    return hex_then(&p, 2, ':') && hex_then(&p, 2, '.') && hex_then(&p, 1, '\0');
}

const char *dpdk_device_domain(const char *device)
{
    const char *colon = strchr(device, ':');

    return dpdk_device_is_pci(device) && !strchr(colon + 1, ':') ? "0000:" : "";
}

int dpdk_device_name(const char *given, bool vdev, char *out, size_t bytes, char *why,
                     size_t why_bytes)
{
    if (!vdev && !dpdk_device_is_pci(given)) {
        snprintf(why, why_bytes, "give a PCI address such as 0000:03:00.0");
        return -EINVAL;
    }
    if (vdev && (strncmp(given, "net_", 4) != 0 || strchr(given, ' '))) {
        snprintf(why, why_bytes,
                 "give a virtual device such as net_af_xdp0,iface=eth1, without blanks");
        return -EINVAL;
    }
    if (strlen(given) + 5 >= bytes) {
        snprintf(why, why_bytes, "its arguments are too long: give shorter names");
        return -EINVAL;
    }
    snprintf(out, bytes, "%s%s", dpdk_device_domain(given), given);
    return 0;
}

/* The next argument behind *at, which is a comma: its start, and its length without the comma. */
static const char *next_argument(const char **at, size_t *len)
{
    const char *start = *at;

    if (*start != ',')
        return NULL;
    start++;
    *len = strcspn(start, ",");
    *at = start + *len;
    return start;
}

/* The value of the nth argument of this key, and its length; NULL if there are fewer. */
static const char *find_argument(const char *device, const char *key, uint32_t nth, size_t *len)
{
    const char *at = device + strcspn(device, ","), *a;
    size_t key_len = strlen(key);

    while ((a = next_argument(&at, len)) != NULL) {
        if (*len <= key_len || strncmp(a, key, key_len) != 0 || a[key_len] != '=')
            continue;
        if (nth-- == 0) {
            *len -= key_len + 1;
            return a + key_len + 1;
        }
    }
    return NULL;
}

bool dpdk_device_argument(const char *device, const char *key, char *out, size_t bytes)
{
    size_t len;
    const char *value = find_argument(device, key, 0, &len);

    if (!value || len >= bytes)
        return false;
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

bool dpdk_device_link(const char *device, char *name, size_t bytes)
{
    static const char *const drivers[] = {"net_af_xdp", "net_af_packet", "net_pcap"};

    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strncmp(device, drivers[i], strlen(drivers[i])) == 0)
            return dpdk_device_argument(device, "iface", name, bytes);
    return false;
}

static int too_long(char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "its arguments are too long: give shorter names");
    return -EINVAL;
}

/* Without busy_budget=0 the driver asks the kernel each time that it finds nothing, which costs the
 * worker more than to read what has come: it asks often. Whoever gives a budget wants that. */
static int share_af_xdp(const char *device, uint32_t number, uint32_t n_workers,
                        struct heritage_dpdk *out, char *why, size_t why_bytes)
{
    size_t len;
    int n;

    (void)n_workers;
    if (!find_argument(device, "iface", 0, &len)) {
        snprintf(why, why_bytes, "net_af_xdp needs an interface: add iface=NAME");
        return -EINVAL;
    }
    if (find_argument(device, "start_queue", 0, &len) ||
        find_argument(device, "queue_count", 0, &len)) {
        snprintf(why, why_bytes,
                 "leave out start_queue and queue_count: each worker gets one queue");
        return -EINVAL;
    }
    n = snprintf(out->device, sizeof out->device, "%s,start_queue=%u,queue_count=1%s", device,
                 (unsigned)number,
                 find_argument(device, "busy_budget", 0, &len) ? "" : ",busy_budget=0");
    return n < (int)sizeof out->device ? 0 : too_long(why, why_bytes);
}

static int share_pcap(const char *device, uint32_t number, uint32_t n_workers,
                      struct heritage_dpdk *out, char *why, size_t why_bytes)
{
    int name = (int)strcspn(device, ","), n;
    size_t len, more;
    const char *file = find_argument(device, "rx_pcap", number, &len);

    if (n_workers == 1 && !find_argument(device, "rx_pcap", 1, &more)) {
        n = snprintf(out->device, sizeof out->device, "%s", device);
        return n < (int)sizeof out->device ? 0 : too_long(why, why_bytes);
    }
    if (!file || find_argument(device, "rx_pcap", n_workers, &more)) {
        snprintf(why, why_bytes, "give one rx_pcap=FILE for each of the %u workers",
                 (unsigned)n_workers);
        return -EINVAL;
    }
    n = snprintf(out->device, sizeof out->device, "%.*s,rx_pcap=%.*s", name, device, (int)len,
                 file);
    return n < (int)sizeof out->device ? 0 : too_long(why, why_bytes);
}

static int share_whole(const char *device, uint32_t number, uint32_t n_workers,
                       struct heritage_dpdk *out, char *why, size_t why_bytes)
{
    int n;

    (void)number;
    (void)n_workers;
    n = snprintf(out->device, sizeof out->device, "%s", device);
    return n < (int)sizeof out->device ? 0 : too_long(why, why_bytes);
}

/* By the beginning of a vdev's name, which is its driver's; a number follows. */
static const struct {
    const char *driver;
    share_fn *share;
} drivers[] = {
    {"net_af_xdp", share_af_xdp},
    {"net_pcap", share_pcap},
};

static share_fn *share_of(const char *device)
{
    for (unsigned i = 0; i < sizeof drivers / sizeof drivers[0]; i++)
        if (strncmp(device, drivers[i].driver, strlen(drivers[i].driver)) == 0)
            return drivers[i].share;
    return share_whole;
}

bool dpdk_device_is_owned(const char *device, uint32_t n_workers, bool always)
{
    return always || (n_workers > 1 && share_of(device) == share_whole);
}

int dpdk_device_share(const char *device, uint32_t number, uint32_t n_workers, bool always,
                      struct heritage_dpdk *out, char *why, size_t why_bytes)
{
    out->vdev = !dpdk_device_is_pci(device);
    if (out->vdev && strncmp(device, "net_", 4) != 0) {
        snprintf(why, why_bytes,
                 "give a PCI address such as 0000:03:00.0 or a virtual device such as "
                 "net_af_xdp0,iface=eth1");
        return -EINVAL;
    }
    if (!dpdk_device_is_owned(device, n_workers, always))
        return share_of(device)(device, number, n_workers, out, why, why_bytes);
    if (n_workers > DPDK_DEVICE_QUEUES_MAX) {
        snprintf(why, why_bytes, "one device can have at most %u workers", DPDK_DEVICE_QUEUES_MAX);
        return -EINVAL;
    }
    out->queues = n_workers;
    out->queue = number;
    return share_whole(device, number, n_workers, out, why, why_bytes);
}
