/* SPDX-License-Identifier: BSD-3-Clause */
/* The capture modes of this build. */
#include "manager/capture/opener.h"

#include <stddef.h>

static const struct opener *const openers[] = {
    &opener_af_packet,
#ifdef HAVE_LIBXDP
    &opener_xdp,
    &opener_af_xdp,
#endif
};

const struct opener *opener_find(enum mode mode)
{
    for (unsigned i = 0; i < sizeof openers / sizeof openers[0]; i++)
        if (openers[i]->mode == mode)
            return openers[i];
    return NULL;
}
