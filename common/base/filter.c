/* SPDX-License-Identifier: BSD-3-Clause */
/* libpcap brings eight libraries along (of D-Bus, systemd, …) that nothing here needs, and to load
 * them takes a fifth of what a process takes to start. So only who has a filter does. */
#include "common/base/filter.h"

#include "common/base/linktype.h"

#include <dlfcn.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAP_BYTES (256 * 1024)

/* What is used of it, by its own names. */
#define LIBPCAP(F)                                                                                 \
    F(pcap_open_dead)                                                                              \
    F(pcap_compile)                                                                                \
    F(pcap_geterr)                                                                                 \
    F(pcap_close)                                                                                  \
    F(pcap_freecode)                                                                               \
    F(bpf_filter)

struct libpcap {
#define MEMBER(name) __typeof__(name) *name;
    LIBPCAP(MEMBER)
#undef MEMBER
};

struct filter {
    struct libpcap lib;
    struct bpf_program program;
};

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one instruction format");

/* Not all that it brings along can be unloaded again, so it stays. */
static bool load(struct libpcap *lib)
{
    /* as Debian names it, and as others do */
    static const char *const names[] = {"libpcap.so.0.8", "libpcap.so.1"};
    void *handle = NULL;
    bool whole;

    for (size_t i = 0; !handle && i < sizeof names / sizeof names[0]; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    whole = handle != NULL;
#define FIND(name)                                                                                 \
    lib->name = whole ? (__typeof__(lib->name))dlsym(handle, #name) : NULL;                        \
    whole = lib->name != NULL;
    LIBPCAP(FIND)
#undef FIND
    return whole;
}

static int compile(struct filter *f, const char *expr, int dlt, char *error, size_t error_bytes)
{
    pcap_t *pcap = f->lib.pcap_open_dead(dlt, SNAP_BYTES);
    int r = 0;

    if (!pcap) {
        snprintf(error, error_bytes, "filter \"%s\": out of memory", expr);
        return -ENOMEM;
    }
    if (f->lib.pcap_compile(pcap, &f->program, expr, 1, PCAP_NETMASK_UNKNOWN) < 0) {
        snprintf(error, error_bytes, "filter \"%s\": %s (see pcap-filter(7))", expr,
                 f->lib.pcap_geterr(pcap));
        r = -EINVAL;
    }
    f->lib.pcap_close(pcap);
    return r;
}

int filter_compile(struct filter **out, const char *expr, uint16_t linktype, char *error,
                   size_t error_bytes)
{
    struct filter *f = calloc(1, sizeof *f);
    int r = -ENOMEM;

    if (!f) {
        snprintf(error, error_bytes, "filter \"%s\": out of memory", expr);
    } else if (!load(&f->lib)) {
        snprintf(error, error_bytes,
                 "filter \"%s\": libpcap cannot be loaded: install it, or use no filter", expr);
        r = -ENOENT;
    } else {
        r = compile(f, expr, linktype_to_dlt(linktype), error, error_bytes);
    }
    if (r == 0)
        *out = f;
    else
        free(f);
    return r;
}

bool filter_match(const struct filter *f, const uint8_t *data, uint32_t caplen, uint32_t wirelen)
{
    return f->lib.bpf_filter(f->program.bf_insns, data, wirelen, caplen) != 0;
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
    f->lib.pcap_freecode(&f->program);
    free(f);
}
