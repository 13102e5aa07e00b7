/* SPDX-License-Identifier: BSD-3-Clause */
/* Asked about a process whose TLS never showed plaintext, we tell what of it is not hooked: a
 * library that we know and could not hook; else, if nothing of it is hooked at all, its program,
 * which then holds a library that we do not know or cannot find. */
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
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (elf_image_open(&e, fd) == 0) {
        memcpy(out, e.build_id, ELF_BUILD_ID_MAX);
        elf_image_close(&e);
    }
    close(fd);
}

void owners_answer(struct bus *bus, const struct bus_message *m, struct kernel *k,
                   struct images *images, struct process_table *processes)
{
    size_t prefix = strlen(OWNERS_TOPIC);
    char topic[BUS_TOPIC_BYTES_MAX + 1], build_id[ELF_BUILD_ID_MAX];
    uint8_t body[OWNER_ANSWER_BYTES];
    const struct image *missed;
    struct owner_question q;
    struct owner_answer a = {0};
    pid_t pid;

    if (m->topic_len < prefix || m->topic_len > BUS_TOPIC_BYTES_MAX ||
        owner_question_decode(m->body, m->body_len, &q) < 0)
        return;
    snprintf(topic, sizeof topic, ANSWER_TOPIC "%.*s", (int)(m->topic_len - prefix),
             m->topic + prefix);
    a.id = q.id;
    pid = kernel_owner(k, &q.key, &a.end);
    if (pid > 0) {
        a.found = true;
        a.process = *process_table_get(processes, pid);
        missed = images_missed(images, pid);
        if (missed) {
            a.missed = str_of(missed->path);
            a.build_id = str_of(missed->build_id);
        } else if (!images_hooked(images, pid)) {
            program_build_id(pid, build_id);
            a.missed = a.process.exe;
            a.build_id = str_of(build_id);
        }
    }
    (void)bus_publish(bus, topic, body, owner_answer_encode(body, &a));
}
