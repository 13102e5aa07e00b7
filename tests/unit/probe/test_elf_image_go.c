/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of functions as the linkers of Go 1.16, 1.18 and 1.20 write them, made by hand. */
#include "tests/unit/probe/elf_builder.h"
#include "worker/probe/elf_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define GO_116 0xfffffffau
#define GO_118 0xfffffff0u
#define GO_120 0xfffffff1u

static const char *const names[] = {"crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"};
static const uint8_t code[64] = {0xc3};

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

/* Two functions at 0x20 and 0x40 of the text, which ends at 0x90. */
static size_t table_make(uint8_t t[512], uint32_t magic, uint64_t text)
{
    static const uint64_t places[] = {0x20, 0x40, 0x90};
    bool offsets = magic != GO_116;
    unsigned field = offsets ? 32 : 24, entry = offsets ? 4 : 8;
    const uint64_t at_names = 128, at_functions = 256, about[] = {64, 96};

    memset(t, 0, 512);
    put32(t, magic);
    t[6] = 1;
    t[7] = 8;
    put64(t + 8, 2);
    if (offsets)
        put64(t + 24, text);
    put64(t + field, at_names);
    put64(t + field + 32, at_functions);
    memcpy(t + at_names, "", 1);
    strcpy((char *)t + at_names + 1, names[0]);
    strcpy((char *)t + at_names + 32, names[1]);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *row = t + at_functions + i * 2 * entry;

        if (offsets)
            put32(row, (uint32_t)places[i]);
        else
            put64(row, BUILDER_TEXT_ADDRESS + places[i]);
        if (i == 2)
            break;
        if (offsets)
            put32(row + entry, (uint32_t)about[i]);
        else
            put64(row + entry, about[i]);
        put32(t + at_functions + about[i] + entry, i == 0 ? 1 : 32);
    }
    return 512;
}

static size_t find(struct elf_function f[2])
{
    struct elf_image e = elf_builder_image(&builder);
    size_t n = elf_image_find_go(&e, names, 2, f);

    elf_image_close(&e);
    return n;
}

static void assert_both_found(void)
{
    struct elf_function f[2];

    assert_int_equal(find(f), 2);
    assert_int_equal(f[0].offset, BUILDER_TEXT_OFFSET + 0x20);
    assert_int_equal(f[0].bytes, 0x20);
    assert_int_equal(f[1].offset, BUILDER_TEXT_OFFSET + 0x40);
    assert_int_equal(f[1].bytes, 0x50);
}

static void functions_are_found_in_tables_of_all_versions(void **state)
{
    static const uint32_t magics[] = {GO_116, GO_118, GO_120};
    uint8_t t[512];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        elf_builder_init(&builder);
        table_make(t, magics[i], BUILDER_TEXT_ADDRESS);
        elf_builder_data(&builder, ".gopclntab", SHT_PROGBITS, t, sizeof(t));
        assert_both_found();
    }
}

static void a_table_is_found_without_sections(void **state)
{
    uint8_t t[512];

    (void)state;
    table_make(t, GO_120, BUILDER_TEXT_ADDRESS);
    elf_builder_data(&builder, NULL, 0, t, sizeof(t));
    builder.stripped = true;
    assert_both_found();
}

/* Elf64_Rela with type R_X86_64_RELATIVE. */
static void a_relocation_tells_where_the_text_is(void **state)
{
    uint8_t t[512], relocations[48] = {0};
    uint64_t table;

    (void)state;
    table_make(t, GO_118, 0);
    table = elf_builder_data(&builder, ".data.rel.ro.gopclntab", SHT_PROGBITS, t, sizeof(t));
    put64(relocations, table);
    put64(relocations + 16, 12345);
    put64(relocations + 24, table + 24);
    put64(relocations + 24 + 8, R_X86_64_RELATIVE);
    put64(relocations + 24 + 16, BUILDER_TEXT_ADDRESS);
    elf_builder_data(&builder, ".rela", SHT_RELA, relocations, sizeof(relocations));
    assert_both_found();
}

static void without_a_relocation_the_section_tells(void **state)
{
    uint8_t t[512];

    (void)state;
    table_make(t, GO_120, 0);
    elf_builder_data(&builder, ".gopclntab", SHT_PROGBITS, t, sizeof(t));
    assert_both_found();
}

static void a_table_that_lies_finds_nothing(void **state)
{
    struct elf_function f[2];
    uint8_t t[512];

    (void)state;
    table_make(t, GO_120, BUILDER_TEXT_ADDRESS);
    put64(t + 8, UINT64_MAX); /* functions */
    elf_builder_data(&builder, ".gopclntab", SHT_PROGBITS, t, sizeof(t));
    assert_int_equal(find(f), 0);
    elf_builder_init(&builder);
    table_make(t, GO_120, BUILDER_TEXT_ADDRESS);
    put64(t + 64, UINT64_MAX - 8); /* where they are */
    elf_builder_data(&builder, ".gopclntab", SHT_PROGBITS, t, sizeof(t));
    assert_int_equal(find(f), 0);
    elf_builder_init(&builder);
    table_make(t, GO_120, BUILDER_TEXT_ADDRESS);
    put32(t + 256 + 4, UINT32_MAX); /* description of the first */
    elf_builder_data(&builder, ".gopclntab", SHT_PROGBITS, t, sizeof(t));
    assert_int_equal(find(f), 0);
}

static const char *version(char out[32])
{
    struct elf_image e = elf_builder_image(&builder);
    const char *v = elf_image_go_version(&e, out, 32);

    elf_image_close(&e);
    return v;
}

static void version_is_in_the_description(void **state)
{
    uint8_t info[64] = "\xff Go buildinf:\x08\x02";
    char out[32];

    (void)state;
    assert_null(version(out));
    memcpy(info + 32, "\x08go1.21.5", 9);
    elf_builder_data(&builder, ".go.buildinfo", SHT_PROGBITS, info, sizeof(info));
    assert_string_equal(version(out), "go1.21.5");
    builder.stripped = true;
    assert_string_equal(version(out), "go1.21.5");
}

static void version_of_old_programs_is_a_string_elsewhere(void **state)
{
    uint8_t info[32] = "\xff Go buildinf:\x08\x00", header[16] = {0};
    char out[32];
    uint64_t text = elf_builder_data(&builder, NULL, 0, "go1.16.15", 9);

    (void)state;
    put64(header, text);
    put64(header + 8, 9);
    put64(info + 16, elf_builder_data(&builder, NULL, 0, header, sizeof(header)));
    elf_builder_data(&builder, ".go.buildinfo", SHT_PROGBITS, info, sizeof(info));
    assert_string_equal(version(out), "go1.16.15");
}

static void a_description_that_lies_has_no_version(void **state)
{
    uint8_t info[64] = "\xff Go buildinf:\x08\x02";
    char out[32];

    (void)state;
    memset(info + 32, 0xff, 32);
    elf_builder_data(&builder, ".go.buildinfo", SHT_PROGBITS, info, sizeof(info));
    assert_string_equal(version(out), "");
}

static int setup(void **state)
{
    elf_builder_setup(state);
    elf_builder_function(&builder, "text", code, sizeof(code));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(functions_are_found_in_tables_of_all_versions, setup),
        cmocka_unit_test_setup(a_table_is_found_without_sections, setup),
        cmocka_unit_test_setup(a_relocation_tells_where_the_text_is, setup),
        cmocka_unit_test_setup(without_a_relocation_the_section_tells, setup),
        cmocka_unit_test_setup(a_table_that_lies_finds_nothing, setup),
        cmocka_unit_test_setup(version_is_in_the_description, setup),
        cmocka_unit_test_setup(version_of_old_programs_is_a_string_elsewhere, setup),
        cmocka_unit_test_setup(a_description_that_lies_has_no_version, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
