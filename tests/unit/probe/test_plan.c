/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/plan.h"

#include "tests/unit/probe/elf_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#ifdef HAVE_CAPSTONE
#define DECODES true
#else
#define DECODES false
#endif

static const uint8_t code[] = {0x31, 0xc0, 0xc3};
/* An inner call takes the arguments and a local's address, and its result decides a jump. */
static const uint8_t cheap[] = {0x48, 0x83, 0xec, 0x18, 0x48, 0x89, 0xe1, 0xe8,
                                0x00, 0x01, 0x00, 0x00, 0x85, 0xc0, 0x7e, 0x03,
                                0x8b, 0x04, 0x24, 0x48, 0x83, 0xc4, 0x18, 0xc3};

extern const struct probe_library library_openssl;

static struct plan plan;

static uint64_t add(const char *name)
{
    return elf_builder_function(&builder, name, code, sizeof(code));
}

static void make(const char *name, bool executable, const char *only)
{
    struct elf_image e = elf_builder_image(&builder);

    plan_make(&plan, &e, name, executable, only);
    elf_image_close(&e);
}

/* The hook of a kind at an offset; NULL if there is none. */
static const struct hook *hook_at(enum hook_kind kind, uint64_t offset)
{
    for (size_t i = 0; i < plan.n; i++)
        if (plan.hooks[i].kind == kind && plan.hooks[i].offset == offset)
            return &plan.hooks[i];
    return NULL;
}

static void add_openssl(void)
{
    add("SSL_read");
    add("SSL_write");
    add("SSL_free");
}

static void functions_are_hooked_at_entry_and_return(void **state)
{
    uint64_t read = add("SSL_read"), write = add("SSL_write_ex"), end = add("SSL_free");
    const struct hook *h;

    (void)state;
    add("SSL_write");
    add("SSL_peek");
    make("libssl.so.3", false, "");
    assert_non_null(plan.library);
    assert_string_equal(plan.library->name, "openssl");
    assert_int_equal(plan.n, 7);
    assert_false(plan.cheap);
    h = hook_at(HOOK_ENTRY, read);
    assert_non_null(h);
    assert_int_equal(h->cookie.call, PROBE_CALL_READ);
    assert_int_equal(h->cookie.count, PROBE_COUNT_INT);
    assert_non_null(hook_at(HOOK_RETURN, read));
    h = hook_at(HOOK_RETURN, write);
    assert_non_null(h);
    assert_int_equal(h->cookie.count, PROBE_COUNT_OUT);
    assert_int_equal(h->cookie.out, 3);
    assert_non_null(hook_at(HOOK_ENTRY, end));
    assert_null(hook_at(HOOK_RETURN, end));
}

static void a_sure_site_is_preferred(void **state)
{
    uint64_t read = elf_builder_function(&builder, "SSL_read", cheap, sizeof(cheap));
    const struct hook *h;

    (void)state;
    add("SSL_write");
    add("SSL_free");
    make("libssl.so.3", false, "");
    assert_int_equal(plan.cheap, DECODES);
    if (!DECODES)
        return;
    assert_null(hook_at(HOOK_RETURN, read));
    h = hook_at(HOOK_ENTRY, read + 7);
    assert_non_null(h);
    assert_int_equal(h->cookie.count, PROBE_COUNT_OUT);
    assert_int_equal(h->cookie.out, 3);
    assert_true(h->cookie.flags & PROBE_FLAG_SITE);
    assert_non_null(hook_at(HOOK_EXIT, read + 14));
}

/* As `cheap`, with a call to `inner`. */
static uint64_t add_outer(const char *name, uint64_t inner)
{
    uint8_t f[sizeof(cheap)];
    int32_t distance = (int32_t)(inner - (BUILDER_TEXT_OFFSET + builder.text_bytes + 7 + 5));

    memcpy(f, cheap, sizeof(f));
    memcpy(f + 8, &distance, sizeof(distance));
    return elf_builder_function(&builder, name, f, sizeof(f));
}

/* push %rbx; call; pop %rbx; ret */
static uint64_t add_by_address(const char *name, uint64_t inner)
{
    uint8_t f[] = {0x53, 0xe8, 0, 0, 0, 0, 0x5b, 0xc3};
    int32_t distance = (int32_t)(inner - (BUILDER_TEXT_OFFSET + builder.text_bytes + 1 + 5));

    memcpy(f + 2, &distance, sizeof(distance));
    return elf_builder_function(&builder, name, f, sizeof(f));
}

/* Returns the offset of the function that SSL_read and SSL_read_ex pass on to. */
static uint64_t add_read_pair(uint64_t offsets[2])
{
    uint64_t inner = elf_builder_function(&builder, "unnamed", "\x53\x31\xc0\x5b\xc3", 5);

    offsets[0] = add_outer("SSL_read", inner);
    offsets[1] = add_by_address("SSL_read_ex", inner);
    add("SSL_write");
    add("SSL_free");
    return inner;
}

static void what_two_pass_on_to_is_hooked_instead(void **state)
{
    uint64_t outer[2], inner = add_read_pair(outer);
    const struct hook *h;

    (void)state;
    add("SSL_peek");
    make("libssl.so.3", false, "");
    h = hook_at(HOOK_ENTRY, inner);
    assert_int_equal(h != NULL, DECODES);
    if (!DECODES)
        return;
    assert_true(plan.cheap);
    assert_int_equal(plan.n, 5); /* that, SSL_write, and the end */
    assert_int_equal(h->cookie.call, PROBE_CALL_READ);
    assert_int_equal(h->cookie.count, PROBE_COUNT_OUT);
    assert_int_equal(h->cookie.out, 3);
    assert_false(h->cookie.flags & PROBE_FLAG_SITE);
    assert_non_null(hook_at(HOOK_RETURN, inner));
    assert_null(hook_at(HOOK_ENTRY, outer[1]));
}

static void what_also_peeks_is_not_hooked(void **state)
{
    uint64_t outer[2], inner = add_read_pair(outer);

    (void)state;
    add_outer("SSL_peek", inner);
    make("libssl.so.3", false, "");
    assert_null(hook_at(HOOK_ENTRY, inner));
    assert_non_null(hook_at(HOOK_ENTRY, outer[1]));
    assert_int_equal(plan.n, 7);
}

static void what_only_one_passes_on_to_is_not_hooked(void **state)
{
    uint64_t inner = elf_builder_function(&builder, "unnamed", "\x53\x31\xc0\x5b\xc3", 5), ex;

    (void)state;
    add_outer("SSL_read", inner);
    ex = add("SSL_read_ex");
    add("SSL_write");
    add("SSL_free");
    make("libssl.so.3", false, "");
    assert_null(hook_at(HOOK_ENTRY, inner));
    assert_non_null(hook_at(HOOK_ENTRY, ex));
    assert_int_equal(plan.n, 7);
}

/* From OpenSSL 3.3 on SSL_write_ex jumps to SSL_write_ex2. */
static void what_jumps_to_one_of_them_needs_no_hook(void **state)
{
    /* push %rbx; mov %rsp, %r8; call; test %eax, %eax; jle; mov (%rsp), %eax; pop %rbx; ret */
    uint8_t f[] = {0x53, 0x49, 0x89, 0xe0, 0xe8, 0,    0,    0,    0,
                   0x85, 0xc0, 0x7e, 0x03, 0x8b, 0x04, 0x24, 0x5b, 0xc3};
    uint64_t inner = elf_builder_function(&builder, "unnamed", "\x53\x31\xc0\x5b\xc3", 5), ex;
    int32_t distance = (int32_t)(inner - (BUILDER_TEXT_OFFSET + builder.text_bytes + 4 + 5));

    (void)state;
    memcpy(f + 5, &distance, sizeof(distance));
    elf_builder_function(&builder, "SSL_write", f, sizeof(f));
    add_by_address("SSL_write_ex2", inner);
    ex = elf_builder_function(&builder, "SSL_write_ex", "\x31\xc9\xeb\x70", 4);
    add("SSL_read");
    add("SSL_free");
    make("libssl.so.3", false, "");
    assert_int_equal(hook_at(HOOK_ENTRY, ex) != NULL, !DECODES);
    if (!DECODES)
        return;
    assert_int_equal(plan.n, 5);
    assert_int_equal(hook_at(HOOK_ENTRY, inner)->cookie.out, 4);
    assert_int_equal(hook_at(HOOK_ENTRY, inner)->cookie.call, PROBE_CALL_WRITE);
}

static void what_calls_another_hooked_function_is_left(void **state)
{
    uint64_t send = add("gnutls_record_send");

    (void)state;
    add("gnutls_record_recv");
    add("gnutls_deinit");
    make("libgnutls.so.30", false, "");
    assert_non_null(hook_at(HOOK_ENTRY, send));
    add("gnutls_record_send2");
    make("libgnutls.so.30", false, "");
    assert_null(hook_at(HOOK_ENTRY, send));
    assert_int_equal(plan.n, 5);
}

static void names_and_lists_choose(void **state)
{
    (void)state;
    add_openssl();
    make("libcrypto.so.3", false, "");
    assert_null(plan.library);
    make("node", true, "");
    assert_non_null(plan.library);
    make("libssl.so.3", false, "gnutls,nss");
    assert_null(plan.library);
    make("libssl.so.3", false, "gnutls, openssl");
    assert_non_null(plan.library);
    make("libssl.so.3", false, "open");
    assert_null(plan.library);
}

static void all_required_functions_must_be_there(void **state)
{
    (void)state;
    add("SSL_read");
    add("SSL_write");
    make("libssl.so.3", false, "");
    assert_null(plan.library);
    assert_int_equal(plan.n, 0);
}

static void nss_in_two_files_has_one_name(void **state)
{
    (void)state;
    add("SSL_ImportFD");
    make("libssl3.so", false, "");
    assert_string_equal(plan.library->name, "nss");
    assert_int_equal(plan.hooks[0].cookie.call, PROBE_CALL_MARK);
    elf_builder_init(&builder);
    add("PR_Read");
    add("PR_Write");
    add("PR_Close");
    make("libnspr4.so", false, "");
    assert_string_equal(plan.library->name, "nss");
    for (size_t i = 0; i < plan.n; i++)
        assert_true(plan.hooks[i].cookie.flags & PROBE_FLAG_MARKED_ONLY);
}

#define NAMES 0x21000 /* behind what the file has, as in .bss */

/* PR_GetNameForIdentity: mov (%rip), %rax; mov (%rax, %rbx, 8), %rbp; ret */
static void hooks_are_told_the_way_to_the_names_of_layers(void **state)
{
    uint8_t f[] = {0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x48, 0x8b, 0x2c, 0xd8, 0xc3};
    uint64_t read = add("PR_Read"), write = add("PR_Write"), end = add("PR_Close");
    int32_t distance = (int32_t)(NAMES - (BUILDER_TEXT_OFFSET + builder.text_bytes + 7));

    (void)state;
    memcpy(f + 3, &distance, sizeof(distance));
    elf_builder_function(&builder, "PR_GetNameForIdentity", f, sizeof(f));
    make("libnspr4.so", false, "");
    assert_int_equal(plan.n, 5);
    assert_int_equal(hook_at(HOOK_ENTRY, read)->cookie.names,
                     DECODES ? (NAMES - (int)read) / 8 : 0);
    assert_int_equal(hook_at(HOOK_RETURN, write)->cookie.names,
                     DECODES ? (NAMES - (int)write) / 8 : 0);
    assert_int_equal(hook_at(HOOK_ENTRY, end)->cookie.names, 0);
    elf_builder_init(&builder);
    add("PR_Read");
    add("PR_Write");
    add("PR_Close");
    add("PR_GetNameForIdentity"); /* of which nothing is understood */
    make("libnspr4.so", false, "");
    assert_int_equal(plan.n, 5);
    for (size_t i = 0; i < plan.n; i++)
        assert_int_equal(plan.hooks[i].cookie.names, 0);
}

static void a_program_that_has_lost_its_symbols_is_named(void **state)
{
    char trace[32];

    (void)state;
    /* Not in one piece: this program would be one. */
    snprintf(trace, sizeof trace, "../%s.cc", library_openssl.trace);
    elf_builder_data(&builder, NULL, 0, trace, sizeof trace);
    make("browser", true, "");
    assert_null(plan.library);
    assert_non_null(plan.missed);
    make("libbrowser.so", false, "");
    assert_null(plan.missed);
    make("browser", true, "gnutls");
    assert_null(plan.missed);
}

static void go_program(const char *version)
{
    uint8_t info[64] = "\xff Go buildinf:\x08\x02";

    elf_builder_init(&builder);
    info[32] = (uint8_t)strlen(version);
    memcpy(info + 33, version, strlen(version));
    elf_builder_data(&builder, ".go.buildinfo", SHT_PROGBITS, info, sizeof(info));
}

static void go_is_hooked_at_each_return_and_never_by_the_stack(void **state)
{
    static const uint8_t two[] = {0x50, 0x85, 0xc0, 0x74, 0x01, 0xc3, 0x31, 0xc0, 0xc3};
    uint64_t read;

    (void)state;
    go_program("go1.19.8");
    read = elf_builder_function(&builder, "crypto/tls.(*Conn).Read", two, sizeof(two));
    add("crypto/tls.(*Conn).Write");
    make("server", true, "");
    if (!DECODES) {
        assert_non_null(plan.missed);
        return;
    }
    assert_string_equal(plan.library->name, "go");
    assert_int_equal(plan.n, 5);
    assert_non_null(hook_at(HOOK_ENTRY, read));
    assert_non_null(hook_at(HOOK_EXIT, read + 5));
    assert_non_null(hook_at(HOOK_EXIT, read + 8));
    for (size_t i = 0; i < plan.n; i++) {
        assert_int_not_equal(plan.hooks[i].kind, HOOK_RETURN);
        assert_true(plan.hooks[i].cookie.flags & PROBE_FLAG_GO);
    }
}

static void go_that_cannot_be_hooked_is_named(void **state)
{
    (void)state;
    go_program("go1.16.15");
    add("crypto/tls.(*Conn).Read");
    add("crypto/tls.(*Conn).Write");
    make("server", true, "");
    assert_null(plan.library);
    assert_non_null(plan.missed);
    go_program("go1.20");
    elf_builder_function(&builder, "crypto/tls.(*Conn).Read", "\x06\x06", 2);
    add("crypto/tls.(*Conn).Write");
    make("server", true, "");
    assert_null(plan.library);
    assert_int_equal(plan.n, 0);
    assert_non_null(plan.missed);
    go_program("go1.20");
    make("without_tls", true, "");
    assert_null(plan.missed);
}

static void lists_are_checked(void **state)
{
    char error[256];

    (void)state;
    assert_true(plan_check_list("", error, sizeof(error)));
    assert_true(plan_check_list("go, nss,openssl", error, sizeof(error)));
    assert_false(plan_check_list("openssl,boring", error, sizeof(error)));
    assert_non_null(strstr(error, "'boring'"));
    assert_non_null(strstr(error, "wolfssl"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(functions_are_hooked_at_entry_and_return, elf_builder_setup),
        cmocka_unit_test_setup(a_sure_site_is_preferred, elf_builder_setup),
        cmocka_unit_test_setup(what_two_pass_on_to_is_hooked_instead, elf_builder_setup),
        cmocka_unit_test_setup(what_also_peeks_is_not_hooked, elf_builder_setup),
        cmocka_unit_test_setup(what_only_one_passes_on_to_is_not_hooked, elf_builder_setup),
        cmocka_unit_test_setup(what_jumps_to_one_of_them_needs_no_hook, elf_builder_setup),
        cmocka_unit_test_setup(hooks_are_told_the_way_to_the_names_of_layers, elf_builder_setup),
        cmocka_unit_test_setup(what_calls_another_hooked_function_is_left, elf_builder_setup),
        cmocka_unit_test_setup(names_and_lists_choose, elf_builder_setup),
        cmocka_unit_test_setup(all_required_functions_must_be_there, elf_builder_setup),
        cmocka_unit_test_setup(nss_in_two_files_has_one_name, elf_builder_setup),
        cmocka_unit_test_setup(a_program_that_has_lost_its_symbols_is_named, elf_builder_setup),
        cmocka_unit_test_setup(go_is_hooked_at_each_return_and_never_by_the_stack,
                               elf_builder_setup),
        cmocka_unit_test_setup(go_that_cannot_be_hooked_is_named, elf_builder_setup),
        cmocka_unit_test_setup(lists_are_checked, elf_builder_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
