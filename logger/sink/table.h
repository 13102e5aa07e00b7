/* SPDX-License-Identifier: BSD-3-Clause */
/* The sinks, each in its own file; for table.c and for tests of one of them. */
#ifndef SPLIFF_LOGGER_TABLE_H
#define SPLIFF_LOGGER_TABLE_H

#include "logger/sink/sink.h"

extern const struct sink sink_tsv;         /* log files as Zeek's ASCII writer makes them */
extern const struct sink sink_json;        /* log files of JSON lines */
extern const struct sink sink_text;        /* --format text: lines for people */
extern const struct sink sink_json_stream; /* --format json: JSON lines of all paths */
extern const struct sink sink_pcap;        /* --format pcap: the frames */

#endif
