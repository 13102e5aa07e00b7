/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_name = "spliff";
static enum log_level log_max = LOG_LEVEL_INFO;

void log_init(const char *name, enum log_level max)
{
    log_name = name;
    log_max = max;
}

/* Names of files and programs may be anybody's: they begin no line of their own, and tell a
 * terminal nothing. */
static void controls_hide(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            s[i] = '?';
}

/* One write(2) a line, so that lines of several processes never mix. */
static void log_line(enum log_level level, const char *fmt, va_list ap)
{
    static const char *const word[] = {"error: ", "warning: ", "", "debug: "};
    char line[2048];
    int n, m;

    if (level > log_max)
        return;
    n = snprintf(line, sizeof line, "%s: %s", log_name, word[level]);
    m = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    if (m < 0)
        return;
    n += m;
    if ((size_t)n > sizeof line - 2)
        n = (int)sizeof line - 2;
    controls_hide(line, (size_t)n);
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return; /* nowhere left to say it */
}

#define LOG_FUNCTION(fn, level)                                                                    \
    void fn(const char *fmt, ...)                                                                  \
    {                                                                                              \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        log_line(level, fmt, ap);                                                                  \
        va_end(ap);                                                                                \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
