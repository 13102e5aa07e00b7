/* SPDX-License-Identifier: BSD-3-Clause */
/* NSS over NSPR. A program reads and writes TLS by NSPR's functions for descriptors of any kind:
 * files, pipes, plain sockets. Which are TLS is told by SSL_ImportFD. It pushes its layer on top of
 * the descriptor, and a layer that goes on top swaps contents with what was the top: the pointer
 * that the program holds stays the same, also below layers that come later (Firefox's own). A
 * server does it with the socket that it listens on: what PR_Accept returns of that one is TLS.
 * Two libraries, since each may be in a file of its own. */
#include "worker/probe/library.h"

#define CALL(what, how, at)                                                                        \
    {                                                                                              \
        .call = (what), .count = (how), .buffer = (at), .flags = PROBE_FLAG_MARKED_ONLY            \
    }

static const struct probe_function nss_functions[] = {
    {.symbol = "SSL_ImportFD", .cookie = {.call = PROBE_CALL_MARK, .flags = PROBE_FLAG_RESULT}},
    {.symbol = "SSL_ForceHandshake",
     .cookie = {.call = PROBE_CALL_HANDSHAKE, .flags = PROBE_FLAG_MARKED_ONLY}},
};

const struct probe_library library_nss = {
    .name = "nss",
    .file_prefixes = (const char *const[]){"libssl3.so", "libnss3.so", NULL},
    .required = (const char *const[]){"SSL_ImportFD", NULL},
    .functions = nss_functions,
    .n_functions = sizeof(nss_functions) / sizeof(nss_functions[0]),
};

static const struct probe_function nspr_functions[] = {
    {.symbol = "PR_Read", .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_INT, 1)},
    /* Firefox peeks to see whether an idle connection still lives. */
    {.symbol = "PR_Recv",
     .cookie = {.call = PROBE_CALL_READ,
                .count = PROBE_COUNT_INT,
                .buffer = 1,
                .out = 3,
                .flags = PROBE_FLAG_MARKED_ONLY | PROBE_FLAG_PEEK}},
    {.symbol = "PR_Write", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_INT, 1)},
    {.symbol = "PR_Send", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_INT, 1)},
    {.symbol = "PR_Writev",
     .cookie = {.call = PROBE_CALL_WRITE,
                .count = PROBE_COUNT_INT,
                .buffer = 1,
                .out = 2,
                .flags = PROBE_FLAG_MARKED_ONLY | PROBE_FLAG_IOV}},
    {.symbol = "PR_Accept",
     .cookie = {.call = PROBE_CALL_MARK, .flags = PROBE_FLAG_RESULT | PROBE_FLAG_MARKED_ONLY}},
    {.symbol = "PR_Close", .cookie = CALL(PROBE_CALL_FREE, PROBE_COUNT_NONE, 0)},
    {.symbol = "PR_GetNameForIdentity"},
};

const struct probe_library library_nspr = {
    .name = "nss",
    .file_prefixes = (const char *const[]){"libnspr4.so", "libnss3.so", NULL},
    .layer_name = "PR_GetNameForIdentity",
    .required = (const char *const[]){"PR_Read", "PR_Write", "PR_Close", NULL},
    .functions = nspr_functions,
    .n_functions = sizeof(nspr_functions) / sizeof(nspr_functions[0]),
};
