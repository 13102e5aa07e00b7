/* SPDX-License-Identifier: BSD-3-Clause */
/* Transport parameters as text (RFC 9000 section 18, and the registry of them). Private to
 * parse/quic. */
#ifndef SPLIFF_PARSE_QUIC_PARAMETERS_H
#define SPLIFF_PARSE_QUIC_PARAMETERS_H

#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_PARAMETERS_MAX        64u
#define QUIC_PARAMETERS_TEXT_MAX   8192u
#define QUIC_PARAMETER_BYTES_SHOWN 64u /* of a value that is no number */

struct quic_parameters {
    struct str items[QUIC_PARAMETERS_MAX]; /* into text */
    uint32_t n;
    char text[QUIC_PARAMETERS_TEXT_MAX];
};

/* "name=123", "name=0a1b" for bytes, "name" for one without value, "0x1f2b" for one that is not
 * known, which greased ones are, in the order that they were sent. short_form: as drafts up to 26
 * wrote them. What comes after something broken, or past the bounds above, is left out. */
void quic_parameters_format(struct quic_parameters *out, const uint8_t *body, size_t len,
                            bool short_form);

/* Whether one with this number is there. */
bool quic_parameters_have(const uint8_t *body, size_t len, bool short_form, uint64_t id);

#define QUIC_PARAMETER_GREASE_BIT 0x2ab2u /* RFC 9287 section 3 */

#endif
