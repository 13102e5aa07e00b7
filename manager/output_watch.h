/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells when whoever reads our output has gone away (`run -i eth0 | head`). Manager process. */
#ifndef SPLIFF_MANAGER_OUTPUT_WATCH_H
#define SPLIFF_MANAGER_OUTPUT_WATCH_H

/* A descriptor that becomes readable when the reader of the pipe, socket or terminal output_fd is
 * gone; the caller closes it. -1 if output_fd is a file, which nobody reads yet.
 *
 * The output itself is not given to the event loop: that would make it non-blocking, for the logger
 * and for everyone else who shares it. */
int output_watch_open(int output_fd);

#endif
