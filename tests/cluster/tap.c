/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscriber to log batches, as a user would write one: connects to the bus, prints the topic of
 * each batch and its body with unprintable bytes as dots, and ends after the first that came, or
 * the first that has UNTIL in it.
 * usage: tap ENDPOINT TOPIC SECONDS [UNTIL] */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* 0: this was the last one, 1: there are more, or -1. */
static int tap(void *socket, const char *until)
{
    const unsigned char *data;
    zmq_msg_t message;
    size_t len;
    int more;

    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, socket, 0) < 0) {
        fprintf(stderr, "tap: nothing came: %s\n", zmq_strerror(zmq_errno()));
        return -1;
    }
    data = zmq_msg_data(&message);
    len = zmq_msg_size(&message);
    /* The zero byte between topic and body is shown as a blank. */
    for (size_t i = 0; i < len; i++)
        putchar(data[i] == 0 ? ' ' : isprint(data[i]) ? data[i] : '.');
    putchar('\n');
    fflush(stdout);
    more = until && !memmem(data, len, until, strlen(until));
    zmq_msg_close(&message);
    return more;
}

int main(int argc, char **argv)
{
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_SUB);
    int timeout_ms = argc >= 4 ? atoi(argv[3]) * 1000 : 0;
    int status;

    if (argc < 4 || argc > 5 || zmq_connect(socket, argv[1]) != 0) {
        fprintf(stderr, "usage: tap ENDPOINT TOPIC SECONDS [UNTIL]\n");
        return 2;
    }
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, argv[2], strlen(argv[2]));
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    fprintf(stderr, "ready\n");
    do
        status = tap(socket, argv[4]);
    while (status > 0);
    zmq_close(socket);
    zmq_ctx_term(context);
    return status < 0;
}
