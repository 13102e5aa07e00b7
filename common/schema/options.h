/* SPDX-License-Identifier: BSD-3-Clause */
/* Options, derived from options.def: the struct, its defaults, and the parser of one value. Where
 * values come from (spliff.cfg, command line) is the manager's business; workers and logger get the
 * finished struct through the heritage. Plain data: may be copied and lie in shared memory. */
#ifndef SPLIFF_SCHEMA_OPTIONS_H
#define SPLIFF_SCHEMA_OPTIONS_H

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTION_STRING_MAX 256  /* with its NUL */
#define OPTION_LIST_MAX   1024 /* the same; words with a blank between them */

enum mode { MODE_AUTO, MODE_KERNEL, MODE_XDP, MODE_AF_XDP, MODE_DPDK, MODE_PCAP };
enum log_format { LOG_FORMAT_TSV, LOG_FORMAT_JSON };
enum output { OUTPUT_NONE, OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_PCAP };
enum fanout { FANOUT_HASH, FANOUT_CPU, FANOUT_QUEUE };
enum huge_pages { HUGE_PAGES_AUTO, HUGE_PAGES_RESERVED, HUGE_PAGES_NEVER };
enum checksums { CHECKSUMS_IGNORE, CHECKSUMS_CHECK, CHECKSUMS_AUTO };
enum rx_mode { RX_MODE_POLLING, RX_MODE_INTERRUPT, RX_MODE_ADAPTIVE };
enum xdp_mode { XDP_AUTO, XDP_NATIVE, XDP_GENERIC, XDP_OFFLOAD };

enum option_type {
    OPTION_TYPE_STRING,
    OPTION_TYPE_LIST, /* given again it adds to what there is */
    OPTION_TYPE_COUNT,
    OPTION_TYPE_BOOL,
    OPTION_TYPE_DURATION,
    OPTION_TYPE_SIZE,
    OPTION_TYPE_ENUM_MODE,
    OPTION_TYPE_ENUM_LOG_FORMAT,
    OPTION_TYPE_ENUM_OUTPUT,
    OPTION_TYPE_ENUM_FANOUT,
    OPTION_TYPE_ENUM_CHECKSUMS,
    OPTION_TYPE_ENUM_HUGE_PAGES,
    OPTION_TYPE_ENUM_XDP_MODE,
    OPTION_TYPE_ENUM_RX_MODE,
};

enum option_scope { OPTION_SCOPE_CFG = 1, OPTION_SCOPE_RUN = 2, OPTION_SCOPE_BOTH = 3 };

#define OPTION_CTYPE_STRING(m)          char m[OPTION_STRING_MAX]
#define OPTION_CTYPE_LIST(m)            char m[OPTION_LIST_MAX]
#define OPTION_CTYPE_COUNT(m)           uint64_t m
#define OPTION_CTYPE_BOOL(m)            bool m
#define OPTION_CTYPE_DURATION(m)        uint64_t m
#define OPTION_CTYPE_SIZE(m)            uint64_t m
#define OPTION_CTYPE_ENUM_MODE(m)       enum mode m
#define OPTION_CTYPE_ENUM_LOG_FORMAT(m) enum log_format m
#define OPTION_CTYPE_ENUM_OUTPUT(m)     enum output m
#define OPTION_CTYPE_ENUM_FANOUT(m)     enum fanout m
#define OPTION_CTYPE_ENUM_CHECKSUMS(m)  enum checksums m
#define OPTION_CTYPE_ENUM_HUGE_PAGES(m) enum huge_pages m
#define OPTION_CTYPE_ENUM_XDP_MODE(m)   enum xdp_mode m
#define OPTION_CTYPE_ENUM_RX_MODE(m)    enum rx_mode m

struct options {
#define OPTION(member, type, def, key, scope, arg, doc) OPTION_CTYPE_##type(member);
#define OPTION_SHORT(letter, member)
#include "common/schema/options.def"
#undef OPTION
#undef OPTION_SHORT
};

struct option_schema {
    const char *key;
    const char *arg; /* placeholder in --help; "" for a flag */
    const char *doc;
    enum option_type type;
    enum option_scope scope;
    char letter;     /* one-letter form, or 0 */
    uint16_t offset; /* in struct options */
};

extern const struct option_schema option_schemas[];
extern const size_t option_schemas_n;

/* All defaults. */
void options_init(struct options *o);

/* The row with this key; letter case and the difference of - and _ do not matter. NULL if none. */
const struct option_schema *option_find(const char *key);

/* Sets one option from text. Returns 0, or -EINVAL with what is wrong and what would be right in
 * error[error_bytes] (one line, no newline). */
int option_set(struct options *o, const struct option_schema *s, const char *text, char *error,
               size_t error_bytes);

/* The word that stands for a value of an option of words; "" if there is none. */
const char *option_word(const struct option_schema *s, uint64_t value);

/* The value as option_set would take it, NUL-terminated, cut at bytes. */
void option_format(const struct options *o, const struct option_schema *s, char *out, size_t bytes);

#endif
