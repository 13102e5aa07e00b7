/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocols that begin in the clear and turn to TLS when both sides agree: mail, news, file
 * transfer, chat, databases, directories, remote desktops. Only the turn is looked for: the service
 * is named, TLS is detected anew behind it, and nothing of the talk is kept. */
#ifndef SPLIFF_PARSE_STARTTLS_H
#define SPLIFF_PARSE_STARTTLS_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_starttls;

#endif
