/* SPDX-License-Identifier: BSD-3-Clause */
/* Which interface, and by our hash which worker, a five-tuple belongs to. Where several interfaces
 * are captured, its packets are seen at one of them: loopback if both ends are this host's, else
 * the one with the local address, else the one whose network either end is in (containers behind a
 * bridge), else the first. */
#ifndef SPLIFF_PROBE_ROUTE_H
#define SPLIFF_PROBE_ROUTE_H

#include "common/base/flow_key.h"
#include "common/ipc/heritage.h"

#define ROUTE_ADDRESSES_MAX 256u

/* An address of this host. */
struct route_address {
    struct ipaddr addr;
    uint8_t bits;      /* of its network, of 128 */
    uint8_t interface; /* index in heritage->probe.interface; HERITAGE_INTERFACES: not captured */
};

struct route {
    const struct heritage *heritage;
    uint32_t netns;   /* inode of this process's network namespace; 0: not known */
    uint8_t loopback; /* index of the captured loopback; HERITAGE_INTERFACES: none */
    struct route_address address[ROUTE_ADDRESSES_MAX];
    unsigned n;
};

void route_init(struct route *r, const struct heritage *h);
/* Reads the addresses of the interfaces again. */
void route_refresh(struct route *r);
/* Index of the interface, in heritage->probe.interface, that packets between them are seen at. */
unsigned route_interface(const struct route *r, const struct ipaddr *local,
                         const struct ipaddr *remote);
/* Index of the worker that our hash gives a flow of that interface to. */
unsigned route_worker(const struct route *r, unsigned interface, const struct flow_key *key);

/* An address that never leaves its network namespace. */
bool route_is_loopback(const struct ipaddr *a);

#endif
