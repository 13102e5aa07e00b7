/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel and what discovers files are played here; files are small ones that tests make. */
#include "worker/probe/hooking.h"

#include "common/base/log.h"
#include "tests/unit/probe/elf_builder.h"

#include <errno.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

#define DEVICE 11u
#define INODE  22u
#define SWEEPS 6u /* without a process, after which hooks go */

static const uint8_t code[] = {0x31, 0xc0, 0xc3};

static struct images *images;
static struct options options;
static struct counters counters;
static struct hooking hooking;

/* What the kernel was asked for. */
static struct {
    int answer; /* of the next attaching, if it is an error */
    int attached, detached[4];
    unsigned n_detached;
    uint16_t image;
    char path[64];
} kernel;
static struct {
    uint64_t device, inode;
} forgotten[4];
static unsigned n_forgotten;
static bool on_overlay;
static unsigned lines;
static char line[512];

int kernel_attach(struct kernel *k, const char *path, uint16_t image, const struct plan *p)
{
    assert_ptr_equal(k, &kernel);
    assert_true(p->n > 0);
    snprintf(kernel.path, sizeof kernel.path, "%s", path);
    kernel.image = image;
    return kernel.answer < 0 ? kernel.answer : 100 + kernel.attached++;
}

void kernel_detach(struct kernel *k, int handle)
{
    assert_ptr_equal(k, &kernel);
    assert_true(kernel.n_detached < sizeof kernel.detached / sizeof kernel.detached[0]);
    kernel.detached[kernel.n_detached++] = handle;
}

void discover_forget(struct discover *d, uint64_t device, uint64_t inode)
{
    assert_null(d);
    assert_true(n_forgotten < sizeof forgotten / sizeof forgotten[0]);
    forgotten[n_forgotten].device = device;
    forgotten[n_forgotten++].inode = inode;
}

static bool is_forgotten(uint64_t device, uint64_t inode)
{
    unsigned n = 0;

    while (n < n_forgotten && (forgotten[n].device != device || forgotten[n].inode != inode))
        n++;
    return n < n_forgotten;
}

int fstatfs(int fd, struct statfs *out)
{
    (void)fd;
    *out = (struct statfs){.f_type = on_overlay ? OVERLAYFS_SUPER_MAGIC : TMPFS_MAGIC};
    return 0;
}

static void keep(const char *fmt, va_list ap)
{
    lines++;
    vsnprintf(line, sizeof line, fmt, ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    keep(fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    keep(fmt, ap);
    va_end(ap);
}

static int setup(void **state)
{
    elf_builder_setup(state);
    memset(&options, 0, sizeof options);
    memset(&counters, 0, sizeof counters);
    memset(&kernel, 0, sizeof kernel);
    n_forgotten = 0;
    on_overlay = false;
    lines = 0;
    images = images_new();
    if (!images)
        return -1;
    hooking_init(&hooking, images, (struct kernel *)(void *)&kernel, NULL, &options, &counters);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    images_free(images);
    return 0;
}

static void build_openssl(void)
{
    elf_builder_function(&builder, "SSL_read", code, sizeof code);
    elf_builder_function(&builder, "SSL_write", code, sizeof code);
    elf_builder_function(&builder, "SSL_free", code, sizeof code);
}

/* The process maps a file that was not reported before. */
static bool map_first(pid_t pid, uint64_t device, uint64_t inode, const char *path)
{
    struct discovered d = {.pid = pid,
                           .device = device,
                           .inode = inode,
                           .path = path,
                           .first = true,
                           .fd = elf_builder_file(&builder),
                           .open_path = "/proc/self/fd/77"};
    bool hooked = hooking_image(&hooking, &d);

    close(d.fd);
    return hooked;
}

static bool map_again(pid_t pid, uint64_t inode)
{
    struct discovered d = {
        .pid = pid, .device = DEVICE, .inode = inode, .path = "/lib/libssl.so.3", .fd = -1};

    return hooking_image(&hooking, &d);
}

static void sweep(unsigned times)
{
    while (times-- > 0)
        hooking_sweep(&hooking);
}

static void a_library_is_hooked_once_for_all_processes(void **state)
{
    (void)state;
    build_openssl();
    assert_true(map_first(500, DEVICE, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 1);
    assert_string_equal(kernel.path, "/proc/self/fd/77");
    assert_ptr_equal(images_at(images, kernel.image), images_find(images, DEVICE, INODE));
    assert_non_null(strstr(line, "hooked openssl in /lib/libssl.so.3 (build-id 000102"));
    assert_true(map_again(501, INODE));
    assert_false(map_again(501, INODE)); /* another part of it */
    assert_int_equal(kernel.attached, 1);
    assert_int_equal(counters.probe_images, 1);
    assert_int_equal(counters.probe_hooked, 1);
    assert_true(counters.probe_hooks >= 3);
    assert_int_equal(counters.probe_missed, 0);
}

static void what_has_no_tls_is_forgotten(void **state)
{
    struct discovered text = {.pid = 500,
                              .device = DEVICE,
                              .inode = INODE + 1,
                              .path = "/lib/libssl.so.txt",
                              .first = true,
                              .fd = memfd_create("text", MFD_CLOEXEC),
                              .open_path = "/proc/self/fd/77"};

    assert_int_equal(write(text.fd, "no ELF at all", 13), 13);
    (void)state;
    elf_builder_function(&builder, "qsort", code, sizeof code);
    assert_false(map_first(500, DEVICE, INODE, "/lib/libc.so.6"));
    assert_false(hooking_image(&hooking, &text));
    close(text.fd);
    assert_null(images_find(images, DEVICE, INODE));
    assert_null(images_missed(images, 500));
    assert_int_equal(counters.probe_images, 2);
    assert_int_equal(counters.probe_missed, 0);
    assert_int_equal(lines, 0);
}

static void libraries_that_nobody_asked_for_are_left_alone(void **state)
{
    (void)state;
    build_openssl();
    snprintf(options.probe_libraries, sizeof options.probe_libraries, "go,nss");
    assert_false(map_first(500, DEVICE, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 0);
    assert_int_equal(counters.probe_missed, 0);
}

static void what_the_kernel_refuses_is_missed_and_named(void **state)
{
    const struct image *missed;

    (void)state;
    build_openssl();
    kernel.answer = -EACCES;
    assert_false(map_first(500, DEVICE, INODE, "/lib/libssl.so.3"));
    missed = images_missed(images, 500);
    assert_non_null(missed);
    assert_string_equal(missed->path, "/lib/libssl.so.3");
    assert_int_equal(counters.probe_missed, 1);
    assert_int_equal(counters.probe_hooked, 0);
    assert_int_equal(counters.probe_hooks, 0);
    assert_non_null(strstr(line, "/lib/libssl.so.3 (build-id 000102"));
    assert_non_null(strstr(line, strerror(EACCES)));
}

static void a_program_with_a_library_inside_is_missed(void **state)
{
    struct discovered d = {.pid = 500,
                           .device = DEVICE,
                           .inode = INODE,
                           .path = "/opt/bare",
                           .executable = true,
                           .first = true,
                           .open_path = "/proc/self/fd/77"};

    (void)state;
    elf_builder_data(&builder, NULL, 0, "ssl/ssl_lib.c", sizeof "ssl/ssl_lib.c");
    builder.stripped = true;
    d.fd = elf_builder_file(&builder);
    assert_false(hooking_image(&hooking, &d));
    close(d.fd);
    assert_int_equal(kernel.attached, 0);
    assert_non_null(images_missed(images, 500));
    assert_non_null(strstr(line, "without the symbols"));
}

/* The table of files that were reported has a bound. */
static void a_file_seen_again_keeps_its_hooks(void **state)
{
    (void)state;
    build_openssl();
    map_first(500, DEVICE, INODE, "/lib/libssl.so.3");
    assert_true(map_first(501, DEVICE, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 1);
    assert_int_equal(kernel.n_detached, 0);
    assert_int_equal(counters.probe_hooked, 1);
}

static void other_content_is_hooked_anew(void **state)
{
    uint64_t hooks;

    (void)state;
    build_openssl();
    map_first(500, DEVICE, INODE, "/lib/libssl.so.3");
    hooks = counters.probe_hooks;
    elf_builder_function(&builder, "SSL_read_ex", code, sizeof code);
    assert_true(map_first(501, DEVICE, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 2);
    assert_int_equal(kernel.n_detached, 1);
    assert_int_equal(kernel.detached[0], 100);
    assert_int_equal(counters.probe_hooked, 1);
    assert_true(counters.probe_hooks > hooks);
}

static void content_that_can_be_hooked_is_not_missed_any_more(void **state)
{
    (void)state;
    build_openssl();
    kernel.answer = -ENOMEM;
    assert_false(map_first(500, DEVICE, INODE, "/lib/libssl.so.3"));
    kernel.answer = 0;
    assert_true(map_first(501, DEVICE, INODE, "/lib/libssl.so.3"));
    assert_null(images_missed(images, 501));
    assert_true(images_hooked(images, 501));
}

static void a_file_under_overlays_is_hooked_once(void **state)
{
    (void)state;
    build_openssl();
    on_overlay = true;
    assert_true(map_first(500, DEVICE, INODE, "/lib/libssl.so.3"));
    assert_true(map_first(501, DEVICE + 1, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 1);
    assert_true(images_hooked(images, 501));
    /* Another file that happens to have that number. */
    elf_builder_function(&builder, "SSL_read_ex", code, sizeof code);
    assert_true(map_first(502, DEVICE + 2, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 2);
    on_overlay = false;
    assert_true(map_first(503, DEVICE + 3, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 3);
}

/* Two containers from one image, and nobody uses them for a while. */
static void all_names_of_a_file_go_with_its_hooks(void **state)
{
    (void)state;
    build_openssl();
    on_overlay = true;
    map_first(500, DEVICE, INODE, "/lib/libssl.so.3");
    map_first(501, DEVICE + 1, INODE, "/lib/libssl.so.3");
    images_exit(images, 500);
    images_exit(images, 501);
    sweep(SWEEPS);
    assert_int_equal(kernel.n_detached, 1);
    assert_true(is_forgotten(DEVICE, INODE));
    assert_true(is_forgotten(DEVICE + 1, INODE));
    assert_int_equal(n_forgotten, 2);
    assert_true(map_first(502, DEVICE + 1, INODE, "/lib/libssl.so.3"));
    assert_int_equal(kernel.attached, 2);
}

/* They would hold the container's file system. */
static void hooks_leave_a_file_that_no_process_has(void **state)
{
    (void)state;
    build_openssl();
    map_first(500, DEVICE, INODE, "/container/lib/libssl.so.3");
    sweep(SWEEPS);
    assert_int_equal(kernel.n_detached, 0); /* while a process has it */
    images_exit(images, 500);
    sweep(SWEEPS - 1);
    assert_int_equal(kernel.n_detached, 0);
    map_again(501, INODE);
    images_exit(images, 501);
    sweep(SWEEPS - 1);
    assert_int_equal(kernel.n_detached, 0); /* it was used meanwhile */
    sweep(1);
    assert_int_equal(kernel.n_detached, 1);
    assert_int_equal(kernel.detached[0], 100);
    assert_true(is_forgotten(DEVICE, INODE));
    assert_null(images_find(images, DEVICE, INODE));
    assert_int_equal(counters.probe_hooked, 0);
    assert_int_equal(counters.probe_hooks, 0);
}

static void hooks_stay_in_files_of_this_host(void **state)
{
    char folder[] = "/tmp/spliff-test-hooking.XXXXXX", path[64];
    struct stat st;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/libssl.so.3", folder);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    fclose(f);
    build_openssl();
    map_first(500, st.st_dev, st.st_ino, path);
    map_first(501, DEVICE, INODE, path); /* what had that name before and was deleted */
    images_exit(images, 500);
    images_exit(images, 501);
    sweep(SWEEPS);
    unlink(path);
    rmdir(folder);
    assert_int_equal(kernel.n_detached, 1);
    assert_int_equal(kernel.detached[0], 101);
    assert_non_null(images_find(images, st.st_dev, st.st_ino));
}

static void the_library_that_nobody_has_makes_room(void **state)
{
    (void)state;
    build_openssl();
    map_first(400, DEVICE, INODE, "/lib/libssl.so.3");
    for (unsigned n = 1; n < IMAGES_MAX; n++) {
        map_first(500, DEVICE, INODE + n, "/lib/libssl.so.3");
        images_exit(images, 500);
    }
    assert_int_equal(kernel.n_detached, 0);
    assert_true(map_first(500, DEVICE, INODE + IMAGES_MAX, "/lib/libssl.so.3"));
    assert_int_equal(kernel.n_detached, 1);
    assert_int_equal(kernel.detached[0], 101);
    assert_int_equal(counters.probe_hooked, IMAGES_MAX);
    assert_true(is_forgotten(DEVICE, INODE + 1));
    assert_int_equal(n_forgotten, 1);
}

/* A host may have thousands of containers, each with a library of its own. */
static void there_are_no_floods_of_lines(void **state)
{
    (void)state;
    build_openssl();
    kernel.answer = -EPERM;
    for (unsigned n = 0; n < 1000; n++)
        map_first(500, DEVICE, INODE + n, "/lib/libssl.so.3");
    assert_int_equal(counters.probe_missed, 1000);
    assert_in_range(lines, 32, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_library_is_hooked_once_for_all_processes),
        TEST(what_has_no_tls_is_forgotten),
        TEST(libraries_that_nobody_asked_for_are_left_alone),
        TEST(what_the_kernel_refuses_is_missed_and_named),
        TEST(a_program_with_a_library_inside_is_missed),
        TEST(a_file_seen_again_keeps_its_hooks),
        TEST(other_content_is_hooked_anew),
        TEST(content_that_can_be_hooked_is_not_missed_any_more),
        TEST(a_file_under_overlays_is_hooked_once),
        TEST(all_names_of_a_file_go_with_its_hooks),
        TEST(hooks_leave_a_file_that_no_process_has),
        TEST(hooks_stay_in_files_of_this_host),
        TEST(the_library_that_nobody_has_makes_room),
        TEST(there_are_no_floods_of_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
