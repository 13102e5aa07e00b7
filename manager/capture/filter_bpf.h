/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet filter that libpcap compiled, for a socket that has a BPF program as well: a socket
 * takes one filter, so the classic instructions are translated, and what they pass goes on to the
 * program behind them. */
#ifndef SPLIFF_MANAGER_CAPTURE_FILTER_BPF_H
#define SPLIFF_MANAGER_CAPTURE_FILTER_BPF_H

#include <linux/bpf.h>
#include <linux/filter.h>
#include <stddef.h>

/* Room for what any filter becomes. */
#define FILTER_BPF_MAX(classic) (6u * (classic) + 24u)

/* Translates a program for BPF_PROG_TYPE_SOCKET_FILTER. A packet that it refuses gets 0. One that
 * it passes goes to entry 0 of the program array next_fd, or, where that is empty or next_fd is -1,
 * is passed whole.
 *
 * Returns the number of instructions in out, -E2BIG if max are too few, -ENOTSUP for instructions
 * that libpcap does not make for link types it knows (the kernel's ancillary data). */
int filter_bpf_translate(const struct sock_fprog *in, struct bpf_insn *out, size_t max,
                         int next_fd);

#endif
