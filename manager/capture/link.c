/* SPDX-License-Identifier: BSD-3-Clause */
/* An interface is its number: one that is removed and made again, under the same name, is another
 * one, and nothing that was bound to the first receives from it. The name only says which is to be
 * captured. So one that is renamed is read on, until another has taken its name; and the number is
 * not believed where the kernel has said that it was removed, since one that was moved to another
 * namespace comes back with the same. */
#include "manager/capture/link.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/ini_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SILENT_NS (900 * NS_PER_MS) /* without a carrier until that is said: less than a tick */

void link_init(struct link *l, const char *name)
{
    char error[INI_ERROR_BYTES];

    *l = (struct link){.as = {.up = true}};
    snprintf(l->name, sizeof l->name, "%s", name);
    if (name[0] != '\0' && interface_find(&l->as, l->name, error) < 0)
        l->as = (struct interface){.up = true};
    l->as.carrier = true; /* that it has none is said when it lasts */
}

void link_note_removed(struct link *l, unsigned index)
{
    if (index != 0 && index == l->as.index)
        l->removed = true;
}

bool link_find(const struct link *l, struct interface *now, char other_name[IF_NAMESIZE])
{
    char error[INI_ERROR_BYTES];

    if (interface_find(now, l->name, error) == 0)
        return true;
    return l->as.index != 0 && !l->gone && if_indextoname(l->as.index, other_name) &&
           interface_find(now, other_name, error) == 0;
}

static double seconds(uint64_t since_ns, uint64_t now_ns)
{
    return now_ns > since_ns ? (double)(now_ns - since_ns) / (double)NS_PER_SEC : 0;
}

static void look_up(struct link *l, bool up, uint64_t now_ns)
{
    if (up == l->as.up)
        return;
    if (!up) {
        l->down_ns = now_ns;
        log_warn("interface %s is down: capture goes on when it is up again (ip link set %s up)",
                 l->name, l->name);
    } else if (l->down_ns > 0) {
        log_info("interface %s is up again after %.1f s", l->name, seconds(l->down_ns, now_ns));
    } else {
        log_info("interface %s is up", l->name);
    }
    l->as.up = up;
}

/* One that is down has none either, which need not be said; one that has come up has it a little
 * later. */
static void look_at_carrier(struct link *l, const struct interface *now, uint64_t now_ns)
{
    if (now->up && now->carrier && !l->as.carrier) {
        log_info("interface %s has a carrier again after %.1f s", l->name,
                 seconds(l->silent_ns, now_ns));
        l->as.carrier = true;
    } else if (now->up && !now->carrier && l->as.carrier && l->silent_ns > 0 &&
               now_ns - l->silent_ns >= SILENT_NS) {
        log_warn("interface %s has no carrier: look at its cable, or at what is at the other end",
                 l->name);
        l->as.carrier = false;
    } else if (l->as.carrier && (now->carrier || !now->up)) {
        l->silent_ns = 0;
    } else if (l->silent_ns == 0) {
        l->silent_ns = now_ns;
    }
}

static void look_at_name(struct link *l, const struct interface *now)
{
    bool renamed = strcmp(now->name, l->name) != 0;

    if (renamed && !l->renamed)
        log_warn("interface %s is called %s now: capture goes on, and the next start needs its new "
                 "name",
                 l->name, now->name);
    else if (!renamed && l->renamed)
        log_info("interface %s has its name again", l->name);
    l->renamed = renamed;
}

enum link_news link_look(struct link *l, const struct interface *now, uint64_t now_ns)
{
    if (l->gone)
        return now ? LINK_THERE : LINK_SAME;
    if (l->as.index == 0) { /* who opened it makes it */
        if (now)
            l->as.index = now->index;
        return LINK_SAME;
    }
    if (!now || now->index != l->as.index || l->removed) {
        log_warn("interface %s was removed: capture goes on when it is back", l->name);
        l->gone = true;
        l->removed = l->stuck = false;
        l->gone_ns = now_ns;
        return LINK_GONE;
    }
    look_at_name(l, now);
    look_up(l, now->up, now_ns);
    look_at_carrier(l, now, now_ns);
    return LINK_SAME;
}

void link_say_down(const struct link *l)
{
    if (!l->as.up)
        log_warn("interface %s is down: packets come when it is up (ip link set %s up)", l->name,
                 l->name);
}

uint64_t link_note_back(struct link *l, const struct interface *now, uint64_t now_ns)
{
    log_info("interface %s is back after %.1f s: capture goes on", l->name,
             seconds(l->gone_ns, now_ns));
    l->as = *now;
    l->as.name = l->name;
    l->as.carrier = true;
    l->gone = l->removed = l->stuck = l->renamed = false;
    l->down_ns = now->up ? 0 : now_ns;
    l->silent_ns = 0;
    link_say_down(l);
    return now_ns > l->gone_ns ? now_ns - l->gone_ns : 0;
}
