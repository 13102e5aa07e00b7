/* SPDX-License-Identifier: BSD-3-Clause */
/* A small interpreter of x86-64 code that knows little and is sure of what it knows. For each
 * instruction it computes which facts hold whenever it is reached, on whatever way: that a register
 * still has the argument that the function was given, that one has the address of a local variable,
 * that the result register has a constant of 0 or less. Where ways meet, a fact holds if it holds
 * on both. What it does not know (an indirect jump, a jump out of the function) ends the search:
 * then the function is hooked at entry and return, which costs more and is always right.
 *
 * Only what the kernel emulates is worth a hook: a near call (e8) and the conditional jumps. */
#include "worker/probe/site.h"

#include "common/base/check.h"

#include <elf.h>
#include <string.h>

/* endbr64, then push of a register, with or without prefix for the upper eight. */
uint64_t site_entry(struct elf_image *e, const struct elf_function *f)
{
    static const uint8_t landing_pad[] = {0xf3, 0x0f, 0x1e, 0xfa};
    struct cursor c = elf_image_read(e, f->offset, sizeof(landing_pad) + 2);
    const uint8_t *p = cursor_bytes(&c, sizeof(landing_pad) + 2);

    if (!p || e->machine != EM_X86_64 || memcmp(p, landing_pad, sizeof(landing_pad)) != 0)
        return f->offset;
    p += sizeof(landing_pad);
    if (p[0] == 0x41)
        p++;
    return p[0] >= 0x50 && p[0] <= 0x57 ? f->offset + sizeof(landing_pad) : f->offset;
}

#ifdef HAVE_CAPSTONE

#include <capstone/capstone.h>

#define CODE_MAX     (64u * 1024) /* bytes of a function */
#define SITE_MAX     512u         /* instructions of one that is searched for a site */
#define DECISION_MAX 8u           /* instructions from the call to the jump */
#define PROLOGUE_MAX 4u           /* of Go, before the jump that asks for more stack */
#define ARGS         6u

#define FACT_GIVEN(i)  (1u << (i))          /* argument register i is as it was at entry */
#define FACT_LOCAL(i)  (1u << (ARGS + (i))) /* it has the address of a local variable */
#define FACT_FRAME     (1u << (2 * ARGS))   /* rbp points to the frame */
#define FACT_FAILED    (2u << (2 * ARGS))   /* eax is a constant, 0 or less */
#define FACT_UNREACHED (1u << 31)
#define FACTS_AT_ENTRY ((1u << ARGS) - 1)

struct code {
    csh decoder;
    cs_insn *insn;
    size_t n;
};

/* The whole function; false if it cannot be decoded to its end. */
static bool code_open(struct code *c, struct elf_image *e, const struct elf_function *f)
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

static void code_close(struct code *c)
{
    cs_free(c->insn, c->n);
    cs_close(&c->decoder);
}

static bool is_ret(const struct code *c, size_t i)
{
    return cs_insn_group(c->decoder, &c->insn[i], CS_GRP_RET);
}

static bool is_call(const struct code *c, size_t i)
{
    return cs_insn_group(c->decoder, &c->insn[i], CS_GRP_CALL);
}

static bool is_jump(const struct code *c, size_t i)
{
    return cs_insn_group(c->decoder, &c->insn[i], CS_GRP_JUMP);
}

size_t site_returns(struct elf_image *e, const struct elf_function *f, uint64_t *out, size_t max)
{
    struct code c;
    size_t n = 0;

    if (!code_open(&c, e, f))
        return 0;
    for (size_t i = 0; i < c.n; i++) {
        if (!is_ret(&c, i))
            continue;
        if (n < max)
            out[n] = c.insn[i].address;
        n++;
    }
    code_close(&c);
    return n <= max ? n : 0;
}

static bool writes(const struct code *c, size_t i, bool (*wanted)(uint16_t reg))
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

/* A conditional jump as the kernel emulates it. */
static bool is_emulated_jump(const cs_insn *insn)
{
    return (insn->bytes[0] & 0xf0) == 0x70 ||
           (insn->bytes[0] == 0x0f && (insn->bytes[1] & 0xf0) == 0x80);
}

/* What a function of Go may write before it knows that its stack is large enough. */
static bool is_no_scratch(uint16_t reg)
{
    return reg != X86_REG_R12 && reg != X86_REG_EFLAGS;
}

uint64_t site_entry_go(struct elf_image *e, const struct elf_function *f)
{
    struct code c;
    uint64_t at = f->offset;

    if (!code_open(&c, e, f))
        return at;
    for (size_t i = 0; i < c.n && i <= PROLOGUE_MAX; i++) {
        if (is_emulated_jump(&c.insn[i])) {
            at = c.insn[i].address;
            break;
        }
        if (is_jump(&c, i) || is_call(&c, i) || is_ret(&c, i) || writes(&c, i, is_no_scratch))
            break;
    }
    code_close(&c);
    return at;
}

/* The argument register that reg is (a part of); ARGS if it is none. */
static unsigned argument(uint16_t reg)
{
    static const uint16_t parts[ARGS][5] = {
        {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, 0},
        {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, 0},
        {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
        {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
        {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, 0},
        {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, 0},
    };

    for (unsigned i = 0; i < ARGS; i++)
        for (unsigned k = 0; k < 5; k++)
            if (parts[i][k] == reg && reg != X86_REG_INVALID)
                return i;
    return ARGS;
}

static bool is_result(uint16_t reg)
{
    return reg == X86_REG_RAX || reg == X86_REG_EAX || reg == X86_REG_AX || reg == X86_REG_AL ||
           reg == X86_REG_AH;
}

static bool is_frame(uint16_t reg)
{
    return reg == X86_REG_RBP || reg == X86_REG_EBP || reg == X86_REG_BP || reg == X86_REG_BPL;
}

/* What does not hold any more behind an instruction that writes these registers. */
static uint32_t facts_lost(const struct code *c, const cs_insn *insn)
{
    cs_regs read, written;
    uint8_t n_read, n_written;
    uint32_t lost = 0;

    if (cs_regs_access(c->decoder, insn, read, &n_read, written, &n_written) != CS_ERR_OK)
        return UINT32_MAX;
    for (unsigned i = 0; i < n_written; i++) {
        unsigned arg = argument(written[i]);

        if (arg < ARGS)
            lost |= FACT_GIVEN(arg) | FACT_LOCAL(arg);
        lost |= is_result(written[i]) ? FACT_FAILED : 0;
        lost |= is_frame(written[i]) ? FACT_FRAME : 0;
    }
    return lost;
}

/* Whether source is the address of something in the frame. */
static bool is_local(const cs_insn *insn, const cs_x86_op *source, uint32_t facts)
{
    if (insn->id == X86_INS_MOV)
        return source->type == X86_OP_REG && source->reg == X86_REG_RSP;
    return insn->id == X86_INS_LEA && source->type == X86_OP_MEM &&
           source->mem.index == X86_REG_INVALID &&
           (source->mem.base == X86_REG_RSP ||
            (source->mem.base == X86_REG_RBP && (facts & FACT_FRAME)));
}

/* Whether an instruction puts a constant of 0 or less in the result register. */
static bool is_failure(const cs_insn *insn, const cs_x86_op *op)
{
    bool immediate = op[1].type == X86_OP_IMM;

    switch (insn->id) {
    case X86_INS_MOV:
        return immediate && (int32_t)op[1].imm <= 0;
    case X86_INS_XOR:
        return op[1].type == X86_OP_REG && op[1].reg == op[0].reg;
    case X86_INS_OR:
        return immediate && (int32_t)op[1].imm == -1;
    default:
        return false;
    }
}

/* What holds behind an instruction. */
static uint32_t facts_after(const struct code *c, size_t i, uint32_t facts)
{
    const cs_insn *insn = &c->insn[i];
    const cs_x86_op *op = insn->detail->x86.operands;
    uint32_t after;
    unsigned arg;

    if (is_call(c, i)) /* what it is called with is its own, and the result */
        return facts & FACT_FRAME;
    after = facts & ~facts_lost(c, insn);
    if (insn->detail->x86.op_count != 2 || op[0].type != X86_OP_REG)
        return after;
    arg = argument((uint16_t)op[0].reg);
    if (insn->id == X86_INS_MOVSXD && op[1].type == X86_OP_REG && arg < ARGS && op[0].size == 8 &&
        argument((uint16_t)op[1].reg) == arg)
        return after | (facts & FACT_GIVEN(arg));
    if (op[0].size == 8 && is_local(insn, &op[1], facts))
        after |= arg < ARGS ? FACT_LOCAL(arg) : 0;
    if (insn->id == X86_INS_MOV && op[0].reg == X86_REG_RBP && is_local(insn, &op[1], facts))
        after |= FACT_FRAME;
    if ((op[0].reg == X86_REG_EAX || op[0].reg == X86_REG_RAX) && is_failure(insn, op))
        after |= FACT_FAILED;
    return after;
}

/* Index of the instruction that a direct jump goes to; c->n if it goes elsewhere. */
static size_t jump_target(const struct code *c, size_t i)
{
    const cs_x86_op *op = c->insn[i].detail->x86.operands;
    size_t low = 0, high = c->n;

    if (c->insn[i].detail->x86.op_count != 1 || op[0].type != X86_OP_IMM)
        return c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->insn[middle].address < (uint64_t)op[0].imm)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->n && c->insn[low].address == (uint64_t)op[0].imm ? low : c->n;
}

/* Where it goes on behind an instruction: up to two. Returns how many, or -1 if nobody knows. A
 * call at the very end of a function is one that does not return. */
static int next_of(const struct code *c, size_t i, size_t next[2])
{
    unsigned id = c->insn[i].id;
    int n = 0;

    if (is_ret(c, i) || id == X86_INS_UD2 || id == X86_INS_HLT || id == X86_INS_INT3)
        return 0;
    if (is_jump(c, i)) {
        next[n++] = jump_target(c, i);
        if (next[0] == c->n)
            return -1;
        if (id == X86_INS_JMP)
            return n;
    }
    if (i + 1 == c->n)
        return is_call(c, i) ? 0 : -1;
    next[n++] = i + 1;
    return n;
}

/* Computes what holds before each instruction that is reached from `from` without passing
 * `without`. False if there is a way that nobody knows. */
static bool facts_flow(const struct code *c, size_t from, size_t without, uint32_t facts[SITE_MAX])
{
    for (size_t i = 0; i < c->n; i++)
        facts[i] = FACT_UNREACHED;
    facts[from] = FACTS_AT_ENTRY;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < c->n; i++) {
            size_t next[2];
            int n = 0;

            if (facts[i] == FACT_UNREACHED || i == without)
                continue;
            n = next_of(c, i, next);
            if (n < 0)
                return false;
            for (int k = 0; k < n; k++) {
                uint32_t after = facts_after(c, i, facts[i]), *there = &facts[next[k]];
                uint32_t both = *there == FACT_UNREACHED ? after : *there & after;

                changed |= both != *there;
                *there = both;
            }
        }
    }
    return true;
}

static bool is_result_or_stack(uint16_t reg)
{
    return is_result(reg) || reg == X86_REG_RSP || reg == X86_REG_ESP;
}

static bool is_flags(uint16_t reg)
{
    return reg == X86_REG_EFLAGS;
}

static bool tests_result(const cs_insn *insn)
{
    const cs_x86_op *op = insn->detail->x86.operands;

    if (insn->detail->x86.op_count != 2 || op[0].type != X86_OP_REG ||
        (op[0].reg != X86_REG_EAX && op[0].reg != X86_REG_RAX))
        return false;
    return insn->id == X86_INS_TEST
               ? op[1].type == X86_OP_REG && op[1].reg == op[0].reg
               : insn->id == X86_INS_CMP && op[1].type == X86_OP_IMM && op[1].imm == 0;
}

/* Whether some jump goes to an instruction from first to last. */
static bool is_entered(const struct code *c, size_t first, size_t last)
{
    for (size_t i = 0; i < c->n; i++) {
        size_t target = is_jump(c, i) ? jump_target(c, i) : c->n;

        if (target >= first && target <= last)
            return true;
    }
    return false;
}

/* The conditional jump that the result of the call at i decides; c->n if there is none, or the way
 * to it is not straight. */
static size_t decision_find(const struct code *c, size_t i)
{
    bool tested = false;

    for (size_t k = i + 1; k < c->n && k <= i + DECISION_MAX; k++) {
        if (is_jump(c, k))
            return tested && is_emulated_jump(&c->insn[k]) && !is_entered(c, i + 1, k) ? k : c->n;
        if (is_call(c, k) || is_ret(c, k) || writes(c, k, is_result_or_stack))
            return c->n;
        if (tests_result(&c->insn[k]))
            tested = true;
        else if (writes(c, k, is_flags))
            tested = false;
    }
    return c->n;
}

/* Whether the function does nothing but fail where it does not pass the call, and passes it once.
 */
static bool is_only_way(const struct code *c, size_t call, size_t decision)
{
    uint32_t facts[SITE_MAX];
    size_t next[2];
    int n = next_of(c, decision, next);

    if (!facts_flow(c, 0, call, facts))
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (facts[i] != FACT_UNREACHED && is_ret(c, i) && !(facts[i] & FACT_FAILED))
            return false;
    for (int k = 0; k < n; k++)
        if (!facts_flow(c, next[k], c->n, facts) || facts[call] != FACT_UNREACHED)
            return false;
    return n == 2;
}

static bool site_search(const struct code *c, unsigned n_args, unsigned out, struct site *site)
{
    uint32_t facts[SITE_MAX], wanted = (1u << n_args) - 1;
    size_t call = c->n, decision = c->n;

    if (c->n > SITE_MAX || !facts_flow(c, 0, c->n, facts))
        return false;
    if (out >= n_args)
        wanted |= FACT_LOCAL(out);
    for (size_t i = 0; i < c->n; i++) {
        size_t k;

        if (facts[i] == FACT_UNREACHED || c->insn[i].bytes[0] != 0xe8 ||
            (facts[i] & wanted) != wanted || (k = decision_find(c, i)) == c->n)
            continue;
        if (call != c->n)
            return false;
        call = i;
        decision = k;
    }
    if (call == c->n || !is_only_way(c, call, decision))
        return false;
    *site = (struct site){c->insn[call].address, c->insn[decision].address};
    return true;
}

bool site_find(struct elf_image *e, const struct elf_function *f, unsigned n_args, unsigned out,
               struct site *site)
{
    struct code c;
    bool found;

    CHECK(n_args <= ARGS && out < ARGS);
    if (!code_open(&c, e, f))
        return false;
    found = site_search(&c, n_args, out, site);
    code_close(&c);
    return found;
}

#else

uint64_t site_entry_go(struct elf_image *e, const struct elf_function *f)
{
    (void)e;
    return f->offset;
}

bool site_find(struct elf_image *e, const struct elf_function *f, unsigned n_args, unsigned out,
               struct site *site)
{
    (void)e, (void)f, (void)n_args, (void)out, (void)site;
    return false;
}

size_t site_returns(struct elf_image *e, const struct elf_function *f, uint64_t *out, size_t max)
{
    (void)e, (void)f, (void)out, (void)max;
    return 0;
}

#endif
