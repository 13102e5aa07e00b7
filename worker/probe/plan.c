/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/plan.h"

#include "common/base/check.h"
#include "worker/probe/site.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#define LIBRARIES_MAX 16u

/* Whether name is in a list with commas; an empty list has all. */
static bool listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    if (*list == '\0')
        return true;
    while (*list) {
        size_t n;

        list += strspn(list, ", ");
        n = strcspn(list, ", ");
        if (n == len && memcmp(list, name, n) == 0)
            return true;
        list += n;
    }
    return false;
}

static bool may_hold(const struct probe_library *l, const char *name, bool executable)
{
    if (executable && l->in_executables)
        return true;
    for (const char *const *p = l->file_prefixes; *p; p++)
        if (strncmp(name, *p, strlen(*p)) == 0)
            return true;
    return false;
}

static bool hook_add(struct plan *p, enum hook_kind kind, uint64_t offset,
                     struct probe_cookie cookie)
{
    if (p->n == PLAN_HOOKS_MAX)
        return false;
    p->hooks[p->n++] = (struct hook){kind, offset, cookie};
    return true;
}

static void entry_and_return_add(struct plan *p, uint64_t offset, struct probe_cookie cookie)
{
    hook_add(p, HOOK_ENTRY, offset, cookie);
    hook_add(p, HOOK_RETURN, offset, cookie);
}

/* A session's end is known when it begins: when the function returns, the pointer may be another's
 * already. */
static void function_add(struct plan *p, struct elf_image *e, const struct probe_function *f,
                         const struct elf_function *at)
{
    struct probe_cookie cookie = f->cookie;
    unsigned n_args = cookie.count == PROBE_COUNT_OUT ? 4 : 3;
    struct site site;

    if (f->site_count != PROBE_COUNT_NONE && site_find(e, at, n_args, f->site_out, &site)) {
        cookie.count = (unsigned char)f->site_count;
        cookie.out = f->site_out;
        cookie.flags |= PROBE_FLAG_SITE;
        if (hook_add(p, HOOK_ENTRY, site.entry, cookie) &&
            hook_add(p, HOOK_EXIT, site.exit, cookie))
            p->cheap = true;
        return;
    }
    if (cookie.call == PROBE_CALL_FREE)
        hook_add(p, HOOK_ENTRY, site_entry(e, at), cookie);
    else
        entry_and_return_add(p, site_entry(e, at), cookie);
}

/* A uretprobe changes the return address on the stack, which Go's runtime finds when it moves or
 * walks the stack, and stops the program: so the returns are hooked one by one. */
static bool go_function_add(struct plan *p, struct elf_image *e, const struct probe_function *f,
                            const struct elf_function *at)
{
    uint64_t returns[PLAN_HOOKS_MAX];
    size_t n = site_returns(e, at, returns, PLAN_HOOKS_MAX);
    bool fits = hook_add(p, HOOK_ENTRY, site_entry_go(e, at), f->cookie);

    if (f->cookie.call == PROBE_CALL_FREE)
        return fits;
    for (size_t i = 0; i < n; i++)
        fits = fits && hook_add(p, HOOK_EXIT, returns[i], f->cookie);
    return fits && n > 0;
}

/* Arguments came to be passed in registers with Go 1.17 (1.18 on AArch64). */
static bool go_passes_registers(const char *version, uint16_t machine)
{
    unsigned minor = 0;

    if (strncmp(version, "devel", 5) == 0)
        return true;
    if (sscanf(version, "go1.%u", &minor) != 1)
        return false;
    return minor >= (machine == EM_AARCH64 ? 18 : 17);
}

/* The number of a function by its name; n_functions if the image has it not. */
static size_t place_find(const struct probe_library *l, const struct elf_function *at,
                         const char *name)
{
    for (size_t i = 0; name && i < l->n_functions; i++)
        if (strcmp(l->functions[i].symbol, name) == 0)
            return at[i].offset != 0 ? i : l->n_functions;
    return l->n_functions;
}

/* The same as a place; NULL if the image has it not. */
static const struct elf_function *place(const struct probe_library *l,
                                        const struct elf_function *at, const char *name)
{
    size_t i = place_find(l, at, name);

    return i < l->n_functions ? &at[i] : NULL;
}

static bool has_required(const struct probe_library *l, const struct elf_function *at)
{
    for (const char *const *name = l->required; *name; name++)
        if (!place(l, at, *name))
            return false;
    return true;
}

/* Hooks what function i and others pass on to, if that is sure. Sets passed[] of those that need no
 * hook any more. One that only jumps elsewhere goes, as its library has it, to another of them. */
static void inner_add(struct plan *p, struct elf_image *e, const struct probe_library *l,
                      const struct elf_function *at, size_t i, bool passed[ELF_NAMES_MAX])
{
    const struct probe_function *f = &l->functions[i];
    const struct elf_function *other = place(l, at, f->inner_not);
    struct probe_cookie cookie = f->cookie;
    struct site_inner inner;

    if (!site_inner_find(e, &at[i], &inner) || (other && site_inner_may_be_of(e, other, &inner)))
        return;
    for (unsigned k = 0; k < PROBE_INNER_MAX; k++) {
        size_t as = place_find(l, at, f->inner[k]);

        if (as == l->n_functions)
            continue;
        if (site_inner_is_of(e, &at[as], l->functions[as].cookie.out, &inner))
            passed[i] = passed[as] = true;
        else
            passed[as] = passed[i] && site_is_jump(e, &at[as]);
    }
    if (!passed[i])
        return;
    cookie.count = PROBE_COUNT_OUT;
    cookie.out = (unsigned char)inner.out;
    entry_and_return_add(p, inner.entry, cookie);
    p->cheap = true;
}

/* In a cookie: how far the table of layers' names is from the hook. */
static int names_distance(uint64_t names, uint64_t hook)
{
    int64_t bytes = (int64_t)(names - (hook & ~UINT64_C(7)));

    return bytes % 8 == 0 && bytes / 8 >= -PROBE_NAMES_MAX && bytes / 8 <= PROBE_NAMES_MAX
               ? (int)(bytes / 8)
               : 0;
}

/* Whoever is hooked where a layer's name can tell what the session is, is told the way there. */
static void names_add(struct plan *p, struct elf_image *e, const struct elf_function *layer_name,
                      size_t from)
{
    uint64_t names;

    if (!layer_name || !site_table(e, layer_name, &names))
        return;
    for (size_t i = from; i < p->n; i++)
        if (p->hooks[i].cookie.call != PROBE_CALL_FREE)
            p->hooks[i].cookie.names = names_distance(names, p->hooks[i].offset);
}

static void library_add(struct plan *p, struct elf_image *e, const struct probe_library *l,
                        const struct elf_function *at)
{
    bool passed[ELF_NAMES_MAX] = {false};
    size_t before = p->n;

    for (size_t i = 0; i < l->n_functions; i++)
        if (at[i].offset != 0 && l->functions[i].inner[0])
            inner_add(p, e, l, at, i, passed);
    for (size_t i = 0; i < l->n_functions; i++) {
        const struct probe_function *f = &l->functions[i];

        if (at[i].offset == 0 || f->cookie.call == 0 || passed[i] || place(l, at, f->unless))
            continue;
        if (!l->go) {
            function_add(p, e, f, &at[i]);
        } else if (!go_function_add(p, e, f, &at[i])) {
            p->missed = "the returns of its Go functions could not be found";
            p->n = before;
            return;
        }
    }
    names_add(p, e, place(l, at, l->layer_name), before);
    if (!p->library)
        p->library = l;
}

/* Go's functions: by their own table where the symbols are stripped. */
static void go_add(struct plan *p, struct elf_image *e, const struct probe_library *l,
                   const char *const *names, struct elf_function *at)
{
    char version[32];

    if (!elf_image_go_version(e, version, sizeof(version)))
        return;
    if (!has_required(l, at))
        elf_image_find_go(e, names, l->n_functions, at);
    if (!has_required(l, at))
        return;
    if (go_passes_registers(version, e->machine))
        library_add(p, e, l, at);
    else
        p->missed = "Go before 1.17 passes arguments on the stack";
}

/* Whether a name is followed by a suffix somewhere. */
static bool has_file_name(struct cursor c, const char *name)
{
    size_t n = strlen(name);

    while (cursor_left(&c) > n) {
        const uint8_t *at = memmem(c.p, cursor_left(&c) - 1, name, n);

        if (!at)
            return false;
        if (at[n] == '.')
            return true;
        c.p = at + n;
    }
    return false;
}

/* Whether the file has a name that a library leaves in programs it is linked into. */
static bool has_trace(struct elf_image *e, const char *trace)
{
    struct elf_segment s;

    for (unsigned i = 0; elf_image_segment(e, i, &s); i++) {
        if (s.type != PT_LOAD || (s.flags & PF_W))
            continue;
        if (has_file_name(elf_image_read(e, s.offset, s.bytes), trace))
            return true;
    }
    return false;
}

void plan_make(struct plan *p, struct elf_image *e, const char *name, bool executable,
               const char *only)
{
    const struct probe_library *may[LIBRARIES_MAX];
    const char *names[ELF_NAMES_MAX];
    struct elf_function at[ELF_NAMES_MAX];
    size_t n_may = 0, n = 0;

    *p = (struct plan){0};
    for (size_t i = 0; probe_libraries[i]; i++) {
        const struct probe_library *l = probe_libraries[i];

        if (!listed(only, l->name) || !may_hold(l, name, executable))
            continue;
        CHECK(n_may < LIBRARIES_MAX && n + l->n_functions <= ELF_NAMES_MAX);
        may[n_may++] = l;
        for (size_t k = 0; k < l->n_functions; k++)
            names[n++] = l->functions[k].symbol;
    }
    if (n == 0)
        return;
    elf_image_find(e, names, n, at);
    n = 0;
    for (size_t i = 0; i < n_may; i++) {
        if (may[i]->go)
            go_add(p, e, may[i], names + n, at + n);
        else if (has_required(may[i], at + n))
            library_add(p, e, may[i], at + n);
        n += may[i]->n_functions;
    }
    for (size_t i = 0; executable && !p->library && !p->missed && i < n_may; i++)
        if (may[i]->trace && has_trace(e, may[i]->trace))
            p->missed = "it has a TLS library inside, without the symbols of it";
}

static bool is_library(const char *name, size_t len)
{
    for (size_t i = 0; probe_libraries[i]; i++)
        if (strlen(probe_libraries[i]->name) == len &&
            memcmp(probe_libraries[i]->name, name, len) == 0)
            return true;
    return false;
}

static void say_unknown(const char *name, size_t len, char *error, size_t error_bytes)
{
    const char *last = "";
    size_t n = (size_t)snprintf(error, error_bytes, "libraries: there is no '%.*s'; there are:",
                                (int)(len < 64 ? len : 64), name);

    for (size_t i = 0; probe_libraries[i] && n < error_bytes; i++) {
        /* One in several files has a row for each. */
        if (strcmp(probe_libraries[i]->name, last) != 0)
            n += (size_t)snprintf(error + n, error_bytes - n, " %s", probe_libraries[i]->name);
        last = probe_libraries[i]->name;
    }
}

bool plan_check_list(const char *only, char *error, size_t error_bytes)
{
    for (only += strspn(only, ", "); *only; only += strspn(only, ", ")) {
        size_t len = strcspn(only, ", ");

        if (!is_library(only, len)) {
            say_unknown(only, len, error, error_bytes);
            return false;
        }
        only += len;
    }
    return true;
}
