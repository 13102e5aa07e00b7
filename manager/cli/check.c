/* SPDX-License-Identifier: BSD-3-Clause */
/* `check`: what `start` would meet, without making or starting anything. A problem is what would
 * make it fail; a note is what somebody may not have meant. */
#include "common/base/log.h"
#include "manager/capture/interface.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/folder.h"
#include "manager/prefilter.h"
#include "manager/probe_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether a folder could be made or written in by us (uid -1) or by uid/gid. */
static void check_folder(const char *what, const char *dir, uid_t uid, gid_t gid,
                         struct text *problems)
{
    char path[HERITAGE_PATH_MAX];
    struct stat st;
    bool ok;

    snprintf(path, sizeof path, "%s", dir);
    folder_nearest(path);
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
        text_printf(problems, "%s %s: %s is no folder\n", what, dir, path);
        return;
    }
    ok = uid == (uid_t)-1 ? access(path, W_OK | X_OK) == 0
                          : privileged_allows(path, uid, gid, W_OK | X_OK);
    if (!ok && uid == (uid_t)-1)
        text_printf(problems, "%s %s: we may not write in %s\n", what, dir, path);
    else if (!ok)
        text_printf(problems, "%s %s: uid %d, as whom it is written, may not write in %s\n", what,
                    dir, (int)uid, path);
}

static void check_manager(const struct manager_plan *plan, struct text *problems)
{
    char error[INI_ERROR_BYTES], dir[HERITAGE_PATH_MAX];
    struct prefilter *lists;

    check_folder("state_dir", plan->state_dir, (uid_t)-1, 0, problems);
    if (setup_program_dir(dir, error) < 0 || setup_check_filter(&plan->options, error) < 0)
        text_printf(problems, "%s\n", error);
    if (prefilter_open(&lists, &plan->options, error) < 0)
        text_printf(problems, "%s\n", error);
    prefilter_close(lists);
}

/* An existing folder is written by its owner, one that is to be made by us for the workers' user.
 */
static void check_logger(const struct manager_plan *plan, struct text *problems)
{
    struct stat st;

    if (plan->ids.root && stat(plan->log_dir, &st) == 0)
        check_folder("log folder", plan->log_dir, st.st_uid, plan->ids.gid, problems);
    else
        check_folder("log folder", plan->log_dir, (uid_t)-1, 0, problems);
}

static void check_core(const struct topology_node *n, struct text *problems)
{
    if (n->pin_cpu >= sysconf(_SC_NPROCESSORS_CONF))
        text_printf(problems, "pin_cpus: there is no core %d\n", n->pin_cpu);
}

/* The cluster runs without what the machine lacks. */
static void check_probe(const struct manager_plan *plan, const struct topology_node *n,
                        struct text *problems, struct text *notes)
{
    char error[INI_ERROR_BYTES], dir[HERITAGE_PATH_MAX];

    if (probe_check_request(&plan->options, error) < 0)
        text_printf(problems, "%s\n", error);
    check_core(n, problems);
    if (setup_program_dir(dir, error) == 0)
        probe_check_machine(dir, notes);
}

static void check_worker(const struct topology_node *n, struct text *problems, struct text *notes)
{
    char error[INI_ERROR_BYTES];
    struct interface i;
    int fd;

    check_core(n, problems);
    if (n->mode == MODE_DPDK)
        return;
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0)
        text_printf(problems, "cannot capture: %s; run as root or with CAP_NET_RAW\n",
                    strerror(errno));
    else
        close(fd);
    if (interface_find(&i, n->interface, error) < 0)
        text_printf(problems, "%s\n", error);
    else if (!i.up)
        text_printf(notes, "%s: interface %s is down\n", n->name, n->interface);
}

/* "<node> ok", or a line for each problem of it. */
static void print_node(const struct topology_node *n, const struct text *problems)
{
    const char *p = problems->len ? problems->p : "";

    if (!*p)
        printf("%s ok\n", n->name);
    for (; *p; p += strcspn(p, "\n") + 1)
        printf("%s failed: %.*s\n", n->name, (int)strcspn(p, "\n"), p);
}

/* An array of the lines in t. */
static void json_lines(struct text *out, const char *key, const struct text *t)
{
    json_key(out, key);
    text_puts(out, "[");
    for (const char *p = t->len ? t->p : ""; *p; p += strcspn(p, "\n") + 1) {
        char line[INI_ERROR_BYTES];

        snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
        json_item(out);
        json_string(out, line);
    }
    text_puts(out, "]");
}

static void json_node(struct text *out, const struct topology_node *n, const struct text *problems)
{
    json_item(out);
    text_puts(out, "{");
    json_key(out, "name");
    json_string(out, n->name);
    json_key(out, "type");
    json_string(out, topology_kind_name(n->kind));
    json_key(out, "ok");
    json_bool(out, problems->len == 0);
    json_lines(out, "problems", problems);
    text_puts(out, "}");
}

/* Every node; JSON of them goes to *out. Returns whether all are well. */
static bool check_nodes(const struct manager_plan *plan, bool json, struct text *out,
                        struct text *notes)
{
    bool ok = true;

    for (unsigned i = 0; i < plan->topology.n; i++) {
        const struct topology_node *n = &plan->topology.nodes[i];
        struct text problems = {0};

        if (n->kind == TOPOLOGY_MANAGER)
            check_manager(plan, &problems);
        else if (n->kind == TOPOLOGY_LOGGER)
            check_logger(plan, &problems);
        else if (n->kind == TOPOLOGY_WORKER)
            check_worker(n, &problems, notes);
        else if (n->kind == TOPOLOGY_PROBE)
            check_probe(plan, n, &problems, notes);
        ok = ok && problems.len == 0;
        if (json)
            json_node(out, n, &problems);
        else
            print_node(n, &problems);
        text_free(&problems);
    }
    return ok;
}

int cli_check(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    struct text notes = {0}, nodes = {0}, out = {0};
    char error[INI_ERROR_BYTES];
    bool ok;
    int err, status = setup_state(a, plan);

    if (status == CLI_OK)
        status = setup_topology(a, plan, &notes);
    if (status != CLI_OK)
        goto out;
    err = privileged_ids_find(&plan->options, &plan->ids, error);
    if (err < 0) {
        status = cli_fail(err, error);
        goto out;
    }
    if (plan->ids.user_absent)
        text_printf(&notes, "there is no user %s: workers would run as nobody\n",
                    plan->options.user);
    text_puts(&nodes, "[");
    ok = check_nodes(plan, a->json, &nodes, &notes);
    status = ok ? CLI_OK : CLI_FAILED;
    if (a->json) {
        text_puts(&out, "{");
        json_key(&out, "ok");
        json_bool(&out, ok);
        json_key(&out, "nodes");
        text_printf(&out, "%s]", nodes.p);
        json_lines(&out, "notes", &notes);
        text_puts(&out, "}\n");
        fputs(out.p, stdout);
    } else if (notes.len) {
        fputs(notes.p, stdout);
    }
out:
    text_free(&notes);
    text_free(&nodes);
    text_free(&out);
    free(plan);
    return status;
}
