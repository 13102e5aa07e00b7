/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What wire.c and its program share. */
#ifndef SPLIFF_BENCH_WIRE_H
#define SPLIFF_BENCH_WIRE_H

#define WIRE_FRAME_MAX 1514u
#define WIRE_FRAMES    (1u << 18)
#define WIRE_BURST     64u /* frames that are sent together */

struct wire_frame {
    __u32 bytes;
    __u8 data[WIRE_FRAME_MAX + 2];
};

#endif
