/* SPDX-License-Identifier: BSD-3-Clause */
/* A small interpreter of x86-64 code that knows little and is sure of what it knows. For each
 * instruction it computes what registers hold whenever it is reached, on whatever way. Where ways
 * meet, a register holds what it holds on both, or something unknown. What the interpreter cannot
 * follow (an indirect jump, a jump out of the function) ends it. */
#include "worker/probe/code.h"

#include <elf.h>
#include <string.h>

#define CODE_MAX (64u * 1024) /* bytes of a function */
#define SAVED    7u /* index of the first register that a call leaves as it is (System V) */

bool code_open(struct code *c, struct elf_image *e, const struct elf_function *f)
{
    struct cursor bytes;
    size_t decoded = 0;

    if (e->machine != EM_X86_64 || f->bytes == 0 || f->bytes > CODE_MAX)
        return false;
    bytes = elf_image_read(e, f->offset, f->bytes);
    if (!cursor_ok(&bytes) || cs_open(CS_ARCH_X86, CS_MODE_64, &c->decoder) != CS_ERR_OK)
        return false;
    cs_option(c->decoder, CS_OPT_DETAIL, CS_OPT_ON);
    c->n = cs_disasm(c->decoder, bytes.p, f->bytes, f->offset, 0, &c->insn);
    for (size_t i = 0; i < c->n; i++)
        decoded += c->insn[i].size;
    if (c->n > 0 && decoded == f->bytes)
        return true;
    if (c->n > 0)
        cs_free(c->insn, c->n);
    cs_close(&c->decoder);
    return false;
}

void code_close(struct code *c)
{
    cs_free(c->insn, c->n);
    cs_close(&c->decoder);
}

bool code_is_ret(const struct code *c, size_t i)
{
    return cs_insn_group(c->decoder, &c->insn[i], CS_GRP_RET);
}

bool code_is_call(const struct code *c, size_t i)
{
    return cs_insn_group(c->decoder, &c->insn[i], CS_GRP_CALL);
}

bool code_is_jump(const struct code *c, size_t i)
{
    return cs_insn_group(c->decoder, &c->insn[i], CS_GRP_JUMP);
}

bool code_writes(const struct code *c, size_t i, bool (*wanted)(uint16_t reg))
{
    cs_regs read, written;
    uint8_t n_read, n_written;

    if (cs_regs_access(c->decoder, &c->insn[i], read, &n_read, written, &n_written) != CS_ERR_OK)
        return true;
    for (unsigned k = 0; k < n_written; k++)
        if (wanted(written[k]))
            return true;
    return false;
}

bool code_target(const struct code *c, size_t i, uint64_t *target)
{
    const cs_x86 *x86 = &c->insn[i].detail->x86;

    if ((!code_is_call(c, i) && !code_is_jump(c, i)) || x86->op_count != 1 ||
        x86->operands[0].type != X86_OP_IMM)
        return false;
    *target = (uint64_t)x86->operands[0].imm;
    return true;
}

size_t code_index(const struct code *c, uint64_t address)
{
    size_t low = 0, high = c->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->insn[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->n && c->insn[low].address == address ? low : c->n;
}

/* A call at the very end of a function is one that does not return. */
int code_next(const struct code *c, size_t i, size_t next[2])
{
    unsigned id = c->insn[i].id;
    uint64_t target;
    int n = 0;

    if (code_is_ret(c, i) || id == X86_INS_UD2 || id == X86_INS_HLT || id == X86_INS_INT3)
        return 0;
    if (code_is_jump(c, i)) {
        if (!code_target(c, i, &target) || (next[n++] = code_index(c, target)) == c->n)
            return -1;
        if (id == X86_INS_JMP)
            return n;
    }
    if (i + 1 == c->n)
        return code_is_call(c, i) ? 0 : -1;
    next[n++] = i + 1;
    return n;
}

/* Index of the register that reg is (a part of); CODE_REGISTERS if it is none that is followed. */
static unsigned register_index(uint16_t reg)
{
    static const uint16_t parts[CODE_REGISTERS][5] = {
        {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, 0},
        {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, 0},
        {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
        {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
        {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, 0},
        {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, 0},
        {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
        {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
        {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, 0},
        {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, 0},
        {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, 0},
        {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, 0},
        {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, 0},
    };

    for (unsigned i = 0; i < CODE_REGISTERS; i++)
        for (unsigned k = 0; k < 5; k++)
            if (parts[i][k] == reg && reg != X86_REG_INVALID)
                return i;
    return CODE_REGISTERS;
}

/* Of r10, r11 and the stack pointer nothing is known but by name. */
static uint8_t value_of(const struct code_facts *facts, x86_reg reg)
{
    unsigned i = register_index((uint16_t)reg);

    return i < CODE_REGISTERS ? facts->holds[i] : CODE_UNKNOWN;
}

/* What `mov from, to` puts there. Of an int only the half is copied that counts. */
static uint8_t value_moved(const cs_x86_op *to, const cs_x86_op *from,
                           const struct code_facts *facts)
{
    uint8_t value;

    if (from->type == X86_OP_IMM)
        return (int32_t)from->imm <= 0 ? CODE_FAILED : CODE_UNKNOWN;
    if (from->type != X86_OP_REG)
        return CODE_UNKNOWN;
    if (from->reg == X86_REG_RSP)
        return CODE_LOCAL;
    value = value_of(facts, from->reg);
    return to->size == 8 || value == CODE_FAILED ? value : CODE_UNKNOWN;
}

/* What an instruction of two operands puts in the register that is the first; CODE_UNKNOWN if it
 * may be anything, or stays. */
static uint8_t value_put(const cs_insn *insn, const struct code_facts *facts)
{
    const cs_x86_op *to = &insn->detail->x86.operands[0], *from = to + 1;

    if (to->size < 4)
        return CODE_UNKNOWN;
    switch (insn->id) {
    case X86_INS_MOV:
        return value_moved(to, from, facts);
    case X86_INS_MOVSXD: /* an int that becomes a long */
        return to->size == 8 && from->type == X86_OP_REG ? value_of(facts, from->reg)
                                                         : CODE_UNKNOWN;
    case X86_INS_LEA: /* of a frame by the stack pointer, or by one that was set up from it */
        return to->size == 8 && from->mem.index == X86_REG_INVALID &&
                       (from->mem.base == X86_REG_RSP ||
                        value_of(facts, from->mem.base) == CODE_LOCAL)
                   ? CODE_LOCAL
                   : CODE_UNKNOWN;
    case X86_INS_XOR: /* with itself: 0 */
        return from->type == X86_OP_REG && from->reg == to->reg ? CODE_FAILED : CODE_UNKNOWN;
    case X86_INS_OR:
        return from->type == X86_OP_IMM && (int32_t)from->imm == -1 ? CODE_FAILED : CODE_UNKNOWN;
    default:
        return CODE_UNKNOWN;
    }
}

/* What holds behind an instruction. */
static struct code_facts facts_after(const struct code *c, size_t i,
                                     const struct code_facts *before)
{
    const cs_insn *insn = &c->insn[i];
    const cs_x86_op *to = insn->detail->x86.operands;
    struct code_facts after = *before;
    cs_regs read, written;
    uint8_t n_read, n_written;
    unsigned reg;

    if (code_is_call(c, i)) { /* what it is called with is its own from then on */
        memset(after.holds, CODE_UNKNOWN, SAVED);
        return after;
    }
    if (cs_regs_access(c->decoder, insn, read, &n_read, written, &n_written) != CS_ERR_OK) {
        memset(after.holds, CODE_UNKNOWN, sizeof(after.holds));
        return after;
    }
    for (unsigned k = 0; k < n_written; k++) {
        reg = register_index(written[k]);
        if (reg < CODE_REGISTERS)
            after.holds[reg] = CODE_UNKNOWN;
    }
    if (insn->detail->x86.op_count == 2 && to->type == X86_OP_REG &&
        (reg = register_index((uint16_t)to->reg)) < CODE_REGISTERS) {
        uint8_t value = value_put(insn, before);
        if (value != CODE_UNKNOWN)
            after.holds[reg] = value;
    }
    return after;
}

/* Adds a way that leads to an instruction. True if that changes what holds there, which it does
 * only towards the unknown: so code_flow comes to an end. */
static bool facts_meet(struct code_facts *there, const struct code_facts *way)
{
    bool changed = false;

    if (!there->reached) {
        *there = *way;
        return true;
    }
    for (unsigned i = 0; i < CODE_REGISTERS; i++) {
        if (there->holds[i] == way->holds[i] || there->holds[i] == CODE_UNKNOWN)
            continue;
        there->holds[i] = CODE_UNKNOWN;
        changed = true;
    }
    return changed;
}

/* Goes over the function until nothing changes. Most have no loops that matter, and two rounds do.
 */
bool code_flow(const struct code *c, size_t from, size_t without,
               struct code_facts facts[CODE_FLOW_MAX])
{
    if (c->n > CODE_FLOW_MAX)
        return false;
    memset(facts, 0, c->n * sizeof(*facts));
    facts[from].reached = true;
    for (unsigned i = 0; i < CODE_ARGUMENTS; i++)
        facts[from].holds[i] = (uint8_t)(CODE_GIVEN + i);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < c->n; i++) {
            struct code_facts after;
            size_t next[2];
            int n;

            if (!facts[i].reached || i == without)
                continue;
            n = code_next(c, i, next);
            if (n < 0)
                return false;
            after = facts_after(c, i, &facts[i]);
            for (int k = 0; k < n; k++)
                changed |= facts_meet(&facts[next[k]], &after);
        }
    }
    return true;
}
