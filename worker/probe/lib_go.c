/* SPDX-License-Identifier: BSD-3-Clause */
/* Go's crypto/tls, from Go 1.17 on, when arguments came to be passed in registers: the connection,
 * the address of the bytes and their number; the result is the number of bytes done. Handshake is
 * left out: Read and Write call it inside, and the connection itself tells the socket. */
#include "worker/probe/library.h"

#define CALL(what, how, at)                                                                        \
    {                                                                                              \
        .call = (what), .count = (how), .buffer = (at), .flags = PROBE_FLAG_GO                     \
    }

static const struct probe_function functions[] = {
    {.symbol = "crypto/tls.(*Conn).Read", .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_LONG, 1)},
    {.symbol = "crypto/tls.(*Conn).Write", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_LONG, 1)},
    {.symbol = "crypto/tls.(*Conn).Close", .cookie = CALL(PROBE_CALL_FREE, PROBE_COUNT_NONE, 0)},
};

const struct probe_library library_go = {
    .name = "go",
    .file_prefixes = (const char *const[]){NULL},
    .in_executables = true,
    .go = true,
    .required = (const char *const[]){"crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write", NULL},
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
};
