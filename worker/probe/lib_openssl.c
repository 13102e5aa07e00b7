/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenSSL 1.1.1 and 3.x, and BoringSSL where it keeps its symbols. What is left out calls one of
 * these inside: SSL_connect and SSL_accept the handshake, the early-data pair the _ex pair.
 * SSL_peek reads what SSL_read will read again. */
#include "worker/probe/library.h"

#define CALL(what, how, at, done)                                                                  \
    {                                                                                              \
        .call = (what), .count = (how), .buffer = (at), .out = (done), .flags = PROBE_FLAG_OPENSSL \
    }

/* SSL_read and SSL_write turn the size_t of an inner function, which returns 0 or 1, into an int:
 * the inner one's address of that size_t is its fourth argument, of SSL_write its fifth from 3.3
 * on. The _ex functions pass on to the same one, which has no exported name; and so does a BIO of
 * the filter BIO_f_ssl, which calls none of these. */
static const struct probe_function functions[] = {
    {.symbol = "SSL_read",
     .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_INT, 1, 0),
     .site_count = PROBE_COUNT_OUT,
     .site_out = 3,
     .inner = {"SSL_read_ex"},
     .inner_not = "SSL_peek"},
    {.symbol = "SSL_peek"},
    {.symbol = "SSL_write",
     .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_INT, 1, 0),
     .site_count = PROBE_COUNT_OUT,
     .site_out = 3,
     .inner = {"SSL_write_ex2", "SSL_write_ex"}},
    {.symbol = "SSL_read_ex",
     .cookie = CALL(PROBE_CALL_READ, PROBE_COUNT_OUT, 1, 3),
     .site_count = PROBE_COUNT_OUT,
     .site_out = 3},
    {.symbol = "SSL_write_ex",
     .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_OUT, 1, 3),
     .site_count = PROBE_COUNT_OUT,
     .site_out = 3},
    {.symbol = "SSL_write_ex2", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_OUT, 1, 4)},
    /* The kernel sends a file, whose bytes no buffer holds: a descriptor is an address that cannot
     * be read, so that they count and are told to be missing. */
    {.symbol = "SSL_sendfile", .cookie = CALL(PROBE_CALL_WRITE, PROBE_COUNT_LONG, 1, 0)},
    {.symbol = "SSL_do_handshake", .cookie = CALL(PROBE_CALL_HANDSHAKE, PROBE_COUNT_NONE, 0, 0)},
    {.symbol = "SSL_get0_alpn_selected",
     .cookie = CALL(PROBE_CALL_ALPN, PROBE_COUNT_ALPN_REF, 1, 2)},
    {.symbol = "SSL_free", .cookie = CALL(PROBE_CALL_FREE, PROBE_COUNT_NONE, 0, 0)},
};

const struct probe_library library_openssl = {
    .name = "openssl",
    /* Its own file, one that a Python wheel brings along, and others that have it inside. */
    .file_prefixes =
        (const char *const[]){"libssl.so", "libssl-", "libnetty_tcnative", "libpython", NULL},
    .in_executables = true,
    .trace = "ssl/ssl_lib", /* of error messages; BoringSSL's ends in .cc */
    .required = (const char *const[]){"SSL_read", "SSL_write", "SSL_free", NULL},
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
};
