/* SPDX-License-Identifier: BSD-3-Clause */
/* A function's instructions, and what is known of the registers before each of them. A part of
 * site.c; there is none of it without a disassembler in the build. */
#ifndef SPLIFF_PROBE_CODE_H
#define SPLIFF_PROBE_CODE_H

#include "worker/probe/elf_image.h"

#include <capstone/capstone.h>

#define CODE_ARGUMENTS 6u
#define CODE_REGISTERS 13u  /* those followed: arguments in their order, then the others */
#define CODE_RESULT    6u   /* index of the result register */
#define CODE_FLOW_MAX  512u /* instructions of a function whose registers can be followed */

/* What a register holds, as far as it matters. */
enum code_value {
    CODE_UNKNOWN,
    CODE_LOCAL,  /* the address of something in the function's frame */
    CODE_FAILED, /* a constant, as int 0 or less */
    CODE_GIVEN   /* + i: argument i, as the function was given it */
};

/* Addresses of instructions are offsets in the file. */
struct code {
    csh decoder;
    cs_insn *insn;
    size_t n;
};

/* Before an instruction. */
struct code_facts {
    bool reached;
    uint8_t holds[CODE_REGISTERS]; /* enum code_value */
};

/* Decodes a whole function; false if it cannot be decoded to its end. */
bool code_open(struct code *c, struct elf_image *e, const struct elf_function *f);
void code_close(struct code *c);

bool code_is_ret(const struct code *c, size_t i);
bool code_is_call(const struct code *c, size_t i);
bool code_is_jump(const struct code *c, size_t i);

/* Whether instruction i writes a register that is wanted; true if nobody knows. */
bool code_writes(const struct code *c, size_t i, bool (*wanted)(uint16_t reg));

/* The operand of a direct call or jump: an offset in the file. False if it is none. */
bool code_target(const struct code *c, size_t i, uint64_t *target);

/* Index of the instruction at an address; c->n if none begins there. */
size_t code_index(const struct code *c, uint64_t address);

/* Where it goes on behind instruction i: up to two. Returns how many, or -1 if nobody knows. */
int code_next(const struct code *c, size_t i, size_t next[2]);

/* Computes what holds before each instruction that is reached from `from`, with arguments as they
 * were given, without passing `without` (c->n: any way). False if there is a way that nobody knows,
 * or more than CODE_FLOW_MAX instructions. */
bool code_flow(const struct code *c, size_t from, size_t without,
               struct code_facts facts[CODE_FLOW_MAX]);

#endif
