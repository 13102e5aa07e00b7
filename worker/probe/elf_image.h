/* SPDX-License-Identifier: BSD-3-Clause */
/* An ELF file that may be anything, and may be written to while it is looked at: every access is
 * bounded and reads the bytes anew. x86-64 and AArch64, 64-bit little-endian; others are refused.
 * Not shared between threads. */
#ifndef SPLIFF_PROBE_ELF_IMAGE_H
#define SPLIFF_PROBE_ELF_IMAGE_H

#include "common/base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_BUILD_ID_MAX 65u                 /* hexadecimal, with its NUL */
#define ELF_RANGE_MAX    (UINT64_C(1) << 27) /* bytes that are read at once */
#define ELF_READ_MAX                                                                               \
    (UINT64_C(1) << 28)   /* and in all: no program needs more, a hostile one may                  \
                           */
#define ELF_NAMES_MAX 64u /* names that are looked for at once */

struct elf_image {
    int fd;
    uint8_t *data; /* room for the file, of which only what was asked for is read */
    size_t bytes;
    uint64_t read;                    /* so far, in bytes */
    uint16_t machine;                 /* EM_X86_64, EM_AARCH64 */
    char build_id[ELF_BUILD_ID_MAX];  /* empty: it has none */
    struct cursor segments, sections; /* the tables; empty if they are not there whole */
    uint16_t names;                   /* index of the section with the sections' names */
};

/* A function in the file. */
struct elf_function {
    uint64_t offset; /* in the file */
    uint64_t bytes;  /* 0: not known */
};

struct elf_segment {
    uint32_t type, flags; /* PT_, PF_ */
    uint64_t offset, address, bytes, align;
};

struct elf_section {
    uint32_t name, type, link; /* SHT_ */
    uint64_t address, offset, bytes;
};

/* Opens an open file (the descriptor stays the caller's, and may be closed at once). 0; -ENOEXEC:
 * no ELF of a kind that is read; -EFBIG: beyond 4 GB; or -errno. */
int elf_image_open(struct elf_image *e, int fd);
void elf_image_close(struct elf_image *e);

/* Reads bytes of the file. Borrowed until close; what overlaps is written again by a later call. An
 * empty cursor with its error set if the file has not so many there, or they are beyond
 * ELF_RANGE_MAX, or all together beyond ELF_READ_MAX. */
struct cursor elf_image_read(struct elf_image *e, uint64_t offset, uint64_t bytes);

/* The i-th of each; false behind the last. */
bool elf_image_segment(const struct elf_image *e, unsigned i, struct elf_segment *out);
bool elf_image_section(const struct elf_image *e, unsigned i, struct elf_section *out);
bool elf_image_section_named(struct elf_image *e, const char *name, struct elf_section *out);

/* Where an address is in the file, in a loaded segment that has all of the flags (PF_X, or 0). */
bool elf_image_offset(const struct elf_image *e, uint64_t address, uint32_t flags,
                      uint64_t *offset);

/* Finds functions by name in the dynamic symbols and the symbol table: out[i] for names[i], with
 * offset 0 for what is not there. n up to ELF_NAMES_MAX. Returns how many were found. One pass over
 * the symbols. */
size_t elf_image_find(struct elf_image *e, const char *const *names, size_t n,
                      struct elf_function *out);

/* The same by Go's .gopclntab (versions of Go 1.16 to 1.2x), also in stripped files. */
size_t elf_image_find_go(struct elf_image *e, const char *const *names, size_t n,
                         struct elf_function *out);

/* Go: it is one, and which ("go1.19.8"); NULL if it is none. */
const char *elf_image_go_version(struct elf_image *e, char *out, size_t bytes);

#endif
