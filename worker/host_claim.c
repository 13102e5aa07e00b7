/* SPDX-License-Identifier: BSD-3-Clause */
/* Where something else than our hash shares out the packets, the probe cannot know which worker has
 * a flow; so each worker says it (common/ipc/claim.h), when it finds out that a flow is TLS: of
 * other flows the probe has nothing to send, and no plaintext is said before the hello is over.
 * What is gathered in a round of the worker's loop goes in one message.
 *
 * A probe that has just come knows nothing. Its subscription, which reaches every worker by way of
 * the broker, asks for all claims; a worker that has just come sees it, too, and has none. */
#include "worker/host_plain_private.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ASKED_FLOWS_MAX 65536u /* looked at for a new probe: packets are not to wait for long */

void host_claim_send(struct worker *w)
{
    struct claim_message *m = &w->plain->claims;
    uint32_t flows = m->n;
    char topic[sizeof CLAIM_TOPIC + HERITAGE_NODE_MAX];
    size_t len;
    const uint8_t *body = claim_take(m, &len);

    if (!body)
        return;
    snprintf(topic, sizeof topic, CLAIM_TOPIC "%s/", w->heritage->node);
    if (bus_publish(w->bus, topic, body, len) < 0)
        w->counters->plain_claims_lost += flows;
    else
        w->counters->plain_claims += flows;
}

void host_claim(struct worker *w, const struct flow *f)
{
    if (!w->heritage->claims)
        return;
    while (!claim_add(&w->plain->claims, &f->key))
        host_claim_send(w);
}

static bool is_tls(const struct worker *w, const struct flow *f)
{
    return f->key.proto == IPPROTO_TCP && f->analyzer == w->plain->tls &&
           (f->content == CONTENT_ANALYZER || f->content == CONTENT_DONE);
}

void host_claim_asked(struct worker *w, const struct bus_message *m)
{
    const struct flow *f = NULL;
    uint32_t n = 0;

    if (!w->heritage->claims || !str_equal(str_make(m->topic, m->topic_len), str_of(CLAIM_TOPIC)))
        return;
    while (n++ < ASKED_FLOWS_MAX && (f = flow_table_before(&w->flows, f)))
        if (is_tls(w, f))
            host_claim(w, f);
    host_claim_send(w);
}
