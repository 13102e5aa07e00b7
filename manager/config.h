/* SPDX-License-Identifier: BSD-3-Clause */
/* spliff.cfg: `key = value` lines without sections, keys from options.def (scopes CFG and BOTH). */
#ifndef SPLIFF_MANAGER_CONFIG_H
#define SPLIFF_MANAGER_CONFIG_H

#include "common/schema/options.h"
#include "manager/ini_file.h"

/* Sets in *o what the file sets; other options keep their value. Returns 0, or -errno with one line
 * in error[INI_ERROR_BYTES], "file:line: …" where a line is to blame: unknown key (with the nearest
 * known one), bad value (with what is right), key given twice. */
int config_read(const char *path, struct options *o, char *error);
int config_read_text(const char *text, size_t len, const char *file, struct options *o,
                     char *error);

/* Only state_dir, whatever is wrong with the rest: for who asks the cluster that runs, which began
 * when the file was another. 0, or -errno with one line in error[INI_ERROR_BYTES] if that key
 * cannot be told. */
int config_read_state_dir(const char *path, struct options *o, char *error);
int config_read_state_dir_text(const char *text, size_t len, const char *file, struct options *o,
                               char *error);

/* Whether the values go together and lie within what the program can do: what no single value
 * shows. 0, or -EINVAL with one line in error[INI_ERROR_BYTES]. */
int config_check(const struct options *o, char *error);

#endif
