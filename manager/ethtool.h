/* SPDX-License-Identifier: BSD-3-Clause */
/* What the driver of an interface says of its receive queues, and how it shares flows out to them.
 * Asked and set by the ethtool ioctl, which every driver answers that has an answer. Manager. */
#ifndef SPLIFF_MANAGER_ETHTOOL_H
#define SPLIFF_MANAGER_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHTOOL_NAME_BYTES 32
#define ETHTOOL_KEY_MAX    256

struct ethtool_queues {
    uint32_t rx;     /* receive queues now */
    uint32_t rx_max; /* that there could be; 0: the number cannot be set */
    bool combined;   /* each sends too: `ethtool -L NAME combined N`, else `rx N` */
};

/* How a hash spreads flows over queues (receive side scaling). */
struct ethtool_rss {
    uint8_t hash;      /* of the kernel's functions, a bit; 0: not told */
    uint8_t transform; /* RXH_XFRM_ bits: what is done to a packet's fields before */
    uint32_t key_bytes;
    uint8_t key[ETHTOOL_KEY_MAX];
};

/* Descriptors of a receive queue. */
struct ethtool_rings {
    uint32_t rx, rx_max;
};

/* What makes other frames of those on the wire before we see them. */
struct ethtool_offloads {
    bool gro, lro;   /* frames received are joined: by the kernel, by the interface */
    bool tso;        /* frames sent are cut by the interface */
    bool strip_vlan; /* VLAN tags are taken out of frames received */
};

/* Name of the driver, "?" if it is not told. */
void ethtool_driver(const char *interface, char name[ETHTOOL_NAME_BYTES]);

/* Fills *q, from the kernel's list of queues where the driver does not answer. 0 or -errno. */
int ethtool_queues_get(const char *interface, struct ethtool_queues *q);

/* What the interface does to frames before anybody sees them: takes VLAN tags out, and joins
 * segments of a flow (LRO). Neither, if it does not tell. */
void ethtool_changes_get(const char *interface, bool *takes_tags, bool *joins_segments);

/* Sets the number of receive queues. 0; -EOPNOTSUPP, -EINVAL (more than rx_max), else -errno. */
int ethtool_queues_set(const char *interface, uint32_t rx);

/* 0; -EOPNOTSUPP: the driver has no such hash or does not tell; else -errno. */
int ethtool_rss_get(const char *interface, struct ethtool_rss *rss);

/* Sets the key and the transformation; the table of queues stays. 0 or -errno as above. */
int ethtool_rss_set(const char *interface, const struct ethtool_rss *rss);

/* 0; -EOPNOTSUPP: there are none to be set; else -errno. */
int ethtool_rings_get(const char *interface, struct ethtool_rings *rings);

/* What is not told is off. */
void ethtool_offloads_get(const char *interface, struct ethtool_offloads *offloads);

/* Whether both directions of a flow have the same hash, and so the same queue. */
bool ethtool_rss_is_symmetric(const struct ethtool_rss *rss);

/* Makes it so by the key, for a hash that a key can make symmetric; else by the transformation. */
void ethtool_rss_make_symmetric(struct ethtool_rss *rss);

#endif
