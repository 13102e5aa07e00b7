/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cli/cli.h"

#include <stdio.h>

/* Optional parts of this build. */
static const struct {
    const char *name;
    bool built_in;
} features[] = {
#ifdef HAVE_LIBBPF
    {"bpf", true},
#else
    {"bpf", false},
#endif
#ifdef HAVE_LIBXDP
    {"xdp", true},
#else
    {"xdp", false},
#endif
#ifdef HAVE_ZLIB
    {"zlib", true},
#else
    {"zlib", false},
#endif
#ifdef HAVE_BROTLI
    {"brotli", true},
#else
    {"brotli", false},
#endif
#ifdef HAVE_ZSTD
    {"zstd", true},
#else
    {"zstd", false},
#endif
#ifdef HAVE_CAPSTONE
    {"capstone", true},
#else
    {"capstone", false},
#endif
};

int cli_version(const struct cli_args *a)
{
    struct text out = {0};

    if (a->json) {
        text_puts(&out, "{\"version\":\"" SPLIFF_VERSION "\",\"features\":{");
        for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
            json_key(&out, features[i].name);
            json_bool(&out, features[i].built_in);
        }
        text_puts(&out, "}}\n");
    } else {
        text_puts(&out, "spliff " SPLIFF_VERSION);
        for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
            text_printf(&out, " %c%s", features[i].built_in ? '+' : '-', features[i].name);
        text_puts(&out, "\n");
    }
    fputs(out.p, stdout);
    text_free(&out);
    return CLI_OK;
}
