/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Which of NSPR's descriptors carry TLS.
 *
 * A descriptor is a stack of layers, and each has the number of its kind. NSPR gives the numbers
 * out while a process runs, and keeps a table of the names that they were asked for with; NSS asks
 * with "SSL". So a descriptor can be asked for a layer of that name at any time, also one that was
 * given TLS before the probe came, whichever version of the libraries it is. Where the table is,
 * the hook's cookie says, as a distance from the hooked instruction. If it were said wrong, there
 * would be no such name. */
#ifndef SPLIFF_BPF_PROBE_LAYERS_H
#define SPLIFF_BPF_PROBE_LAYERS_H

#include "bpf/probe_regs.h"
#include "bpf/probe_tuple.h"

#define LAYERS_MAX 6          /* Firefox has three on a connection by way of a proxy */
#define KINDS_MAX  4096       /* numbers given out: a program has a handful */
#define TLS_NAME   0x004c5353 /* "SSL" as bytes lie in memory */

/* struct PRFileDesc of prio.h. */
struct layer {
    __u64 methods;
    __u64 secret;
    __u64 lower, higher;
    __u64 destructor;
    __s32 kind; /* 0: NSPR's own */
    __u32 pad;
};

static __always_inline _Bool layers_have_tls(const struct pt_regs *regs,
                                             const struct probe_cookie *cookie, __u64 descriptor)
{
    __u64 names = cookie->names
                      ? user_word((INSTRUCTION(regs) & ~7ULL) + (__u64)((__s64)cookie->names * 8))
                      : 0;
    struct layer layer;

    for (int i = 0; i < LAYERS_MAX && names != 0 && descriptor != 0; i++) {
        if (bpf_probe_read_user(&layer, sizeof layer, (void *)descriptor) < 0)
            return 0;
        if (layer.kind > 0 && layer.kind < KINDS_MAX &&
            user_int(user_word(names + (__u64)layer.kind * 8)) == TLS_NAME)
            return 1;
        descriptor = layer.lower;
    }
    return 0;
}

#endif
