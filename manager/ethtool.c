/* SPDX-License-Identifier: BSD-3-Clause */
/* The Toeplitz hash takes 32 bits of the key at the place of each bit of the input that is set.
 * Addresses and ports of the two ends lie 32 and 16 bits apart in the input: with a key that
 * repeats after 16 bits it makes no difference which end comes first. 0x6d5a is the pair of bytes
 * that is commonly used for it, since it spreads well. */
#include "manager/ethtool.h"

#include <errno.h>
#include <glob.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TABLE_MAX 4096u /* entries of an indirection table */

/* Not in every kernel's headers, which also name the byte behind hfunc in two ways. */
#define HASH_TOEPLITZ              1u
#define HASH_XOR                   2u
#define TRANSFORM_SYMMETRIC_XOR    1u
#define TRANSFORM_SYMMETRIC_OR_XOR 2u
#define TRANSFORM_AT               (offsetof(struct ethtool_rxfh, hfunc) + 1)

static const uint8_t symmetric_key[2] = {0x6d, 0x5a};

/* Gives a command, its number first in `data`, to the driver. 0 or -errno. */
static int command(const char *interface, void *data)
{
    struct ifreq ifr = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r = 0;

    if (fd < 0)
        return -errno;
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
    ifr.ifr_data = data;
    if (ioctl(fd, SIOCETHTOOL, &ifr) < 0)
        r = -errno;
    close(fd);
    return r;
}

void ethtool_driver(const char *interface, char name[ETHTOOL_NAME_BYTES])
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

    snprintf(name, ETHTOOL_NAME_BYTES, "%s", command(interface, &info) == 0 ? info.driver : "?");
}

static int count_queues(const char *interface, uint32_t *n)
{
    char pattern[64 + IFNAMSIZ];
    glob_t found;
    int r;

    snprintf(pattern, sizeof pattern, "/sys/class/net/%s/queues/rx-*", interface);
    r = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (r == 0) {
        *n = (uint32_t)found.gl_pathc;
        globfree(&found);
    }
    return r == 0 ? 0 : -ENODEV;
}

int ethtool_queues_get(const char *interface, struct ethtool_queues *q)
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    int r = command(interface, &c);

    *q = (struct ethtool_queues){0};
    if (r == -EOPNOTSUPP)
        return count_queues(interface, &q->rx);
    if (r < 0)
        return r;
    q->rx = c.combined_count + c.rx_count;
    q->rx_max = c.max_combined > 0 ? c.max_combined : c.max_rx;
    q->combined = c.max_combined > 0;
    return 0;
}

void ethtool_changes_get(const char *interface, bool *takes_tags, bool *joins_segments)
{
    struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};

    if (command(interface, &flags) < 0)
        flags.data = 0;
    *takes_tags = (flags.data & ETH_FLAG_RXVLAN) != 0;
    *joins_segments = (flags.data & ETH_FLAG_LRO) != 0;
}

int ethtool_queues_set(const char *interface, uint32_t rx)
{
    struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
    int r = command(interface, &c);

    if (r < 0)
        return r;
    c.cmd = ETHTOOL_SCHANNELS;
    if (c.max_combined > 0) {
        c.combined_count = rx;
        c.rx_count = 0;
    } else {
        c.rx_count = rx;
    }
    return command(interface, &c);
}

/* The command with room for the driver's answer behind it: the table, then the key. */
union rss_command {
    struct ethtool_rxfh head;
    uint8_t bytes[sizeof(struct ethtool_rxfh) + TABLE_MAX * sizeof(uint32_t) + ETHTOOL_KEY_MAX];
};

static uint8_t *rss_config(union rss_command *c)
{
    return c->bytes + offsetof(struct ethtool_rxfh, rss_config);
}

int ethtool_rss_get(const char *interface, struct ethtool_rss *rss)
{
    struct ethtool_rxfh sizes = {.cmd = ETHTOOL_GRSSH};
    union rss_command c = {.head.cmd = ETHTOOL_GRSSH};
    int r = command(interface, &sizes);

    *rss = (struct ethtool_rss){0};
    if (r < 0)
        return r;
    if (sizes.indir_size > TABLE_MAX || sizes.key_size > ETHTOOL_KEY_MAX ||
        sizes.indir_size + sizes.key_size == 0)
        return -EOPNOTSUPP;
    c.head.indir_size = sizes.indir_size;
    c.head.key_size = sizes.key_size;
    r = command(interface, &c);
    if (r < 0)
        return r;
    rss->hash = c.head.hfunc;
    rss->transform = c.bytes[TRANSFORM_AT];
    rss->key_bytes = sizes.key_size;
    memcpy(rss->key, rss_config(&c) + sizes.indir_size * sizeof(uint32_t), rss->key_bytes);
    return 0;
}

int ethtool_rss_set(const char *interface, const struct ethtool_rss *rss)
{
    union rss_command c = {.head = {.cmd = ETHTOOL_SRSSH,
                                    .indir_size = ETH_RXFH_INDIR_NO_CHANGE,
                                    .key_size = rss->key_bytes,
                                    .hfunc = rss->hash}};

    c.bytes[TRANSFORM_AT] = rss->transform;
    memcpy(rss_config(&c), rss->key, rss->key_bytes);
    return command(interface, &c);
}

int ethtool_rings_get(const char *interface, struct ethtool_rings *rings)
{
    struct ethtool_ringparam p = {.cmd = ETHTOOL_GRINGPARAM};
    int r = command(interface, &p);

    *rings = (struct ethtool_rings){0};
    if (r < 0)
        return r;
    rings->rx = p.rx_pending;
    rings->rx_max = p.rx_max_pending;
    return p.rx_max_pending > 0 ? 0 : -EOPNOTSUPP;
}

static uint32_t value_get(const char *interface, uint32_t cmd)
{
    struct ethtool_value v = {.cmd = cmd};

    return command(interface, &v) == 0 ? v.data : 0;
}

void ethtool_offloads_get(const char *interface, struct ethtool_offloads *offloads)
{
    uint32_t flags = value_get(interface, ETHTOOL_GFLAGS);

    offloads->gro = value_get(interface, ETHTOOL_GGRO) != 0;
    offloads->tso = value_get(interface, ETHTOOL_GTSO) != 0;
    offloads->lro = (flags & ETH_FLAG_LRO) != 0;
    offloads->strip_vlan = (flags & ETH_FLAG_RXVLAN) != 0;
}

static bool key_is_periodic(const struct ethtool_rss *rss)
{
    for (uint32_t i = 2; i < rss->key_bytes; i++)
        if (rss->key[i] != rss->key[i % 2])
            return false;
    return rss->key_bytes > 0;
}

bool ethtool_rss_is_symmetric(const struct ethtool_rss *rss)
{
    if (rss->transform & (TRANSFORM_SYMMETRIC_XOR | TRANSFORM_SYMMETRIC_OR_XOR))
        return true;
    return rss->hash == HASH_XOR || (rss->hash == HASH_TOEPLITZ && key_is_periodic(rss));
}

void ethtool_rss_make_symmetric(struct ethtool_rss *rss)
{
    if (rss->hash != HASH_TOEPLITZ || rss->key_bytes == 0) {
        rss->transform |= TRANSFORM_SYMMETRIC_XOR;
        return;
    }
    for (uint32_t i = 0; i < rss->key_bytes; i++)
        rss->key[i] = symmetric_key[i % 2];
}
