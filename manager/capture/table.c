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
#ifdef HAVE_DPDK
    &opener_dpdk,
#endif
};

/* What those of them that may be missing are built with, as Debian names it. */
static const struct {
    enum mode mode;
    const char *package;
} packages[] = {
    {MODE_XDP, "libxdp-dev, libbpf-dev, clang and bpftool"},
    {MODE_AF_XDP, "libxdp-dev, libbpf-dev, clang and bpftool"},
    {MODE_DPDK, "libdpdk-dev"},
};

const char *opener_package(enum mode mode)
{
    for (unsigned i = 0; i < sizeof packages / sizeof packages[0]; i++)
        if (packages[i].mode == mode)
            return packages[i].package;
    return "what make says is missing";
}

const struct opener *opener_find(enum mode mode)
{
    for (unsigned i = 0; i < sizeof openers / sizeof openers[0]; i++)
        if (openers[i]->mode == mode)
            return openers[i];
    return NULL;
}

void opener_sweep(void)
{
    for (unsigned i = 0; i < sizeof openers / sizeof openers[0]; i++)
        if (openers[i]->sweep)
            openers[i]->sweep();
}
