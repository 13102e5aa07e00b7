/* SPDX-License-Identifier: BSD-3-Clause */
/* The TLS libraries that the probe knows: a file lib_<name>.c each, and a row in table.c. */
#ifndef SPLIFF_PROBE_LIBRARY_H
#define SPLIFF_PROBE_LIBRARY_H

#include "bpf/probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_INNER_MAX 2u

/* A function to hook. The numbers of arguments count from 0. */
struct probe_function {
    const char *symbol;
    struct probe_cookie cookie; /* image is filled in; call 0: not hooked, only looked at */
    /* The cheap site inside it, if the decoder finds it: the call to this inner function's way of
     * returning bytes. 0 (PROBE_COUNT_NONE): always entry and return. */
    enum probe_count site_count;
    unsigned char site_out; /* argument of the inner call that points to the bytes done */
    const char *unless;     /* not where there is this function, which it calls; or NULL */
    /* Functions that do the same as this one but take the address of the number of bytes done:
     * where the decoder finds the function without a name that both this and one of them pass on
     * to, that one is hooked instead of them, since others of the library call it, too. */
    const char *inner[PROBE_INNER_MAX];
    const char *inner_not; /* and this function does not go there; or NULL */
};

struct probe_library {
    const char *name;
    const char *const *file_prefixes; /* base names of its shared objects; NULL-terminated */
    bool in_executables;              /* may be linked statically: look into every executable */
    bool go;                          /* functions from .gopclntab, returns by their RETs */
    /* A source file's name, less its suffix, that is in programs which have it inside, also without
     * symbols; or NULL. The suffix is looked for, too: else the probe would be one of them. */
    const char *trace;
    /* A function that returns the name of a layer of descriptors, from a table by number: with it
     * sessions of PROBE_FLAG_MARKED_ONLY are known without a mark; or NULL. */
    const char *layer_name;
    /* An image is of this library if it defines these; NULL-terminated. */
    const char *const *required;
    const struct probe_function *functions;
    size_t n_functions;
};

/* In the order of asking; NULL-terminated (table.c). */
extern const struct probe_library *const probe_libraries[];

#endif
