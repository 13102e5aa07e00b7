/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that one worker owns; nothing else of it is global. Only pipeline.c, host*.c, stats.c,
 * worker.c and main.c see it. */
#ifndef SPLIFF_WORKER_WORKER_H
#define SPLIFF_WORKER_WORKER_H

#include "common/ipc/heritage.h"
#include "common/schema/settings.h"
#include "worker/analyzer.h"
#include "worker/capture/capture.h"
#include "worker/decode/decode.h"
#include "worker/detect/detect.h"
#include "worker/emit/emit.h"
#include "worker/emit/frames.h"
#include "worker/flow/conn_log.h"
#include "worker/flow/flow_table.h"
#include "worker/flow/reopen.h"
#include "worker/learn/learn.h"
#include "worker/reassembly/reassembly.h"
#include "worker/screen/screen.h"
#include "worker/stats.h"
#include "worker/wait.h"

#define PACKETS_LATE_NS      (1 * NS_PER_SEC) /* in a live source's ring, at most */
#define WORKER_NAMES_MAX     64u              /* names of services */
#define WORKER_ANALYZERS_MAX 32u

struct worker {
    const struct heritage *heritage;
    const struct options *options;
    struct counters *counters;
    struct counters
        *decode_counters;      /* of frames that all workers get, of which the first counts */
    struct counters uncounted; /* what the others would */
    const struct settings *settings;

    /* the stages, in data-path order */
    const struct capture_ops *capture_ops;
    struct capture *capture;
    struct decoder decoder;
    struct flow_table flows;
    struct reassembly reassembly;
    struct pool detections;
    struct pool analyzer_states[WORKER_ANALYZERS_MAX];
    struct pool children;       /* struct host_child */
    struct pool oddities;       /* struct host_oddities of flows that have any */
    struct pool tunnels;        /* struct tunnel of flows that carry one */
    struct pool tunnel_parents; /* of flows that came in tunnels */
    struct learn *learn;        /* NULL: nothing is learned */
    struct screen *screen;      /* NULL: nothing is noticed */
    struct host_plain *plain;   /* NULL: there is no probe */
    struct emit *emit;
    struct bus *bus;

    uint64_t now_ns;         /* packet time: goes back only over an empty flow table */
    uint64_t input_ns;       /* that the whole input had come to when it was followed last */
    uint32_t behind;         /* packets in a row that were far behind it */
    uint64_t timeout_min_ns; /* no flow is over that was silent for less */
    bool flows_due;          /* pipeline_expire may have left some, */
    uint32_t flows_begun;    /* and so many have begun since */
    struct bufpool bufs;
    struct local_nets local_nets;
    const char *names[WORKER_NAMES_MAX]; /* index + 1 in flows */
    uint32_t names_n;
    uint32_t categories;         /* mask of those wanted */
    uint64_t weird_seen[WEIRDS]; /* oddities outside of flows, for their rate limit */
    struct frames frames;
    struct stats stats;
    struct wait wait;
    enum rx_mode rx_mode;                 /* that was asked for */
    uint32_t empty;                       /* batches after which it did not sleep */
    uint64_t grown_ns;                    /* monotonic: when flows aged without packets */
    const struct prefix_share *prefilter; /* NULL: nothing is left out here */
    struct {
        bool covers;        /* there are flows of which packets are counted without coming up: */
        bool covers_all;    /* it may be any of them */
        uint8_t step_shift; /* bytes between two decisions, as a power of two */
        struct pool flows;  /* what is remembered of each */
        const struct packet *packet; /* that is looked at; NULL: none is */
    } shunt;

    /* looked at by packets with SYN only */
    uint64_t gone_ns; /* start of the flow in whose place the next one begins; 0: none */
    struct reopen reopen;
};

/* A worker without a capture: sends what its dead predecessor left in the spool. Exit status: 0
 * when the loggers have all of it. */
int worker_drain(const struct heritage *h);

/* Opens every stage from the heritage. 0 or -errno after printing what failed. */
int worker_open(struct worker *w, const struct heritage *h);

/* Runs until the input ends or *stop is set. Exit status: 0, EX_DATAERR when the input broke. */
int worker_loop(struct worker *w, const volatile int *stop);

/* Ends every flow, sends what is left, closes. Returns how many records were not taken. */
uint64_t worker_close(struct worker *w);

#endif
