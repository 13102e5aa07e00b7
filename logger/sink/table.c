/* SPDX-License-Identifier: BSD-3-Clause */
#include "logger/sink/table.h"

const struct sink *const sinks[] = {
    &sink_tsv, &sink_json, &sink_text, &sink_json_stream, &sink_pcap, NULL,
};
