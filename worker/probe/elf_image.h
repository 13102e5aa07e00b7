/* SPDX-License-Identifier: BSD-3-Clause */
/* An ELF file that may be anything: mapped read-only, every access bounded. x86-64 and AArch64,
 * 64-bit little-endian; others are refused. */
#ifndef SPLIFF_PROBE_ELF_IMAGE_H
#define SPLIFF_PROBE_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_BUILD_ID_MAX 65u /* hexadecimal, with its NUL */

struct elf_image {
    const uint8_t *data;
    size_t bytes;
    uint16_t machine;                /* EM_X86_64, EM_AARCH64 */
    char build_id[ELF_BUILD_ID_MAX]; /* empty: it has none */
};

/* A function in the file. */
struct elf_function {
    uint64_t offset; /* in the file */
    uint64_t bytes;  /* 0: not known */
};

/* Maps an open file (the descriptor stays the caller's). 0; -ENOEXEC: no ELF of a kind that is
 * read; -EFBIG: beyond 4 GB; or -errno. */
int elf_image_open(struct elf_image *e, int fd);
void elf_image_close(struct elf_image *e);

/* Finds functions by name in the dynamic symbols and the symbol table: out[i] for names[i], with
 * offset 0 for what is not there. Returns how many were found. One pass over the symbols. */
size_t elf_image_find(const struct elf_image *e, const char *const *names, size_t n,
                      struct elf_function *out);

/* The same by Go's .gopclntab (versions of Go 1.16 to 1.2x), also in stripped files. */
size_t elf_image_find_go(const struct elf_image *e, const char *const *names, size_t n,
                         struct elf_function *out);

/* Go: it is one, and which ("go1.19.8"); NULL if it is none. */
const char *elf_image_go_version(const struct elf_image *e, char *out, size_t bytes);

#endif
