/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of SOCKS 4 and 4a (the specifications of their authors), SOCKS 5 (RFC 1928) and its
 * user name authentication (RFC 1929). Pure: each reader looks at the first bytes of data and says
 * how long the message is that begins there. */
#ifndef SPLIFF_PARSE_SOCKS_MESSAGE_H
#define SPLIFF_PARSE_SOCKS_MESSAGE_H

#include "common/base/ipaddr.h"
#include "common/base/str.h"
#include "worker/analyzer.h"

#include <stddef.h>
#include <stdint.h>

#define SOCKS_MESSAGE_MAX 600u /* bytes: the longest is a SOCKS 4a request */

enum socks_command { SOCKS_CONNECT = 1, SOCKS_BIND = 2, SOCKS_UDP_ASSOCIATE = 3 };

/* Authentication methods (RFC 1928 section 3). */
enum { SOCKS_METHOD_NONE = 0, SOCKS_METHOD_USER = 2, SOCKS_METHOD_REFUSED = 0xff };

/* What a reader returns when it is not the length of a message. */
enum { SOCKS_MORE = 0, SOCKS_BAD = -1 };

/* Where the client wants to go. */
struct socks_request {
    uint8_t command;
    uint16_t port;
    struct ipaddr addr;
    struct str name; /* instead of the address if not empty; borrowed from the input */
};

/* Bytes of the message, SOCKS_MORE or SOCKS_BAD. */
int socks_greeting_read(const uint8_t *data, size_t len); /* RFC 1928 section 3, client */
int socks_user_read(const uint8_t *data, size_t len);     /* RFC 1929 section 2, client */
int socks_request5_read(const uint8_t *data, size_t len, struct socks_request *r); /* section 4 */
int socks_request4_read(const uint8_t *data, size_t len, struct socks_request *r); /* 4 and 4a */

/* *success says whether the proxy agrees; *method is its choice (RFC 1928 section 3). */
int socks_choice_read(const uint8_t *data, size_t len, uint8_t *method);
int socks_status_read(const uint8_t *data, size_t len, bool *success); /* RFC 1929 section 2 */
int socks_reply5_read(const uint8_t *data, size_t len, bool *success); /* RFC 1928 section 6 */
int socks_reply4_read(const uint8_t *data, size_t len, bool *success);

/* As analyzer.h has it. */
enum probe_result socks_probe(const uint8_t *data, size_t len, uint8_t transport);

#endif
