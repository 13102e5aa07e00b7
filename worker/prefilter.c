/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/prefilter.h"

#include "common/base/log.h"
#include "common/base/prefilter_lists.h"
#include "common/base/prefix_table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

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

bool prefilter_judges(struct worker *w, const struct packet *p, bool mine)
{
    const struct prefix_table *t = prefix_share_active(w->prefilter);
    const struct flow_key *key = p->n_hops > 0 ? &p->hops[0].key : &p->key;
    unsigned lists = prefix_table_lists(t, &key->addr[0]) | prefix_table_lists(t, &key->addr[1]);
    unsigned verdict = prefilter_judge(t->lists, lists);

    if (verdict == 0)
        return false;
    if (mine && verdict == 1 + PREFILTER_NOT_ONLY)
        w->counters->prefilter_not_only++;
    else if (mine)
        w->counters->prefilter_ignored++;
    return true;
}
