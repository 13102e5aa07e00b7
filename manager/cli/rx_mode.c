/* SPDX-License-Identifier: BSD-3-Clause */
/* `rx-mode [NODE...] [MODE]` shows and changes how workers wait for frames. Which nodes and modes
 * there are is the manager's word alone. */
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/control.h"

#include <string.h>

int cli_rx_mode(const struct cli_args *a)
{
    struct text request = {0};
    int status = CLI_OK;

    text_puts(&request, "rx-mode");
    for (int i = 0; i < a->n_words && status == CLI_OK; i++) {
        if (a->words[i][strcspn(a->words[i], " \n")] != '\0') {
            log_error("rx-mode: there is no worker and no mode '%s'", a->words[i]);
            status = CLI_USAGE;
        }
        text_printf(&request, " %s", a->words[i]);
    }
    if (a->json)
        text_puts(&request, " json");
    if (request.len + 1 >= CONTROL_REQUEST_MAX) {
        log_error("rx-mode: there are not so many workers; without names it means all of them");
        status = CLI_USAGE;
    }
    if (status == CLI_OK)
        status = setup_request(a, request.p);
    text_free(&request);
    return status;
}
