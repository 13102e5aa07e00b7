/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/prefilter.h"

#include "common/base/cursor.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "common/base/prefilter_lists.h"
#include "common/base/prefix_table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* What is read below between Ethernet and IP. */
#define TAGS_READ_BELOW 2
#define TAG_VLAN        0x8100
#define TAG_QINQ        0x88a8
#define TYPE_IPV4       0x0800
#define TYPE_IPV6       0x86dd

/* How long it is, its owner knows: the size of the memory. */
static size_t share_bytes(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? 0 : (size_t)st.st_size;
}

int prefilter_open(struct worker *w)
{
    int fd = w->heritage->capture.lists_fd;

    if (fd < 0)
        return 0;
    w->prefilter = heritage_map_read(fd, share_bytes(fd));
    if (w->prefilter)
        return 0;
    log_error("cannot map the prefilter's prefixes: %s", strerror(errno));
    return -errno;
}

void prefilter_close(struct worker *w)
{
    if (w->prefilter)
        munmap((void *)(uintptr_t)w->prefilter, prefix_share_bytes(w->prefilter->capacity));
    w->prefilter = NULL;
}

/* Whether a program of the kernel finds the addresses in the frame, as packet_link() of
 * bpf/packet.h does: it has looked for them by then, and to look twice would cost each packet a
 * search more. */
static bool is_read_below(const struct frame *f)
{
    struct cursor c = cursor_init(f->data, f->caplen);
    uint16_t type;

    if (f->linktype != LINKTYPE_ETHERNET) /* it begins with the IP header */
        return true;
    cursor_skip(&c, 12);
    type = cursor_be16(&c);
    for (unsigned i = 0; i < TAGS_READ_BELOW && (type == TAG_VLAN || type == TAG_QINQ); i++) {
        cursor_skip(&c, 2);
        type = cursor_be16(&c);
    }
    return cursor_ok(&c) && (type == TYPE_IPV4 || type == TYPE_IPV6);
}

/* The key of the outermost IP header; NULL: none was read. The greater address stands second, so
 * that it is not all zero in any key that is one. */
static const struct flow_key *outermost(const struct packet *p)
{
    static const struct ipaddr none;

    if (p->n_hops > 0)
        return &p->hops[0].key;
    return memcmp(&p->key.addr[1], &none, sizeof none) == 0 ? NULL : &p->key;
}

bool prefilter_judges(struct worker *w, const struct packet *p, bool mine)
{
    const struct prefix_table *t = prefix_share_active(w->prefilter);
    const struct flow_key *key = outermost(p);
    unsigned lists, verdict;

    if (!key || (w->heritage->capture.lists_below && is_read_below(p->frame)))
        return false;
    lists = prefix_table_lists(t, &key->addr[0]) | prefix_table_lists(t, &key->addr[1]);
    verdict = prefilter_judge(t->lists, lists);
    if (verdict == 0)
        return false;
    if (mine && verdict == 1 + PREFILTER_NOT_ONLY)
        w->counters->prefilter_not_only++;
    else if (mine)
        w->counters->prefilter_ignored++;
    return true;
}
