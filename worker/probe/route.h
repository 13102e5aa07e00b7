/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker a five-tuple belongs to. Several interfaces: the one that has the local address; the
 * first one if none has. */
#ifndef SPLIFF_PROBE_ROUTE_H
#define SPLIFF_PROBE_ROUTE_H

#include "bpf/probe.h"
#include "common/ipc/heritage.h"

struct route {
    const struct heritage *heritage;
    struct {
        struct ipaddr addr;
        uint8_t interface; /* index in heritage->probe.interface */
    } address[256];
    unsigned n;
};

void route_init(struct route *r, const struct heritage *h);
/* Reads the addresses of the interfaces again. */
void route_refresh(struct route *r);
/* Index of the worker. */
unsigned route_worker(const struct route *r, const struct ipaddr *local, uint16_t local_port,
                      const struct ipaddr *remote, uint16_t remote_port);

#endif
