/* SPDX-License-Identifier: BSD-3-Clause */
/* node.cfg and spliff.cfg from any bytes: accepted with sound nodes, or refused with a line. */
#include "common/base/check.h"
#include "manager/config.h"
#include "manager/topology.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_nodes(const struct topology *t)
{
    CHECK(topology_count(t, TOPOLOGY_MANAGER) == 1);
    CHECK(topology_count(t, TOPOLOGY_LOGGER) >= 1);
    CHECK(topology_count(t, TOPOLOGY_WORKER) >= 1);
    CHECK(topology_count(t, TOPOLOGY_PROBE) <= 1);
    for (unsigned i = 0; i < t->n; i++) {
        CHECK(i == 0 || t->nodes[i - 1].kind <= t->nodes[i].kind);
        CHECK(memchr(t->nodes[i].name, '\0', sizeof t->nodes[i].name) && t->nodes[i].name[0]);
        CHECK(!strchr(t->nodes[i].name, '/'));
        CHECK((t->nodes[i].kind == TOPOLOGY_WORKER) == (t->nodes[i].interface[0] != '\0'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct topology t;
    struct text notes = {0};
    struct options o;
    char error[INI_ERROR_BYTES];

    if (topology_read_text((const char *)data, size, "f", &t, &notes, error) == 0)
        check_nodes(&t);
    else
        CHECK(error[0]);
    text_free(&notes);
    options_init(&o);
    if (config_read_text((const char *)data, size, "f", &o, error) == 0)
        config_check(&o, error);
    (void)config_read_state_dir_text((const char *)data, size, "f", &o, error);
    return 0;
}
