/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows are packed as they come, behind a head that is written when their number is known. */
#include "common/ipc/claim.h"

#include "common/base/pack.h"
#include "common/ipc/body.h"

#include <errno.h>
#include <netinet/in.h>

#define CLAIM_VERSION 1u
#define HEAD_BYTES    6u /* array 32, and the version */
#define FLOW_VALUES   BODY_KEY_VALUES
#define VALUES_OF(n)  (1 + (n)*FLOW_VALUES)

_Static_assert(HEAD_BYTES + CLAIM_FLOWS_MAX * BODY_KEY_BYTES <= CLAIM_BYTES, "any message fits");

bool claim_add(struct claim_message *m, const struct flow_key *key)
{
    if (m->n == CLAIM_FLOWS_MAX)
        return false;
    if (m->n == 0)
        m->len = HEAD_BYTES;
    m->len = (size_t)(body_put_key(m->body + m->len, key) - m->body);
    m->n++;
    return true;
}

const uint8_t *claim_take(struct claim_message *m, size_t *len)
{
    if (m->n == 0)
        return NULL;
    (void)pack_uint(pack_head32(m->body, 0xdd, VALUES_OF((size_t)m->n)), CLAIM_VERSION);
    *len = m->len;
    m->n = 0;
    return m->body;
}

int claim_read(const uint8_t *body, size_t len, void (*take)(void *arg, const struct flow_key *key),
               void *arg)
{
    struct cursor c = cursor_init(body, len);
    uint32_t values = body_array(&c, NULL);
    struct flow_key key;

    if (body_uint(&c, NULL, UINT64_MAX) != CLAIM_VERSION || values % FLOW_VALUES != 1 ||
        values > VALUES_OF(CLAIM_FLOWS_MAX))
        return -EBADMSG;
    for (uint32_t n = values / FLOW_VALUES; n > 0; n--) {
        body_key(&c, IPPROTO_TCP, &key);
        if (!cursor_ok(&c))
            return -EBADMSG;
        take(arg, &key);
    }
    return cursor_left(&c) == 0 ? 0 : -EBADMSG;
}
