/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration files in INI form, read by inih, with the place of every key: what both
 * spliff.cfg and node.cfg need for an error that names file and line. */
#ifndef SPLIFF_MANAGER_INI_FILE_H
#define SPLIFF_MANAGER_INI_FILE_H

#include <stddef.h>
#include <stdint.h>

#define INI_FILE_MAX_BYTES (1u << 20)
#define INI_ERROR_BYTES    512 /* room for one line of error */

/* One `key = value`, borrowed for the callback. */
struct ini_entry {
    const char *file;
    unsigned line;
    unsigned section_line; /* of its [section]; 0 before the first. Tells equal names apart. */
    const char *section;
    const char *key;
    const char *value;
};

/* Takes one entry. 0, or -EINVAL with what is wrong in error[INI_ERROR_BYTES], without the place.
 */
typedef int ini_entry_fn(void *user, const struct ini_entry *e, char *error);

/* Reads text[len] (no NUL needed). `file` is its name in errors. Returns 0, or -EINVAL with
 * "file:line: what" in error[INI_ERROR_BYTES]: a callback refused, a line is no key = value or too
 * long, or a [section] holds nothing. Stops at the first error. */
int ini_text_read(const char *text, size_t len, const char *file, ini_entry_fn *fn, void *user,
                  char *error);

/* The same, but reads on behind an error: the first is what is returned. */
int ini_text_read_all(const char *text, size_t len, const char *file, ini_entry_fn *fn, void *user,
                      char *error);

/* The whole file into *text (on the heap; NULL after an error) and *len. 0; -errno of opening or
 * reading it, -EFBIG over INI_FILE_MAX_BYTES, with a line in error[INI_ERROR_BYTES]. */
int ini_file_load(const char *path, char **text, size_t *len, char *error);

/* ini_text_read of a file. Also what ini_file_load returns. */
int ini_file_read(const char *path, ini_entry_fn *fn, void *user, char *error);

#endif
