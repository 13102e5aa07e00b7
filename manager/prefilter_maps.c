/* SPDX-License-Identifier: BSD-3-Clause */
/* A new trie is filled and put in the place that is not used; then one word makes programs look
 * there. The old one stays until the next time, for those that have just read the word. */
#include "manager/prefilter_maps.h"

#include "common/base/prefilter_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBBPF
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define TRIES 2u

struct prefilter_maps {
    int tries_fd, state_fd, counts_fd;
    uint32_t used; /* place of the trie in use */
};

static int new_trie(uint32_t prefixes)
{
    LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);

    return bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "prefilter_trie", sizeof(struct prefilter_key),
                          sizeof(uint32_t), prefixes > 0 ? prefixes : 1, &o);
}

static int open_maps(struct prefilter_maps *m)
{
    int trie = new_trie(1);
    LIBBPF_OPTS(bpf_map_create_opts, o, .inner_map_fd = (__u32)trie);

    if (trie < 0)
        return trie;
    m->tries_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "prefilter_tries", sizeof(uint32_t),
                                 sizeof(uint32_t), TRIES, &o);
    close(trie);
    m->state_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "prefilter_state", sizeof(uint32_t),
                                 sizeof(uint32_t), 1, NULL);
    m->counts_fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "prefilter_counts", sizeof(uint32_t),
                                  sizeof(uint64_t), PREFILTER_COUNTS, NULL);
    return m->tries_fd < 0    ? m->tries_fd
           : m->state_fd < 0  ? m->state_fd
           : m->counts_fd < 0 ? m->counts_fd
                              : 0;
}

int prefilter_maps_open(struct prefilter_maps **out)
{
    struct prefilter_maps *m = calloc(1, sizeof *m);
    int r;

    if (!m)
        return -ENOMEM;
    m->tries_fd = m->state_fd = m->counts_fd = -1;
    r = open_maps(m);
    if (r < 0)
        prefilter_maps_close(m);
    else
        *out = m;
    return r;
}

void prefilter_maps_close(struct prefilter_maps *m)
{
    if (!m)
        return;
    if (m->tries_fd >= 0)
        close(m->tries_fd);
    if (m->state_fd >= 0)
        close(m->state_fd);
    if (m->counts_fd >= 0)
        close(m->counts_fd);
    free(m);
}

static int fill_trie(int trie, const struct prefix_table *t)
{
    int r = 0;

    for (uint32_t i = 0; i < t->n && r == 0; i++) {
        const struct prefix *p = &t->prefix[i];
        struct prefilter_key key = {.bits = p->bits};
        uint32_t lists = p->lists;

        memcpy(key.addr, p->addr.b, sizeof key.addr);
        r = bpf_map_update_elem(trie, &key, &lists, BPF_ANY);
    }
    return r;
}

int prefilter_maps_fill(struct prefilter_maps *m, const struct prefix_table *t)
{
    uint32_t other = !m->used, zero = 0, state = t->lists | (other ? PREFILTER_SECOND : 0);
    int trie = new_trie(t->n), r;

    if (trie < 0)
        return trie;
    r = fill_trie(trie, t);
    if (r == 0)
        r = bpf_map_update_elem(m->tries_fd, &other, &trie, BPF_ANY);
    if (r == 0)
        r = bpf_map_update_elem(m->state_fd, &zero, &state, BPF_ANY);
    if (r == 0)
        m->used = other;
    close(trie); /* the other map keeps it */
    return r;
}

int prefilter_maps_use(const struct prefilter_maps *m, struct bpf_object *program)
{
    const struct {
        const char *name;
        int fd;
    } maps[] = {{"prefilter_tries", m->tries_fd},
                {"prefilter_state", m->state_fd},
                {"prefilter_counts", m->counts_fd}};

    for (unsigned i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        struct bpf_map *map = bpf_object__find_map_by_name(program, maps[i].name);
        int r = map ? bpf_map__reuse_fd(map, maps[i].fd) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

uint64_t prefilter_maps_count(const struct prefilter_maps *m, uint32_t which)
{
    int cpus = libbpf_num_possible_cpus();
    uint64_t *values = cpus > 0 ? calloc((size_t)cpus, sizeof *values) : NULL, sum = 0;

    if (values && bpf_map_lookup_elem(m->counts_fd, &which, values) == 0)
        for (int i = 0; i < cpus; i++)
            sum += values[i];
    free(values);
    return sum;
}
#else
int prefilter_maps_open(struct prefilter_maps **out)
{
    (void)out;
    return -ENOTSUP;
}

void prefilter_maps_close(struct prefilter_maps *m)
{
    (void)m;
}

int prefilter_maps_fill(struct prefilter_maps *m, const struct prefix_table *t)
{
    (void)m;
    (void)t;
    return 0;
}

int prefilter_maps_use(const struct prefilter_maps *m, struct bpf_object *program)
{
    (void)m;
    (void)program;
    return 0;
}

uint64_t prefilter_maps_count(const struct prefilter_maps *m, uint32_t which)
{
    (void)m;
    (void)which;
    return 0;
}
#endif
