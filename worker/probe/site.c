/* SPDX-License-Identifier: BSD-3-Clause */
/* What is looked for in a function's code, and only taken where code.c is sure of it. Otherwise the
 * function is hooked at entry and return, which costs more and is always right.
 *
 * Only what the kernel emulates is worth a hook: a push of a register, a near call (e8) and the
 * conditional jumps. */
#include "worker/probe/site.h"

#include "common/base/check.h"

#include <elf.h>
#include <string.h>

/* Push of a register, with or without prefix for the upper eight. */
static bool is_push(const uint8_t p[2])
{
    uint8_t opcode = p[0] == 0x41 ? p[1] : p[0];

    return opcode >= 0x50 && opcode <= 0x57;
}

/* The first instruction of a function that is behind a landing pad (endbr64), if that is a push. */
static bool entry_find(struct elf_image *e, uint64_t offset, uint64_t *at)
{
    static const uint8_t landing_pad[] = {0xf3, 0x0f, 0x1e, 0xfa};
    struct cursor c = elf_image_read(e, offset, sizeof(landing_pad) + 2);
    const uint8_t *p = cursor_bytes(&c, sizeof(landing_pad) + 2);
    size_t skip;

    if (!p || e->machine != EM_X86_64)
        return false;
    skip = memcmp(p, landing_pad, sizeof(landing_pad)) == 0 ? sizeof(landing_pad) : 0;
    *at = offset + skip;
    return is_push(p + skip);
}

uint64_t site_entry(struct elf_image *e, const struct elf_function *f)
{
    uint64_t at;

    return entry_find(e, f->offset, &at) ? at : f->offset;
}

#ifdef HAVE_CAPSTONE

#include "worker/probe/code.h"

#define DECISION_MAX 8u /* instructions from the call to the jump */
#define PROLOGUE_MAX 4u /* of Go, before the jump that asks for more stack */

size_t site_returns(struct elf_image *e, const struct elf_function *f, uint64_t *out, size_t max)
{
    struct code c;
    size_t n = 0;

    if (!code_open(&c, e, f))
        return 0;
    for (size_t i = 0; i < c.n; i++) {
        if (!code_is_ret(&c, i))
            continue;
        if (n < max)
            out[n] = c.insn[i].address;
        n++;
    }
    code_close(&c);
    return n <= max ? n : 0;
}

/* A conditional jump as the kernel emulates it: with a distance of a byte, or of four. */
static bool is_emulated_jump(const cs_insn *insn)
{
    return (insn->bytes[0] & 0xf0) == 0x70 ||
           (insn->bytes[0] == 0x0f && (insn->bytes[1] & 0xf0) == 0x80);
}

static bool is_emulated_call(const cs_insn *insn)
{
    return insn->bytes[0] == 0xe8;
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
        if (code_is_jump(&c, i) || code_is_call(&c, i) || code_is_ret(&c, i) ||
            code_writes(&c, i, is_no_scratch))
            break;
    }
    code_close(&c);
    return at;
}

static bool is_result_or_stack(uint16_t reg)
{
    return reg == X86_REG_RAX || reg == X86_REG_EAX || reg == X86_REG_AX || reg == X86_REG_AL ||
           reg == X86_REG_AH || reg == X86_REG_RSP || reg == X86_REG_ESP;
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
        uint64_t target;

        if (code_is_jump(c, i) && code_target(c, i, &target) && target >= c->insn[first].address &&
            target <= c->insn[last].address)
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
        if (code_is_jump(c, k))
            return tested && is_emulated_jump(&c->insn[k]) && !is_entered(c, i + 1, k) ? k : c->n;
        if (code_is_call(c, k) || code_is_ret(c, k) || code_writes(c, k, is_result_or_stack))
            return c->n;
        if (tests_result(&c->insn[k]))
            tested = true;
        else if (code_writes(c, k, is_flags))
            tested = false;
    }
    return c->n;
}

/* Whether the function does nothing but fail where it does not pass the call, and does not come to
 * the call again from `behind`. */
static bool is_only_way(const struct code *c, size_t call, size_t behind)
{
    struct code_facts facts[CODE_FLOW_MAX];
    size_t next[2];
    int n = code_next(c, behind, next);

    if (!code_flow(c, 0, call, facts))
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (facts[i].reached && code_is_ret(c, i) && facts[i].holds[CODE_RESULT] != CODE_FAILED)
            return false;
    for (int k = 0; k < n; k++)
        if (!code_flow(c, next[k], c->n, facts) || facts[call].reached)
            return false;
    return n > 0;
}

/* Whether the first n arguments are what the function was given. */
static bool are_given(const struct code_facts *facts, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (facts->holds[i] != CODE_GIVEN + i)
            return false;
    return true;
}

static bool site_search(const struct code *c, unsigned n_args, unsigned out, struct site *site)
{
    struct code_facts facts[CODE_FLOW_MAX];
    size_t call = c->n, decision = c->n;

    if (!code_flow(c, 0, c->n, facts))
        return false;
    for (size_t i = 0; i < c->n; i++) {
        size_t k;

        if (!facts[i].reached || !is_emulated_call(&c->insn[i]) || !are_given(&facts[i], n_args) ||
            (out >= n_args && facts[i].holds[out] != CODE_LOCAL) ||
            (k = decision_find(c, i)) == c->n)
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

    CHECK(n_args <= CODE_ARGUMENTS && out < CODE_ARGUMENTS);
    if (!code_open(&c, e, f))
        return false;
    found = site_search(&c, n_args, out, site);
    code_close(&c);
    return found;
}

/* The argument, behind the first three, that points to a local variable; CODE_ARGUMENTS if there is
 * none, or more than one. */
static unsigned local_argument(const struct code_facts *facts)
{
    unsigned found = CODE_ARGUMENTS;

    for (unsigned i = 3; i < CODE_ARGUMENTS; i++) {
        if (facts->holds[i] != CODE_LOCAL)
            continue;
        if (found != CODE_ARGUMENTS)
            return CODE_ARGUMENTS;
        found = i;
    }
    return found;
}

/* Whether two places are in one segment to execute. In another one the distance between them would
 * not be that of their offsets. */
static bool is_same_text(const struct elf_image *e, uint64_t a, uint64_t b)
{
    struct elf_segment s;

    for (unsigned i = 0; elf_image_segment(e, i, &s); i++)
        if (s.type == PT_LOAD && (s.flags & PF_X) && a >= s.offset && a - s.offset < s.bytes)
            return b >= s.offset && b - s.offset < s.bytes;
    return false;
}

/* Buffer and size are not asked for here: compilers keep them on the stack over the questions that
 * later versions ask first, and what the inner function takes is shown by those of passes_on. */
static bool inner_search(const struct code *c, struct site_inner *inner)
{
    struct code_facts facts[CODE_FLOW_MAX];
    size_t call = c->n;

    if (!code_flow(c, 0, c->n, facts))
        return false;
    for (size_t i = 0; i < c->n; i++) {
        unsigned out;

        if (!facts[i].reached || !is_emulated_call(&c->insn[i]) || !are_given(&facts[i], 1) ||
            (out = local_argument(&facts[i])) == CODE_ARGUMENTS)
            continue;
        if (call != c->n || !code_target(c, i, &inner->offset))
            return false;
        call = i;
        inner->out = out;
    }
    return call != c->n && is_only_way(c, call, call);
}

bool site_inner_find(struct elf_image *e, const struct elf_function *f, struct site_inner *inner)
{
    struct code c;
    bool found;

    if (!code_open(&c, e, f))
        return false;
    found = inner_search(&c, inner);
    code_close(&c);
    return found && is_same_text(e, f->offset, inner->offset) &&
           entry_find(e, inner->offset, &inner->entry);
}

/* Whether instruction i calls the inner function, or goes there. */
static bool goes_to(const struct code *c, size_t i, const struct site_inner *inner)
{
    uint64_t target;

    return code_target(c, i, &target) && target == inner->offset;
}

/* The size, and the address of the number of bytes done, come from outside and go inside as they
 * are: so what the inner function does with them is what the documentation says of f. */
static bool passes_on(const struct code *c, unsigned out, const struct site_inner *inner)
{
    struct code_facts facts[CODE_FLOW_MAX];

    if (!code_flow(c, 0, c->n, facts))
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (facts[i].reached && is_emulated_call(&c->insn[i]) && goes_to(c, i, inner))
            return are_given(&facts[i], 3) && facts[i].holds[inner->out] == CODE_GIVEN + out &&
                   is_only_way(c, i, i);
    return false;
}

bool site_inner_is_of(struct elf_image *e, const struct elf_function *f, unsigned out,
                      const struct site_inner *inner)
{
    struct code c;
    bool found;

    CHECK(out < CODE_ARGUMENTS);
    if (!code_open(&c, e, f))
        return false;
    found = passes_on(&c, out, inner);
    code_close(&c);
    return found;
}

/* Also where the code is not reached, or cannot be followed: it is enough that it is there. */
bool site_inner_may_be_of(struct elf_image *e, const struct elf_function *f,
                          const struct site_inner *inner)
{
    struct code c;
    bool found = false;

    if (!code_open(&c, e, f))
        return true;
    for (size_t i = 0; i < c.n; i++)
        found = found || goes_to(&c, i, inner);
    code_close(&c);
    return found;
}

bool site_is_jump(struct elf_image *e, const struct elf_function *f)
{
    struct code c;
    size_t n = 0;
    uint64_t target;
    bool found;

    if (!code_open(&c, e, f))
        return false;
    while (n < c.n && !code_is_jump(&c, n) && !code_is_call(&c, n) && !code_is_ret(&c, n))
        n++;
    found = n + 1 == c.n && c.insn[n].id == X86_INS_JMP && code_target(&c, n, &target) &&
            code_index(&c, target) == c.n;
    code_close(&c);
    return found;
}

/* The operand that register `to` was loaded from before instruction i, by an instruction of that
 * kind, straight or not; NULL if by another. *i is that instruction then. */
static const cs_x86_op *load_find(const struct code *c, size_t *i, x86_reg to, unsigned kind)
{
    while (*i > 0) {
        const cs_insn *insn = &c->insn[--*i];
        const cs_x86_op *op = insn->detail->x86.operands;

        if (insn->detail->x86.op_count == 2 && op[0].type == X86_OP_REG && op[0].reg == to)
            return insn->id == kind && op[1].type == X86_OP_MEM ? &op[1] : NULL;
    }
    return NULL;
}

/* In position-independent code a variable is named by its distance from the next instruction. */
static uint64_t relative(const struct code *c, size_t i, const cs_x86_op *op)
{
    return c->insn[i].address + c->insn[i].size + (uint64_t)op->mem.disp;
}

/* The variable whose content instruction i takes an element of, all of the size of a pointer. */
static bool table_search(const struct code *c, size_t i, uint64_t *at)
{
    const cs_x86_op *element = &c->insn[i].detail->x86.operands[1], *base, *address;

    if (c->insn[i].id != X86_INS_MOV || c->insn[i].detail->x86.op_count != 2 ||
        element->type != X86_OP_MEM || element->mem.index == X86_REG_INVALID ||
        element->mem.scale != 8 || element->mem.disp != 0)
        return false;
    base = load_find(c, &i, element->mem.base, X86_INS_MOV);
    if (!base || base->mem.index != X86_REG_INVALID)
        return false;
    if (base->mem.base == X86_REG_RIP) {
        *at = relative(c, i, base);
        return true;
    }
    address = load_find(c, &i, base->mem.base, X86_INS_LEA);
    if (!address || address->mem.base != X86_REG_RIP || address->mem.index != X86_REG_INVALID)
        return false;
    *at = relative(c, i, address) + (uint64_t)base->mem.disp;
    return true;
}

bool site_table(struct elf_image *e, const struct elf_function *f, uint64_t *at)
{
    struct code c;
    bool found = false;

    if (!code_open(&c, e, f))
        return false;
    for (size_t i = 0; i < c.n && !found; i++)
        found = table_search(&c, i, at);
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

bool site_inner_find(struct elf_image *e, const struct elf_function *f, struct site_inner *inner)
{
    (void)e, (void)f, (void)inner;
    return false;
}

bool site_inner_is_of(struct elf_image *e, const struct elf_function *f, unsigned out,
                      const struct site_inner *inner)
{
    (void)e, (void)f, (void)out, (void)inner;
    return false;
}

bool site_inner_may_be_of(struct elf_image *e, const struct elf_function *f,
                          const struct site_inner *inner)
{
    (void)e, (void)f, (void)inner;
    return true;
}

bool site_is_jump(struct elf_image *e, const struct elf_function *f)
{
    (void)e, (void)f;
    return false;
}

bool site_table(struct elf_image *e, const struct elf_function *f, uint64_t *at)
{
    (void)e, (void)f, (void)at;
    return false;
}

size_t site_returns(struct elf_image *e, const struct elf_function *f, uint64_t *out, size_t max)
{
    (void)e, (void)f, (void)out, (void)max;
    return 0;
}

#endif
