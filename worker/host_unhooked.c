/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS whose plaintext never showed. Most of it is between other hosts; where one end is a process
 * of this host, its library is not hooked, and whoever relies on the plaintext should hear of it.
 * Which it is the probe knows, and whether it came in time to hear of the flow at all: a question a
 * flow goes to it over the bus, when the flow ends or has gone on for a while. Questions are few at
 * once, and one that gets no answer is forgotten. */
#include "worker/host_plain_private.h"

#include "common/ipc/owner.h"
#include "worker/host.h"

#include <stdio.h>

#define ASK_NS    (10 * NS_PER_SEC) /* a flow of this age is asked about */
#define ANSWER_NS (5 * NS_PER_SEC)  /* an answer takes no longer */
#define ASK_TOPIC "event/owner/%s/"
#define TOPIC_MAX 128

static bool is_suspect(const struct flow *f, const struct correlate_joint *j)
{
    return j->went_on && !j->watched && !j->asked && f->handshake && !f->midstream;
}

static void ask(struct worker *w, struct flow *f, struct correlate_joint *j)
{
    struct host_plain *p = w->plain;
    struct host_question *q = &p->questions[(p->last_question + 1) % HOST_QUESTIONS];
    struct owner_question question = {
        .id = p->last_question + 1, .start_ns = f->start_ns, .key = f->key};
    uint8_t body[OWNER_QUESTION_BYTES];
    char topic[TOPIC_MAX];

    if (!w->screen || !w->options->detect_unhooked ||
        (q->id > 0 && w->now_ns - q->asked_ns < ANSWER_NS))
        return;
    j->asked = true;
    p->last_question++;
    q->id = question.id;
    q->asked_ns = w->now_ns;
    q->flow = *f;
    snprintf(topic, sizeof topic, ASK_TOPIC, w->heritage->node);
    (void)bus_publish(w->bus, topic, body, owner_question_encode(body, &question));
}

/* Established is what its analyzer has done with; after that it must be for something. */
void host_unhooked_packet(struct worker *w, struct flow *f, struct correlate_joint *j,
                          uint64_t ts_ns)
{
    if (f->content == CONTENT_DONE)
        j->went_on = true;
    if (ts_ns > f->start_ns + ASK_NS && is_suspect(f, j))
        ask(w, f, j);
}

void host_unhooked_end(struct worker *w, struct flow *f, struct correlate_joint *j)
{
    if (is_suspect(f, j))
        ask(w, f, j);
}

bool host_plain_message(struct worker *w, const struct bus_message *m)
{
    static const char prefix[] = "event/owned/";
    struct host_question *q;
    struct owner_answer answer;

    if (!w->plain || m->topic_len < sizeof prefix - 1 ||
        memcmp(m->topic, prefix, sizeof prefix - 1) != 0)
        return false;
    if (owner_answer_decode(m->body, m->body_len, &answer) < 0) {
        w->counters->plain_bad++;
        return true;
    }
    q = &w->plain->questions[answer.id % HOST_QUESTIONS];
    if (answer.id == 0 || q->id != answer.id)
        return true;
    q->id = 0;
    if (answer.found) {
        w->counters->plain_unhooked++;
        host_notice_unhooked(w, &q->flow, &answer);
    }
    return true;
}
