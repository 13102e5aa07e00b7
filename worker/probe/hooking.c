/* SPDX-License-Identifier: BSD-3-Clause */
/* Hooks are on files, not on processes: a file is read once, when the first process that maps it is
 * seen, and serves all that come later. What is no TLS library is forgotten at once.
 *
 * A hook holds its file and the mount that it lies in. For the libraries of this host that is well;
 * but a container's file system could not be taken away after the container. So hooks in files that
 * our own root does not have are taken out some minutes after their last process.
 *
 * A file may be seen again as new: because the table of those that were reported was too small, or
 * because its content has changed. Where it is what it was, its hooks stay. */
#include "worker/probe/hooking.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Lines about images: so many at once, and then one a second. */
#define LINES_MAX 32.0

#define IDLE_SWEEPS 5u

void hooking_init(struct hooking *h, struct images *images, struct kernel *k, struct discover *d,
                  const struct options *o, struct counters *c)
{
    *h = (struct hooking){.images = images,
                          .kernel = k,
                          .discover = d,
                          .options = o,
                          .c = c,
                          .lines = LINES_MAX,
                          .lines_ns = clock_mono_ns()};
}

static bool may_print(struct hooking *h)
{
    uint64_t now = clock_mono_ns();

    h->lines += (double)(now - h->lines_ns) / (double)NS_PER_SEC;
    h->lines_ns = now;
    if (h->lines > LINES_MAX)
        h->lines = LINES_MAX;
    if (h->lines < 1)
        return false;
    h->lines -= 1;
    return true;
}

static const char *build_id_or_none(const struct image *i)
{
    return i->build_id[0] ? i->build_id : "none";
}

static void image_missed(struct hooking *h, struct image *i, const char *why)
{
    i->missed = true;
    h->c->probe_missed++;
    if (may_print(h))
        log_warn("cannot hook %s (build-id %s): %s; its TLS stays unseen", i->path,
                 build_id_or_none(i), why);
}

static void detach(struct hooking *h, struct image *i)
{
    if (i->handle < 0)
        return;
    kernel_detach(h->kernel, i->handle);
    h->c->probe_hooked--;
    h->c->probe_hooked_sites -= i->cheap;
    h->c->probe_hooks -= i->hooks;
    i->handle = -1;
}

static void attach(struct hooking *h, struct image *i, const struct plan *plan, const char *path)
{
    if (plan->n == 0) {
        image_missed(h, i, plan->missed ? plan->missed : "it has none of the functions");
        return;
    }
    i->handle = kernel_attach(h->kernel, path, i->number, plan);
    if (i->handle < 0) {
        image_missed(h, i, strerror(-i->handle));
        i->handle = -1;
        return;
    }
    i->cheap = plan->cheap;
    i->hooks = (unsigned)plan->n;
    h->c->probe_hooked++;
    h->c->probe_hooked_sites += i->cheap;
    h->c->probe_hooks += i->hooks;
    if (may_print(h))
        log_info("hooked %s in %s (build-id %s) at %s", i->session.library, i->path,
                 build_id_or_none(i), i->session.hook);
}

/* Its file is to be reported as new when it is mapped next, by whatever name. */
static void image_remove(struct hooking *h, struct image *i)
{
    detach(h, i);
    for (uint32_t n = 0; n < IMAGES_MAX; n++) {
        const struct image *name = images_at(h->images, (uint16_t)n);

        if (name && (name == i || name->same_as == i->number))
            discover_forget(h->discover, name->device, name->inode);
    }
    images_remove(h->images, i);
}

static struct image *image_add(struct hooking *h, uint64_t device, uint64_t inode)
{
    struct image *unused = images_unused(h->images);

    if (unused)
        image_remove(h, unused);
    return images_add(h->images, device, inode);
}

/* A file under an overlay has another device for each that lies over it, and its hooks count for
 * all of them: attached twice, each byte would come twice. */
static bool is_same_by_overlay(struct hooking *h, const struct discovered *d, struct elf_image *e,
                               struct image *i)
{
    struct statfs fs;
    struct image *same;

    if (fstatfs(d->fd, &fs) < 0 || fs.f_type != OVERLAYFS_SUPER_MAGIC)
        return false;
    same = images_find_same(h->images, e->build_id, e->bytes, d->inode);
    if (!same || same == i)
        return false;
    i->same_as = same->number;
    return true;
}

static void image_new(struct hooking *h, const struct discovered *d, struct elf_image *e,
                      const struct plan *plan)
{
    struct image *i = images_find(h->images, d->device, d->inode);

    if (i && i->handle >= 0 && i->bytes == e->bytes && strcmp(i->build_id, e->build_id) == 0)
        return;
    if (i) {
        detach(h, i);
        i->missed = false;
    } else {
        i = image_add(h, d->device, d->inode);
    }
    if (!i) {
        h->c->probe_missed++;
        return;
    }
    images_describe(i, plan->library ? plan->library->name : "", plan->cheap ? "site" : "entry",
                    d->path, e->build_id);
    i->bytes = e->bytes;
    if (!is_same_by_overlay(h, d, e, i))
        attach(h, i, plan, d->open_path);
}

/* Once an image was taken for a library it stays in the table, whatever its content is now. */
static void look_into(struct hooking *h, const struct discovered *d)
{
    const char *slash = strrchr(d->path, '/');
    struct elf_image e;
    struct plan plan;

    h->c->probe_images++;
    if (elf_image_open(&e, d->fd) < 0)
        return;
    plan_make(&plan, &e, slash ? slash + 1 : d->path, d->executable, h->options->probe_libraries);
    if (plan.library || plan.missed)
        image_new(h, d, &e, &plan);
    elf_image_close(&e);
}

bool hooking_image(struct hooking *h, const struct discovered *d)
{
    struct image *i;

    if (d->first)
        look_into(h, d);
    i = images_find(h->images, d->device, d->inode);
    return i && images_map(h->images, d->pid, i);
}

static bool is_of_this_host(const struct image *i)
{
    struct stat st;

    return stat(i->path, &st) == 0 && st.st_dev == i->device && st.st_ino == i->inode;
}

void hooking_sweep(struct hooking *h)
{
    for (uint32_t n = 0; n < IMAGES_MAX; n++) {
        struct image *i = images_at(h->images, (uint16_t)n);

        if (!i || i->handle < 0 || i->processes > 0 || i->idle++ < IDLE_SWEEPS ||
            is_of_this_host(i))
            continue;
        if (may_print(h))
            log_info("took the hooks out of %s: no process has it any more", i->path);
        image_remove(h, i);
    }
}
