/* SPDX-License-Identifier: BSD-3-Clause */
/* What every capture mode asks of an interface before it opens it, and the one line that says why
 * it cannot. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_INTERFACE_H
#define SPLIFF_MANAGER_CAPTURE_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

struct interface {
    const char *name; /* borrowed */
    unsigned index;
    uint32_t linktype;  /* LINKTYPE_ value of its frames */
    uint32_t mtu_bytes; /* without the link header */
    bool up;
    bool carrier;  /* something at the other end; not of one that is down */
    bool loopback; /* what is sent is received too */
};

/* Puts "interface NAME: text" in error[INI_ERROR_BYTES]. Returns code. */
int interface_fail(const char *name, char *error, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a system call that has failed: "what: " and errno in words. Returns -errno. */
int interface_fail_call(const char *name, char *error, const char *what);

/* Fills *i. Returns 0, or with a line in error: -ENODEV if there is no such interface, -ENOTSUP if
 * its frames are of a kind that cannot be read, else -errno. */
int interface_find(struct interface *i, const char *name, char *error);

/* Frames for other hosts pass the interface's own filter, too, as long as the descriptor that is
 * returned is open. Or -EPERM, -errno with a line in error. */
int interface_make_promiscuous(const struct interface *i, char *error);

#endif
