/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/filter.h"

#include "common/base/linktype.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAP_BYTES (256 * 1024)

struct filter {
    struct bpf_program program;
};

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one instruction format");

int filter_compile(struct filter **out, const char *expr, uint16_t linktype, char *error,
                   size_t error_bytes)
{
    pcap_t *pcap = pcap_open_dead(linktype_to_dlt(linktype), SNAP_BYTES);
    struct filter *f = calloc(1, sizeof *f);
    int r = 0;

    if (!pcap || !f) {
        snprintf(error, error_bytes, "filter \"%s\": out of memory", expr);
        r = -ENOMEM;
    } else if (pcap_compile(pcap, &f->program, expr, 1, PCAP_NETMASK_UNKNOWN) < 0) {
        snprintf(error, error_bytes, "filter \"%s\": %s (see pcap-filter(7))", expr,
                 pcap_geterr(pcap));
        r = -EINVAL;
    }
    if (r == 0)
        *out = f;
    else
        free(f);
    if (pcap)
        pcap_close(pcap);
    return r;
}

bool filter_match(const struct filter *f, const uint8_t *data, uint32_t caplen, uint32_t wirelen)
{
    return bpf_filter(f->program.bf_insns, data, wirelen, caplen) != 0;
}

struct sock_fprog filter_program(const struct filter *f)
{
    /* struct bpf_insn and struct sock_filter are the same four fields under two names. */
    return (struct sock_fprog){.len = (unsigned short)f->program.bf_len,
                               .filter = (struct sock_filter *)(void *)f->program.bf_insns};
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    pcap_freecode(&f->program);
    free(f);
}
