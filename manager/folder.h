/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SPLIFF_MANAGER_FOLDER_H
#define SPLIFF_MANAGER_FOLDER_H

/* Shortens path, in place, to the nearest folder on the way to it that exists: itself if it does.
 */
void folder_nearest(char *path);

#endif
