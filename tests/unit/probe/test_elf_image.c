/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/elf_image.h"

#include "tests/unit/probe/elf_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t code[] = {0x31, 0xc0, 0xc3};
static const char *const names[] = {"first", "second", "third"};

#define STEP (ELF_RANGE_MAX / 4)

static int refused(const struct elf_builder *b)
{
    struct elf_image e;
    int fd = elf_builder_file(b), err = elf_image_open(&e, fd);

    if (err == 0)
        elf_image_close(&e);
    close(fd);
    return err;
}

static void other_files_are_refused(void **state)
{
    static const uint8_t zeros[256];
    struct elf_image e;
    int fd = elf_builder_file(&builder);

    (void)state;
    assert_int_equal(ftruncate(fd, 63), 0);
    assert_int_equal(elf_image_open(&e, fd), -ENOEXEC);
    assert_int_equal(ftruncate(fd, INT64_C(5) << 30), 0);
    assert_int_equal(elf_image_open(&e, fd), -EFBIG);
    assert_int_equal(pwrite(fd, zeros, 64, 0), 64);
    assert_int_equal(ftruncate(fd, 64), 0);
    assert_int_equal(elf_image_open(&e, fd), -ENOEXEC);
    close(fd);
    builder.machine = EM_386;
    assert_int_equal(refused(&builder), -ENOEXEC);
    builder.machine = EM_AARCH64;
    assert_int_equal(refused(&builder), 0);
    builder.type = ET_REL;
    assert_int_equal(refused(&builder), -ENOEXEC);
}

/* A table may say again and again that all of a large file is to be looked through. */
static void no_file_is_read_for_ever(void **state)
{
    int fd = elf_builder_file(&builder);
    struct elf_image e;
    struct cursor c;
    uint64_t bytes = 0;

    (void)state;
    assert_int_equal(ftruncate(fd, INT64_C(4) << 30), 0);
    assert_int_equal(elf_image_open(&e, fd), 0);
    for (c = elf_image_read(&e, 64, STEP); cursor_ok(&c) && bytes <= ELF_READ_MAX; bytes += STEP)
        c = elf_image_read(&e, 64, STEP);
    assert_in_range(bytes, ELF_READ_MAX / 2, ELF_READ_MAX);
    elf_image_close(&e);
    close(fd);
}

static void build_id_is_behind_another_note(void **state)
{
    struct elf_image e;

    (void)state;
    e = elf_builder_image(&builder);
    assert_string_equal(e.build_id, "000102030405060708090a0b0c0d0e0f10111213");
    elf_image_close(&e);
}

static void functions_are_told_by_their_place_in_the_file(void **state)
{
    struct elf_function f[3];
    struct elf_image e;
    uint64_t first, second;

    (void)state;
    elf_builder_function(&builder, "firstborn", code, sizeof(code));
    first = elf_builder_function(&builder, "first", code, sizeof(code));
    builder.symbols[builder.n_symbols - 1].dynamic = true;
    second = elf_builder_function(&builder, "second@@VERSION_1", code, sizeof(code));
    e = elf_builder_image(&builder);
    assert_int_equal(elf_image_find(&e, names, 3, f), 2);
    assert_int_equal(f[0].offset, first);
    assert_int_equal(f[0].bytes, sizeof(code));
    assert_int_equal(f[1].offset, second);
    assert_int_equal(f[2].offset, 0);
    elf_image_close(&e);
}

static void what_is_no_function_of_this_file_is_not_found(void **state)
{
    struct elf_function f[3];
    struct elf_image e;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        elf_builder_function(&builder, names[i], code, sizeof(code));
    builder.symbols[0].undefined = true;
    builder.symbols[1].type = STT_OBJECT;
    builder.symbols[2].address = BUILDER_DATA_ADDRESS;
    e = elf_builder_image(&builder);
    assert_int_equal(elf_image_find(&e, names, 3, f), 0);
    elf_image_close(&e);
}

static void a_stripped_file_has_a_build_id_and_no_functions(void **state)
{
    struct elf_function f[3];
    struct elf_section s;
    struct elf_image e;

    (void)state;
    elf_builder_function(&builder, "first", code, sizeof(code));
    builder.stripped = true;
    e = elf_builder_image(&builder);
    assert_int_equal(elf_image_find(&e, names, 3, f), 0);
    assert_false(elf_image_section_named(&e, ".text", &s));
    assert_int_equal(e.build_id[0], '0');
    elf_image_close(&e);
}

/* Others may write to a library while it is looked at. */
static void a_file_that_is_cut_short_meanwhile_does_no_harm(void **state)
{
    struct elf_function f[3];
    struct elf_image e;
    int fd;

    (void)state;
    elf_builder_function(&builder, "first", code, sizeof(code));
    fd = elf_builder_file(&builder);
    assert_int_equal(elf_image_open(&e, fd), 0);
    assert_int_equal(elf_image_find(&e, names, 3, f), 1);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(elf_image_find(&e, names, 3, f), 0);
    elf_image_close(&e);
    close(fd);
}

static void a_file_cut_anywhere_is_read_as_far_as_it_goes(void **state)
{
    struct elf_function f[3];
    int fd;
    off_t end;

    (void)state;
    elf_builder_function(&builder, "first", code, sizeof(code));
    fd = elf_builder_file(&builder);
    end = lseek(fd, 0, SEEK_END);
    for (off_t bytes = end - 1; bytes > 0; bytes -= bytes > 0x7000 ? 1 : 97) {
        struct elf_image e;

        assert_int_equal(ftruncate(fd, bytes), 0);
        if (elf_image_open(&e, fd) != 0)
            continue;
        elf_image_find(&e, names, 3, f);
        elf_image_close(&e);
    }
    close(fd);
}

static void addresses_lead_to_the_file_only_where_it_has_bytes(void **state)
{
    struct elf_image e;
    uint64_t offset;

    (void)state;
    e = elf_builder_image(&builder);
    assert_true(elf_image_offset(&e, BUILDER_TEXT_ADDRESS + 5, PF_X, &offset));
    assert_int_equal(offset, BUILDER_TEXT_OFFSET + 5);
    assert_true(elf_image_offset(&e, BUILDER_DATA_ADDRESS, 0, &offset));
    assert_int_equal(offset, BUILDER_DATA_OFFSET);
    assert_false(elf_image_offset(&e, BUILDER_DATA_ADDRESS, PF_X, &offset));
    assert_false(elf_image_offset(&e, BUILDER_TEXT_ADDRESS + BUILDER_ROOM, PF_X, &offset));
    assert_false(elf_image_offset(&e, 0, 0, &offset));
    assert_false(elf_image_offset(&e, UINT64_MAX, 0, &offset));
    elf_image_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(other_files_are_refused, elf_builder_setup),
        cmocka_unit_test_setup(no_file_is_read_for_ever, elf_builder_setup),
        cmocka_unit_test_setup(build_id_is_behind_another_note, elf_builder_setup),
        cmocka_unit_test_setup(functions_are_told_by_their_place_in_the_file, elf_builder_setup),
        cmocka_unit_test_setup(what_is_no_function_of_this_file_is_not_found, elf_builder_setup),
        cmocka_unit_test_setup(a_stripped_file_has_a_build_id_and_no_functions, elf_builder_setup),
        cmocka_unit_test_setup(a_file_that_is_cut_short_meanwhile_does_no_harm, elf_builder_setup),
        cmocka_unit_test_setup(a_file_cut_anywhere_is_read_as_far_as_it_goes, elf_builder_setup),
        cmocka_unit_test_setup(addresses_lead_to_the_file_only_where_it_has_bytes,
                               elf_builder_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
