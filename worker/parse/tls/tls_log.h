/* SPDX-License-Identifier: BSD-3-Clause */
/* ssl.log: one record a session, and what conn.log says a flow is for. */
#ifndef SPLIFF_PARSE_TLS_LOG_H
#define SPLIFF_PARSE_TLS_LOG_H

#include "worker/parse/tls/tls_session.h"

/* Sets the flow's category and emits the ssl record of what is known of s. */
void tls_log_emit(struct analyzer_ctx *ctx, const struct tls_session *s);

#endif
