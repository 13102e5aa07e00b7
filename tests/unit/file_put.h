/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that holds a text, for what reads the machine's. */
#ifndef SPLIFF_TESTS_FILE_PUT_H
#define SPLIFF_TESTS_FILE_PUT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Makes the file, or replaces what is in it. */
static inline void file_put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

#endif
