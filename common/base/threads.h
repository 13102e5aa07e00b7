/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads that a library has made in this process. What the kernel keeps of each thread by itself,
 * as capabilities are, a thread can only change of itself. */
#ifndef SPLIFF_BASE_THREADS_H
#define SPLIFF_BASE_THREADS_H

/* Has every thread of this process run fn(arg), which makes system calls and nothing else, and
 * returns 0 or -errno. The caller runs it last, and nobody else calls this meanwhile. 0; the first
 * error; or -ETIMEDOUT if a thread does not answer, which is one that blocks signals. */
int threads_each(int (*fn)(const void *arg), const void *arg);

#endif
