/* SPDX-License-Identifier: BSD-3-Clause */
/* Every analyzer, in the order in which detection asks them: the surest and cheapest first. */
#include "worker/analyzer.h"
#include "worker/parse/dns/dns.h"
#include "worker/parse/grpc/grpc.h"
#include "worker/parse/http1/http1.h"
#include "worker/parse/http2/http2.h"
#include "worker/parse/quic/quic.h"
#include "worker/parse/socks/socks.h"
#include "worker/parse/starttls/starttls.h"
#include "worker/parse/tls/tls.h"
#include "worker/parse/websocket/websocket.h"

const struct analyzer *const analyzers[] = {
    &analyzer_tls,
    &analyzer_tls_quic,
    &analyzer_dtls,
    &analyzer_quic,
    &analyzer_http2,
    &analyzer_http1,
    &analyzer_socks,
    &analyzer_starttls,
    &analyzer_dns,
    &analyzer_dns_message,
    &analyzer_websocket,
    &analyzer_grpc,
    NULL,
};
