/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/doctor/doctor.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_words[] = {"ok", "warn", "fail"};

void doctor_find(struct doctor_report *r, enum doctor_level level, const char *mend,
                 const char *fmt, ...)
{
    struct doctor_finding *f;
    va_list ap;

    if (r->n == DOCTOR_FINDINGS_MAX) {
        fmt = "more is wrong than there is room to say: mend what is said, and ask again";
        level = DOCTOR_FAIL;
        mend = "spliff-cluster doctor";
        r->n--;
    }
    f = &r->findings[r->n++];
    f->check = r->check;
    f->level = level;
    snprintf(f->subject, sizeof f->subject, "%s", r->subject);
    snprintf(f->mend, sizeof f->mend, "%s", mend);
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

bool doctor_wants(const struct doctor *d, enum mode mode)
{
    for (unsigned i = 0; i < d->n_captures; i++)
        if (d->captures[i].mode == mode)
            return true;
    return false;
}

static void run_on_interfaces(const struct doctor *d, const struct doctor_check *check,
                              struct doctor_report *r)
{
    for (unsigned i = 0; i < d->n_captures; i++) {
        const struct doctor_capture *c = &d->captures[i];

        r->subject = c->interface;
        if (check->modes & DOCTOR_MODE(c->mode))
            check->look(d, c, r);
    }
}

static unsigned wanted_modes(const struct doctor *d)
{
    unsigned modes = 0;

    for (unsigned i = 0; i < d->n_captures; i++)
        modes |= DOCTOR_MODE(d->captures[i].mode);
    return modes;
}

void doctor_run(const struct doctor *d, struct doctor_report *r)
{
    unsigned modes = wanted_modes(d);

    r->n = 0;
    for (unsigned i = 0; i < doctor_checks_n; i++) {
        const struct doctor_check *check = &doctor_checks[i];

        r->check = check->name;
        r->subject = "";
        if (check->scope == DOCTOR_INTERFACE)
            run_on_interfaces(d, check, r);
        else if (check->modes & modes)
            check->look(d, NULL, r);
    }
}

bool doctor_is_ok(const struct doctor_report *r)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->findings[i].level == DOCTOR_FAIL)
            return false;
    return true;
}

void doctor_print(const struct doctor_report *r, struct text *out)
{
    for (unsigned i = 0; i < r->n; i++) {
        const struct doctor_finding *f = &r->findings[i];

        text_printf(out, "%-4s  %-10s %s%s%s", level_words[f->level], f->check, f->subject,
                    f->subject[0] ? ": " : "", f->text);
        text_printf(out, f->mend[0] ? "; %s\n" : "%s\n", f->mend);
    }
}

static void json_text(struct text *out, const char *key, const char *value)
{
    json_key(out, key);
    json_string(out, value);
}

void doctor_print_json(const struct doctor_report *r, struct text *out)
{
    text_puts(out, "{");
    json_key(out, "ok");
    json_bool(out, doctor_is_ok(r));
    json_key(out, "findings");
    text_puts(out, "[");
    for (unsigned i = 0; i < r->n; i++) {
        const struct doctor_finding *f = &r->findings[i];

        json_item(out);
        text_puts(out, "{");
        json_text(out, "check", f->check);
        json_text(out, "level", level_words[f->level]);
        json_text(out, "interface", f->subject);
        json_text(out, "text", f->text);
        json_text(out, "mend", f->mend);
        text_puts(out, "}");
    }
    text_puts(out, "]}\n");
}

bool doctor_read(const struct doctor *d, const char *path, char *line, size_t bytes)
{
    char full[PATH_MAX];
    FILE *f;

    snprintf(full, sizeof full, "%s%s", d->root, path);
    line[0] = '\0';
    f = fopen(full, "re");
    if (!f)
        return false;
    if (!fgets(line, (int)bytes, f))
        line[0] = '\0';
    fclose(f);
    line[strcspn(line, "\n")] = '\0';
    return true;
}

uint64_t doctor_read_number(const struct doctor *d, const char *path, uint64_t otherwise)
{
    char line[64], *end;
    uint64_t v;

    if (!doctor_read(d, path, line, sizeof line))
        return otherwise;
    v = strtoull(line, &end, 10);
    return end == line || line[0] == '-' ? otherwise : v;
}

void doctor_cores_read(struct doctor_cores *cores, const char *list)
{
    memset(cores, 0, sizeof *cores);
    while (*list) {
        char *end;
        unsigned long from = strtoul(list, &end, 10), to = from;

        if (end == list)
            return;
        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        for (unsigned long core = from; core <= to && core < DOCTOR_CORES_MAX; core++)
            cores->has[core] = true;
        list = *end == ',' ? end + 1 : end;
        if (*end != ',')
            return;
    }
}
