/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as the code of a function. The first says how many arguments it has, and which one of
 * the inner call tells the bytes. */
#include "common/base/check.h"
#include "worker/probe/site.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE_MAX 4096u
#define RETURNS  64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* All of it is one segment to execute, so that a function may call what is inside of it. */
static struct elf_image *image(void)
{
    static const Elf64_Phdr segment = {.p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = CODE_MAX};
    static struct elf_image e;

    if (!e.data) {
        e.fd = memfd_create("code", MFD_CLOEXEC);
        e.data = mmap(NULL, CODE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        e.machine = EM_X86_64;
        e.segments = cursor_init((const uint8_t *)&segment, sizeof(segment));
        CHECK(e.fd >= 0 && e.data != MAP_FAILED);
    }
    return &e;
}

/* The function without a name is the one that is found, or anything. */
static void inner_read(struct elf_image *e, const struct elf_function *f, uint8_t choice)
{
    struct site_inner inner;
    uint64_t at;

    if (site_inner_find(e, f, &inner)) {
        CHECK(inner.out >= 3 && inner.out < 6 && inner.entry < f->bytes);
        CHECK(inner.entry == inner.offset || inner.entry == inner.offset + 4);
        CHECK(site_inner_may_be_of(e, f, &inner));
    } else {
        inner = (struct site_inner){.offset = choice, .out = choice % 6};
    }
    if (site_inner_is_of(e, f, choice / 6 % 6, &inner))
        CHECK(site_inner_may_be_of(e, f, &inner) && !site_is_jump(e, f));
    (void)site_table(e, f, &at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct elf_image *e = image();
    struct elf_function f = {.bytes = len - 1};
    struct site site;
    uint64_t returns[RETURNS];
    size_t n;

    if (len < 2 || len > CODE_MAX)
        return 0;
    CHECK(ftruncate(e->fd, 0) == 0 && pwrite(e->fd, data + 1, len - 1, 0) == (ssize_t)len - 1);
    e->bytes = len - 1;
    if (site_find(e, &f, data[0] % 5, (data[0] >> 4) % 6, &site)) {
        CHECK(site.entry < site.exit && site.exit < f.bytes);
        CHECK(data[1 + site.entry] == 0xe8);
    }
    n = site_returns(e, &f, returns, RETURNS);
    CHECK(n <= RETURNS);
    for (size_t i = 0; i < n; i++)
        CHECK(returns[i] < f.bytes);
    CHECK(site_entry(e, &f) <= 4);
    inner_read(e, &f, data[0]);
    return 0;
}
