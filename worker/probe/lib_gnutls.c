/* SPDX-License-Identifier: BSD-3-Clause */
/* GnuTLS 3.x. gnutls_record_send is a jump to gnutls_record_send2 where there is one (3.6.3). What
 * it is given between gnutls_record_cork and gnutls_record_uncork it has taken when it returns, and
 * gnutls_record_uncork gives it to gnutls_record_send once more. */
#include "worker/probe/library.h"

#define CALL(what, how, at)                                                                        \
    {                                                                                              \
        .call = (what), .count = (how), .buffer = (at)                                             \
    }

static const struct probe_function functions[] = {
    {.symbol = "gnutls_record_recv", .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_LONG, 1)},
    {.symbol = "gnutls_record_recv_seq", .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_LONG, 1)},
    {.symbol = "gnutls_record_send2", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_LONG, 1)},
    {.symbol = "gnutls_record_send",
     .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_LONG, 1),
     .unless = "gnutls_record_send2"},
    {.symbol = "gnutls_record_uncork", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_NONE, 0)},
    {.symbol = "gnutls_handshake", .cookie = CALL(PROBE_CALL_HANDSHAKE, PROBE_COUNT_NONE, 0)},
    {.symbol = "gnutls_alpn_get_selected_protocol",
     .cookie = CALL(PROBE_CALL_ALPN, PROBE_COUNT_ALPN_DATUM, 1)},
    {.symbol = "gnutls_deinit", .cookie = CALL(PROBE_CALL_FREE, PROBE_COUNT_NONE, 0)},
};

const struct probe_library library_gnutls = {
    .name = "gnutls",
    .file_prefixes = (const char *const[]){"libgnutls.so", "libgnutls-", NULL},
    .in_executables = true,
    .required =
        (const char *const[]){"gnutls_record_recv", "gnutls_record_send", "gnutls_deinit", NULL},
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
};
