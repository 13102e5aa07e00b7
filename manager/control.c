/* SPDX-License-Identifier: BSD-3-Clause */
/* A client lives from its connection to the end of its answer: one request, one answer. `stop` is
 * answered line by line while it happens, so its clients stay until control_close gives them the
 * exit status as the last thing that the manager does.
 *
 * Nothing here waits for a client. An answer is handed to the loop whole; the lines of a stop are
 * written as far as the socket takes them, since a reader that fell asleep must not keep the
 * cluster from ending; and when too many are connected, the oldest goes. */
#include "manager/control.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/ipc/heritage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 10

struct control_client {
    uv_pipe_t pipe;
    uv_write_t write;
    struct control *control;
    struct text answer; /* being written */
    char request[CONTROL_REQUEST_MAX];
    size_t request_len;
    bool waits_for_stop;
    struct control_client *next; /* newest first */
};

struct control {
    uv_pipe_t server;
    const struct control_ops *ops;
    void *user;
    struct control_client *clients;
    unsigned n_clients;
    bool closing;
};

/* The last handle that closes frees it. */
static void control_release(struct control *c)
{
    if (c->closing && c->n_clients == 0 && c->server.data == NULL)
        free(c);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct control_client *client = handle->data;
    struct control *c = client->control;
    struct control_client **at = &c->clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    c->n_clients--;
    text_free(&client->answer);
    free(client);
    control_release(c);
}

static void client_close(struct control_client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->pipe))
        uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    client_close(write->data);
}

/* Ends the answer with its exit status and sends it. */
static void client_answer(struct control_client *client, int status)
{
    uv_buf_t buf;

    text_printf(&client->answer, "exit %d\n", status);
    buf = uv_buf_init(client->answer.p, (unsigned)client->answer.len);
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buf, 1, on_written) < 0)
        client_close(client);
}

/* Takes " json" off the end of a request. */
static bool take_json(char *request)
{
    size_t n = strlen(request), json = strlen(" json");

    if (n < json || strcmp(request + n - json, " json") != 0)
        return false;
    request[n - json] = '\0';
    return true;
}

static void client_request(struct control_client *client)
{
    static const char print[] = "print ", rx_mode[] = "rx-mode";
    const struct control *c = client->control;
    char *request = client->request;
    bool json = take_json(request);

    uv_read_stop((uv_stream_t *)&client->pipe);
    if (strcmp(request, "status") == 0) {
        client_answer(client, c->ops->status(c->user, json, &client->answer));
    } else if (strncmp(request, print, strlen(print)) == 0) {
        client_answer(client,
                      c->ops->print(c->user, request + strlen(print), json, &client->answer));
    } else if (strncmp(request, rx_mode, strlen(rx_mode)) == 0) {
        client_answer(client,
                      c->ops->rx_mode(c->user, request + strlen(rx_mode), json, &client->answer));
    } else if (strcmp(request, "reload") == 0) {
        client_answer(client, c->ops->reload(c->user, &client->answer));
    } else if (strcmp(request, "stop") == 0) {
        client->waits_for_stop = true;
        c->ops->stop(c->user);
    } else {
        text_puts(&client->answer,
                  "unknown request: send status, print, rx-mode, reload or stop\n");
        client_answer(client, CONTROL_USAGE);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct control_client *client = handle->data;

    (void)suggested;
    buf->base = client->request + client->request_len;
    buf->len = sizeof client->request - client->request_len;
}

/* A request is one short line; whoever sends more without an end is let go. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct control_client *client = stream->data;
    char *nl;

    (void)buf;
    if (n < 0) {
        client_close(client);
        return;
    }
    client->request_len += (size_t)n;
    nl = memchr(client->request, '\n', client->request_len);
    if (nl) {
        *nl = '\0';
        client_request(client);
    } else if (client->request_len == sizeof client->request) {
        client_close(client);
    }
}

/* Room for a new client: whoever has been connected longest and does not wait for a stop goes. */
static void make_room(struct control *c)
{
    struct control_client *oldest = NULL;

    for (struct control_client *p = c->clients; p; p = p->next)
        if (!p->waits_for_stop && !uv_is_closing((uv_handle_t *)&p->pipe))
            oldest = p;
    if (c->n_clients >= CONTROL_CLIENTS_MAX && oldest)
        client_close(oldest);
}

static void on_connect(uv_stream_t *server, int status)
{
    struct control *c = server->data;
    struct control_client *client;

    if (status < 0 || c->closing)
        return;
    make_room(c);
    client = calloc(1, sizeof *client);
    CHECK(client);
    client->control = c;
    client->next = c->clients;
    c->clients = client;
    c->n_clients++;
    uv_pipe_init(server->loop, &client->pipe, 0);
    client->pipe.data = client;
    if (uv_accept(server, (uv_stream_t *)&client->pipe) < 0 ||
        uv_read_start((uv_stream_t *)&client->pipe, on_alloc, on_read) < 0)
        client_close(client);
}

static void control_path(const char *state_dir, char *out, size_t bytes)
{
    snprintf(out, bytes, "%s/control.sock", state_dir);
}

int control_open(struct control **out, uv_loop_t *loop, const char *state_dir,
                 const struct control_ops *ops, void *user)
{
    char path[HERITAGE_PATH_MAX + 16];
    struct control *c = calloc(1, sizeof *c);
    int err;

    if (!c)
        return -ENOMEM;
    control_path(state_dir, path, sizeof path);
    unlink(path); /* a killed predecessor's: we hold the lock */
    c->ops = ops;
    c->user = user;
    uv_pipe_init(loop, &c->server, 0);
    c->server.data = c;
    *out = c;
    err = uv_pipe_bind(&c->server, path);
    if (err == 0 && chmod(path, 0660) < 0)
        err = -errno;
    return err < 0 ? err : uv_listen((uv_stream_t *)&c->server, CONTROL_CLIENTS_MAX, on_connect);
}

static void on_server_closed(uv_handle_t *handle)
{
    struct control *c = handle->data;

    c->server.data = NULL;
    control_release(c);
}

/* What is written now is in the socket's buffer, and read from there after we are gone. */
static void client_last_words(struct control_client *client, const char *line)
{
    uv_buf_t buf = {.base = (char *)(uintptr_t)line, .len = strlen(line)};

    uv_try_write((uv_stream_t *)&client->pipe, &buf, 1);
}

void control_close(struct control *c, int status)
{
    char line[16];

    snprintf(line, sizeof line, "exit %d\n", status);
    for (struct control_client *p = c->clients; p; p = p->next) {
        if (p->waits_for_stop)
            client_last_words(p, line);
        client_close(p);
    }
    c->closing = true;
    uv_close((uv_handle_t *)&c->server, on_server_closed);
}

void control_say(struct control *c, const char *line)
{
    for (struct control_client *p = c->clients; p; p = p->next) {
        if (p->waits_for_stop && !uv_is_closing((uv_handle_t *)&p->pipe)) {
            client_last_words(p, line);
            client_last_words(p, "\n");
        }
    }
}

/* The whole line and nothing else: what is printed may begin with the same word. */
static bool is_exit_line(const char *line, int *status)
{
    char end;
    int n;

    if (strncmp(line, "exit ", 5) != 0 || sscanf(line + 5, "%d%c", &n, &end) != 2 || end != '\n')
        return false;
    *status = n;
    return true;
}

/* How long a manager may be silent; 0: for ever. */
static void set_patience(int fd, int seconds)
{
    const struct timeval t = {.tv_sec = seconds};

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

/* Lines of an answer to where they belong, `answer` or, if that is NULL, stdout. Closes fd. What
 * takes long must only begin soon. */
static int take_lines(int fd, struct text *answer, bool takes_long)
{
    FILE *in = fdopen(fd, "r");
    char *line = NULL;
    size_t bytes = 0;
    int status = -EPROTO;

    if (!in) {
        close(fd);
        return -errno;
    }
    while (getline(&line, &bytes, in) > 0 && !is_exit_line(line, &status)) {
        if (takes_long)
            set_patience(fd, 0);
        if (strncmp(line, CONTROL_ERROR, strlen(CONTROL_ERROR)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            log_error("%s", line + strlen(CONTROL_ERROR));
        } else if (answer) {
            text_puts(answer, line);
        } else {
            fputs(line, stdout);
            fflush(stdout);
        }
    }
    if (ferror(in) && errno == EAGAIN)
        status = -ETIMEDOUT;
    free(line);
    fclose(in);
    return status;
}

int control_copy_lines(int fd)
{
    return take_lines(fd, NULL, false);
}

int control_ask(const char *state_dir, const char *request, struct text *answer)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char path[HERITAGE_PATH_MAX + 16];
    int fd, err = 0;

    control_path(state_dir, path, sizeof path);
    if (strlen(path) >= sizeof addr.sun_path)
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_patience(fd, PATIENCE_S);
    if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0 ||
        dprintf(fd, "%s\n", request) < 0)
        err = errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (err < 0) {
        close(fd);
        return err;
    }
    return take_lines(fd, answer, strcmp(request, "stop") == 0);
}

int control_request(const char *state_dir, const char *request)
{
    return control_ask(state_dir, request, NULL);
}
