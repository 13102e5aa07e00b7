/* SPDX-License-Identifier: BSD-3-Clause */
/* Few certificates make up most handshakes, and to compare two is many times faster than to hash
 * one. So the last ones are kept, in a table of fixed size, whole: what is remembered is of exactly
 * these bytes.
 *
 * A certificate's place is told by its last bytes, which are of its signature and so as good as
 * random. Who makes up certificates with the same ending only has them hashed, as all would be
 * without the table. */
#include "worker/parse/tls/x509_hash.h"

#include <string.h>

#define SLOTS      1024u /* a power of two */
#define SLOT_BYTES 5120u /* longer certificates are rare, and hashed each time */

static struct slot {
    uint32_t len; /* 0: empty */
    uint8_t sha256[TLS_SHA256_BYTES];
    uint8_t der[SLOT_BYTES - sizeof(uint32_t) - TLS_SHA256_BYTES];
} slots[SLOTS];

void x509_hash(const uint8_t *der, size_t len, uint8_t sha256[TLS_SHA256_BYTES])
{
    struct slot *s;
    uint32_t end;

    if (len < sizeof end || len > sizeof slots[0].der) {
        tls_sha256(der, len, sha256);
        return;
    }
    memcpy(&end, der + len - sizeof end, sizeof end);
    s = &slots[end & (SLOTS - 1)];
    if (s->len != len || memcmp(s->der, der, len) != 0) {
        tls_sha256(der, len, s->sha256);
        memcpy(s->der, der, len);
        s->len = (uint32_t)len;
    }
    memcpy(sha256, s->sha256, TLS_SHA256_BYTES);
}
