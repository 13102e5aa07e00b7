/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* UDP ports of tunnels, for decode and for the BPF programs. */
#ifndef SPLIFF_BASE_TUNNEL_PORTS_H
#define SPLIFF_BASE_TUNNEL_PORTS_H

#define TUNNEL_PORT_GTPU      2152
#define TUNNEL_PORT_TEREDO    3544
#define TUNNEL_PORT_GRE       4754
#define TUNNEL_PORT_VXLAN     4789
#define TUNNEL_PORT_VXLAN_GPE 4790
#define TUNNEL_PORT_AYIYA     5072
#define TUNNEL_PORT_GENEVE    6081
#define TUNNEL_PORT_VXLAN_OLD 8472 /* what Linux took before there was a number */

static inline __attribute__((always_inline)) int tunnel_port(unsigned port)
{
    switch (port) {
    case TUNNEL_PORT_GTPU:
    case TUNNEL_PORT_TEREDO:
    case TUNNEL_PORT_GRE:
    case TUNNEL_PORT_VXLAN:
    case TUNNEL_PORT_VXLAN_GPE:
    case TUNNEL_PORT_AYIYA:
    case TUNNEL_PORT_GENEVE:
    case TUNNEL_PORT_VXLAN_OLD:
        return 1;
    default:
        return 0;
    }
}

#endif
