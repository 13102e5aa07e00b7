/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a program: its symbols, its Go table, and what would be hooked in it. */
#include "common/base/check.h"
#include "worker/probe/plan.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int file_of(const uint8_t *data, size_t len)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("elf", MFD_CLOEXEC);
    CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, len, 0) == (ssize_t)len);
    return fd;
}

static void read_all(const struct elf_image *e, size_t len)
{
    static const char *const names[] = {"SSL_read", "crypto/tls.(*Conn).Read", "main.main"};
    struct elf_function f[3];
    char version[32];

    CHECK(strlen(e->build_id) < ELF_BUILD_ID_MAX);
    elf_image_find(e, names, 3, f);
    for (size_t i = 0; i < 3; i++)
        CHECK(f[i].offset < len);
    elf_image_find_go(e, names, 3, f);
    for (size_t i = 0; i < 3; i++)
        CHECK(f[i].offset < len);
    if (elf_image_go_version(e, version, sizeof(version)))
        CHECK(strlen(version) < sizeof(version));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct elf_image e;
    struct plan p;

    if (elf_image_open(&e, file_of(data, len)) < 0)
        return 0;
    read_all(&e, len);
    for (unsigned executable = 0; executable < 2; executable++) {
        plan_make(&p, &e, "libssl.so.3", executable, "");
        CHECK(p.n <= PLAN_HOOKS_MAX && (p.n == 0) == (p.library == NULL));
        for (size_t i = 0; i < p.n; i++)
            CHECK(p.hooks[i].offset < len);
    }
    elf_image_close(&e);
    return 0;
}
