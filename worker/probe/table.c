/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/library.h"

extern const struct probe_library library_openssl, library_gnutls, library_nss, library_nspr,
    library_wolfssl, library_go;

const struct probe_library *const probe_libraries[] = {
    &library_openssl, &library_gnutls, &library_nss, &library_nspr,
    &library_wolfssl, &library_go,     NULL,
};
