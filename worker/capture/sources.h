/* SPDX-License-Identifier: BSD-3-Clause */
/* What table.c lists, one line a source. */
#ifndef SPLIFF_WORKER_CAPTURE_SOURCES_H
#define SPLIFF_WORKER_CAPTURE_SOURCES_H

#include "worker/capture/capture.h"

extern const struct capture_ops capture_pcap_file;
extern const struct capture_ops capture_shared_file; /* of worker/reader, as the next */
extern const struct capture_ops capture_file_in_turn;
extern const struct capture_ops capture_af_packet;
extern const struct capture_ops capture_xdp;
extern const struct capture_ops capture_af_xdp;
extern const struct capture_ops capture_dpdk; /* in spliff-worker-dpdk only */

/* The owner of a DPDK port, as struct capture_ops' prepare and keep. */
int dpdk_owner_begin(const struct heritage *h);
int dpdk_owner_keep(const struct heritage *h, const volatile int *stop);

#endif
