/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow -> its conn record. */
#ifndef SPLIFF_WORKER_CONN_LOG_H
#define SPLIFF_WORKER_CONN_LOG_H

#include "common/base/local_nets.h"
#include "common/schema/record.h"
#include "worker/flow/community_id.h"
#include "worker/flow/flow.h"

/* What the record borrows. */
struct conn_log_text {
    char service[128];
    char community_id[COMMUNITY_ID_MAX];
};

/* Fills all but uid and id.*; services are names, NULL where there are no more. */
void conn_log_fill(struct rec_conn *r, struct conn_log_text *text, const struct flow *f,
                   const struct local_nets *nets, const char *const services[FLOW_SERVICES_MAX]);

#endif
