/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet filters as tcpdump writes them, compiled to classic BPF. The one home of libpcap. */
#ifndef SPLIFF_BASE_FILTER_H
#define SPLIFF_BASE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter;

/* Compiles an expression for frames of a link type (LINKTYPE_ value). Returns 0 and *out, which is
 * to be freed with filter_free; -EINVAL with what is wrong with the expression in error (one line,
 * no newline); -ENOENT if there is no libpcap; -ENOMEM. */
int filter_compile(struct filter **out, const char *expr, uint16_t linktype, char *error,
                   size_t error_bytes);

/* Whether a frame passes: caplen bytes at data of wirelen. */
bool filter_match(const struct filter *f, const uint8_t *data, uint32_t caplen, uint32_t wirelen);

/* The instructions, for SO_ATTACH_FILTER; borrowed as long as f lives. What passes is cut at 256
 * KiB by them. VLAN tags that the kernel took out of a frame are not seen by them. */
struct sock_fprog filter_program(const struct filter *f);

void filter_free(struct filter *f);

#endif
