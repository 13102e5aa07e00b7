/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/flows_map.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/capture/kernel_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A note of a CPU that is so much older than the newest one, in bytes or in time, says nothing: its
 * sequence numbers may have wrapped since. A lost segment is sent again after 0.2 s or more. */
#define NOTE_AHEAD_BYTES (1u << 30)
#define NOTE_AGE         ((uint32_t)(500 * NS_PER_MS >> FLOWS_TIME_SHIFT))

_Static_assert(sizeof(struct flows_key) == sizeof(struct flow_key), "a key is used as it is");
_Static_assert(offsetof(struct flows_key, port) == offsetof(struct flow_key, port) &&
                   offsetof(struct flows_key, proto) == offsetof(struct flow_key, proto),
               "a key is used as it is");

struct flows_map {
    int fd, shunts_fd;
    uint32_t worker, capacity;
    unsigned cpus;
    size_t stride_bytes;
    uint8_t *values; /* of all CPUs, or the one for all */
    struct flows_shunted
        *shunted; /* shared with the program and the other workers; NULL: there is none */
};

/* What the descriptor is: its values are at least as long as ours. */
static int ask_map(struct flows_map *m)
{
    struct bpf_map_info info = {0};
    int r = kernel_map_info(m->fd, &info);

    if (r < 0)
        return r;
    if (info.key_size != sizeof(struct flows_key) ||
        (info.type != BPF_MAP_TYPE_PERCPU_HASH && info.type != BPF_MAP_TYPE_LRU_HASH) ||
        info.value_size < (info.type == BPF_MAP_TYPE_PERCPU_HASH ? sizeof(struct flows_kept)
                                                                 : sizeof(struct flows_value)))
        return -EINVAL;
    m->cpus = info.type == BPF_MAP_TYPE_PERCPU_HASH ? kernel_map_cpus() : 1;
    m->stride_bytes = (info.value_size + 7u) / 8 * 8;
    m->capacity = info.max_entries;
    return 0;
}

static int map_shunted(struct flows_map *m, int fd)
{
    void *page;

    if (fd < 0)
        return 0;
    page = mmap(NULL, sizeof *m->shunted, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return -errno;
    m->shunted = page;
    return 0;
}

int flows_map_open(struct flows_map **out, const struct flows_map_fds *fds, uint32_t worker,
                   const char *name)
{
    struct flows_map *m = calloc(1, sizeof *m);
    int r = -ENOMEM;

    if (!m)
        return r;
    m->fd = fds->flows;
    m->shunts_fd = fds->shunts;
    m->worker = worker;
    r = ask_map(m);
    if (r == 0)
        r = map_shunted(m, fds->shunted);
    if (r == 0 && (m->cpus == 0 || !(m->values = calloc(m->cpus, m->stride_bytes))))
        r = -ENOMEM;
    if (r == 0) {
        *out = m;
        return 0;
    }
    log_error("interface %s: cannot read the flows that the kernel counts: %s", name,
              r == -EPERM ? "needs Linux 5.19, or sysctl kernel.unprivileged_bpf_disabled=0"
                          : strerror(-r));
    flows_map_close(m);
    return r;
}

void flows_map_close(struct flows_map *m)
{
    if (!m)
        return;
    if (m->shunted)
        munmap(m->shunted, sizeof *m->shunted);
    free(m->values);
    free(m);
}

static const struct flows_value *value_at(const void *values, size_t stride_bytes, unsigned cpu)
{
    return (const void *)((const uint8_t *)values + cpu * stride_bytes);
}

/* The last packet of a CPU need not have moved its note: an acknowledgement does not, nor what was
 * sent again. So notes have a time of their own. */
static void merge_seq(const void *values, size_t stride_bytes, unsigned n, unsigned end,
                      struct capture_unseen *out)
{
    uint32_t newest = 0, seq_end;

    for (unsigned i = 0; i < n; i++) {
        const struct flows_value *v = value_at(values, stride_bytes, i);

        if (!(v->flags & FLOWS_SEQ << end) ||
            (out->has_seq[end] && (int32_t)(v->seq_time[end] - newest) <= 0))
            continue;
        out->has_seq[end] = true;
        out->seq_end[end] = v->end[end].seq_end;
        newest = v->seq_time[end];
    }
    seq_end = out->seq_end[end];
    for (unsigned i = 0; i < n; i++) {
        const struct flows_value *v = value_at(values, stride_bytes, i);
        uint32_t ahead = v->end[end].seq_end - seq_end;

        if ((v->flags & FLOWS_SEQ << end) && newest - v->seq_time[end] < NOTE_AGE &&
            ahead <= NOTE_AHEAD_BYTES &&
            v->end[end].seq_end - out->seq_end[end] <= NOTE_AHEAD_BYTES)
            out->seq_end[end] = v->end[end].seq_end;
    }
}

bool flows_map_merge(const void *values, size_t stride_bytes, unsigned n, uint64_t wall_ns,
                     struct capture_unseen *out)
{
    uint64_t last_ns = 0;

    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < n; i++) {
        const struct flows_value *v = value_at(values, stride_bytes, i);

        for (unsigned end = 0; end < 2; end++) {
            const struct flows_end *e = &v->end[end];

            out->packets[end] += e->packets;
            out->ip_bytes[end] += e->ip_bytes;
            out->payload_bytes[end] += e->payload_bytes;
            out->resent[end] += e->resent;
            out->zero_windows[end] += e->zero_windows;
            out->has_ack[end] |= (v->flags & FLOWS_ACK << end) != 0;
            if (e->packets > 0 && e->last_ns > last_ns)
                last_ns = e->last_ns;
        }
    }
    if (out->packets[0] + out->packets[1] == 0)
        return false;
    for (unsigned end = 0; end < 2; end++)
        if (out->payload_bytes[end] > 0)
            merge_seq(values, stride_bytes, n, end, out);
    out->last_ns = last_ns + wall_ns;
    return true;
}

/* The number is counted up before a flow is put in, and down after it was taken out: who dies in
 * between leaves it too high, and then packets are looked at in vain. Too low, they would come up.
 */
static void add_shunted(struct flows_map *m, uint32_t n)
{
    __atomic_fetch_add(&m->shunted->n, n, __ATOMIC_RELEASE);
}

static void note_change(struct flows_map *m)
{
    __atomic_fetch_add(&m->shunted->changes, 1, __ATOMIC_RELEASE);
}

static int put_shunt(struct flows_map *m, const struct flow_key *key, const struct flows_shunt *how)
{
    int r;

    add_shunted(m, 1);
    r = kernel_map_put(m->shunts_fd, key, how, BPF_NOEXIST);
    if (r < 0)
        add_shunted(m, UINT32_MAX);
    if (r == -EEXIST)
        r = kernel_map_put(m->shunts_fd, key, how, BPF_EXIST);
    note_change(m);
    return r;
}

/* Returns whether it was in. */
static bool remove_shunt(struct flows_map *m, const struct flow_key *key)
{
    if (kernel_map_remove(m->shunts_fd, key) < 0)
        return false;
    note_change(m);
    add_shunted(m, UINT32_MAX);
    return true;
}

static struct flows_kept *kept_by(const struct flows_map *m, unsigned cpu)
{
    return (void *)(m->values + cpu * m->stride_bytes);
}

/* The values of a flow, unless another worker has it shunted: where an interface has the directions
 * of a flow come in by two queues, they are with two workers, and both would have all that was
 * counted. */
static bool get_own(struct flows_map *m, const struct flow_key *key)
{
    return kernel_map_get(m->fd, key, m->values) == 0 &&
           (!m->shunted || kept_by(m, 0)->how.worker == m->worker);
}

bool flows_map_unseen(struct flows_map *m, const struct flow_key *key, bool end,
                      struct capture_unseen *out)
{
    if ((!end || m->shunted) && !get_own(m, key))
        return false;
    if (end && m->shunted)
        remove_shunt(m, key);
    if (end && kernel_map_take(m->fd, key, m->values) < 0)
        return false;
    return flows_map_merge(m->values, m->stride_bytes, m->cpus, clock_wall_ns() - clock_mono_ns(),
                           out);
}

/* A value without counts, of this worker. */
static void set_new(struct flows_map *m)
{
    memset(m->values, 0, m->cpus * m->stride_bytes);
    for (unsigned i = 0; i < m->cpus; i++)
        kept_by(m, i)->how.worker = m->worker;
}

int flows_map_shunt(struct flows_map *m, const struct flow_key *key, struct capture_shunt *how)
{
    struct flows_shunt value = {.worker = m->worker};
    int r;

    if (!how) {
        remove_shunt(m, key);
        return 0;
    }
    for (unsigned end = 0; end < 2; end++) {
        value.rises |= (unsigned)how->rises[end] << end;
        value.rise_seq[end] = how->rise_seq[end];
    }
    set_new(m);
    r = kernel_map_put(m->fd, key, m->values, BPF_NOEXIST);
    if (r == -EEXIST) /* it goes on */
        r = get_own(m, key) ? 0 : -EPROTONOSUPPORT;
    if (r == 0)
        r = put_shunt(m, key, &value);
    how->since_ns = clock_wall_ns();
    return r;
}

/* Of what is counted, and not of what is shunted: that may have ended before, as with a body. Keys
 * come in no order, and from the beginning when others take them out meanwhile: hence a bound, and
 * the next key is read before this one goes. */
uint32_t flows_map_sweep(struct flows_map *m)
{
    bool more = m->shunted != NULL;
    struct flow_key key, next;
    uint32_t swept = 0;

    more = more && kernel_map_next(m->fd, NULL, &key) == 0;
    for (uint64_t n = 0; more && n < 2 * (uint64_t)m->capacity; n++) {
        more = kernel_map_next(m->fd, &key, &next) == 0;
        if (get_own(m, &key)) {
            swept += remove_shunt(m, &key);
            kernel_map_remove(m->fd, &key);
        }
        key = next;
    }
    return swept;
}
