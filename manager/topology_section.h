/* SPDX-License-Identifier: BSD-3-Clause */
/* A section of node.cfg while it is read; what topology.c and topology_section.c share. */
#ifndef SPLIFF_MANAGER_TOPOLOGY_SECTION_H
#define SPLIFF_MANAGER_TOPOLOGY_SECTION_H

#include "manager/topology.h"

#define VALUE_MAX 200 /* inih's lines are not longer */

enum section_key {
    KEY_TYPE,
    KEY_HOST,
    KEY_INTERFACE,
    KEY_PCI,
    KEY_VDEV,
    KEY_LB_METHOD,
    KEY_LB_PROCS,
    KEY_PIN_CPUS,
    KEY_LCORES,
    KEY_ENV_VARS,
    KEYS
};
/* Of the type key: the kinds of nodes by their numbers, and one that is several. */
enum { TYPE_STANDALONE = TOPOLOGY_PROXY + 1, TYPES };
extern const char *const topology_type_names[TYPES];

/* One section while it is read. */
struct section {
    char name[HERITAGE_NODE_MAX];
    unsigned line;
    char value[KEYS][VALUE_MAX];
    unsigned key_line[KEYS]; /* 0: not given */
};

struct topology_reading {
    struct topology *t;
    struct text *notes;
    const char *file;
    char *error; /* INI_ERROR_BYTES, with the place */
    struct section now;
    bool standalone;
};
/* Puts "file:line: text" in the error. Returns -EINVAL. */
int topology_fail(struct topology_reading *r, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void topology_note(struct topology_reading *r, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A new node, for the caller to complete; NULL after an error. */
struct topology_node *topology_add(struct topology_reading *r, enum topology_kind kind,
                                   const char *name, unsigned line);

/* The section r->now is complete: its nodes are added. 0 or -EINVAL. */
int topology_section_add(struct topology_reading *r);

#endif
