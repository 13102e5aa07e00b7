/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/learn/learn_private.h"

int names_open(struct learn *l)
{
    (void)l;
    return 0;
}

void names_close(struct learn *l)
{
    (void)l;
}

bool names_event(struct learn *l, const uint8_t *body, size_t len)
{
    (void)l;
    (void)body;
    (void)len;
    return true;
}

void names_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    (void)l;
    (void)packet_ns;
    (void)mono_ns;
}

void learn_name_add(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                    struct str name, uint32_t ttl_s, uint64_t ts_ns)
{
    (void)l;
    (void)client;
    (void)addr;
    (void)name;
    (void)ttl_s;
    (void)ts_ns;
}

uint32_t learn_name_find(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                         uint64_t not_after_ns)
{
    (void)l;
    (void)client;
    (void)addr;
    (void)not_after_ns;
    return 0;
}

struct str learn_name_text(const struct learn *l, uint32_t name)
{
    (void)l;
    (void)name;
    return STR_LIT("");
}

void learn_name_release(struct learn *l, uint32_t name)
{
    (void)l;
    (void)name;
}
