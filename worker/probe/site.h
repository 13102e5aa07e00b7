/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in a function a probe is cheap. A uprobe on an instruction that the kernel must execute out
 * of line costs ten times one that it emulates (call, conditional jump), and most functions begin
 * with the former. Where the decoder is sure that an inner call takes the arguments unchanged and
 * its result is tested next, that call and the jump after the test stand for entry and return. */
#ifndef SPLIFF_PROBE_SITE_H
#define SPLIFF_PROBE_SITE_H

#include "worker/probe/elf_image.h"

/* Offsets in the file. */
struct site {
    uint64_t entry; /* a call: argument registers hold what the function was given */
    uint64_t exit;  /* a conditional jump that every way from that call passes: result register */
};

/* Looks for the one call in a function that takes its first n_args arguments unchanged, and in
 * argument `out` (if not one of them) the address of a local variable, and whose result decides the
 * next conditional jump. What does not pass this call returns a constant of 0 or less. True if the
 * decoder is sure. Without a disassembler in the build: never. */
bool site_find(struct elf_image *e, const struct elf_function *f, unsigned n_args, unsigned out,
               struct site *site);

/* A function without a name, inside one that has it. */
struct site_inner {
    uint64_t offset; /* in the file */
    uint64_t entry;  /* in it, an instruction with which it begins and that the kernel emulates */
    unsigned out;    /* argument that points to the number of bytes done; the first three are the
                        session, the buffer and its size */
};

/* Looks for the one function that f calls with its own first argument and, behind the third, the
 * address of a local variable; without it f does nothing but return a constant of 0 or less. True
 * if the decoder is sure. */
bool site_inner_find(struct elf_image *e, const struct elf_function *f, struct site_inner *inner);

/* Whether f does nothing but fail without that inner function, and gives it its own first three
 * arguments and its argument `out` in the place of the inner one's. */
bool site_inner_is_of(struct elf_image *e, const struct elf_function *f, unsigned out,
                      const struct site_inner *inner);

/* Whether f goes there in any way; true if nobody knows. */
bool site_inner_may_be_of(struct elf_image *e, const struct elf_function *f,
                          const struct site_inner *inner);

/* Whether f does nothing but set registers and jump to another function. */
bool site_is_jump(struct elf_image *e, const struct elf_function *f);

/* Looks for the variable that holds the address of a table of pointers of which f takes one. *at:
 * its offset in the file, were all of that mapped as the function is. Who reads there must be able
 * to tell whether it is that table. */
bool site_table(struct elf_image *e, const struct elf_function *f, uint64_t *at);

/* Where to hook the entry and the return of a function: behind a landing pad (endbr64), which costs
 * a step, if what follows it is one of the instructions that the kernel emulates. */
uint64_t site_entry(struct elf_image *e, const struct elf_function *f);

/* Where to hook the entry of a function of Go: at the conditional jump that asks for more stack, if
 * nothing before it changes arguments or stack. Like the function's first instruction it comes
 * again when the stack has grown. */
uint64_t site_entry_go(struct elf_image *e, const struct elf_function *f);

/* Offsets of all return instructions of a function; the number, 0 if it could not be decoded to its
 * end or has more than max. */
size_t site_returns(struct elf_image *e, const struct elf_function *f, uint64_t *out, size_t max);

#endif
