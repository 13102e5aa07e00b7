/* SPDX-License-Identifier: BSD-3-Clause */
/* SOCKS 4, 4a and 5: follows the talk with the proxy; what runs through it is detected anew. One
 * tunnel record when the proxy agrees. */
#ifndef SPLIFF_PARSE_SOCKS_H
#define SPLIFF_PARSE_SOCKS_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_socks;

#endif
