/* SPDX-License-Identifier: BSD-3-Clause */
/* What early_hash says is what decode says: of every frame of the golden captures, and of those
 * frames with bytes changed and ends cut off. */
#include "worker/decode/early_hash.h"

#include "common/base/clock.h"
#include "common/base/linktype.h"
#include "worker/capture/sources.h"
#include "worker/decode/decode.h"
#include "worker/decode/fragments.h"

#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SEED          0x1234567u
#define CHANGED       8 /* times that each frame is changed */
#define HEADERS_BYTES 120u

static struct counters counters;
static struct decoder decoder;
static unsigned n_frames, n_known;
static uint32_t random_state = 1;

static uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static void compare(const struct frame *f, enum checksums checksums, uint32_t depth)
{
    struct early_hash early = {
        .seed = SEED, .tunnel_max_depth = depth, .checksums = checksums == CHECKSUMS_CHECK};
    enum weird weird = WEIRDS;
    enum decode_result result;
    struct packet p;
    uint32_t hash = 0;
    bool known = early_hash_frame(&early, f, &hash);

    n_frames++;
    n_known += known;
    if (!known)
        return;
    decoder.checksums = checksums;
    decoder.tunnel_max_depth = depth;
    decode_batch(&decoder);
    result = decode_frame(&decoder, f, &p, &weird);
    assert_int_equal(p.hash, hash);
    assert_int_equal(p.n_hops, 0);
    assert_false(p.reassembled);
    assert_false(p.carrier);
    if (result != DECODE_PACKET && result != DECODE_BAD_CHECKSUM)
        assert_true(weird != WEIRDS); /* by which it finds its worker */
}

/* The frame as it is, and changed copies of exactly its length, so that a read past it shows. */
static void compare_all(const struct frame *f)
{
    compare(f, CHECKSUMS_IGNORE, 4);
    compare(f, CHECKSUMS_CHECK, 4);
    compare(f, CHECKSUMS_IGNORE, 0);
    for (unsigned i = 0; i < CHANGED; i++) {
        uint32_t n = i % 2 ? f->caplen : random_next() % (f->caplen + 1);
        uint32_t head = n < HEADERS_BYTES ? n : HEADERS_BYTES;
        uint8_t *copy = malloc(n ? n : 1);
        struct frame changed = *f;

        assert_non_null(copy);
        memcpy(copy, f->data, n);
        for (unsigned k = 0; k <= i / 2 && head > 0; k++)
            copy[random_next() % head] = (uint8_t)random_next();
        changed.data = copy;
        changed.caplen = n;
        compare(&changed, i % 3 ? CHECKSUMS_IGNORE : CHECKSUMS_CHECK, i % 4);
        free(copy);
    }
}

static void compare_file(const char *path)
{
    static struct heritage h;
    struct frame frames[CAPTURE_BATCH_MAX];
    struct capture *c;
    int n;

    h.capture.fd = open(path, O_RDONLY);
    h.options.snaplen = 262144;
    assert_true(h.capture.fd >= 0);
    assert_int_equal(capture_pcap_file.open(&c, &h, &counters), 0);
    while ((n = capture_pcap_file.recv(c, frames, CAPTURE_BATCH_MAX)) >= 0) {
        for (int i = 0; i < n; i++)
            compare_all(&frames[i]);
        capture_pcap_file.release(c);
    }
    capture_pcap_file.close(c);
    close(h.capture.fd);
}

static void every_golden_frame(void **state)
{
    glob_t g;

    (void)state;
    decoder = (struct decoder){.seed = SEED, .counters = &counters};
    decoder.fragments = fragments_new(1 << 20, 30 * NS_PER_SEC, &counters);
    assert_non_null(decoder.fragments);
    assert_int_equal(glob("tests/golden/*/input.*", 0, NULL, &g), 0);
    for (size_t i = 0; i < g.gl_pathc; i++)
        compare_file(g.gl_pathv[i]);
    globfree(&g);
    fragments_free(decoder.fragments);
    assert_true(n_frames > 10000);
    assert_true(n_known > n_frames / 2);
}

/* One frame of each kind that decides alone. */
static const uint8_t tcp[] = {
    1,    2,  3,    4,    5, 6, 7, 8, 9,  10, 11, 12, 0x08, 0x00, /* Ethernet */
    0x45, 0,  0,    40,   0, 1, 0, 0, 64, 6,  0,  0,  192,  0,    2, 1, 192, 0, 2, 2,
    0x30, 39, 0x00, 0x50, 0, 0, 0, 1, 0,  0,  0,  0,  0x50, 2,    4, 0, 0,   0, 0, 0};

static bool known(const uint8_t *data, uint32_t n)
{
    struct early_hash early = {.seed = SEED, .tunnel_max_depth = 4};
    struct frame f = {.data = data, .caplen = n, .wirelen = n, .linktype = LINKTYPE_ETHERNET};
    uint32_t hash;

    return early_hash_frame(&early, &f, &hash);
}

static void only_decode_can_tell(void **state)
{
    uint8_t f[sizeof tcp];

    (void)state;
    assert_true(known(tcp, sizeof tcp));
    assert_false(known(tcp, sizeof tcp - 1)); /* cut */
    memcpy(f, tcp, sizeof f);
    f[20] = 0x20; /* a fragment */
    assert_false(known(f, sizeof f));
    memcpy(f, tcp, sizeof f);
    f[23] = 17; /* UDP ... */
    assert_true(known(f, sizeof f));
    f[36] = 4789 >> 8; /* ... to a tunnel's port */
    f[37] = 4789 & 0xff;
    assert_false(known(f, sizeof f));
    f[23] = 47; /* GRE */
    assert_false(known(f, sizeof f));
    f[12] = 0x08; /* ARP */
    f[13] = 0x06;
    assert_false(known(f, sizeof f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_frame),
        cmocka_unit_test(only_decode_can_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
