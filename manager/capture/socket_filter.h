/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode kernel: the BPF program that the packet sockets of an interface have as their filter. It
 * counts the packets of shunted flows and keeps them out of the ring (bpf/shunt.bpf.c); a filter of
 * the user's comes first. One program and one table of flows an interface, for all its workers. */
#ifndef SPLIFF_MANAGER_CAPTURE_SOCKET_FILTER_H
#define SPLIFF_MANAGER_CAPTURE_SOCKET_FILTER_H

#include "common/base/filter.h"
#include "manager/capture/interface.h"
#include "manager/capture/opener.h"

struct socket_filter;

/* Loads it; user: the filter that the options name, or NULL. Returns it, or NULL where nothing is
 * to be shunted, or BPF cannot be had, which is warned of: the worker then sets the filter alone.
 */
struct socket_filter *socket_filter_open(const struct capture_request *r, const struct interface *i,
                                         const struct filter *user);
void socket_filter_close(struct socket_filter *f); /* NULL: does nothing */

/* Descriptors of program and table for a worker, which are then the heritage's. 0 or -errno. */
int socket_filter_give(const struct socket_filter *f, struct heritage_capture *out);

#endif
