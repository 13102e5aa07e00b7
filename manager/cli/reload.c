/* SPDX-License-Identifier: BSD-3-Clause */
/* `reload` has the manager read again what may change while the cluster runs. Files are not
 * watched: one that is half written must not be taken. */
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"

int cli_reload(const struct cli_args *a)
{
    return setup_request(a, "reload");
}
