/* SPDX-License-Identifier: BSD-3-Clause */
/* Files by which owners and guests of a DPDK port share memory: in DPDK's folder, and one for each
 * huge page. They stay when their processes end, or are killed. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_DPDK_LEFTOVER_H
#define SPLIFF_MANAGER_CAPTURE_DPDK_LEFTOVER_H

#include <stdbool.h>
#include <stddef.h>

/* Removes, below DPDK's folder and in `huge_folder` ("": there is none), what processes of ours
 * left that live no more. */
void dpdk_leftover_remove(const char *folder, const char *huge_folder);

/* Where huge pages of 2 MB are mounted, by the text of a table of mounts: into out. False: nowhere.
 */
bool dpdk_leftover_huge_folder(const char *mounts, char *out, size_t bytes);

#endif
