/* SPDX-License-Identifier: BSD-3-Clause */
/* A version is a row: how its packets are laid out and which salt makes its Initial keys. All that
 * a new version of today's kind needs is a row more. Versions that nobody deploys any more are here
 * because captures of them live longer than they did. */
#include "worker/parse/quic/quic_version.h"

#include <stddef.h>
#include <stdio.h>

/* Initial salts: RFC 9001 section 5.2, RFC 9369 section 3.3.1 and the drafts before them. */
#define SALT_DRAFT_22                                                                              \
    {                                                                                              \
        0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e,  \
            0xbd, 0x7a, 0x02, 0x64, 0x4a                                                           \
    }
#define SALT_DRAFT_23                                                                              \
    {                                                                                              \
        0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63,  \
            0x65, 0xbe, 0xf9, 0xf5, 0x02                                                           \
    }
#define SALT_DRAFT_29                                                                              \
    {                                                                                              \
        0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11,  \
            0xe0, 0x43, 0x90, 0xa8, 0x99                                                           \
    }
#define SALT_1                                                                                     \
    {                                                                                              \
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,  \
            0xad, 0xcc, 0xbb, 0x7f, 0x0a                                                           \
    }
#define SALT_2                                                                                     \
    {                                                                                              \
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,  \
            0xcb, 0xf9, 0xbd, 0x2e, 0xd9                                                           \
    }
#define SALT_2_DRAFT                                                                               \
    {                                                                                              \
        0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06,  \
            0xea, 0x7a, 0xe3, 0xe5, 0xd3                                                           \
    }
#define SALT_Q050                                                                                  \
    {                                                                                              \
        0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7,  \
            0xf0, 0xd3, 0xb5, 0x6b, 0x45                                                           \
    }
#define SALT_T050                                                                                  \
    {                                                                                              \
        0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36,  \
            0x7c, 0x60, 0x48, 0x83, 0x10                                                           \
    }
#define SALT_T051                                                                                  \
    {                                                                                              \
        0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8,  \
            0xcc, 0xda, 0x6e, 0x03, 0x3d                                                           \
    }

#define MVFST(n)  (0xfaceb000u + (n))
#define DRAFT(n)  (0xff000000u + (n))
#define ASCII_Q0  0x51300000u /* "Q0" and two digits */
#define ASCII_T0  0x54300000u
#define GOOGLE(n) (ASCII_Q0 + ((n) / 10u << 8) + (n) % 10u + 0x3030u)

/* The most frequent ones first, since the rows are gone through in turn for each packet. mvfst's
 * versions are protected as the draft that they began as. */
static const struct quic_version versions[] = {
    {.first = QUIC_VERSION_1, .last = QUIC_VERSION_1, .salt = SALT_1},
    {0x6b3343cf, 0x6b3343cf, QUIC_LAYOUT_V2, SALT_2, .v2_labels = true},
    {.first = DRAFT(29), .last = DRAFT(32), .salt = SALT_DRAFT_29},
    {.first = DRAFT(33), .last = DRAFT(34), .salt = SALT_1},
    {.first = DRAFT(27), .last = DRAFT(28), .salt = SALT_DRAFT_23},
    {.first = DRAFT(23), .last = DRAFT(26), .salt = SALT_DRAFT_23, .short_parameters = true},
    {.first = DRAFT(22), .last = DRAFT(22), .salt = SALT_DRAFT_22, .short_parameters = true},
    {.first = MVFST(1), .last = MVFST(1), .salt = SALT_DRAFT_22, .short_parameters = true},
    {.first = MVFST(2), .last = MVFST(2), .salt = SALT_DRAFT_23},
    {.first = MVFST(3), .last = MVFST(4), .salt = SALT_1},
    {.first = MVFST(0xe), .last = MVFST(0xe), .salt = SALT_DRAFT_23},
    {.first = MVFST(0x10), .last = MVFST(0x13), .salt = SALT_DRAFT_23},
    {.first = 0xfacefeed, .last = 0xfacefeed, .salt = SALT_1},
    {0x709a50c4, 0x709a50c4, QUIC_LAYOUT_V2, SALT_2_DRAFT, .v2_labels = true},
    {GOOGLE(44), GOOGLE(49), QUIC_LAYOUT_Q046, .google_frames = true, .google_crypto = true},
    {GOOGLE(50), GOOGLE(50), QUIC_LAYOUT_V1, SALT_Q050, .google_frames = true,
     .google_crypto = true},
    {ASCII_T0 + 0x3530, ASCII_T0 + 0x3530, QUIC_LAYOUT_V1, SALT_T050, .google_frames = true,
     .short_parameters = true},
    {ASCII_T0 + 0x3531, ASCII_T0 + 0x3531, QUIC_LAYOUT_V1, SALT_T051, .google_frames = true},
    {GOOGLE(20), GOOGLE(29), QUIC_LAYOUT_PUBLIC, .google_frames = true, .google_crypto = true},
    {GOOGLE(30), GOOGLE(39), QUIC_LAYOUT_PUBLIC, .google_frames = true, .google_crypto = true},
    {GOOGLE(40), GOOGLE(43), QUIC_LAYOUT_PUBLIC, .google_frames = true, .google_crypto = true},
};

const struct quic_version *quic_version_find(uint32_t version)
{
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        if (version >= versions[i].first && version <= versions[i].last)
            return &versions[i];
    return NULL;
}

static bool is_digit(uint32_t byte)
{
    return byte >= '0' && byte <= '9';
}

void quic_version_name(uint32_t version, char out[QUIC_VERSION_NAME_MAX])
{
    uint32_t family = version & 0xffff0000;

    if (version == QUIC_VERSION_1)
        snprintf(out, QUIC_VERSION_NAME_MAX, "1");
    else if (version == 0x6b3343cf)
        snprintf(out, QUIC_VERSION_NAME_MAX, "quicv2");
    else if (version == 0x709a50c4)
        snprintf(out, QUIC_VERSION_NAME_MAX, "quicv2-draft");
    else if (version >> 8 == DRAFT(0) >> 8)
        snprintf(out, QUIC_VERSION_NAME_MAX, "draft-%u", (unsigned)(version & 0xff));
    else if (version >> 8 == MVFST(0) >> 8 || version == 0xfacefeed)
        snprintf(out, QUIC_VERSION_NAME_MAX, "mvfst (%x)", (unsigned)version);
    else if ((family == ASCII_Q0 || family == ASCII_T0) && is_digit(version >> 8 & 0xff) &&
             is_digit(version & 0xff))
        snprintf(out, QUIC_VERSION_NAME_MAX, "%c0%c%c", (char)(version >> 24),
                 (char)(version >> 8 & 0xff), (char)(version & 0xff));
    else
        snprintf(out, QUIC_VERSION_NAME_MAX, "unknown-%x", (unsigned)version);
}
