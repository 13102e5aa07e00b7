/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Arguments, result and stack of a hooked function by the calling conventions of C (System V ABI,
 * AAPCS64) and of Go (its internal ABI: goroutine in R14 or R28). */
#ifndef SPLIFF_BPF_PROBE_REGS_H
#define SPLIFF_BPF_PROBE_REGS_H

#include "bpf/probe_maps.h"

#if defined(__TARGET_ARCH_arm64)
#define RETURN_POPS    0
#define INSTRUCTION(r) ((r)->pc)
#define GOROUTINE(r)   ((r)->regs[28])
#define USER_STACK(r)  ((r)->sp)
#define RESULT(r)      ((r)->regs[0])
#else
#define RETURN_POPS    8 /* the return address, which a uretprobe finds popped */
#define INSTRUCTION(r) ((r)->ip)
#define GOROUTINE(r)   ((r)->r14)
#define USER_STACK(r)  ((r)->sp)
#define RESULT(r)      ((r)->ax)
#endif

#define ARGUMENTS 5 /* that can be named */

struct arguments {
    __u64 value[ARGUMENTS];
};

/* Reads a register now: the compiler would put the reads of several into one with a computed
 * address, and the verifier wants constant offsets. */
#define READ_REG(name, from)                                                                       \
    __u64 name = (from);                                                                           \
    asm volatile("" : "+r"(name))

static __always_inline struct arguments regs_arguments(const struct pt_regs *r,
                                                       const struct probe_cookie *c)
{
#if defined(__TARGET_ARCH_arm64)
    (void)c; /* the same registers for Go */
    READ_REG(x0, r->regs[0]);
    READ_REG(x1, r->regs[1]);
    READ_REG(x2, r->regs[2]);
    READ_REG(x3, r->regs[3]);
    READ_REG(x4, r->regs[4]);
    return (struct arguments){{x0, x1, x2, x3, x4}};
#else
    READ_REG(di, r->di);
    READ_REG(si, r->si);
    READ_REG(dx, r->dx);
    READ_REG(cx, r->cx);
    READ_REG(r8, r->r8);
    READ_REG(ax, r->ax);
    READ_REG(bx, r->bx);
    if (c->flags & PROBE_FLAG_GO)
        return (struct arguments){{ax, bx, cx, di, si}};
    return (struct arguments){{di, si, dx, cx, r8}};
#endif
}

static __always_inline __u64 regs_argument(const struct arguments *a, __u8 index)
{
    switch (index) {
    case 0:
        return a->value[0];
    case 1:
        return a->value[1];
    case 2:
        return a->value[2];
    case 3:
        return a->value[3];
    default:
        return a->value[4];
    }
}

/* Where the stack stands, so that an outer call has a higher value than one inside it. A stack of
 * Go moves when it grows: what stays is the distance to its end (second word of the goroutine). */
static __always_inline __u64 regs_stack(const struct pt_regs *r, const struct probe_cookie *c)
{
    __u64 sp = USER_STACK(r), end = 0;

    if (!(c->flags & PROBE_FLAG_GO))
        return sp;
    bpf_probe_read_user(&end, sizeof end, (void *)(GOROUTINE(r) + 8));
    return sp - end;
}

static __always_inline struct probe_cookie regs_cookie(void *ctx)
{
    union {
        __u64 word;
        struct probe_cookie cookie;
    } u = {bpf_get_attach_cookie(ctx)};

    return u.cookie;
}

#endif
