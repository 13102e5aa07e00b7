/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/plan.h"

#include "common/base/check.h"
#include "worker/probe/site.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

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

/* A session's end is known when it begins: when the function returns, the pointer may be another's
 * already. */
static void function_add(struct plan *p, const struct elf_image *e, const struct probe_function *f,
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
    hook_add(p, HOOK_ENTRY, site_entry(e, at), cookie);
    if (cookie.call != PROBE_CALL_FREE)
        hook_add(p, HOOK_RETURN, site_entry(e, at), cookie);
}

/* A uretprobe changes the return address on the stack, which Go's runtime finds when it moves or
 * walks the stack, and stops the program: so the returns are hooked one by one. */
static bool go_function_add(struct plan *p, const struct elf_image *e,
                            const struct probe_function *f, const struct elf_function *at)
{
    uint64_t returns[PLAN_HOOKS_MAX];
    size_t n = site_returns(e, at, returns, PLAN_HOOKS_MAX);
    bool fits = hook_add(p, HOOK_ENTRY, at->offset, f->cookie);

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

static size_t find_all(const struct probe_library *l, const struct elf_image *e,
                       struct elf_function *at)
{
    const char *names[ELF_NAMES_MAX];
    size_t found;

    CHECK(l->n_functions <= ELF_NAMES_MAX);
    for (size_t i = 0; i < l->n_functions; i++)
        names[i] = l->functions[i].symbol;
    found = elf_image_find(e, names, l->n_functions, at);
    return found > 0 || !l->go ? found : elf_image_find_go(e, names, l->n_functions, at);
}

/* The place of a function by its name; NULL if the image has it not. */
static const struct elf_function *place(const struct probe_library *l,
                                        const struct elf_function *at, const char *name)
{
    for (size_t i = 0; name && i < l->n_functions; i++)
        if (strcmp(l->functions[i].symbol, name) == 0)
            return at[i].offset != 0 ? &at[i] : NULL;
    return NULL;
}

static void library_add(struct plan *p, const struct elf_image *e, const struct probe_library *l)
{
    struct elf_function at[ELF_NAMES_MAX];
    char version[32];
    size_t before = p->n;

    if (l->go && !elf_image_go_version(e, version, sizeof(version)))
        return;
    if (find_all(l, e, at) == 0)
        return;
    for (const char *const *name = l->required; *name; name++)
        if (!place(l, at, *name))
            return;
    if (l->go && !go_passes_registers(version, e->machine)) {
        p->missed = "Go before 1.17 passes arguments on the stack";
        return;
    }
    for (size_t i = 0; i < l->n_functions; i++) {
        const struct probe_function *f = &l->functions[i];

        if (at[i].offset == 0 || place(l, at, f->unless))
            continue;
        if (!l->go) {
            function_add(p, e, f, &at[i]);
        } else if (!go_function_add(p, e, f, &at[i])) {
            p->missed = "the returns of its Go functions could not be found";
            p->n = before;
            return;
        }
    }
    if (!p->library)
        p->library = l;
}

void plan_make(struct plan *p, const struct elf_image *e, const char *name, bool executable,
               const char *only)
{
    *p = (struct plan){0};
    for (size_t i = 0; probe_libraries[i]; i++)
        if (listed(only, probe_libraries[i]->name) &&
            may_hold(probe_libraries[i], name, executable))
            library_add(p, e, probe_libraries[i]);
}
