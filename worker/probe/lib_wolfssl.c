/* SPDX-License-Identifier: BSD-3-Clause */
/* wolfSSL. wolfSSL_recv, _send and _writev call the two below; a write before the handshake is done
 * calls wolfSSL_connect or _accept inside. */
#include "worker/probe/library.h"

#define CALL(what, how, at, done)                                                                  \
    {                                                                                              \
        .call = (what), .count = (how), .buffer = (at), .out = (done)                              \
    }

static const struct probe_function functions[] = {
    {.symbol = "wolfSSL_read", .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_INT, 1, 0)},
    {.symbol = "wolfSSL_write", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_INT, 1, 0)},
    {.symbol = "wolfSSL_connect", .cookie = CALL(PROBE_CALL_HANDSHAKE, PROBE_COUNT_NONE, 0, 0)},
    {.symbol = "wolfSSL_accept", .cookie = CALL(PROBE_CALL_HANDSHAKE, PROBE_COUNT_NONE, 0, 0)},
    {.symbol = "wolfSSL_get0_alpn_selected",
     .cookie = CALL(PROBE_CALL_ALPN, PROBE_COUNT_ALPN_REF, 1, 2)},
    {.symbol = "wolfSSL_free", .cookie = CALL(PROBE_CALL_FREE, PROBE_COUNT_NONE, 0, 0)},
};

const struct probe_library library_wolfssl = {
    .name = "wolfssl",
    .file_prefixes = (const char *const[]){"libwolfssl.so", "libwolfssl-", NULL},
    .in_executables = true,
    .required = (const char *const[]){"wolfSSL_read", "wolfSSL_write", "wolfSSL_free", NULL},
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
};
