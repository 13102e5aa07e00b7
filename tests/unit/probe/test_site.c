/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions of a few instructions, and what must make the decoder unsure of each. Without a
 * disassembler in the build there is nothing to find, and the tests say so. */
#include "worker/probe/site.h"

#include "tests/unit/probe/elf_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#ifdef HAVE_CAPSTONE
#define DECODES true
#else
#define DECODES false
#endif

/* int outer(void *session, void *buffer, int n): as compilers make it of "if n < 0 return -1; r =
 * inner(session, buffer, n, &done); return r > 0 ? done : r". */
static const uint8_t outer[] = {
    0x48, 0x83, 0xec, 0x18,       /*  0 sub $24, %rsp */
    0x85, 0xd2,                   /*  4 test %edx, %edx */
    0x78, 0x17,                   /*  6 js 31 */
    0x48, 0x89, 0xe1,             /*  8 mov %rsp, %rcx */
    0x48, 0x63, 0xd2,             /* 11 movslq %edx, %rdx */
    0xe8, 0x00, 0x01, 0x00, 0x00, /* 14 call inner */
    0x85, 0xc0,                   /* 19 test %eax, %eax */
    0x7e, 0x03,                   /* 21 jle 26 */
    0x8b, 0x04, 0x24,             /* 23 mov (%rsp), %eax */
    0x48, 0x83, 0xc4, 0x18,       /* 26 add $24, %rsp */
    0xc3,                         /* 30 ret */
    0xb8, 0xff, 0xff, 0xff, 0xff, /* 31 mov $-1, %eax */
    0xeb, 0xf4,                   /* 36 jmp 26 */
};

#define AT_SETUP   8
#define AT_EXTEND  11
#define AT_CALL    14
#define AT_TEST    19
#define AT_JUMP    21
#define AT_BODY    23
#define AT_FAILURE 31
#define AT_BACK    36

static uint8_t code[sizeof(outer) + 16];

static bool find(const void *p, size_t bytes, unsigned n_args, struct site *site)
{
    struct elf_builder b;
    struct elf_function f = {.bytes = bytes};
    struct elf_image e;
    bool found;

    elf_builder_init(&b);
    f.offset = elf_builder_function(&b, "outer", p, bytes);
    e = elf_builder_image(&b);
    found = site_find(&e, &f, n_args, 3, site);
    elf_image_close(&e);
    if (found) {
        site->entry -= f.offset;
        site->exit -= f.offset;
    }
    return found;
}

/* Whether a site is found in the function with `bytes` of it changed. */
static bool found_with(size_t at, const void *change, size_t bytes)
{
    struct site site;

    memcpy(code, outer, sizeof(outer));
    memcpy(code + at, change, bytes);
    return find(code, sizeof(outer), 3, &site);
}

static void call_and_jump_are_found(void **state)
{
    struct site site;

    (void)state;
    assert_int_equal(find(outer, sizeof(outer), 3, &site), DECODES);
    if (!DECODES)
        return;
    assert_int_equal(site.entry, AT_CALL);
    assert_int_equal(site.exit, AT_JUMP);
}

static void a_landing_pad_does_not_matter(void **state)
{
    struct site site;

    (void)state;
    memcpy(code, "\xf3\x0f\x1e\xfa", 4);
    memcpy(code + 4, outer, sizeof(outer));
    assert_int_equal(find(code, sizeof(outer) + 4, 3, &site), DECODES);
    if (DECODES)
        assert_int_equal(site.entry, AT_CALL + 4);
}

static void a_local_in_a_frame_is_known(void **state)
{
    /* push %rbp; mov %rsp, %rbp; sub $16, %rsp; lea -8(%rbp), %rcx; call; test; jg; xor %eax, %eax;
     * leave; ret */
    static const uint8_t frame[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x48,
                                    0x8d, 0x4d, 0xf8, 0xe8, 0x00, 0x01, 0x00, 0x00, 0x85,
                                    0xc0, 0x7f, 0x02, 0x31, 0xc0, 0xc9, 0xc3};
    struct site site;

    (void)state;
    assert_int_equal(find(frame, sizeof(frame), 3, &site), DECODES);
    memcpy(code, frame, sizeof(frame));
    code[3] = 0xdd; /* mov %rbx, %rbp: not the frame */
    assert_false(find(code, sizeof(frame), 3, &site));
}

static void an_argument_that_changes_is_noticed(void **state)
{
    struct site site;

    (void)state;
    assert_false(found_with(AT_EXTEND, "\x48\x89\xf2", 3)); /* mov %rsi, %rdx */
    assert_false(found_with(AT_EXTEND, "\x48\x63\xd1", 3)); /* movslq %ecx, %rdx */
    assert_false(found_with(AT_EXTEND, "\x83\xc2\x01", 3)); /* add $1, %edx */
    assert_false(found_with(AT_EXTEND, "\x40\xb6\x01", 3)); /* mov $1, %sil: a part of it */
    assert_false(found_with(AT_SETUP, "\x48\x89\xf9", 3));  /* mov %rdi, %rcx: no local */
    assert_false(find(outer, sizeof(outer), 4, &site));     /* the fourth is not the caller's */
}

static void an_argument_that_changes_on_one_way_is_noticed(void **state)
{
    (void)state;
    assert_false(found_with(AT_FAILURE, "\x31\xf6\xeb\xe5", 4)); /* xor %esi, %esi; jmp 8 */
}

static void the_result_must_decide(void **state)
{
    (void)state;
    assert_false(found_with(AT_TEST, "\x90\x90", 2)); /* no test */
    assert_false(found_with(AT_TEST, "\x85\xdb", 2)); /* test %ebx, %ebx */
    assert_false(found_with(AT_JUMP, "\x90\x90", 2)); /* no jump */
    assert_false(found_with(AT_JUMP, "\xeb\x03", 2)); /* always */
    assert_false(found_with(AT_TEST, "\x31\xc0", 2)); /* xor %eax, %eax */
}

static void calls_that_are_not_plain_are_left(void **state)
{
    (void)state;
    assert_false(found_with(AT_CALL, "\xff\xd0\x0f\x1f\x00", 5)); /* call *%rax */
    assert_false(found_with(AT_CALL, "\xff\x50\x38\x66\x90", 5)); /* call *56(%rax) */
}

/* call; test; jle; and the same again */
static void two_calls_are_one_too_many(void **state)
{
    static const uint8_t two[] = {0x48, 0x89, 0xe1, 0x85, 0xd2, 0x74, 0x0c, 0xe8, 0x00, 0x01, 0x00,
                                  0x00, 0x85, 0xc0, 0x7e, 0x0b, 0xb0, 0x01, 0xc3, 0xe8, 0x00, 0x02,
                                  0x00, 0x00, 0x85, 0xc0, 0x7e, 0x00, 0x31, 0xc0, 0xc3};
    struct site site;

    (void)state;
    assert_false(find(two, sizeof(two), 3, &site));
}

/* What does not pass the call must do nothing. */
static void the_other_way_must_fail(void **state)
{
    (void)state;
    assert_false(found_with(AT_FAILURE, "\xb8\x01\x00\x00\x00", 5)); /* mov $1, %eax */
    assert_false(found_with(AT_FAILURE, "\xe8\x00\x00\x01\x00", 5)); /* call */
    assert_false(found_with(AT_BACK, "\xff\xe0", 2));                /* jmp *%rax */
    assert_false(found_with(AT_BACK, "\xeb\x70", 2));                /* jmp to elsewhere */
    assert_false(found_with(AT_BACK, "\x90\x90", 2));                /* into what follows */
    assert_int_equal(found_with(AT_FAILURE, "\x31\xc0\x90\x90\x90", 5), DECODES); /* 0 */
}

static void nothing_may_come_between(void **state)
{
    (void)state;
    assert_false(found_with(AT_BACK, "\xeb\xed", 2)); /* jmp 19, to the test */
    assert_false(found_with(AT_JUMP, "\x7e\xf1", 2)); /* jle 8, to the call again */
    assert_int_equal(found_with(AT_BODY, "\x90\x90\x90", 3), DECODES);
}

static void what_cannot_be_decoded_is_left(void **state)
{
    struct site site;

    (void)state;
    assert_false(found_with(AT_BODY, "\x06\x06\x06", 3)); /* none in 64-bit code */
    assert_false(find(outer, sizeof(outer) - 1, 3, &site));
    assert_false(find(outer, 0, 3, &site));
}

static size_t returns(const void *p, size_t bytes, uint64_t *out, size_t max)
{
    struct elf_builder b;
    struct elf_function f = {.bytes = bytes};
    struct elf_image e;
    size_t n;

    elf_builder_init(&b);
    f.offset = elf_builder_function(&b, "f", p, bytes);
    e = elf_builder_image(&b);
    n = site_returns(&e, &f, out, max);
    elf_image_close(&e);
    for (size_t i = 0; i < n; i++)
        out[i] -= f.offset;
    return n;
}

static void all_returns_are_found(void **state)
{
    /* A c3 inside of an instruction is none: mov $0xc3c3c3c3, %eax; ret; int3; ret $8; ret */
    static const uint8_t f[] = {0xb8, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xcc, 0xc2, 0x08, 0x00, 0xc3};
    uint64_t at[3];

    (void)state;
    assert_int_equal(returns(f, sizeof(f), at, 3), DECODES ? 3 : 0);
    if (DECODES) {
        assert_int_equal(at[0], 5);
        assert_int_equal(at[1], 7);
        assert_int_equal(at[2], 10);
    }
    assert_int_equal(returns(f, sizeof(f), at, 2), 0);
    assert_int_equal(returns(f, 4, at, 3), 0); /* ends in an instruction */
}

static uint64_t entry_by(uint64_t (*find_entry)(struct elf_image *e, const struct elf_function *f),
                         const void *p, size_t bytes)
{
    struct elf_builder b;
    struct elf_function f = {.bytes = bytes};
    struct elf_image e;
    uint64_t at;

    elf_builder_init(&b);
    f.offset = elf_builder_function(&b, "f", p, bytes);
    e = elf_builder_image(&b);
    at = find_entry(&e, &f) - f.offset;
    elf_image_close(&e);
    return at;
}

static uint64_t entry(const void *p, size_t bytes)
{
    return entry_by(site_entry, p, bytes);
}

static void entry_is_behind_a_landing_pad_where_that_is_cheaper(void **state)
{
    (void)state;
    assert_int_equal(entry("\x55\xc3", 2), 0);
    assert_int_equal(entry("\xf3\x0f\x1e\xfa\x55\xc3", 6), 4);
    assert_int_equal(entry("\xf3\x0f\x1e\xfa\x41\x57", 6), 4);
    assert_int_equal(entry("\xf3\x0f\x1e\xfa\x48\x83", 6), 0);
    assert_int_equal(entry("\xf3\x0f\x1e\xfb\x55\xc3", 6), 0);
}

/* lea -24(%rsp), %r12; cmp 16(%r14), %r12; jbe; sub $152, %rsp; ret */
static void entry_of_go_is_where_it_asks_for_stack(void **state)
{
    static const uint8_t prologue[] = {0x4c, 0x8d, 0x64, 0x24, 0xe8, 0x4d, 0x3b, 0x66,
                                       0x10, 0x0f, 0x86, 0x08, 0x00, 0x00, 0x00, 0x48,
                                       0x81, 0xec, 0x98, 0x00, 0x00, 0x00, 0xc3};
    uint8_t f[sizeof(prologue)];

    (void)state;
    assert_int_equal(entry_by(site_entry_go, prologue, sizeof(prologue)), DECODES ? 9 : 0);
    memcpy(f, prologue, sizeof(f));
    f[0] = 0x48; /* lea -24(%rsp), %rbx: an argument */
    f[2] = 0x5c;
    assert_int_equal(entry_by(site_entry_go, f, sizeof(f)), 0);
    /* push %rbp; test %eax, %eax; je; ret */
    assert_int_equal(entry_by(site_entry_go, "\x55\x85\xc0\x74\x00\xc3", 6), 0);
    assert_int_equal(entry_by(site_entry_go, "\x31\xc0\xc3", 3), 0);
}

/* int by_address(void *session, void *buffer, size_t n, size_t *done): "r = inner(session, buffer,
 * n, done); return r < 0 ? 0 : r". */
static const uint8_t by_address[] = {
    0x48, 0x83, 0xec, 0x08,       /*  0 sub $8, %rsp */
    0xe8, 0x00, 0x00, 0x00, 0x00, /*  4 call inner */
    0x31, 0xd2,                   /*  9 xor %edx, %edx */
    0x85, 0xc0,                   /* 11 test %eax, %eax */
    0x0f, 0x48, 0xc2,             /* 13 cmovs %edx, %eax */
    0x48, 0x83, 0xc4, 0x08,       /* 16 add $8, %rsp */
    0xc3,                         /* 20 ret */
};
/* From OpenSSL 3.3 on: mov %rcx, %r8; xor %ecx, %ecx; push %rbx; call inner; pop %rbx; ret */
static const uint8_t by_fifth[] = {0x49, 0x89, 0xc8, 0x31, 0xc9, 0x53, 0xe8,
                                   0x00, 0x00, 0x00, 0x00, 0x5b, 0xc3};
static const uint8_t inner_code[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x55,
                                     0x31, 0xc0, 0x41, 0x5d, 0xc3};

#define AT_EX_CALL    4
#define AT_FIFTH_CALL 6

/* A file with an inner function and one that calls it. */
struct scene {
    struct elf_builder b;
    struct elf_image e;
    struct elf_function f;
    uint64_t inner;
};

static void scene_open(struct scene *s, const void *f, size_t bytes, size_t call, const void *inner,
                       size_t inner_bytes)
{
    int32_t distance;

    elf_builder_init(&s->b);
    s->inner = elf_builder_function(&s->b, "inner", inner, inner_bytes);
    s->f = (struct elf_function){elf_builder_function(&s->b, "f", f, bytes), bytes};
    distance = (int32_t)(s->inner - (s->f.offset + call + 5));
    if (call < bytes)
        memcpy(s->b.text + (s->f.offset - BUILDER_TEXT_OFFSET) + call + 1, &distance, 4);
    s->e = elf_builder_image(&s->b);
}

/* Whether the inner function of `outer` is found, with `bytes` of it changed. */
static bool inner_found_with(size_t at, const void *change, size_t bytes, struct site_inner *inner)
{
    struct scene s;
    bool found;

    memcpy(code, outer, sizeof(outer));
    memcpy(code + at, change, bytes);
    scene_open(&s, code, sizeof(outer), AT_CALL, inner_code, sizeof(inner_code));
    found = site_inner_find(&s.e, &s.f, inner);
    if (found)
        assert_int_equal(inner->offset, s.inner);
    elf_image_close(&s.e);
    return found;
}

static void inner_function_is_found(void **state)
{
    struct site_inner inner;

    (void)state;
    assert_int_equal(inner_found_with(0, outer, 1, &inner), DECODES);
    if (!DECODES)
        return;
    assert_int_equal(inner.entry, inner.offset + 4); /* behind the landing pad */
    assert_int_equal(inner.out, 3);
    /* test %eax, %eax; cmovg (%rsp), %eax: no jump is needed */
    assert_true(inner_found_with(AT_TEST, "\x85\xc0\x0f\x4f\x04\x24\x90", 7, &inner));
    assert_true(inner_found_with(AT_SETUP, "\x49\x89\xe0", 3, &inner)); /* mov %rsp, %r8 */
    assert_int_equal(inner.out, 4);
    assert_true(inner_found_with(AT_EXTEND, "\x48\x89\xfb", 3, &inner)); /* mov %rdi, %rbx */
}

static void inner_function_must_be_sure(void **state)
{
    struct site_inner inner;
    struct scene s;

    (void)state;
    assert_false(inner_found_with(AT_SETUP, "\x48\x89\xf1", 3, &inner));  /* no local */
    assert_false(inner_found_with(AT_EXTEND, "\x49\x89\xe0", 3, &inner)); /* two of them */
    assert_false(inner_found_with(AT_EXTEND, "\x48\x89\xf7", 3, &inner)); /* another session */
    assert_false(inner_found_with(AT_FAILURE, "\xb8\x01\x00\x00\x00", 5, &inner)); /* returns 1 */
    assert_false(inner_found_with(AT_JUMP, "\x7e\xf1", 2, &inner)); /* calls it again */
    /* Its first instruction must be cheap: sub $8, %rsp; add $8, %rsp; ret */
    scene_open(&s, outer, sizeof(outer), AT_CALL, "\x48\x83\xec\x08\x48\x83\xc4\x08\xc3", 9);
    assert_false(site_inner_find(&s.e, &s.f, &inner));
    elf_image_close(&s.e);
    /* And lie in the same segment. */
    scene_open(&s, outer, sizeof(outer), sizeof(outer), inner_code, sizeof(inner_code));
    memcpy(s.b.text + (s.f.offset - BUILDER_TEXT_OFFSET) + AT_CALL + 1, "\x00\x00\x10\x00", 4);
    elf_image_close(&s.e);
    s.e = elf_builder_image(&s.b);
    assert_false(site_inner_find(&s.e, &s.f, &inner));
    elf_image_close(&s.e);
}

/* Whether a function, with a byte changed, is one that passes on to an inner one whose argument
 * inner_out is its own argument `out`. */
static bool is_of(const void *f, size_t bytes, size_t call, unsigned out, unsigned inner_out,
                  size_t at, uint8_t change)
{
    struct site_inner inner;
    struct scene s;
    bool found;

    memcpy(code, f, bytes);
    if (at < bytes)
        code[at] = change;
    scene_open(&s, code, bytes, call, inner_code, sizeof(inner_code));
    inner = (struct site_inner){.offset = s.inner, .out = inner_out};
    found = site_inner_is_of(&s.e, &s.f, out, &inner);
    elf_image_close(&s.e);
    return found;
}

static void who_passes_on_to_it_is_known(void **state)
{
    size_t n = sizeof(by_address), as_is = n;

    (void)state;
    assert_int_equal(is_of(by_address, n, AT_EX_CALL, 3, 3, as_is, 0), DECODES);
    assert_int_equal(is_of(by_fifth, sizeof(by_fifth), AT_FIFTH_CALL, 3, 4, n, 0), DECODES);
    assert_false(is_of(by_address, n, AT_EX_CALL, 4, 3, as_is, 0));
    assert_false(is_of(by_address, n, AT_EX_CALL, 3, 4, as_is, 0));
    assert_false(is_of(by_fifth, sizeof(by_fifth), AT_FIFTH_CALL, 3, 3, n, 0));
    assert_false(is_of(by_address, n, n, 3, 3, as_is, 0)); /* another function */
    assert_false(is_of(outer, sizeof(outer), AT_CALL, 3, 3, sizeof(outer), 0)); /* a local */
    assert_false(is_of(by_address, n, AT_EX_CALL, 3, 3, 4, 0xe9));              /* jmp inner */
    /* mov %rdi, %r8 */
    assert_false(is_of(by_fifth, sizeof(by_fifth), AT_FIFTH_CALL, 3, 4, 2, 0xf8));
}

static void who_might_go_there_is_known(void **state)
{
    struct site_inner inner = {0};
    struct scene s;

    (void)state;
    scene_open(&s, outer, sizeof(outer), AT_CALL, inner_code, sizeof(inner_code));
    inner.offset = s.inner;
    assert_true(site_inner_may_be_of(&s.e, &s.f, &inner));
    inner.offset++;
    assert_int_equal(site_inner_may_be_of(&s.e, &s.f, &inner), !DECODES);
    s.f.bytes = 0;
    assert_true(site_inner_may_be_of(&s.e, &s.f, &inner));
    elf_image_close(&s.e);
}

static bool is_jump(const void *f, size_t bytes)
{
    struct scene s;
    bool found;

    scene_open(&s, f, bytes, bytes, inner_code, sizeof(inner_code));
    found = site_is_jump(&s.e, &s.f);
    elf_image_close(&s.e);
    return found;
}

static void a_function_that_only_jumps_is_known(void **state)
{
    (void)state;
    /* mov %rcx, %r8; xor %ecx, %ecx; jmp elsewhere */
    assert_int_equal(is_jump("\x49\x89\xc8\x31\xc9\xe9\x00\x10\x00\x00", 10), DECODES);
    assert_int_equal(is_jump("\xeb\x70", 2), DECODES);
    assert_false(is_jump("\xe8\x00\x10\x00\x00\xeb\x70", 7)); /* calls before */
    assert_false(is_jump("\x74\x01\x90\xeb\x70", 5));         /* has another jump */
    assert_false(is_jump("\x90\xeb\xfd", 3));                 /* to itself */
    assert_false(is_jump("\x90\xff\xe0", 3));                 /* jmp *%rax */
    assert_false(is_jump(inner_code, sizeof(inner_code)));
}

/* The distance of the table's address from the function; 0 if it is not found. */
static int64_t table(const void *f, size_t bytes)
{
    uint64_t at = 0;
    struct scene s;
    bool found;

    scene_open(&s, f, bytes, bytes, inner_code, sizeof(inner_code));
    found = site_table(&s.e, &s.f, &at);
    at -= s.f.offset;
    elf_image_close(&s.e);
    return found ? (int64_t)at : 0;
}

static void table_of_pointers_is_found(void **state)
{
    /* mov 0x1000(%rip), %rax; nop; mov (%rax, %rbx, 8), %rbp; ret */
    uint8_t direct[] = {0x48, 0x8b, 0x05, 0x00, 0x10, 0x00, 0x00,
                        0x90, 0x48, 0x8b, 0x2c, 0xd8, 0xc3};
    /* lea 0x1000(%rip), %r12; mov 8(%r12), %rax; mov (%rax, %rbx, 8), %rbp; ret */
    static const uint8_t in_struct[] = {0x4c, 0x8d, 0x25, 0x00, 0x10, 0x00, 0x00, 0x49, 0x8b,
                                        0x44, 0x24, 0x08, 0x48, 0x8b, 0x2c, 0xd8, 0xc3};

    (void)state;
    assert_int_equal(table(direct, sizeof(direct)), DECODES ? 0x1007 : 0);
    assert_int_equal(table(in_struct, sizeof(in_struct)), DECODES ? 0x100f : 0);
    direct[2] = 0x1d; /* mov 0x1000(%rip), %rbx */
    assert_int_equal(table(direct, sizeof(direct)), 0);
    direct[2] = 0x05;
    direct[11] = 0x98; /* elements of 4 bytes */
    assert_int_equal(table(direct, sizeof(direct)), 0);
    assert_int_equal(table(outer, sizeof(outer)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inner_function_is_found),
        cmocka_unit_test(inner_function_must_be_sure),
        cmocka_unit_test(who_passes_on_to_it_is_known),
        cmocka_unit_test(who_might_go_there_is_known),
        cmocka_unit_test(a_function_that_only_jumps_is_known),
        cmocka_unit_test(table_of_pointers_is_found),
        cmocka_unit_test(call_and_jump_are_found),
        cmocka_unit_test(a_landing_pad_does_not_matter),
        cmocka_unit_test(a_local_in_a_frame_is_known),
        cmocka_unit_test(an_argument_that_changes_is_noticed),
        cmocka_unit_test(an_argument_that_changes_on_one_way_is_noticed),
        cmocka_unit_test(the_result_must_decide),
        cmocka_unit_test(calls_that_are_not_plain_are_left),
        cmocka_unit_test(two_calls_are_one_too_many),
        cmocka_unit_test(the_other_way_must_fail),
        cmocka_unit_test(nothing_may_come_between),
        cmocka_unit_test(what_cannot_be_decoded_is_left),
        cmocka_unit_test(all_returns_are_found),
        cmocka_unit_test(entry_of_go_is_where_it_asks_for_stack),
        cmocka_unit_test(entry_is_behind_a_landing_pad_where_that_is_cheaper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
