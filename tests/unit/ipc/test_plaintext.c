/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/plaintext.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#define TS UINT64_C(1700000000123456789)

static const struct plaintext_item open_item = {
    .type = PLAINTEXT_OPEN,
    .session = 7,
    .ts_ns = TS,
    .open = {.local = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
             .remote = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}},
             .local_port = 45678,
             .remote_port = 443,
             .foreign = UINT32_MAX,
             .library = {"openssl", 7},
             .path = {"/usr/lib/libssl.so.3", 20},
             .build_id = {"0123abcd", 8},
             .method = {"socket", 6},
             .hook = {"site", 4},
             .process = {4242, {"curl", 4}, {"/usr/bin/curl", 13}, {"c0ffee", 6}, {"/x", 2}}},
};

static const struct plaintext_item data_item = {
    .type = PLAINTEXT_DATA,
    .session = UINT64_MAX,
    .ts_ns = TS,
    .data = {.write = true, .offset = 1 << 20, .entry_ns = TS - 5, .bytes = {"GET / HT\0\xff", 10}},
};
static const struct plaintext_item alpn_item = {
    .type = PLAINTEXT_ALPN, .session = 7, .ts_ns = TS, .alpn = {"h2", 2}};
static const struct plaintext_item close_item = {
    .type = PLAINTEXT_CLOSE, .session = 7, .ts_ns = TS, .close = {{INT64_MAX, 0}}};

static uint8_t message[PLAINTEXT_MESSAGE_BYTES_MAX];

static void assert_str(struct str a, struct str b)
{
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
}

static void assert_same(const struct plaintext_item *a, const struct plaintext_item *b)
{
    assert_int_equal(a->type, b->type);
    assert_true(a->session == b->session && a->ts_ns == b->ts_ns);
}

static void assert_same_session(const struct plaintext_session *a,
                                const struct plaintext_session *b)
{
    assert_memory_equal(&a->local, &b->local, sizeof a->local);
    assert_memory_equal(&a->remote, &b->remote, sizeof a->remote);
    assert_int_equal(a->local_port, b->local_port);
    assert_int_equal(a->remote_port, b->remote_port);
    assert_int_equal(a->foreign, b->foreign);
    assert_str(a->library, b->library);
    assert_str(a->path, b->path);
    assert_str(a->build_id, b->build_id);
    assert_str(a->method, b->method);
    assert_str(a->hook, b->hook);
    assert_int_equal(a->process.pid, b->process.pid);
    assert_str(a->process.name, b->process.name);
    assert_str(a->process.exe, b->process.exe);
    assert_str(a->process.container, b->process.container);
    assert_str(a->process.cgroup, b->process.cgroup);
}

/* One of each. */
static size_t make_message(void)
{
    size_t n = 0;

    assert_true(plaintext_encode(message, sizeof message, &n, &open_item));
    assert_true(plaintext_encode(message, sizeof message, &n, &data_item));
    assert_true(plaintext_encode(message, sizeof message, &n, &alpn_item));
    assert_true(plaintext_encode(message, sizeof message, &n, &close_item));
    return n;
}

static void items_come_back_in_order(void **state)
{
    struct plaintext_reader r;
    struct plaintext_item item;
    size_t n = make_message();

    (void)state;
    assert_int_equal(plaintext_reader_init(&r, message, n), 0);
    assert_int_equal(plaintext_read(&r, &item), 1);
    assert_same(&item, &open_item);
    assert_same_session(&item.open, &open_item.open);
    assert_int_equal(plaintext_read(&r, &item), 1);
    assert_same(&item, &data_item);
    assert_true(item.data.write && item.data.offset == data_item.data.offset &&
                item.data.entry_ns == data_item.data.entry_ns);
    assert_str(item.data.bytes, data_item.data.bytes);
    assert_int_equal(plaintext_read(&r, &item), 1);
    assert_same(&item, &alpn_item);
    assert_str(item.alpn, alpn_item.alpn);
    assert_int_equal(plaintext_read(&r, &item), 1);
    assert_same(&item, &close_item);
    assert_true(item.close.offset[0] == INT64_MAX && item.close.offset[1] == 0);
    assert_int_equal(plaintext_read(&r, &item), 0);
    assert_int_equal(plaintext_read(&r, &item), 0);
}

static void long_texts_are_cut_and_empty_ones_stay_empty(void **state)
{
    static char text[1000];
    struct plaintext_item item = open_item, back;
    struct plaintext_reader r;
    size_t n = 0;

    (void)state;
    memset(text, 'x', sizeof text);
    item.open.path = item.open.process.exe = item.open.process.cgroup = str_make(text, sizeof text);
    item.open.process.name = item.open.process.container = item.open.library =
        (struct str){NULL, 0};
    assert_true(plaintext_encode(message, sizeof message, &n, &item));
    assert_int_equal(plaintext_reader_init(&r, message, n), 0);
    assert_int_equal(plaintext_read(&r, &back), 1);
    assert_str(back.open.path, str_make(text, PLAINTEXT_TEXT_MAX));
    assert_str(back.open.process.cgroup, str_make(text, PLAINTEXT_TEXT_MAX));
    assert_int_equal(back.open.library.len, 0);
    assert_int_equal(back.open.process.container.len, 0);
}

/* Whoever fills a message until it says no has written nothing beyond it, and can send it. */
static void a_full_message_says_so_and_can_be_read(void **state)
{
    static uint8_t bytes[PLAINTEXT_DATA_BYTES_MAX], exact[3 * PLAINTEXT_DATA_BYTES_MAX];
    struct plaintext_item item = data_item;
    struct plaintext_reader r;
    size_t n = 0, before;
    unsigned written = 0, read = 0;

    (void)state;
    item.data.bytes = str_make(bytes, sizeof bytes);
    while (plaintext_encode(exact, sizeof exact, &n, &item))
        written++;
    assert_int_equal(written, 2);
    before = n;
    assert_false(plaintext_encode(exact, n + 10, &n, &close_item));
    assert_int_equal(n, before);
    assert_int_equal(plaintext_reader_init(&r, exact, n), 0);
    while (plaintext_read(&r, &item) == 1)
        read++;
    assert_int_equal(read, written);
    n = 0;
    assert_false(plaintext_encode(exact, 16, &n, &item));
    assert_int_equal(n, 0);
}

/* In memory of exactly its size, so that a byte read too far is seen. */
static int read_exact(const uint8_t *body, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    struct plaintext_reader r;
    struct plaintext_item item;
    int rc;

    assert_non_null(exact);
    memcpy(exact, body, n);
    rc = plaintext_reader_init(&r, exact, n);
    while (rc >= 0 && (rc = plaintext_read(&r, &item)) > 0)
        continue;
    free(exact);
    return rc;
}

static void every_cut_and_every_changed_byte_is_survived(void **state)
{
    size_t n = make_message();

    (void)state;
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(read_exact(message, cut), -EBADMSG);
    for (size_t i = 0; i < n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            message[i] ^= (uint8_t)(1u << bit);
            (void)read_exact(message, n);
            message[i] ^= (uint8_t)(1u << bit);
        }
    }
    assert_int_equal(read_exact(message, n), 0);
    message[n] = 0xc0;
    assert_int_equal(read_exact(message, n + 1), -EBADMSG);
}

static void what_means_nothing_is_refused(void **state)
{
    /* an item of an unknown type, of too few values, of an offset beyond 2^63, a close in the form
     * of an alpn */
    static const uint8_t unknown[] = {0x91, 0x94, 5, 7, 1, 0xa0};
    static const uint8_t nothing[] = {0x91, 0x90, 0, 0, 0};
    static const uint8_t zero[] = {0x91, 0x94, 0, 7, 1, 0xa0};
    static const uint8_t few[] = {0x91, 0x96, 2, 7, 1, 0xc2, 0, 0};
    static const uint8_t huge[] = {0x91, 0x97, 2, 7, 1, 0xc2, 0xcf, 0xff, 0,
                                   0,    0,    0, 0, 0, 0,    0,    0xa0};
    static const uint8_t other[] = {0x91, 0x94, 4, 7, 1, 0, 0};
    static const uint8_t right[] = {0x91, 0x95, 4, 7, 1, 0, 0};
    static const uint8_t empty[] = {0x90};

    (void)state;
    assert_int_equal(read_exact(unknown, sizeof unknown), -EBADMSG);
    assert_int_equal(read_exact(zero, sizeof zero), -EBADMSG);
    assert_int_equal(read_exact(nothing, sizeof nothing), -EBADMSG);
    assert_int_equal(read_exact(few, sizeof few), -EBADMSG);
    assert_int_equal(read_exact(huge, sizeof huge), -EBADMSG);
    assert_int_equal(read_exact(other, sizeof other), -EBADMSG);
    assert_int_equal(read_exact(right, sizeof right), 0);
    assert_int_equal(read_exact(empty, sizeof empty), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_back_in_order),
        cmocka_unit_test(long_texts_are_cut_and_empty_ones_stay_empty),
        cmocka_unit_test(a_full_message_says_so_and_can_be_read),
        cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
        cmocka_unit_test(what_means_nothing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
