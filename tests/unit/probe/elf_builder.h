/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes small ELF files for tests: one segment to execute, one to read, symbols, sections. What is
 * in them is at other addresses than file offsets, so that nobody takes one for the other. */
#ifndef SPLIFF_TESTS_PROBE_ELF_BUILDER_H
#define SPLIFF_TESTS_PROBE_ELF_BUILDER_H

#include "worker/probe/elf_image.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_TEXT_OFFSET  0x1000u
#define BUILDER_TEXT_ADDRESS 0x401000u
#define BUILDER_DATA_OFFSET  0x4000u
#define BUILDER_DATA_ADDRESS 0x604000u
#define BUILDER_ROOM         0x3000u /* of each */
#define BUILDER_ITEMS        48u

struct elf_builder {
    uint16_t machine, type;
    bool stripped; /* no sections */
    uint8_t text[BUILDER_ROOM], data[BUILDER_ROOM];
    size_t text_bytes, data_bytes, n_symbols, n_sections;
    struct {
        const char *name;
        uint64_t address, bytes;
        uint8_t type;
        bool undefined, dynamic;
    } symbols[BUILDER_ITEMS];
    struct {
        const char *name;
        uint32_t type;
        size_t at, bytes; /* in data */
    } sections[BUILDER_ITEMS];
};

/* An x86-64 program with a build-id of 20 bytes, 00 01 02 … 13. */
void elf_builder_init(struct elf_builder *b);

/* Adds a function. Returns its offset in the file. */
uint64_t elf_builder_function(struct elf_builder *b, const char *name, const void *code,
                              size_t bytes);

/* Adds bytes to the data, aligned to 32; with a section of that name unless it is NULL. Returns
 * their address. */
uint64_t elf_builder_data(struct elf_builder *b, const char *section, uint32_t type,
                          const void *data, size_t bytes);

/* The file, in memory; the caller closes it. */
int elf_builder_file(const struct elf_builder *b);

/* The image of that file, which must be one. */
struct elf_image elf_builder_image(const struct elf_builder *b);

/* For cmocka: what a test builds, begun anew before each. */
extern struct elf_builder builder;
int elf_builder_setup(void **state);

#endif
