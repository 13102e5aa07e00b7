/* SPDX-License-Identifier: BSD-3-Clause */
/* Files with a TLS library, hooked or not, and which processes have mapped them. The number of an
 * image is what the kernel side and messages call it by. */
#ifndef SPLIFF_PROBE_IMAGES_H
#define SPLIFF_PROBE_IMAGES_H

#include "worker/probe/elf_image.h"
#include "worker/probe/sessions.h"

#include <stdbool.h>
#include <sys/types.h>

#define IMAGES_MAX       8192u
#define IMAGES_PROCESSES 32768u /* processes whose images are known; first those go that ended */
#define IMAGES_A_PROCESS 6u     /* TLS libraries in one process */

struct image {
    struct session_image session; /* borrows from the texts below */
    uint64_t device, inode;
    uint16_t number;
    uint16_t same_as; /* number of the image that is the same file by another name; else its own */
    int handle;       /* of kernel_attach; -1: it is not hooked */
    bool missed;      /* because it could not be */
    unsigned hooks;   /* that are attached */
    bool cheap;       /* some of them at sites */
    uint32_t processes; /* that have mapped it now */
    uint32_t idle;      /* times that hooking_sweep found none */
    uint64_t bytes;     /* of the file */
    char path[PLAINTEXT_TEXT_MAX + 1];
    char build_id[ELF_BUILD_ID_MAX];
};

struct images;

struct images *images_new(void); /* NULL: no memory */
void images_free(struct images *s);

/* The image with this file; NULL if it is none that has a TLS library. */
struct image *images_find(struct images *s, uint64_t device, uint64_t inode);

/* An image with that build-id, size and inode on another device: where file systems lie over each
 * other, one file has several devices. NULL if there is none. */
struct image *images_find_same(struct images *s, const char *build_id, uint64_t bytes,
                               uint64_t inode);

/* The one to be removed before another can be added. NULL if there is room, or if processes have
 * mapped all. */
struct image *images_unused(struct images *s);

/* A new one, zeroed but for numbers, device, inode and handle -1. NULL: no memory, or no room. */
struct image *images_add(struct images *s, uint64_t device, uint64_t inode);

/* With those that are the same file by other names. */
void images_remove(struct images *s, struct image *i);

/* Copies what messages tell of it; library and hook are borrowed for good. */
void images_describe(struct image *i, const char *library, const char *hook, const char *path,
                     const char *build_id);

/* NULL: there is none of that number. */
struct image *images_at(struct images *s, uint16_t number);

/* A process has mapped an image. True: the first one of this process that is hooked. */
bool images_map(struct images *s, pid_t pid, struct image *i);
/* A process is a copy of another. True: it has hooked images. */
bool images_fork(struct images *s, pid_t parent, pid_t pid);
/* It has ended. True: it had hooked images. What is known of them stays for questions. */
bool images_exit(struct images *s, pid_t pid);
/* It has another program: what it had is of no interest any more. */
bool images_exec(struct images *s, pid_t pid);

/* Whether a process has, or had to its end, an image that is hooked. */
bool images_hooked(struct images *s, pid_t pid);
/* One that could not be hooked, or NULL. */
const struct image *images_missed(struct images *s, pid_t pid);

/* Processes that live and have one that is hooked. */
uint32_t images_processes(const struct images *s);

#endif
