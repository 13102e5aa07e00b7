/* SPDX-License-Identifier: BSD-3-Clause */
/* The capture sources of this build. */
#include "worker/capture/sources.h"

static const struct capture_ops *const sources[] = {
    &capture_pcap_file, &capture_shared_file, &capture_file_in_turn,
    &capture_af_packet, &capture_xdp,         &capture_af_xdp,
};

const struct capture_ops *capture_find(enum capture_kind kind)
{
    for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++)
        if (sources[i]->kind == kind)
            return sources[i];
    return NULL;
}
