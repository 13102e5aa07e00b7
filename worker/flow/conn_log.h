/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow -> its conn record, and which addresses are local. */
#ifndef SPLIFF_WORKER_CONN_LOG_H
#define SPLIFF_WORKER_CONN_LOG_H

#include "common/schema/record.h"
#include "worker/flow/community_id.h"
#include "worker/flow/flow.h"

#define LOCAL_NETS_MAX 64u

/* Prefixes of this site: the private ones and those of option local_nets. */
struct local_nets {
    struct {
        struct ipaddr addr;
        uint8_t bits; /* of the 128 */
    } net[LOCAL_NETS_MAX];
    uint32_t n;
};

/* Private, link-local and loopback prefixes and those in list ("192.0.2.0/24,2001:db8::/32").
 * 0, or -EINVAL with the first bad or surplus item in bad[bad_bytes]. */
int local_nets_init(struct local_nets *l, const char *list, char *bad, size_t bad_bytes);
bool local_nets_has(const struct local_nets *l, const struct ipaddr *a);

/* What the record borrows. */
struct conn_log_text {
    char service[128];
    char community_id[COMMUNITY_ID_MAX];
};

/* Fills all but uid and id.*; services are names, NULL where there are no more. */
void conn_log_fill(struct rec_conn *r, struct conn_log_text *text, const struct flow *f,
                   const struct local_nets *nets, const char *const services[FLOW_SERVICES_MAX]);

#endif
