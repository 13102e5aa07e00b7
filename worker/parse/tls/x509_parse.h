/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates as OpenSSL's objects, at the least cost. Private to parse/tls. */
#ifndef SPLIFF_PARSE_X509_PARSE_H
#define SPLIFF_PARSE_X509_PARSE_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

/* The certificate, to be freed with X509_free; NULL if it does not parse. Its key is not decoded:
 * ask x509_parse_key instead of it. May leave errors in OpenSSL's queue. */
X509 *x509_parse(const uint8_t *der, size_t len);

/* Its public key, to be freed with EVP_PKEY_free; NULL if OpenSSL cannot decode it, or if it is
 * on a curve that its sender may choose (EC, SM2). May leave errors in OpenSSL's queue. */
EVP_PKEY *x509_parse_key(const X509 *x);

#endif
