/* SPDX-License-Identifier: BSD-3-Clause */
/* A name is a run of labels; a pointer continues it with the labels at an earlier place. Two rules
 * bound the work whatever the bytes are: a pointer must lead before the place where the present run
 * began, so no loop is possible, and a name may follow at most JUMPS_MAX of them, since a message
 * full of pointers to pointers would otherwise cost the square of its length.
 *
 * Who compresses points at the longest ending that is there already, so a name takes one jump more
 * than that ending takes: as many as there are names in the message that end in each other, one
 * inside the other. In messages that are sent these are a handful; there are resolvers that refuse
 * more than ten jumps. */
#include "worker/parse/dns/dns_message.h"

#define JUMPS_MAX 16u
#define LABEL_MAX 63u
#define POINTER   0xc0u

static bool broken(struct dns_message *m, enum weird problem)
{
    m->problem = problem;
    return false;
}

bool dns_message_begin(struct dns_message *m, const uint8_t *data, size_t len)
{
    uint16_t flags;

    memset(m, 0, sizeof *m);
    m->data = data;
    m->len = len;
    m->problem = WEIRDS;
    m->c = cursor_init(data, len);
    m->id = cursor_be16(&m->c);
    flags = cursor_be16(&m->c);
    for (int i = 0; i < 4; i++)
        m->count[i] = cursor_be16(&m->c);
    m->response = (flags & 0x8000) != 0;
    m->opcode = flags >> 11 & 15;
    m->aa = (flags & 0x0400) != 0;
    m->tc = (flags & 0x0200) != 0;
    m->rd = (flags & 0x0100) != 0;
    m->ra = (flags & 0x0080) != 0;
    m->z = flags >> 4 & 7;
    m->rcode = flags & 15;
    return cursor_ok(&m->c) || broken(m, WEIRD_DNS_SHORT_HEADER);
}

static char lower(uint8_t b)
{
    return (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
}

static bool add_label(struct dns_message *m, struct dns_name *out, const uint8_t *label, size_t n)
{
    size_t dot = out->len > 0;

    if (out->len + dot + n > DNS_NAME_TEXT_MAX)
        return broken(m, WEIRD_DNS_NAME_TOO_LONG);
    if (dot)
        out->text[out->len++] = '.';
    for (size_t i = 0; i < n; i++)
        out->text[out->len + i] = lower(label[i]);
    out->len = (uint8_t)(out->len + n);
    return true;
}

/* As dns_message_name, but leaves c->error alone. */
static bool read_name(struct dns_message *m, struct cursor *c, struct dns_name *out)
{
    struct cursor run = *c;
    size_t run_start = (size_t)(c->p - m->data);
    unsigned jumps = 0;

    out->len = 0;
    for (;;) {
        uint8_t n = cursor_u8(&run);
        const uint8_t *label;

        if (n > LABEL_MAX && n < POINTER)
            return broken(m, WEIRD_DNS_BAD_LABEL);
        if (n >= POINTER) {
            size_t to = (n & 0x3fu) << 8 | cursor_u8(&run);
            if (!cursor_ok(&run))
                return broken(m, WEIRD_DNS_LABEL_PAST_END);
            if (jumps == 0)
                *c = run;
            if (to >= run_start || jumps++ == JUMPS_MAX)
                return broken(m, WEIRD_DNS_BAD_NAME);
            run = cursor_init(m->data + to, m->len - to);
            run_start = to;
            continue;
        }
        label = cursor_bytes(&run, n);
        if (!cursor_ok(&run))
            return broken(m, WEIRD_DNS_LABEL_PAST_END);
        if (n == 0)
            break;
        if (!add_label(m, out, label, n))
            return false;
    }
    if (jumps == 0)
        *c = run;
    return true;
}

bool dns_message_name(struct dns_message *m, struct cursor *c, struct dns_name *out)
{
    bool ok = read_name(m, c, out);

    c->error |= !ok;
    return ok;
}

bool dns_message_question(struct dns_message *m, struct dns_question *q)
{
    if (cursor_left(&m->c) == 0)
        return broken(m, WEIRD_DNS_SHORT_QUESTION);
    if (!dns_message_name(m, &m->c, &q->name))
        return false;
    q->type = cursor_be16(&m->c);
    q->class = cursor_be16(&m->c);
    return cursor_ok(&m->c) || broken(m, WEIRD_DNS_SHORT_QUESTION);
}

/* Does not follow pointers: there may be thousands of questions. */
static void skip_name(struct cursor *c)
{
    uint8_t n = cursor_u8(c);

    for (; n > 0 && n < POINTER; n = cursor_u8(c))
        cursor_skip(c, n);
    if (n >= POINTER)
        cursor_skip(c, 1);
}

bool dns_message_skip_questions(struct dns_message *m, unsigned done)
{
    for (unsigned i = done; cursor_ok(&m->c) && i < m->count[DNS_QUESTION]; i++) {
        skip_name(&m->c);
        cursor_skip(&m->c, 4); /* type, class */
    }
    return cursor_ok(&m->c) || broken(m, WEIRD_DNS_SHORT_QUESTION);
}

bool dns_message_rr(struct dns_message *m, struct dns_rr *rr)
{
    size_t rdlength;

    if (cursor_left(&m->c) == 0)
        return broken(m, WEIRD_DNS_SHORT_ANSWER);
    if (!dns_message_name(m, &m->c, &rr->owner))
        return false;
    rr->type = cursor_be16(&m->c);
    rr->class = cursor_be16(&m->c);
    rr->ttl_s = cursor_be32(&m->c);
    rdlength = cursor_be16(&m->c);
    rr->rdata = cursor_sub(&m->c, rdlength);
    return cursor_ok(&m->c) || broken(m, WEIRD_DNS_SHORT_ANSWER);
}
