/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/probe/elf_builder.h"

#include "common/base/check.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STRINGS 4096u

/* Strings with a NUL each; index 0 is the empty one. */
struct strings {
    char p[STRINGS];
    uint32_t len;
};

static uint32_t string_add(struct strings *s, const char *text)
{
    uint32_t at = s->len;

    CHECK(at + strlen(text) + 1 <= STRINGS);
    memcpy(s->p + at, text, strlen(text) + 1);
    s->len += (uint32_t)strlen(text) + 1;
    return at;
}

void elf_builder_init(struct elf_builder *b)
{
    /* Another note comes first, as on many distributions. */
    static const uint8_t notes[] = {4,   0, 0, 0, 4,   0,   0,   0,  1,  0,  0,  0,  'G', 'N',
                                    'U', 0, 9, 9, 9,   9,   4,   0,  0,  0,  20, 0,  0,   0,
                                    3,   0, 0, 0, 'G', 'N', 'U', 0,  0,  1,  2,  3,  4,   5,
                                    6,   7, 8, 9, 10,  11,  12,  13, 14, 15, 16, 17, 18,  19};

    memset(b, 0, sizeof(*b));
    b->machine = EM_X86_64;
    b->type = ET_DYN;
    elf_builder_data(b, ".note.gnu.build-id", SHT_NOTE, notes, sizeof(notes));
}

uint64_t elf_builder_function(struct elf_builder *b, const char *name, const void *code,
                              size_t bytes)
{
    size_t at = b->text_bytes;

    CHECK(at + bytes <= BUILDER_ROOM && b->n_symbols < BUILDER_ITEMS);
    memcpy(b->text + at, code, bytes);
    b->text_bytes += (bytes + 15) & ~(size_t)15;
    b->symbols[b->n_symbols].name = name;
    b->symbols[b->n_symbols].address = BUILDER_TEXT_ADDRESS + at;
    b->symbols[b->n_symbols].bytes = bytes;
    b->symbols[b->n_symbols++].type = STT_FUNC;
    return BUILDER_TEXT_OFFSET + at;
}

uint64_t elf_builder_data(struct elf_builder *b, const char *section, uint32_t type,
                          const void *data, size_t bytes)
{
    size_t at = b->data_bytes;

    CHECK(at + bytes <= BUILDER_ROOM && b->n_sections < BUILDER_ITEMS);
    memcpy(b->data + at, data, bytes);
    b->data_bytes += (bytes + 31) & ~(size_t)31;
    if (section) {
        b->sections[b->n_sections].name = section;
        b->sections[b->n_sections].type = type;
        b->sections[b->n_sections].at = at;
        b->sections[b->n_sections++].bytes = bytes;
    }
    return BUILDER_DATA_ADDRESS + at;
}

static void at_write(int fd, const void *p, size_t bytes, size_t at)
{
    CHECK(pwrite(fd, p, bytes, (off_t)at) == (ssize_t)bytes);
}

/* Symbols of one table, behind `end`, with the strings after them. Fills two section headers. */
static size_t symbols_write(const struct elf_builder *b, int fd, size_t end, bool dynamic,
                            Elf64_Shdr *table, uint32_t link)
{
    struct strings names = {.len = 1};
    Elf64_Sym symbols[BUILDER_ITEMS + 1] = {0};
    size_t n = 1;

    for (size_t i = 0; i < b->n_symbols; i++) {
        if (b->symbols[i].dynamic != dynamic)
            continue;
        symbols[n++] = (Elf64_Sym){
            .st_name = string_add(&names, b->symbols[i].name),
            .st_info = ELF64_ST_INFO(STB_GLOBAL, b->symbols[i].type),
            .st_shndx = b->symbols[i].undefined ? SHN_UNDEF : 1,
            .st_value = b->symbols[i].address,
            .st_size = b->symbols[i].bytes,
        };
    }
    at_write(fd, symbols, n * sizeof(symbols[0]), end);
    at_write(fd, names.p, names.len, end + n * sizeof(symbols[0]));
    table->sh_type = dynamic ? SHT_DYNSYM : SHT_SYMTAB;
    table->sh_offset = end;
    table->sh_size = n * sizeof(symbols[0]);
    table->sh_link = link;
    table[1].sh_type = SHT_STRTAB;
    table[1].sh_offset = end + table->sh_size;
    table[1].sh_size = names.len;
    return end + table->sh_size + names.len;
}

/* Section 0 is none, 1 the text, then two tables of symbols and their strings, then what is in the
 * data; the last has the names. */
static void sections_write(const struct elf_builder *b, int fd, Elf64_Ehdr *header)
{
    struct strings names = {.len = 1};
    Elf64_Shdr s[BUILDER_ITEMS + 8] = {0};
    size_t n = 6, end = BUILDER_DATA_OFFSET + BUILDER_ROOM;

    s[1] = (Elf64_Shdr){.sh_name = string_add(&names, ".text"),
                        .sh_type = SHT_PROGBITS,
                        .sh_addr = BUILDER_TEXT_ADDRESS,
                        .sh_offset = BUILDER_TEXT_OFFSET,
                        .sh_size = BUILDER_ROOM};
    end = symbols_write(b, fd, end, true, &s[2], 3);
    end = symbols_write(b, fd, end, false, &s[4], 5);
    for (size_t i = 0; i < b->n_sections; i++)
        s[n++] = (Elf64_Shdr){.sh_name = string_add(&names, b->sections[i].name),
                              .sh_type = b->sections[i].type,
                              .sh_addr = BUILDER_DATA_ADDRESS + b->sections[i].at,
                              .sh_offset = BUILDER_DATA_OFFSET + b->sections[i].at,
                              .sh_size = b->sections[i].bytes};
    s[n] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = end, .sh_size = names.len};
    at_write(fd, names.p, names.len, end);
    end += names.len;
    at_write(fd, s, (n + 1) * sizeof(s[0]), end);
    header->e_shoff = end;
    header->e_shnum = (uint16_t)(n + 1);
    header->e_shstrndx = (uint16_t)n;
}

int elf_builder_file(const struct elf_builder *b)
{
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = b->type,
        .e_machine = b->machine,
        .e_phoff = sizeof(header),
        .e_phnum = 3,
    };
    Elf64_Phdr segments[3] = {
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_X,
         .p_offset = BUILDER_TEXT_OFFSET,
         .p_vaddr = BUILDER_TEXT_ADDRESS,
         .p_filesz = BUILDER_ROOM},
        {.p_type = PT_LOAD,
         .p_flags = PF_R,
         .p_offset = BUILDER_DATA_OFFSET,
         .p_vaddr = BUILDER_DATA_ADDRESS,
         .p_filesz = BUILDER_ROOM},
        {.p_type = PT_NOTE,
         .p_flags = PF_R,
         .p_offset = BUILDER_DATA_OFFSET,
         .p_vaddr = BUILDER_DATA_ADDRESS,
         .p_filesz = b->n_sections > 0 ? b->sections[0].bytes : 0,
         .p_align = 4},
    };
    int fd = memfd_create("elf", MFD_CLOEXEC);

    CHECK(fd >= 0);
    at_write(fd, b->text, BUILDER_ROOM, BUILDER_TEXT_OFFSET);
    at_write(fd, b->data, BUILDER_ROOM, BUILDER_DATA_OFFSET);
    if (!b->stripped)
        sections_write(b, fd, &header);
    at_write(fd, &header, sizeof(header), 0);
    at_write(fd, segments, sizeof(segments), sizeof(header));
    return fd;
}

struct elf_image elf_builder_image(const struct elf_builder *b)
{
    struct elf_image e;
    int fd = elf_builder_file(b);

    CHECK(elf_image_open(&e, fd) == 0);
    close(fd);
    return e;
}

struct elf_builder builder;

int elf_builder_setup(void **state)
{
    (void)state;
    elf_builder_init(&builder);
    return 0;
}
