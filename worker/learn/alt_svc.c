/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/learn/learn_private.h"

int alt_svc_open(struct learn *l)
{
    (void)l;
    return 0;
}

void alt_svc_close(struct learn *l)
{
    (void)l;
}

bool alt_svc_event(struct learn *l, const uint8_t *body, size_t len)
{
    (void)l;
    (void)body;
    (void)len;
    return true;
}

void alt_svc_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    (void)l;
    (void)packet_ns;
    (void)mono_ns;
}

bool learn_alt_svc(struct learn *l, const struct learn_origin *from, struct str value,
                   void (*record)(void *arg, struct rec_alt_svc *r), void *arg)
{
    (void)l;
    (void)from;
    (void)value;
    (void)record;
    (void)arg;
    return true;
}

const char *learn_alpn(struct learn *l, const struct ipaddr *server, uint16_t port,
                       struct str resolved, uint64_t now_ns)
{
    (void)l;
    (void)server;
    (void)port;
    (void)resolved;
    (void)now_ns;
    return NULL;
}
