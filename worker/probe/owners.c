/* SPDX-License-Identifier: BSD-3-Clause */
/* Asked about a process whose TLS never showed plaintext, we tell what of it is not hooked: a
 * library that we know and could not hook; else, if nothing of it is hooked at all, its program,
 * which then holds a library that we do not know or cannot find.
 *
 * That it never showed says nothing of a flow that began before all was hooked, or before the
 * worker that asks was there: its predecessor may have been told. */
#include "worker/probe/owners.h"

#include "common/ipc/owner.h"
#include "worker/probe/elf_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_TOPIC "event/owned/"

/* Of the program of a process that may be gone already. */
static void program_build_id(pid_t pid, char out[ELF_BUILD_ID_MAX])
{
    char path[64];
    struct elf_image e;
    int fd;

    out[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (elf_image_open(&e, fd) == 0) {
        memcpy(out, e.build_id, ELF_BUILD_ID_MAX);
        elf_image_close(&e);
    }
    close(fd);
}

/* Whoever has narrowed plaintext to some processes or libraries does not want to hear that others
 * show none. Where it is not easily told whether a process is among them, we keep silent. */
static bool is_wanted(const struct owners *o, const struct process_facts *p)
{
    const struct process_filter *f = &o->filter;
    bool pid = f->n_pids == 0, name = f->n_comms == 0;

    for (uint32_t i = 0; i < f->n_pids; i++)
        pid |= f->pids[i] == p->pid;
    for (uint32_t i = 0; i < f->n_comms; i++)
        name |= str_equal(p->name, str_of(f->comms[i]));
    return pid && name && f->n_ppids == 0 && f->addresses.n == 0 &&
           o->heritage->options.probe_cgroup[0] == '\0' &&
           o->heritage->options.probe_libraries[0] == '\0';
}

/* Of the processes at both ends the one that is wanted; they need not be in the same container. */
static pid_t owner_of(const struct owners *o, const struct owner_question *q,
                      struct owner_answer *a)
{
    for (unsigned end = 0; end < 2; end++) {
        pid_t pid = kernel_owner(o->kernel, &q->key, end);

        if (pid <= 0)
            continue;
        a->end = end;
        a->process = *process_table_get(o->processes, pid);
        a->found = is_wanted(o, &a->process);
        if (a->found)
            return pid;
    }
    return 0;
}

/* node: the worker that asks. */
static bool should_have_shown(const struct owners *o, struct str node,
                              const struct owner_question *q)
{
    const struct heritage *h = o->heritage;

    if (o->hooked_ns == 0 || q->start_ns < o->hooked_ns)
        return false;
    for (uint32_t i = 0; i < h->n_workers; i++)
        if (str_equal(node, str_of(h->workers[i])))
            return q->start_ns >= o->worker_ns[i];
    return false;
}

/* build_id: room for what *a borrows. */
static void answer(struct owners *o, const struct owner_question *q, struct owner_answer *a,
                   char build_id[ELF_BUILD_ID_MAX])
{
    const struct image *missed;
    pid_t pid;

    pid = owner_of(o, q, a);
    if (pid == 0)
        return;
    missed = images_missed(o->images, pid);
    if (missed) {
        a->missed = str_of(missed->path);
        a->build_id = str_of(missed->build_id);
    } else if (!images_hooked(o->images, pid)) {
        program_build_id(pid, build_id);
        a->missed = a->process.exe;
        a->build_id = str_of(build_id);
    }
}

void owners_answer(struct owners *o, const struct bus_message *m)
{
    size_t prefix = strlen(OWNERS_TOPIC);
    struct str node;
    char topic[BUS_TOPIC_BYTES_MAX + 1], build_id[ELF_BUILD_ID_MAX];
    uint8_t body[OWNER_ANSWER_BYTES];
    struct owner_question q;
    struct owner_answer a = {0};

    if (m->topic_len <= prefix || m->topic_len > BUS_TOPIC_BYTES_MAX ||
        m->topic[m->topic_len - 1] != '/' || owner_question_decode(m->body, m->body_len, &q) < 0)
        return;
    node = str_make(m->topic + prefix, m->topic_len - prefix - 1);
    snprintf(topic, sizeof topic, ANSWER_TOPIC "%.*s/", (int)node.len, node.p);
    a.id = q.id;
    if (should_have_shown(o, node, &q))
        answer(o, &q, &a, build_id);
    (void)bus_publish(o->bus, topic, body, owner_answer_encode(body, &a));
}
