/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a program: its symbols, its Go table, and what would be hooked in it. If the first
 * byte is none of a program, it and the next two share the rest out: code of a function, Go's
 * description, relocations, Go's table of functions, in a file that is in order otherwise. */
#include "tests/unit/probe/elf_builder.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
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

static void read_all(struct elf_image *e, size_t len)
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

static void program_read(int fd)
{
    off_t len = lseek(fd, 0, SEEK_END);
    struct elf_image e;
    struct plan p;

    if (elf_image_open(&e, fd) < 0)
        return;
    read_all(&e, (size_t)len);
    for (unsigned executable = 0; executable < 2; executable++) {
        plan_make(&p, &e, "libssl.so.3", executable, "");
        CHECK(p.n <= PLAN_HOOKS_MAX && (p.n == 0) == (p.library == NULL));
        for (size_t i = 0; i < p.n; i++)
            CHECK(p.hooks[i].offset < (uint64_t)len);
    }
    elf_image_close(&e);
}

static void part_add(struct elf_builder *b, const char *section, uint32_t type, struct cursor *c,
                     size_t bytes)
{
    struct cursor part = cursor_sub(c, bytes < cursor_left(c) ? bytes : cursor_left(c));

    if (cursor_left(&part) > 0)
        elf_builder_data(b, section, type, part.p, cursor_left(&part));
}

static void functions_add(struct elf_builder *b, uint8_t kind, struct cursor code)
{
    static const char *const openssl[] = {"SSL_read", "SSL_read_ex", "SSL_write", "SSL_free"};

    if (cursor_left(&code) == 0)
        return;
    if (!(kind & 2)) {
        elf_builder_function(b, "crypto/tls.(*Conn).Read", code.p, cursor_left(&code));
        return;
    }
    for (unsigned i = 0; i < sizeof(openssl) / sizeof(openssl[0]); i++)
        elf_builder_function(b, openssl[i], code.p, cursor_left(&code));
}

static int program_build(const uint8_t *data, size_t len)
{
    static struct elf_builder b;
    struct cursor c = cursor_init(data, len), code;
    uint8_t bytes[3];

    for (unsigned i = 0; i < 3; i++)
        bytes[i] = cursor_u8(&c);
    elf_builder_init(&b);
    b.stripped = bytes[0] & 1;
    code = cursor_sub(&c, bytes[0] < cursor_left(&c) ? bytes[0] : cursor_left(&c));
    functions_add(&b, bytes[0], code);
    part_add(&b, ".go.buildinfo", SHT_PROGBITS, &c, bytes[1]);
    part_add(&b, ".rela", SHT_RELA, &c, bytes[2]);
    part_add(&b, ".gopclntab", SHT_PROGBITS, &c, cursor_left(&c));
    return elf_builder_file(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 8192 || len < 4)
        return 0;
    if (data[0] == ELFMAG0) {
        program_read(file_of(data, len));
    } else {
        int fd = program_build(data, len);

        program_read(fd);
        close(fd);
    }
    return 0;
}
