/* SPDX-License-Identifier: BSD-3-Clause */
/* From segments to what reads the streams: between a flow's state (flow/conn.h) and its content
 * (host.h) lies reassembly. */
#ifndef SPLIFF_WORKER_TCP_H
#define SPLIFF_WORKER_TCP_H

#include "worker/decode/decode.h"
#include "worker/flow/flow.h"

struct worker;

/* A segment that conn_packet has counted; reset: with a RST that is believed. */
void tcp_content(struct worker *w, struct flow *f, const struct packet *p, bool reset);

/* The flow ends: what is still held, and the gaps between. */
void tcp_flush(struct worker *w, struct flow *f);

#endif
