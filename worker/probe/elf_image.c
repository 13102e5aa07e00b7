/* SPDX-License-Identifier: BSD-3-Clause */
/* A file is not mapped but read: whoever may write to a shared library that is in use can also cut
 * it short, and touching a mapped page behind the new end kills the reader. So there is room for
 * the whole file in anonymous memory, which costs nothing until it is touched, and the tables that
 * are needed are read to the place in it where they are in the file. */
#include "worker/probe/elf_image.h"

#include "common/base/check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX   (INT64_C(1) << 32)
#define HEADER     64u
#define SEGMENT    56u
#define SECTION    64u
#define SYMBOL     24u
#define NOTE_BUILD 3u /* NT_GNU_BUILD_ID */
/* No file that is what it says has more; one that is not could keep the reader busy for hours. */
#define SEGMENTS_MAX 64u
#define SECTIONS_MAX 1024u
#define TABLES_MAX   4u
#define NOTES_MAX    (64u * 1024)

static const struct cursor NOTHING = {NULL, NULL, true};

struct cursor elf_image_read(struct elf_image *e, uint64_t offset, uint64_t bytes)
{
    size_t done = 0;

    if (offset > e->bytes || bytes > e->bytes - offset || bytes > ELF_RANGE_MAX ||
        bytes > ELF_READ_MAX - e->read)
        return NOTHING;
    e->read += bytes;
    while (done < bytes) {
        ssize_t n = pread(e->fd, e->data + offset + done, bytes - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NOTHING;
        done += (size_t)n;
    }
    return cursor_init(e->data + offset, bytes);
}

static int header_read(struct elf_image *e)
{
    struct cursor c = elf_image_read(e, 0, HEADER);
    const uint8_t *ident = cursor_bytes(&c, EI_NIDENT);
    uint64_t segments, sections;
    uint16_t n_segments, n_sections, type;

    if (!ident || memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_CLASS] != ELFCLASS64 ||
        ident[EI_DATA] != ELFDATA2LSB)
        return -ENOEXEC;
    type = cursor_le16(&c);
    e->machine = cursor_le16(&c);
    if ((type != ET_EXEC && type != ET_DYN) ||
        (e->machine != EM_X86_64 && e->machine != EM_AARCH64))
        return -ENOEXEC;
    cursor_skip(&c, 4 + 8); /* version, entry */
    segments = cursor_le64(&c);
    sections = cursor_le64(&c);
    cursor_skip(&c, 4 + 2 + 2); /* flags, sizes of header and segment */
    n_segments = cursor_le16(&c);
    cursor_skip(&c, 2);
    n_sections = cursor_le16(&c);
    e->names = cursor_le16(&c);
    if (n_segments <= SEGMENTS_MAX)
        e->segments = elf_image_read(e, segments, (uint64_t)n_segments * SEGMENT);
    if (n_sections <= SECTIONS_MAX)
        e->sections = elf_image_read(e, sections, (uint64_t)n_sections * SECTION);
    return 0;
}

bool elf_image_segment(const struct elf_image *e, unsigned i, struct elf_segment *out)
{
    struct cursor c = e->segments;

    cursor_skip(&c, (size_t)i * SEGMENT);
    out->type = cursor_le32(&c);
    out->flags = cursor_le32(&c);
    out->offset = cursor_le64(&c);
    out->address = cursor_le64(&c);
    cursor_skip(&c, 8); /* physical address */
    out->bytes = cursor_le64(&c);
    cursor_skip(&c, 8); /* size in memory */
    out->align = cursor_le64(&c);
    return cursor_ok(&c);
}

bool elf_image_section(const struct elf_image *e, unsigned i, struct elf_section *out)
{
    struct cursor c = e->sections;

    cursor_skip(&c, (size_t)i * SECTION);
    out->name = cursor_le32(&c);
    out->type = cursor_le32(&c);
    cursor_skip(&c, 8); /* flags */
    out->address = cursor_le64(&c);
    out->offset = cursor_le64(&c);
    out->bytes = cursor_le64(&c);
    out->link = cursor_le32(&c);
    return cursor_ok(&c);
}

/* Whether the string at `at` is name; what follows a '@' is a version. */
static bool name_equals(const struct cursor *strings, uint32_t at, const char *name, size_t len)
{
    struct cursor c = *strings;
    const uint8_t *p;

    cursor_skip(&c, at);
    p = cursor_bytes(&c, len + 1);
    return p && memcmp(p, name, len) == 0 && (p[len] == '\0' || p[len] == '@');
}

bool elf_image_section_named(struct elf_image *e, const char *name, struct elf_section *out)
{
    struct cursor names;

    if (!elf_image_section(e, e->names, out))
        return false;
    names = elf_image_read(e, out->offset, out->bytes);
    for (unsigned i = 0; elf_image_section(e, i, out); i++)
        if (out->type != SHT_NOBITS && name_equals(&names, out->name, name, strlen(name)))
            return true;
    return false;
}

bool elf_image_offset(const struct elf_image *e, uint64_t address, uint32_t flags, uint64_t *offset)
{
    struct elf_segment s;

    for (unsigned i = 0; elf_image_segment(e, i, &s); i++) {
        if (s.type != PT_LOAD || (s.flags & flags) != flags || address < s.address ||
            address - s.address >= s.bytes)
            continue;
        *offset = s.offset + (address - s.address);
        return *offset >= s.offset && *offset < e->bytes;
    }
    return false;
}

/* Looks for the build-id among notes. */
static bool notes_read(struct elf_image *e, struct cursor notes, uint64_t align)
{
    while (cursor_left(&notes) > 0) {
        uint32_t name_bytes = cursor_le32(&notes), bytes = cursor_le32(&notes);
        uint32_t type = cursor_le32(&notes);
        const uint8_t *name = cursor_bytes(&notes, name_bytes), *id;
        size_t pad = align == 8 ? 7 : 3;

        cursor_skip(&notes, -(size_t)(name_bytes + (align == 8 ? 4 : 0)) & pad);
        id = cursor_bytes(&notes, bytes);
        if (!id || bytes == 0)
            return false;
        if (type == NOTE_BUILD && name_bytes == 4 && memcmp(name, "GNU", 4) == 0) {
            for (size_t i = 0; i < bytes && 2 * i + 2 < ELF_BUILD_ID_MAX; i++)
                snprintf(e->build_id + 2 * i, 3, "%02x", id[i]);
            return true;
        }
        cursor_skip(&notes, -(size_t)bytes & pad);
    }
    return false;
}

static void build_id_read(struct elf_image *e)
{
    struct elf_segment s;

    for (unsigned i = 0; elf_image_segment(e, i, &s); i++)
        if (s.type == PT_NOTE && s.bytes <= NOTES_MAX &&
            notes_read(e, elf_image_read(e, s.offset, s.bytes), s.align))
            return;
}

int elf_image_open(struct elf_image *e, int fd)
{
    struct stat st;
    int err;

    *e = (struct elf_image){.fd = -1, .segments = NOTHING, .sections = NOTHING};
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)HEADER)
        return -ENOEXEC;
    if (st.st_size > FILE_MAX)
        return -EFBIG;
    e->data = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (e->data == MAP_FAILED)
        return -errno;
    e->bytes = (size_t)st.st_size;
    e->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    err = e->fd < 0 ? -errno : header_read(e);
    if (err < 0)
        elf_image_close(e);
    else
        build_id_read(e);
    return err;
}

void elf_image_close(struct elf_image *e)
{
    if (e->fd >= 0)
        close(e->fd);
    munmap(e->data, e->bytes);
    e->fd = -1;
}

/* What is looked for. */
struct wanted {
    const char *const *names;
    size_t lengths[ELF_NAMES_MAX];
    bool first[256]; /* bytes that a name begins with: most symbols have another */
    size_t n, found;
    struct elf_function *out;
};

static void symbol_take(const struct elf_image *e, struct wanted *w, const struct cursor *strings,
                        struct cursor symbol)
{
    struct cursor start = *strings;
    uint32_t name = cursor_le32(&symbol);
    uint8_t info = cursor_u8(&symbol);
    uint16_t section;
    uint64_t address, bytes, offset;

    cursor_skip(&start, name);
    if (ELF64_ST_TYPE(info) != STT_FUNC || !w->first[cursor_u8(&start)])
        return;
    cursor_skip(&symbol, 1); /* visibility */
    section = cursor_le16(&symbol);
    address = cursor_le64(&symbol);
    bytes = cursor_le64(&symbol);
    if (section == SHN_UNDEF)
        return;
    for (size_t i = 0; i < w->n; i++) {
        if (w->out[i].offset != 0 || !name_equals(strings, name, w->names[i], w->lengths[i]))
            continue;
        if (elf_image_offset(e, address, PF_X, &offset) && offset != 0) {
            w->out[i] = (struct elf_function){offset, bytes};
            w->found++;
        }
        return;
    }
}

size_t elf_image_find(struct elf_image *e, const char *const *names, size_t n,
                      struct elf_function *out)
{
    struct wanted w = {.names = names, .n = n, .out = out};
    struct elf_section s, link;
    unsigned tables = TABLES_MAX;

    CHECK(n <= ELF_NAMES_MAX);
    memset(out, 0, n * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        w.lengths[i] = strlen(names[i]);
        w.first[(uint8_t)names[i][0]] = true;
    }
    for (unsigned i = 0; w.found < n && tables > 0 && elf_image_section(e, i, &s); i++) {
        struct cursor symbols, strings;

        if ((s.type != SHT_DYNSYM && s.type != SHT_SYMTAB) || !elf_image_section(e, s.link, &link))
            continue;
        tables--;
        symbols = elf_image_read(e, s.offset, s.bytes);
        strings = elf_image_read(e, link.offset, link.bytes);
        while (cursor_left(&symbols) >= SYMBOL && w.found < n)
            symbol_take(e, &w, &strings, cursor_sub(&symbols, SYMBOL));
    }
    return w.found;
}
