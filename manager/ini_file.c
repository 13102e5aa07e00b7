/* SPDX-License-Identifier: BSD-3-Clause */
/* inih tells its handler neither the line nor where a section begins, and never mentions a section
 * without keys. All three are known where it fetches its lines, so the line reader here counts
 * them: a handler call always belongs to the line fetched last.
 *
 * Lines lose their leading blanks on the way, since inih would take an indented line for the
 * continuation of a value, which none of our keys has. */
#include "manager/ini_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ini_reading {
    const char *p, *end;
    const char *file;
    ini_entry_fn *fn;
    void *user;
    char *error;
    unsigned line;
    unsigned section_line;
    bool section_empty; /* no key of it yet */
    bool to_the_end;    /* also behind an error */
    int result;         /* first error */
};

static int ini_fail(struct ini_reading *r, unsigned line, const char *what)
{
    if (r->result == 0) {
        snprintf(r->error, INI_ERROR_BYTES, "%s:%u: %s", r->file, line, what);
        r->result = -EINVAL;
    }
    return 0; /* inih's word for failure */
}

/* Whether what comes next is of no use. */
static bool ini_is_over(const struct ini_reading *r)
{
    return r->result < 0 && !r->to_the_end;
}

static void ini_section_done(struct ini_reading *r)
{
    if (r->section_empty)
        ini_fail(r, r->section_line, "this section is empty");
    r->section_empty = false;
}

/* ini_reader: the next line into out[n]. NULL at the end or after an error. */
static char *ini_fetch(char *out, int n, void *user)
{
    struct ini_reading *r = user;
    const char *nl;
    size_t len;

    if (r->p == r->end)
        ini_section_done(r);
    if (r->p == r->end || ini_is_over(r))
        return NULL;
    r->line++;
    nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
    len = (size_t)((nl ? nl : r->end) - r->p);
    while (len > 0 && (*r->p == ' ' || *r->p == '\t')) {
        r->p++;
        len--;
    }
    if (memchr(r->p, '\0', len)) {
        ini_fail(r, r->line, "this line holds a zero byte");
        len = 0;
    } else if (len + 2 > (size_t)n) {
        ini_fail(r, r->line, "this line is too long");
        len = 0;
    }
    memcpy(out, r->p, len);
    memcpy(out + len, "\n", 2);
    r->p = nl ? nl + 1 : r->end;
    if (out[0] == '[') {
        ini_section_done(r);
        if (!strchr(out, ']'))
            ini_fail(r, r->line, "this [section] lacks its ]");
        r->section_line = r->line;
        r->section_empty = true;
    }
    return out;
}

static int ini_take(void *user, const char *section, const char *key, const char *value)
{
    struct ini_reading *r = user;
    struct ini_entry e = {r->file, r->line, r->section_line, section, key, value ? value : ""};
    char what[INI_ERROR_BYTES] = "";

    if (ini_is_over(r))
        return 0;
    r->section_empty = false;
    if (r->fn(r->user, &e, what) < 0)
        return ini_fail(r, r->line, what);
    return 1;
}

static int ini_read(struct ini_reading *r)
{
    int line = ini_parse_stream(ini_fetch, r, ini_take, r);

    if (line > 0)
        ini_fail(r, (unsigned)line, "this line is neither [section] nor key = value");
    else if (line < 0)
        ini_fail(r, r->line, "out of memory");
    return r->result;
}

int ini_text_read(const char *text, size_t len, const char *file, ini_entry_fn *fn, void *user,
                  char *error)
{
    return ini_read(&(struct ini_reading){
        .p = text, .end = text + len, .file = file, .fn = fn, .user = user, .error = error});
}

int ini_text_read_all(const char *text, size_t len, const char *file, ini_entry_fn *fn, void *user,
                      char *error)
{
    return ini_read(&(struct ini_reading){.p = text,
                                          .end = text + len,
                                          .file = file,
                                          .fn = fn,
                                          .user = user,
                                          .error = error,
                                          .to_the_end = true});
}

int ini_file_load(const char *path, char **text, size_t *len, char *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
    ssize_t n = -1;

    *len = 0;
    *text = fd >= 0 ? malloc(INI_FILE_MAX_BYTES + 1) : NULL;
    while (*text && (n = read(fd, *text + *len, INI_FILE_MAX_BYTES + 1 - *len)) > 0)
        *len += (size_t)n;
    if (n < 0)
        err = -errno;
    else if (*len > INI_FILE_MAX_BYTES)
        err = -EFBIG;
    if (err < 0) {
        snprintf(error, INI_ERROR_BYTES, "%s: cannot be read: %s", path, strerror(-err));
        free(*text);
        *text = NULL;
    }
    if (fd >= 0)
        close(fd);
    return err;
}

int ini_file_read(const char *path, ini_entry_fn *fn, void *user, char *error)
{
    char *text;
    size_t len;
    int err = ini_file_load(path, &text, &len, error);

    if (err == 0)
        err = ini_text_read(text, len, path, fn, user, error);
    free(text);
    return err;
}
