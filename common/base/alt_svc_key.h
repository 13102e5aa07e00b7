/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Where HTTP/3 was learned, as keys that C and BPF share: the maps learned_h3_hosts and
 * learned_h3_ports have these keys, and as value the time until which it holds, in nanoseconds
 * of CLOCK_MONOTONIC, which programs in the kernel can read. */
#ifndef SPLIFF_BASE_ALT_SVC_KEY_H
#define SPLIFF_BASE_ALT_SVC_KEY_H

#ifndef __BPF__
#include <stdint.h>
typedef uint8_t alt_svc_key_byte;
typedef uint16_t alt_svc_key_port;
#else
typedef __u8 alt_svc_key_byte;
typedef __u16 alt_svc_key_port;
#endif

struct alt_svc_host_key {
    alt_svc_key_byte addr[16]; /* as in struct ipaddr */
    alt_svc_key_port port;     /* host byte order */
    alt_svc_key_port zero;     /* a map compares every byte */
};

struct alt_svc_port_key {
    alt_svc_key_port port; /* host byte order */
};

#endif
