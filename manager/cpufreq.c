/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cpufreq.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

void cpufreq_read(const char *root, unsigned cpu, struct heritage_cpufreq *out)
{
    static const char *const names[HERITAGE_CPUFREQ_FILES] = HERITAGE_CPUFREQ_NAMES;
    char path[PATH_MAX];

    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < HERITAGE_CPUFREQ_FILES; i++) {
        FILE *f;

        snprintf(path, sizeof path, "%s" HERITAGE_CPUFREQ_DIR "/%s", root, cpu, names[i]);
        f = fopen(path, "re");
        if (!f)
            continue;
        if (!fgets(out->text[i], sizeof out->text[i], f))
            out->text[i][0] = '\0';
        out->text[i][strcspn(out->text[i], "\n")] = '\0';
        fclose(f);
    }
}
