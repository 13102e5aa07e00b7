/* SPDX-License-Identifier: BSD-3-Clause */
/* What to attach to an image: from the table of libraries and the symbols of the file. */
#ifndef SPLIFF_PROBE_PLAN_H
#define SPLIFF_PROBE_PLAN_H

#include "worker/probe/elf_image.h"
#include "worker/probe/library.h"

#define PLAN_HOOKS_MAX 128u

enum hook_kind {
    HOOK_ENTRY,  /* program on_entry at offset */
    HOOK_RETURN, /* program on_return, as a uretprobe of the function at offset */
    HOOK_EXIT,   /* program on_return at the instruction at offset (sites, Go's RETs) */
};

struct hook {
    enum hook_kind kind;
    uint64_t offset; /* in the file */
    struct probe_cookie cookie;
};

struct plan {
    const struct probe_library *library; /* NULL: no TLS library that we know */
    bool cheap;                          /* at least one function is probed at sites */
    const char *missed; /* looks like a library that we know but cannot be hooked: why; or NULL */
    size_t n;
    struct hook hooks[PLAN_HOOKS_MAX];
};

/* name is the base name of the file; executable: it was mapped as a process's own program.
 * only: list of library names ("openssl,go") or "" for all. */
void plan_make(struct plan *p, struct elf_image *e, const char *name, bool executable,
               const char *only);

/* Whether each name in such a list is a library's. If not, one line in error[error_bytes] that says
 * which there are. */
bool plan_check_list(const char *only, char *error, size_t error_bytes);

#endif
