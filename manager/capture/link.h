/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of a captured interface: that it goes, comes back, is down, has no carrier, has
 * another name. Says each change once, in one line. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_LINK_H
#define SPLIFF_MANAGER_CAPTURE_LINK_H

#include "common/ipc/heritage.h"
#include "manager/capture/interface.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct link {
    char name[HERITAGE_PATH_MAX]; /* as configured; "": no interface of the kernel's */
    struct interface as;          /* it was when it was looked at last; index 0: not there yet */
    bool renamed;                 /* has another name now */
    bool removed;                 /* the kernel said so: one of this number is another one */
    bool gone;                    /* what was opened is no more, and nothing else is open yet */
    bool stuck;                   /* said why it cannot be opened again */
    uint64_t down_ns, silent_ns;  /* since when it is down, has no carrier; 0: it is not so.
                                     as.carrier: until that was said */
    uint64_t gone_ns;             /* since when it is gone */
};

enum link_news {
    LINK_SAME,
    LINK_GONE,  /* just now: what is open receives nothing any more */
    LINK_THERE, /* is gone, and one of its name is there: to be opened */
};

/* Of the interface of this name as it is when it is opened. */
void link_init(struct link *l, const char *name);

/* The kernel has told that this interface was removed, or moved to another namespace: it may be
 * back before anyone looks. */
void link_note_removed(struct link *l, unsigned index);

/* Finds the interface as it is now: by its name, else by its number. False if it is not there. */
bool link_find(const struct link *l, struct interface *now, char other_name[IF_NAMESIZE]);

/* What is new, from how it is now (NULL: not there), at now_ns since 1970. now->name is not l->name
 * if it has another one. */
enum link_news link_look(struct link *l, const struct interface *now, uint64_t now_ns);

/* It has been opened: says if it is down. */
void link_say_down(const struct link *l);

/* It has been opened again. Returns for how long it was gone, in ns. */
uint64_t link_note_back(struct link *l, const struct interface *now, uint64_t now_ns);

#endif
