/* SPDX-License-Identifier: BSD-3-Clause */
/* Any talk, cut anywhere, with gaps, must leave no buffer behind. */
#include "tests/fuzz/script.h"
#include "worker/parse/starttls/starttls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    script_run(&analyzer_starttls, data, size);
    return 0;
}
