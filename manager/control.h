/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket, <state_dir>/control.sock: how commands reach a running manager.
 *
 * The client sends one line, `status`, `print WHAT`, `rx-mode [NODE...] [MODE]` (the three perhaps
 * with ` json` behind), `reload` or `stop`, and reads to the end: lines of text (a table, a JSON
 * document, or what is being stopped as it stops), and a last line `exit N`, the exit status of the
 * command. Whoever may write to the socket may stop the cluster: the manager's own user and group,
 * so not its children, who parse hostile bytes. */
#ifndef SPLIFF_MANAGER_CONTROL_H
#define SPLIFF_MANAGER_CONTROL_H

#include "manager/text.h"

#include <stdbool.h>
#include <uv.h>

#define CONTROL_REQUEST_MAX 8192 /* the names of all nodes */
#define CONTROL_CLIENTS_MAX 16
#define CONTROL_USAGE       2 /* exit status of a request that nobody knows (errors.def) */

struct control;

/* Who answers: given with the user pointer of control_open. */
struct control_ops {
    /* Return the exit status. */
    int (*status)(void *user, bool json, struct text *out);
    int (*print)(void *user, const char *what, bool json, struct text *out);
    int (*rx_mode)(void *user, const char *words, bool json, struct text *out);
    int (*reload)(void *user, struct text *out);
    void (*stop)(void *user); /* begins it, or finds it begun; control_close ends it */
};

/* Server: listens in state_dir on the loop. 0 and *out, or -errno. */
int control_open(struct control **out, uv_loop_t *loop, const char *state_dir,
                 const struct control_ops *ops, void *user);
/* Whoever still waits is told `exit` status. Frees c when the loop has closed its handles. */
void control_close(struct control *c, int status);
/* A line to everyone who waits for the stop. */
void control_say(struct control *c, const char *line);

/* Client: sends request, copies the lines of the answer to stdout. Returns N of `exit N`, or
 * -errno: -ENOENT or -ECONNREFUSED no manager, -EACCES not allowed, -EPROTO the manager went away,
 * -ETIMEDOUT it says nothing; of a stop only its first line must come soon. */
int control_request(const char *state_dir, const char *request);

/* The same, with the lines into answer. */
int control_ask(const char *state_dir, const char *request, struct text *answer);

#define CONTROL_ERROR "error: " /* a line that begins with it is an error, for stderr */

/* Copies lines from fd to stdout (errors to our log) until its end, closes it. Returns N of the
 * last line `exit N`, or -EPROTO. */
int control_copy_lines(int fd);

#endif
