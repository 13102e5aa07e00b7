/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/folder.h"

#include <string.h>
#include <unistd.h>

void folder_nearest(char *path)
{
    while (access(path, F_OK) < 0) {
        char *slash = strrchr(path, '/');

        if (!slash || slash == path) {
            memcpy(path, slash ? "/" : ".", 2);
            return;
        }
        *slash = '\0';
    }
}
