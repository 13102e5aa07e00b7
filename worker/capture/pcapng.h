/* SPDX-License-Identifier: BSD-3-Clause */
/* pcapng blocks (draft-ietf-opsawg-pcapng). Private to the pcap_file source. */
#ifndef SPLIFF_WORKER_PCAPNG_H
#define SPLIFF_WORKER_PCAPNG_H

#include "worker/capture/capture.h"
#include "worker/capture/pcap_input.h"

#include <stdbool.h>
#include <stdint.h>

#define PCAPNG_INTERFACES_MAX 1024u /* in a section; frames of further ones are left out */

struct pcapng_interface {
    uint16_t linktype;
    uint32_t snaplen;     /* 0: no limit */
    uint64_t per_second;  /* ticks of its clock; 0: more than 64 bits can say */
    uint32_t ns_per_tick; /* 0: not a whole number */
    int64_t offset_s;
};

struct pcapng {
    bool big_endian; /* of the present section */
    uint32_t n_interfaces;
    uint64_t last_ns; /* for simple packets, which have no time */
    struct pcapng_interface interface[PCAPNG_INTERFACES_MAX];
};

/* What the next bytes of a capture file are; also the answer of the classic reader. */
enum pcap_next {
    PCAP_NEXT_FRAME,   /* consumed, *f is filled and points into the window */
    PCAP_NEXT_OTHER,   /* consumed, no frame: call again */
    PCAP_NEXT_MORE,    /* not all there: fill, then call again */
    PCAP_NEXT_CORRUPT, /* cannot be read on from here */
};

#define PCAP_FRAME_MAX (256u * 1024) /* longer captured lengths are taken for corruption */

/* Whether the input, of which at least 12 bytes are there, begins with a section header. */
bool pcapng_is_section(const struct pcap_input *in);

/* Takes one block. Its link type is that of the frame's interface, known to be decoded or not. */
enum pcap_next pcapng_next(struct pcapng *ng, struct pcap_input *in, struct frame *f);

#endif
