/* SPDX-License-Identifier: BSD-3-Clause */
/* Go's own table of functions, which its runtime needs for stack traces and which is therefore in
 * every program, also a stripped one: a header, and arrays that its offsets lead to. "functab" has
 * for each function, in order of addresses, where it begins and where its description is; that one
 * has the offset of the name. Go 1.16 writes addresses of 8 bytes, from 1.18 on there are offsets
 * of 4 bytes from the start of the text, which is an address in the header. In a position
 * independent program the header's field is empty and a relocation says what comes there. */
#include "worker/probe/elf_image.h"

#include "common/base/check.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#define MAGIC_116   0xfffffffau
#define MAGIC_118   0xfffffff0u
#define MAGIC_120   0xfffffff1u
#define MAGIC_MIN   MAGIC_118
#define MAGIC_BYTES 8u
#define TEXT_FIELD  24u /* from 1.18 on: of the address where the text starts */
#define RELOCATION  24u
#define RELOCATIONS 4u /* tables of them that are looked into */
#define PAGE        4096u
#define INFO_MAGIC  "\xff Go buildinf:"
#define INFO_BYTES  32u
#define INFO_INLINE 2u /* flag: the version follows the header */
#define INFO_SCAN   (64u * 1024)
#define INFO_ALIGN  16u

struct pclntab {
    struct cursor table;
    uint32_t magic;
    uint64_t n, text;
    struct cursor names, functions; /* from where their offsets count */
};

/* A cursor that begins at an offset of another. */
static struct cursor part(struct cursor c, uint64_t at)
{
    cursor_skip(&c, at);
    return c;
}

static uint64_t uleb_read(struct cursor *c)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 63; shift += 7) {
        uint8_t byte = cursor_u8(c);

        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return v;
}

/* What the loader would add at an address: the addend of the relocation there, or 0. */
static uint64_t relocated(struct elf_image *e, uint64_t address)
{
    struct elf_section s;
    unsigned tables = RELOCATIONS;

    for (unsigned i = 0; tables > 0 && elf_image_section(e, i, &s); i++) {
        struct cursor c;

        if (s.type != SHT_RELA)
            continue;
        tables--;
        c = elf_image_read(e, s.offset, s.bytes);
        while (cursor_left(&c) >= RELOCATION) {
            uint64_t at = cursor_le64(&c), addend;

            cursor_skip(&c, 8); /* type and symbol */
            addend = cursor_le64(&c);
            if (at == address)
                return addend;
        }
    }
    return 0;
}

/* The start of Go's text where neither header nor relocation tells it. */
static uint64_t text_address(struct elf_image *e)
{
    struct elf_section s;

    return elf_image_section_named(e, ".text", &s) ? s.address : 0;
}

/* Reads the header at the start of c, which is in memory at `address`. False if it is none. */
static bool header_read(struct elf_image *e, struct pclntab *t, struct cursor c, uint64_t address)
{
    const uint8_t *rest;
    bool offsets;
    uint64_t unused, names, functions;

    t->table = c;
    t->magic = cursor_le32(&c);
    rest = cursor_bytes(&c, 4); /* zero, zero, instruction size, pointer size */
    if (!rest || rest[0] != 0 || rest[1] != 0 || rest[3] != 8 ||
        (t->magic != MAGIC_116 && t->magic != MAGIC_118 && t->magic != MAGIC_120))
        return false;
    offsets = t->magic != MAGIC_116;
    t->n = cursor_le64(&c);
    cursor_skip(&c, 8); /* number of files */
    t->text = offsets ? cursor_le64(&c) : 0;
    names = cursor_le64(&c);
    cursor_skip(&c, 3 * sizeof(unused)); /* compilation units, files, line tables */
    functions = cursor_le64(&c);
    t->names = part(t->table, names);
    t->functions = part(t->table, functions);
    if (!cursor_ok(&c) || t->n == 0 || t->n > cursor_left(&t->functions) / (offsets ? 8 : 16))
        return false;
    if (offsets && !elf_image_offset(e, t->text, PF_X, &unused))
        t->text = relocated(e, address + TEXT_FIELD);
    if (offsets && t->text == 0)
        t->text = text_address(e);
    return true;
}

/* Looks for the header in a segment, for files whose sections have no names. */
static bool segment_search(struct elf_image *e, const struct elf_segment *s, struct pclntab *t)
{
    struct cursor c = elf_image_read(e, s->offset, s->bytes);
    uint64_t at = 0;

    for (; cursor_left(&c) >= PAGE; at += MAGIC_BYTES) {
        struct cursor here = c;

        if (cursor_le32(&c) >= MAGIC_MIN && header_read(e, t, here, s->address + at))
            return true;
        cursor_skip(&c, 4);
    }
    return false;
}

static bool pclntab_find(struct elf_image *e, struct pclntab *t)
{
    struct elf_section s;
    struct elf_segment segment;

    if (elf_image_section_named(e, ".gopclntab", &s) ||
        elf_image_section_named(e, ".data.rel.ro.gopclntab", &s))
        return header_read(e, t, elf_image_read(e, s.offset, s.bytes), s.address);
    for (unsigned i = 0; elf_image_segment(e, i, &segment); i++)
        if (segment.type == PT_LOAD && !(segment.flags & PF_X) && segment_search(e, &segment, t))
            return true;
    return false;
}

/* The i-th function, or for the one behind the last, where the text ends. */
static bool function_read(const struct pclntab *t, uint64_t i, uint64_t *address,
                          struct cursor *name)
{
    bool offsets = t->magic != MAGIC_116;
    struct cursor c = part(t->functions, i * (offsets ? 8 : 16)), about;

    *address = offsets ? t->text + cursor_le32(&c) : cursor_le64(&c);
    if (!name)
        return cursor_ok(&c);
    about = part(t->functions, offsets ? cursor_le32(&c) : cursor_le64(&c));
    cursor_skip(&about, offsets ? 4 : 8);
    *name = part(t->names, cursor_le32(&about));
    return cursor_ok(&c) && cursor_ok(&about) && cursor_ok(name);
}

static bool name_equals(struct cursor name, const char *wanted)
{
    size_t len = strlen(wanted) + 1;
    const uint8_t *p = cursor_bytes(&name, len);

    return p && memcmp(p, wanted, len) == 0;
}

size_t elf_image_find_go(struct elf_image *e, const char *const *names, size_t n,
                         struct elf_function *out)
{
    struct pclntab t;
    size_t found = 0;

    memset(out, 0, n * sizeof(*out));
    if (!pclntab_find(e, &t))
        return 0;
    for (uint64_t i = 0; i < t.n && found < n; i++) {
        uint64_t address, next, offset;
        struct cursor name;

        if (!function_read(&t, i, &address, &name))
            break;
        for (size_t k = 0; k < n; k++) {
            if (out[k].offset != 0 || !name_equals(name, names[k]) ||
                !elf_image_offset(e, address, PF_X, &offset) || offset == 0)
                continue;
            out[k].offset = offset;
            if (function_read(&t, i + 1, &next, NULL) && next > address)
                out[k].bytes = next - address;
            found++;
        }
    }
    return found;
}

/* The description that the linker leaves of how the program was built. */
static struct cursor info_find(struct elf_image *e)
{
    struct elf_section s;
    struct elf_segment segment;
    size_t magic = sizeof(INFO_MAGIC) - 1;

    if (elf_image_section_named(e, ".go.buildinfo", &s))
        return elf_image_read(e, s.offset, s.bytes);
    for (unsigned i = 0; elf_image_segment(e, i, &segment); i++) {
        struct cursor c;

        if (segment.type != PT_LOAD || (segment.flags & PF_X))
            continue;
        c = elf_image_read(e, segment.offset,
                           segment.bytes < INFO_SCAN ? segment.bytes : INFO_SCAN);
        for (; cursor_left(&c) >= INFO_BYTES; cursor_skip(&c, INFO_ALIGN))
            if (memcmp(c.p, INFO_MAGIC, magic) == 0)
                return c;
    }
    return cursor_init(NULL, 0);
}

/* The string whose Go header (address and length) is at an address. */
static struct cursor go_string(struct elf_image *e, uint64_t address)
{
    uint64_t offset = 0, start, bytes;
    struct cursor c;

    if (!elf_image_offset(e, address, 0, &offset))
        return cursor_init(NULL, 0);
    c = elf_image_read(e, offset, 16);
    start = cursor_le64(&c);
    bytes = cursor_le64(&c);
    if (!elf_image_offset(e, start, 0, &offset))
        return cursor_init(NULL, 0);
    return elf_image_read(e, offset, bytes);
}

const char *elf_image_go_version(struct elf_image *e, char *out, size_t bytes)
{
    struct cursor c = info_find(e), text;
    const uint8_t *head = cursor_bytes(&c, 16);
    size_t len;

    if (!head || memcmp(head, INFO_MAGIC, sizeof(INFO_MAGIC) - 1) != 0)
        return NULL;
    if (head[15] & INFO_INLINE) {
        cursor_skip(&c, INFO_BYTES - 16);
        text = cursor_sub(&c, uleb_read(&c));
    } else {
        text = go_string(e, cursor_le64(&c));
    }
    len = cursor_left(&text);
    snprintf(out, bytes, "%.*s", (int)(len < bytes ? len : bytes - 1),
             len > 0 ? (const char *)text.p : "");
    return out;
}
