/* SPDX-License-Identifier: BSD-3-Clause */
/* An interface that is removed takes with it all that was bound to it: sockets, rings, programs.
 * What is captured from the next of its name are other ones, and a worker cannot get them, since it
 * has no rights and its descriptors are given to it when it begins. So its workers end, as they do
 * at a stop: their flows end now, and the logger has every record before the process is gone. Then
 * what they read is closed, and when the interface is there again it is opened as at the start, for
 * successors that find the counters and the spool of those before.
 *
 * A mode whose workers read something of our own that outlives the interface has functions for this
 * in its row (opener.h), and there the workers go on.
 *
 * Nothing of this is a crash: no restart is counted, and nobody waits longer each time. */
#include "manager/comeback.h"

#include "common/base/log.h"
#include "manager/capture/captures.h"
#include "manager/nodes.h"

/* How many of the nodes that read the interface live still. */
static unsigned alive(const struct manager *m, unsigned i, enum node_kind kind)
{
    unsigned n = 0;

    for (unsigned k = 0; k < m->n_nodes; k++)
        n += m->nodes[k].kind == kind && m->nodes[k].state == NODE_ALIVE &&
             nodes_reads(m, &m->nodes[k], i);
    return n;
}

static void stop_nodes(struct manager *m, unsigned i, enum node_kind kind)
{
    for (unsigned k = 0; k < m->n_nodes; k++) {
        struct node *n = &m->nodes[k];

        if (n->kind == kind && nodes_reads(m, n, i) && !n->held) {
            n->held = true;
            supervise_stop(n, m->plan->options.stop_timeout / NS_PER_MS);
        }
    }
}

/* The owner of a port goes after the workers that read it. True when all have ended, and what they
 * read is closed. */
static bool cleared(struct manager *m, unsigned i)
{
    if (captures_read_on(m->captures, i))
        return true;
    stop_nodes(m, i, NODE_WORKER);
    if (alive(m, i, NODE_WORKER) > 0)
        return false;
    stop_nodes(m, i, NODE_PORT);
    if (alive(m, i, NODE_PORT) > 0)
        return false;
    nodes_shut(m, i);
    return true;
}

static void set_absent(struct manager *m, unsigned i, bool absent)
{
    for (unsigned k = 0; k < m->n_nodes; k++)
        if (nodes_reads(m, &m->nodes[k], i))
            m->nodes[k].absent = absent;
}

static void begin_anew(struct manager *m, unsigned i)
{
    if (nodes_reopen(m, i) < 0)
        return;
    set_absent(m, i, false);
    for (unsigned k = 0; k < m->n_nodes; k++) {
        struct node *n = &m->nodes[k];

        if (n->held && nodes_reads(m, n, i)) {
            n->held = false;
            supervise_begin(n);
        }
    }
}

void comeback_look(struct manager *m)
{
    for (unsigned i = 0; i < captures_count(m->captures) && m->phase == MANAGER_RUNNING; i++) {
        enum link_news news = captures_look(m->captures, i);

        if (news == LINK_GONE) {
            set_absent(m, i, true);
            cleared(m, i);
        } else if (news == LINK_THERE && cleared(m, i)) {
            begin_anew(m, i);
        }
    }
}

void comeback_node_ended(struct manager *m, struct node *n)
{
    char how[96];

    if (n->term_signal || n->exit_status != 0)
        log_warn("%s %s when its interface was gone", n->def->name,
                 supervise_end_text(n, how, sizeof how));
    comeback_look(m);
}
