/* SPDX-License-Identifier: BSD-3-Clause */
/* An XDP program on an interface, beside those of others. Manager process; the one home of libxdp.
 *
 * One cluster at a time has a program on an interface. What a manager that was killed has left is
 * found by its name, which begins with XDP_ATTACH_PREFIX, and taken away. */
#ifndef SPLIFF_MANAGER_CAPTURE_XDP_ATTACH_H
#define SPLIFF_MANAGER_CAPTURE_XDP_ATTACH_H

#include "common/schema/options.h"
#include "manager/capture/interface.h"

#define XDP_ATTACH_PREFIX "spliff_" /* of the functions in bpf/ that are attached so */

struct bpf_object;
struct xdp_attached;

/* Loads o, which its skeleton has opened and not loaded, and attaches its program `function`.
 * Returns 0 and *out, or with a line in error: -EBUSY another cluster or a program that shares the
 * interface with no other has it, -EPERM, -ENOTSUP the interface or the kernel cannot, -ENOMEM,
 * else -errno. o stays the caller's, to be destroyed after xdp_detach. */
int xdp_attach(struct xdp_attached **out, struct bpf_object *o, const char *function,
               const struct interface *i, enum xdp_mode mode, char *error);

/* For an interface on which another process attaches libxdp's own program for AF_XDP sockets:
 * keeps other clusters from it, and takes such a program away, now and at xdp_detach. Returns 0 and
 * *out, or with a line in error -EBUSY, -ENOMEM or -errno. */
int xdp_guard(struct xdp_attached **out, const struct interface *i, char *error);

/* Says, once, that the program is no longer there because another was attached by force, or all
 * were detached. Of one behind a dispatcher others may come and go. NULL is nothing to look at. */
void xdp_look(struct xdp_attached *a, const char *name);

/* Takes away what managers that were killed have left on whatever interface: also one that nobody
 * captures from by XDP any more. Without the right to, nothing. */
void xdp_sweep(void);

/* Where the program runs: XDP_NATIVE, XDP_GENERIC or XDP_OFFLOAD. */
enum xdp_mode xdp_attached_mode(const struct xdp_attached *a);

/* "native", "generic" or "offload", for messages. */
const char *xdp_mode_name(enum xdp_mode mode);

/* NULL is nothing to do. */
void xdp_detach(struct xdp_attached *a);

#endif
