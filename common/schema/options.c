/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of options and the text form of each type: one parser and one formatter a type, which
 * agree, so that a value that is printed can be pasted back into spliff.cfg.
 *
 * Parsers refuse rather than guess. A size without digits, a time in an unknown unit or a number
 * that overflows is an error that shows what would have been right, because these texts are typed
 * by hand and an option that silently means something else is found only weeks later. */
#include "common/schema/options.h"

#include "common/base/check.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum option_index {
#define OPTION(member, type, def, key, scope, arg, doc) OPTION_INDEX_##member,
#define OPTION_SHORT(letter, member)
#include "common/schema/options.def"
#undef OPTION
#undef OPTION_SHORT
    OPTIONS
};

/* The SHORT rows come last in the .def file and each fills one more member of a row above. */
const struct option_schema option_schemas[] = {
#define OPTION(member, type_, def, key_, scope_, arg_, doc_)                                       \
    [OPTION_INDEX_##member] = {.key = key_,                                                        \
                               .arg = arg_,                                                        \
                               .doc = doc_,                                                        \
                               .type = OPTION_TYPE_##type_,                                        \
                               .scope = OPTION_SCOPE_##scope_,                                     \
                               .offset = offsetof(struct options, member)},
#define OPTION_SHORT(letter_, member) [OPTION_INDEX_##member].letter = letter_,
#include "common/schema/options.def"
#undef OPTION
#undef OPTION_SHORT
};
const size_t option_schemas_n = OPTIONS;

static const char *const mode_names[] = {"auto", "kernel", "xdp", "af_xdp", "dpdk", "pcap", NULL};
static const char *const log_format_names[] = {"tsv", "json", NULL};
static const char *const output_names[] = {"none", "text", "json", "pcap", NULL};
static const char *const fanout_names[] = {"hash", "cpu", "queue", NULL};
static const char *const checksums_names[] = {"ignore", "check", "auto", NULL};
static const char *const huge_pages_names[] = {"auto", "reserved", "never", NULL};
static const char *const xdp_mode_names[] = {"auto", "native", "generic", "offload", NULL};
static const char *const rx_mode_names[] = {"polling", "interrupt", "adaptive", NULL};

/* Names of an enum type in the order of its constants, NULL for other types. */
static const char *const *option_enum_names(enum option_type type)
{
    switch (type) {
    case OPTION_TYPE_ENUM_MODE:
        return mode_names;
    case OPTION_TYPE_ENUM_LOG_FORMAT:
        return log_format_names;
    case OPTION_TYPE_ENUM_OUTPUT:
        return output_names;
    case OPTION_TYPE_ENUM_FANOUT:
        return fanout_names;
    case OPTION_TYPE_ENUM_CHECKSUMS:
        return checksums_names;
    case OPTION_TYPE_ENUM_HUGE_PAGES:
        return huge_pages_names;
    case OPTION_TYPE_ENUM_XDP_MODE:
        return xdp_mode_names;
    case OPTION_TYPE_ENUM_RX_MODE:
        return rx_mode_names;
    default:
        return NULL;
    }
}

const char *option_word(const struct option_schema *s, uint64_t value)
{
    const char *const *names = option_enum_names(s->type);

    while (names && *names && value > 0) {
        names++;
        value--;
    }
    return names && *names ? *names : "";
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* The first exact divisor of a value is the unit it is printed in. */
static const struct unit duration_units[] = {
    {"d", 86400 * NS_PER_SEC},
    {"h", 3600 * NS_PER_SEC},
    {"min", 60 * NS_PER_SEC},
    {"s", NS_PER_SEC},
    {"ms", NS_PER_MS},
    {"us", NS_PER_US},
    {"ns", 1},
    {"day", 86400 * NS_PER_SEC},
    {"days", 86400 * NS_PER_SEC},
    {"hr", 3600 * NS_PER_SEC},
    {"hrs", 3600 * NS_PER_SEC},
    {"m", 60 * NS_PER_SEC},
    {"sec", NS_PER_SEC},
    {"secs", NS_PER_SEC},
    {NULL, 0},
};

static const struct unit size_units[] = {
    {"T", UINT64_C(1) << 40},
    {"G", 1 << 30},
    {"M", 1 << 20},
    {"K", 1 << 10},
    {"", 1},
    {"TiB", UINT64_C(1) << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"B", 1},
    {NULL, 0},
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

void options_init(struct options *o)
{
    const struct options defaults = {
#define OPTION(member, type, def, key, scope, arg, doc) .member = def,
#define OPTION_SHORT(letter, member)
#include "common/schema/options.def"
#undef OPTION
#undef OPTION_SHORT
    };

    *o = defaults;
}

static bool option_key_equal(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        int x = *a == '-' ? '_' : tolower((unsigned char)*a);
        int y = *b == '-' ? '_' : tolower((unsigned char)*b);

        if (x != y)
            return false;
    }
    return *a == *b;
}

const struct option_schema *option_find(const char *key)
{
    for (size_t i = 0; i < option_schemas_n; i++)
        if (option_key_equal(option_schemas[i].key, key))
            return &option_schemas[i];
    return NULL;
}

/* Digits at *text, moves over them. -EINVAL if there are none, -ERANGE over 64 bits. */
static int parse_digits(const char **text, uint64_t *out)
{
    const char *p = *text;
    uint64_t v = 0;

    if (!isdigit((unsigned char)*p))
        return -EINVAL;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return -ERANGE;
    *text = p;
    *out = v;
    return 0;
}

/* Digits and a unit of the list; without a unit, plain is the factor. 0, -EINVAL or -ERANGE. */
static int parse_with_unit(const char *text, const struct unit *units, uint64_t plain,
                           uint64_t *out)
{
    uint64_t v, factor = plain;
    int err = parse_digits(&text, &v);

    if (err < 0)
        return err;
    while (*text == ' ')
        text++;
    if (*text) {
        while (units->name && strcasecmp(units->name, text) != 0)
            units++;
        if (!units->name)
            return -EINVAL;
        factor = units->factor;
    }
    return __builtin_mul_overflow(v, factor, out) ? -ERANGE : 0;
}

static int parse_bool(const char *text, bool *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_enum(const char *text, const char *const *names, int *out)
{
    for (int i = 0; names[i]; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return -EINVAL;
}

/* What a value of this type looks like, for messages. */
static void describe_type(enum option_type type, char *out, size_t bytes)
{
    const char *const *names = option_enum_names(type);
    size_t n = 0;

    switch (type) {
    case OPTION_TYPE_STRING:
        snprintf(out, bytes, "at most %d bytes", OPTION_STRING_MAX - 1);
        return;
    case OPTION_TYPE_LIST:
        snprintf(out, bytes, "words of together at most %d bytes", OPTION_LIST_MAX - 1);
        return;
    case OPTION_TYPE_COUNT:
        snprintf(out, bytes, "a number");
        return;
    case OPTION_TYPE_BOOL:
        snprintf(out, bytes, "yes or no");
        return;
    case OPTION_TYPE_DURATION:
        snprintf(out, bytes, "a time such as 100ms, 5s, 2min or 1h");
        return;
    case OPTION_TYPE_SIZE:
        snprintf(out, bytes, "a size such as 64K, 16M or 1G");
        return;
    default:
        break;
    }
    for (int i = 0; names[i] && n < bytes; i++)
        n += (size_t)snprintf(out + n, bytes - n, "%s%s",
                              i == 0         ? "one of "
                              : names[i + 1] ? ", "
                                             : " or ",
                              names[i]);
}

/* Adds to the words that are there. -ERANGE if it is too much. */
static int list_add(char *list, const char *text)
{
    size_t n = strlen(list);

    if (text[0] == '\0')
        return 0;
    if (n + 1 + strlen(text) >= OPTION_LIST_MAX)
        return -ERANGE;
    snprintf(list + n, OPTION_LIST_MAX - n, "%s%s", n > 0 ? " " : "", text);
    return 0;
}

/* Enum members are written through int. */
_Static_assert(sizeof(enum mode) == sizeof(int), "all our enums are int-sized");

static int option_set_at(void *at, enum option_type type, const char *text)
{
    switch (type) {
    case OPTION_TYPE_STRING:
        if (strlen(text) >= OPTION_STRING_MAX)
            return -ERANGE;
        memcpy(at, text, strlen(text) + 1);
        return 0;
    case OPTION_TYPE_LIST:
        return list_add(at, text);
    case OPTION_TYPE_COUNT:
        return parse_with_unit(text, no_units, 1, at);
    case OPTION_TYPE_BOOL:
        return parse_bool(text, at);
    case OPTION_TYPE_DURATION:
        return parse_with_unit(text, duration_units, NS_PER_SEC, at);
    case OPTION_TYPE_SIZE:
        return parse_with_unit(text, size_units, 1, at);
    default:
        return parse_enum(text, option_enum_names(type), at);
    }
}

int option_set(struct options *o, const struct option_schema *s, const char *text, char *error,
               size_t error_bytes)
{
    char right[128];
    int err = option_set_at((char *)o + s->offset, s->type, text);

    if (err < 0) {
        describe_type(s->type, right, sizeof right);
        snprintf(error, error_bytes, "%s = %.64s%s: %s; give %s", s->key, text,
                 strlen(text) > 64 ? "…" : "", err == -ERANGE ? "is too large" : "is not valid",
                 right);
    }
    return err < 0 ? -EINVAL : 0;
}

static void format_with_unit(uint64_t v, const struct unit *units, char *out, size_t bytes)
{
    while (v % units->factor != 0)
        units++;
    snprintf(out, bytes, "%" PRIu64 "%s", v ? v / units->factor : 0, v ? units->name : "");
}

/* The units that a number of this type is printed in. */
static const struct unit *option_units(enum option_type type)
{
    return type == OPTION_TYPE_SIZE       ? size_units
           : type == OPTION_TYPE_DURATION ? duration_units
                                          : no_units;
}

void option_format(const struct options *o, const struct option_schema *s, char *out, size_t bytes)
{
    const char *at = (const char *)o + s->offset;
    uint64_t v = 0;
    int e;

    CHECK(bytes > 0);
    switch (s->type) {
    case OPTION_TYPE_STRING:
    case OPTION_TYPE_LIST:
        snprintf(out, bytes, "%s", at);
        return;
    case OPTION_TYPE_BOOL:
        snprintf(out, bytes, "%s", *(const bool *)at ? "yes" : "no");
        return;
    case OPTION_TYPE_COUNT:
    case OPTION_TYPE_DURATION:
    case OPTION_TYPE_SIZE:
        memcpy(&v, at, sizeof v);
        break;
    default:
        memcpy(&e, at, sizeof e);
        snprintf(out, bytes, "%s", option_enum_names(s->type)[e]);
        return;
    }
    format_with_unit(v, option_units(s->type), out, bytes);
}
