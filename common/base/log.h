/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of a process about itself, one line each on stderr: "NAME: error: text".
 * For the environment and for start and stop; never for traffic (that is a counter and a weird). */
#ifndef SPLIFF_BASE_LOG_H
#define SPLIFF_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Name printed in front of each line (borrowed for the life of the process). */
void log_init(const char *name, enum log_level max);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

#endif
