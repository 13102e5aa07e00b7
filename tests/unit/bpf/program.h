/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests have alike that run frames through a program in the kernel (BPF_PROG_TEST_RUN). Each
 * has its skeleton in `bpf`, which is NULL where the kernel does not let this user load it, and the
 * frame in `pb`. */
#ifndef SPLIFF_TESTS_BPF_PROGRAM_H
#define SPLIFF_TESTS_BPF_PROGRAM_H

#include "common/base/linktype.h"
#include "tests/unit/tunnel_builder.h"
#include "worker/decode/decode.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED 0x5eed1234u

static struct packet_builder pb;

/* Loads an opened skeleton, or takes it away and says why nothing is tested. */
#define LOAD_OR_DESTROY(name, bpf)                                                                 \
    do {                                                                                           \
        if (name##_bpf__load(bpf) < 0) {                                                           \
            printf("the kernel does not let this user load BPF (%s): nothing is tested\n",         \
                   strerror(errno));                                                               \
            name##_bpf__destroy(bpf);                                                              \
            (bpf) = NULL;                                                                          \
        }                                                                                          \
    } while (0)

#define SKIP_WITHOUT_BPF()                                                                         \
    do {                                                                                           \
        if (!bpf)                                                                                  \
            skip();                                                                                \
    } while (0)

/* The frame in pb, as decode takes it. */
static inline struct frame built_frame(void)
{
    return (struct frame){.data = pb.b,
                          .caplen = (uint32_t)pb.n,
                          .wirelen = (uint32_t)pb.n,
                          .linktype = LINKTYPE_ETHERNET};
}

#endif
