/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/logger/sink_fixture.h"

#include "common/base/check.h"
#include "common/ipc/record_reader.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int sink_fixture_setup(void **state)
{
    struct sink_fixture *f = calloc(1, sizeof *f);

    if (!f)
        return -1;
    setenv("TZ", "UTC", 1);
    options_init(&f->heritage.options);
    f->heritage.one_shot = true;
    f->heritage.output_fd = -1;
    snprintf(f->heritage.node, sizeof f->heritage.node, "logger-1");
    snprintf(f->heritage.log_dir, sizeof f->heritage.log_dir, "/tmp/spliff-test-XXXXXX");
    if (!mkdtemp(f->heritage.log_dir))
        return -1;
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st;
    (void)flag;
    (void)where;
    return remove(path);
}

int sink_fixture_teardown(void **state)
{
    struct sink_fixture *f = *state;
    int rc = nftw(f->heritage.log_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    free(f);
    return rc;
}

void sink_fixture_begin(struct sink_fixture *f, enum record_type type, uint64_t seq)
{
    f->batch = (struct spool_batch){.seq = seq, .type = type, .records = f->bytes};
}

void sink_fixture_add(struct sink_fixture *f, const void *rec)
{
    size_t n = record_pack(f->batch.type, rec, f->bytes + f->batch.bytes,
                           sizeof f->bytes - f->batch.bytes, NULL);

    CHECK(n > 0);
    f->batch.bytes += n;
    f->batch.count++;
}

const char *sink_fixture_path(struct sink_fixture *f, const char *name)
{
    snprintf(f->path, sizeof f->path, "%s/%s", f->heritage.log_dir, name);
    return f->path;
}

const char *sink_fixture_read(struct sink_fixture *f, const char *name)
{
    int fd = open(sink_fixture_path(f, name), O_RDONLY);
    ssize_t n;

    if (fd < 0)
        return NULL;
    n = read(fd, f->text, sizeof f->text - 1);
    close(fd);
    CHECK(n >= 0);
    f->text[n] = '\0';
    return f->text;
}

/* The last line but for those that begin with '#'. In a file it is that of every record. */
static const char *last_line(struct sink_fixture *f, bool same)
{
    char *line = NULL;

    for (char *p = strtok(f->text, "\n"); p; p = strtok(NULL, "\n")) {
        if (p[0] == '#')
            continue;
        CHECK(!same || !line || strcmp(line, p) == 0);
        line = p;
    }
    return line;
}

const char *sink_fixture_line(struct sink_fixture *f, const struct sink *sink,
                              enum record_type type, const void *rec)
{
    struct heritage *h = &f->heritage;
    struct sink_state *state;
    char path[64];

    h->output_fd = memfd_create("output", MFD_CLOEXEC);
    CHECK(sink->open(&state, h, NULL) == 0);
    sink_fixture_begin(f, type, 1);
    sink_fixture_add(f, rec);
    /* A sink may have a shorter way for what has others behind it. */
    for (size_t first = f->batch.bytes;
         sink->rotate && f->batch.bytes < first + RECORD_READER_AHEAD_BYTES;)
        sink_fixture_add(f, rec);
    CHECK(sink->write(state, &f->batch) == 0);
    CHECK(sink->flush(state) == 0);
    sink->close(state);
    if (sink->rotate) {
        snprintf(path, sizeof path, "%s.log", record_schemas[type].path);
        CHECK(sink_fixture_read(f, path));
    } else {
        ssize_t n = pread(h->output_fd, f->text, sizeof f->text - 1, 0);

        CHECK(n >= 0);
        f->text[n] = '\0';
    }
    close(h->output_fd);
    h->output_fd = -1;
    return last_line(f, sink->rotate != NULL);
}
