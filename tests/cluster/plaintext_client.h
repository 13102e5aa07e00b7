/* SPDX-License-Identifier: BSD-3-Clause */
/* What a TLS library does for the client in plaintext_client.c. There is one session; each function
 * ends the program if it cannot do its part. */
#ifndef SPLIFF_TESTS_PLAINTEXT_CLIENT_H
#define SPLIFF_TESTS_PLAINTEXT_CLIENT_H

#include <stddef.h>

/* A handshake over a connected socket, which is borrowed. */
void session_open(int fd);
void session_send(const char *data, size_t len);
/* Waits for the next bytes, at least one. */
size_t session_receive(char *data, size_t capacity);
void session_close(void);

_Noreturn void die(const char *what);

#endif
