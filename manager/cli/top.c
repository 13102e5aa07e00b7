/* SPDX-License-Identifier: BSD-3-Clause */
/* `top`: asks the manager for counters and the kernel for the processes, twice, and shows what
 * happened in between. On a terminal again and again, on a screen of its own, until q or Ctrl-C. */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "manager/cli/cli.h"
#include "manager/cli/setup.h"
#include "manager/cli/top_view.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define FIRST_MS 1000 /* between the first two samples */
#define NEXT_MS  2000

#define SCREEN_OWN  "\033[?1049h\033[?25l" /* another screen than the shell's, without a cursor */
#define SCREEN_BACK "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H"
#define LINE_END    "\033[K\n" /* and nothing of before behind it */
#define SCREEN_END  "\033[J"

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    /* A new size only has to end the waiting. */
    if (sig != SIGWINCH)
        interrupted = 1;
}

/* No SA_RESTART: each of them ends a poll. */
static void signals_init(void)
{
    struct sigaction a = {.sa_handler = on_signal};

    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    sigaction(SIGWINCH, &a, NULL);
}

static int take_sample(const struct manager_plan *plan, struct top_sample *s)
{
    struct text answer = {0};
    int status = setup_ask(plan, "print counters", &answer);

    s->at_ns = clock_mono_ns();
    if (status == CLI_OK) {
        top_sample_read(s, answer.len ? answer.p : "");
        top_sample_measure(s, "");
    }
    text_free(&answer);
    return status;
}

/* What fits of t: whole lines, each cut to the width. */
static void draw(const struct text *t)
{
    struct winsize size = {0};
    struct text out = {0};
    const char *line = t->p;

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    if (size.ws_row == 0 || size.ws_col == 0) /* a serial line does not tell */
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    text_puts(&out, SCREEN_HOME);
    for (unsigned row = 0; *line && row + 1 < size.ws_row; row++) {
        size_t n = strcspn(line, "\n");

        text_add(&out, line, n < size.ws_col ? n : size.ws_col);
        text_puts(&out, LINE_END);
        line += n + (line[n] == '\n');
    }
    text_puts(&out, SCREEN_END);
    fwrite(out.p, 1, out.len, stdout);
    fflush(stdout);
    text_free(&out);
}

/* Waits; draws again what is shown when the terminal changes its size. False if it is enough. */
static bool wait_key(const struct text *shown, uint64_t until_ns)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;

    for (;;) {
        uint64_t now_ns = clock_mono_ns();
        int n;

        if (interrupted)
            return false;
        if (now_ns >= until_ns)
            return true;
        n = poll(&in, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1);
        if (n > 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
            return false;
        if (n < 0 && shown->len)
            draw(shown);
    }
}

static int show_on_terminal(const struct manager_plan *plan, struct top_sample *samples)
{
    struct termios before, raw;
    struct text shown = {0};
    int status = take_sample(plan, &samples[0]); /* an error is said on the shell's screen */

    if (status != CLI_OK)
        return status;
    signals_init();
    CHECK(tcgetattr(STDIN_FILENO, &before) == 0);
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs(SCREEN_OWN, stdout);
    fflush(stdout);
    for (unsigned n = 0; status == CLI_OK; n++) {
        struct top_sample *now = &samples[n % 2];

        text_free(&shown);
        top_view_table(&samples[(n + 1) % 2], now, &shown);
        draw(&shown);
        if (!wait_key(&shown, now->at_ns + (n ? NEXT_MS : FIRST_MS) * NS_PER_MS))
            break;
        status = take_sample(plan, &samples[(n + 1) % 2]);
    }
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    fputs(SCREEN_BACK, stdout);
    fflush(stdout);
    if (status != CLI_OK)
        log_error("the cluster on %s has ended", plan->state_dir);
    text_free(&shown);
    return status;
}

static int show_once(const struct manager_plan *plan, struct top_sample *samples, bool json)
{
    struct timespec pause = {.tv_sec = FIRST_MS / 1000};
    struct text out = {0};
    int status = take_sample(plan, &samples[0]);

    if (status == CLI_OK) {
        nanosleep(&pause, NULL);
        status = take_sample(plan, &samples[1]);
    }
    if (status != CLI_OK)
        return status;
    (json ? top_view_json : top_view_table)(&samples[0], &samples[1], &out);
    fputs(out.p, stdout);
    text_free(&out);
    return CLI_OK;
}

int cli_top(const struct cli_args *a)
{
    struct manager_plan *plan = setup_plan_new(MANAGER_CLUSTER);
    struct top_sample *samples = calloc(2, sizeof *samples);
    int status = setup_place(a, plan);

    CHECK(samples);
    if (status == CLI_OK && !a->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
        status = show_on_terminal(plan, samples);
    else if (status == CLI_OK)
        status = show_once(plan, samples, a->json);
    free(samples);
    free(plan);
    return status;
}
