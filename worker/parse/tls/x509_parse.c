/* SPDX-License-Identifier: BSD-3-Clause */
/* OpenSSL 3 decodes a certificate's key while it parses the certificate, wanted or not, and finds
 * the decoders for it anew each time: that is five sixths of the whole. So certificates are parsed
 * in a library context that has no decoders, and keys are decoded by themselves, by decoders that
 * are found once for each algorithm and kept. */
#include "worker/parse/tls/x509_parse.h"

#include "common/base/check.h"

#include <openssl/decoder.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <string.h>

#define DECODERS        8u /* algorithms at once: those in use are fewer */
#define ALGORITHM_BYTES 64

static struct {
    OSSL_LIB_CTX *context;
    struct decoder {
        char algorithm[ALGORITHM_BYTES]; /* "": not used yet */
        OSSL_DECODER_CTX *decoder;
        EVP_PKEY *key; /* where the decoder puts its result */
    } decoders[DECODERS];
    unsigned next; /* decoder that gives way to a new one */
} process;

/* Failures are of memory at the first use. */
static void process_init(void)
{
    process.context = OSSL_LIB_CTX_new();
    CHECK(process.context && OSSL_PROVIDER_load(process.context, "null"));
}

X509 *x509_parse(const uint8_t *der, size_t len)
{
    X509 *x;

    if (!process.context)
        process_init();
    x = X509_new_ex(process.context, NULL);
    return x ? d2i_X509(&x, &der, (long)len) : NULL;
}

/* The one for this algorithm; its `decoder` is NULL if OpenSSL knows no such keys. */
static struct decoder *decoder_of(const char *algorithm)
{
    struct decoder *d;

    for (unsigned i = 0; i < DECODERS; i++)
        if (strcmp(process.decoders[i].algorithm, algorithm) == 0)
            return &process.decoders[i];
    d = &process.decoders[process.next++ % DECODERS];
    OSSL_DECODER_CTX_free(d->decoder);
    memcpy(d->algorithm, algorithm, strlen(algorithm) + 1);
    d->decoder = OSSL_DECODER_CTX_new_for_pkey(&d->key, "DER", "SubjectPublicKeyInfo", algorithm,
                                               EVP_PKEY_PUBLIC_KEY, NULL, NULL);
    return d;
}

/* Keys that OpenSSL reads as points of a curve: the sender may give the curve by its parameters and
 * the point compressed, and then says how long the square root takes, up to seconds. */
static bool is_point(const ASN1_OBJECT *algorithm)
{
    int nid = OBJ_obj2nid(algorithm);

    return nid == NID_X9_62_id_ecPublicKey || nid == NID_sm2;
}

EVP_PKEY *x509_parse_key(const X509 *x)
{
    X509_PUBKEY *info = X509_get_X509_PUBKEY(x);
    const unsigned char *rest;
    unsigned char *der = NULL;
    char algorithm[ALGORITHM_BYTES];
    ASN1_OBJECT *object;
    EVP_PKEY *key = NULL;
    struct decoder *d;
    size_t left;
    int n;

    if (X509_PUBKEY_get0_param(&object, NULL, NULL, NULL, info) != 1 || is_point(object))
        return NULL;
    n = OBJ_obj2txt(algorithm, sizeof algorithm, object, 0);
    if (n <= 0 || n >= (int)sizeof algorithm)
        return NULL;
    n = i2d_X509_PUBKEY(info, &der);
    if (n <= 0)
        return NULL;
    d = decoder_of(algorithm);
    rest = der;
    left = (size_t)n;
    if (d->decoder && OSSL_DECODER_from_data(d->decoder, &rest, &left) == 1)
        key = d->key;
    else
        EVP_PKEY_free(d->key);
    d->key = NULL;
    OPENSSL_free(der);
    return key;
}
