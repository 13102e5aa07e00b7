/* SPDX-License-Identifier: BSD-3-Clause */
/* The classic machine is a small one: an accumulator, an index register, sixteen words of memory,
 * jumps forward. Each of its instructions becomes one to three of the other kind, which still has
 * the packet loads (BPF_ABS, BPF_IND) with the meaning that matters here: a load past the end of
 * the packet ends the program with 0.
 *
 * Where a jump goes is known when all lengths are, and lengths do not depend on it: so the program
 * is written twice, the first time to learn where each instruction lies. */
#include "manager/capture/filter_bpf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The packet loads want the context in R6, leave their result in R0 and spoil R1 to R5. */
#define CTX   BPF_REG_6
#define ACC   BPF_REG_7
#define INDEX BPF_REG_8

#define MEMORY_BYTES (4 * BPF_MEMWORDS)
#define JMP32        0x06 /* class of 32-bit comparisons; older headers lack the name */

struct translation {
    struct bpf_insn *out;
    size_t n, max;
    uint32_t *place; /* of each classic instruction in out, and of the exit that passes */
    bool passes;     /* something leads there: the kernel refuses what nothing leads to */
};

/* Counts on when there is no more room: the caller compares in the end. */
static void put(struct translation *t, unsigned code, unsigned dst, unsigned src, int off, int imm)
{
    if (t->n < t->max)
        t->out[t->n] = (struct bpf_insn){.code = (__u8)code,
                                         .dst_reg = (__u8)(dst & 0xf),
                                         .src_reg = (__u8)(src & 0xf),
                                         .off = (__s16)off,
                                         .imm = imm};
    t->n++;
}

static void put_move(struct translation *t, unsigned dst, unsigned src)
{
    put(t, BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void put_set(struct translation *t, unsigned dst, int value)
{
    put(t, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, value);
}

static void put_return(struct translation *t, int value)
{
    put_set(t, BPF_REG_0, value);
    put(t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* From the instruction about to be written to where a classic one lies. */
static int jump_to(const struct translation *t, size_t target)
{
    return (int)t->place[target] - (int)t->n - 1;
}

static int memory_at(uint32_t word)
{
    return 4 * (int)word - MEMORY_BYTES;
}

static int put_packet_load(struct translation *t, const struct sock_filter *f)
{
    if ((int)f->k < 0)
        return -ENOTSUP; /* what the kernel knows of the packet besides its bytes */
    put(t, f->code, 0, BPF_MODE(f->code) == BPF_IND ? INDEX : 0, 0, (int)f->k);
    return 0;
}

static int put_load(struct translation *t, const struct sock_filter *f)
{
    unsigned to = BPF_CLASS(f->code) == BPF_LD ? ACC : INDEX;
    int r = 0;

    switch (BPF_MODE(f->code)) {
    case BPF_IMM:
        put_set(t, to, (int)f->k);
        break;
    case BPF_MEM:
        put(t, BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_10, memory_at(f->k), 0);
        break;
    case BPF_LEN:
        put(t, BPF_LDX | BPF_MEM | BPF_W, to, CTX, offsetof(struct __sk_buff, len), 0);
        break;
    case BPF_MSH: /* the length of an IPv4 header */
        put(t, BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, (int)f->k);
        put_move(t, INDEX, BPF_REG_0);
        put(t, BPF_ALU | BPF_AND | BPF_K, INDEX, 0, 0, 0xf);
        put(t, BPF_ALU | BPF_LSH | BPF_K, INDEX, 0, 0, 2);
        break;
    default:
        r = put_packet_load(t, f);
        put_move(t, ACC, BPF_REG_0);
    }
    return r;
}

static void put_alu(struct translation *t, const struct sock_filter *f)
{
    unsigned op = BPF_OP(f->code);

    if (op != BPF_NEG && BPF_SRC(f->code) == BPF_X) {
        if (op == BPF_DIV || op == BPF_MOD) { /* by nothing: the packet is refused */
            put(t, JMP32 | BPF_JNE | BPF_K, INDEX, 0, 2, 0);
            put_return(t, 0);
        }
        put(t, BPF_ALU | op | BPF_X, ACC, INDEX, 0, 0);
    } else {
        put(t, BPF_ALU | op, ACC, 0, 0, op == BPF_NEG ? 0 : (int)f->k);
    }
}

static void put_jump(struct translation *t, const struct sock_filter *f, size_t at)
{
    bool by_index = BPF_SRC(f->code) == BPF_X;

    if (BPF_OP(f->code) == BPF_JA) {
        put(t, BPF_JMP | BPF_JA, 0, 0, jump_to(t, at + 1 + f->k), 0);
        return;
    }
    put(t, JMP32 | BPF_OP(f->code) | BPF_SRC(f->code), ACC, by_index ? INDEX : 0,
        jump_to(t, at + 1 + f->jt), by_index ? 0 : (int)f->k);
    if (f->jf > 0)
        put(t, BPF_JMP | BPF_JA, 0, 0, jump_to(t, at + 1 + f->jf), 0);
}

static void put_verdict(struct translation *t, const struct sock_filter *f, size_t pass)
{
    if (BPF_RVAL(f->code) == BPF_A)
        put(t, JMP32 | BPF_JNE | BPF_K, ACC, 0, jump_to(t, pass), 0);
    else if (f->k > 0)
        put(t, BPF_JMP | BPF_JA, 0, 0, jump_to(t, pass), 0);
    t->passes |= BPF_RVAL(f->code) == BPF_A || f->k > 0;
    if (BPF_RVAL(f->code) == BPF_A || f->k == 0)
        put_return(t, 0);
}

static int put_instruction(struct translation *t, const struct sock_filter *f, size_t at,
                           size_t pass)
{
    int r = 0;

    switch (BPF_CLASS(f->code)) {
    case BPF_LD:
    case BPF_LDX:
        r = put_load(t, f);
        break;
    case BPF_ST:
    case BPF_STX:
        put(t, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_CLASS(f->code) == BPF_ST ? ACC : INDEX,
            memory_at(f->k), 0);
        break;
    case BPF_ALU:
        put_alu(t, f);
        break;
    case BPF_JMP:
        put_jump(t, f, at);
        break;
    case BPF_RET:
        put_verdict(t, f, pass);
        break;
    default: /* BPF_MISC */
        if (BPF_MISCOP(f->code) == BPF_TAX)
            put_move(t, INDEX, ACC);
        else
            put_move(t, ACC, INDEX);
    }
    return r;
}

/* Registers and memory are zero at the start, as the classic machine has them. */
static void put_start(struct translation *t)
{
    put(t, BPF_ALU64 | BPF_MOV | BPF_X, CTX, BPF_REG_1, 0, 0);
    put_set(t, ACC, 0);
    put_set(t, INDEX, 0);
    for (uint32_t word = 0; word < BPF_MEMWORDS; word += 2)
        put(t, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, memory_at(word), 0);
}

static void put_pass(struct translation *t, int next_fd)
{
    if (next_fd >= 0) {
        put(t, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, CTX, 0, 0);
        put(t, BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, next_fd);
        put(t, 0, 0, 0, 0, 0); /* the instruction takes two places */
        put_set(t, BPF_REG_3, 0);
        put(t, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call);
    }
    put_return(t, -1);
}

static int write_all(struct translation *t, const struct sock_fprog *in, int next_fd)
{
    int r = 0;

    t->n = 0;
    put_start(t);
    for (size_t i = 0; i < in->len && r == 0; i++) {
        t->place[i] = (uint32_t)t->n;
        r = put_instruction(t, &in->filter[i], i, in->len);
    }
    t->place[in->len] = (uint32_t)t->n;
    if (t->passes)
        put_pass(t, next_fd);
    return r;
}

int filter_bpf_translate(const struct sock_fprog *in, struct bpf_insn *out, size_t max, int next_fd)
{
    struct translation t = {.out = out, .max = max};
    int r;

    t.place = calloc((size_t)in->len + 1, sizeof *t.place);
    if (!t.place)
        return -ENOMEM;
    r = write_all(&t, in, next_fd);
    if (r == 0)
        r = write_all(&t, in, next_fd);
    free(t.place);
    if (r < 0)
        return r;
    return t.n <= max && t.n <= INT16_MAX ? (int)t.n : -E2BIG;
}
