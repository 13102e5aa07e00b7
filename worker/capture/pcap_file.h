/* SPDX-License-Identifier: BSD-3-Clause */
/* The source of capture files for a process that keeps what it reads. */
#ifndef SPLIFF_WORKER_PCAP_FILE_H
#define SPLIFF_WORKER_PCAP_FILE_H

#include "worker/capture/capture.h"
#include "worker/capture/pcap_input.h"

/* As capture_pcap_file's open, reading into the caller's windows: a recv that finds none returns 0.
 * Frames stay where they are, also after release, as long as the caller leaves the window alone.
 * The other calls are those of capture_pcap_file. */
int pcap_file_open(struct capture **out, const struct heritage *h,
                   const struct pcap_windows *windows, struct counters *counters);

/* How far a file was read: whoever goes on there, in whichever process, needs no more, if it is a
 * regular file of classic pcap without gzip. */
struct pcap_place {
    uint64_t offset; /* of the next frame */
    uint64_t frames; /* before it, for messages */
};

bool pcap_file_has_places(const struct capture *c); /* whether it is such a file */
struct pcap_place pcap_file_place(const struct capture *c);
void pcap_file_go_to(struct capture *c, const struct pcap_place *place);

#endif
