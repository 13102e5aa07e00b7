/* SPDX-License-Identifier: BSD-3-Clause */
/* A body of parts is read line by line, because delimiters are lines:
 *
 *   PREAMBLE ──delimiter──► HEADERS ──empty line──► BODY ──delimiter──► HEADERS …
 *                                                    └──close delimiter──► EPILOGUE
 *
 * Of a line in a body only so many bytes are kept as a delimiter is long, and of a body only what
 * tells its type; so a part may have any size. What stands in the sample since the line began is
 * taken back when the line turns out to be a delimiter, with the line end before it, which belongs
 * to the delimiter.
 *
 * Lines end with LF here, with or without CR before it: some clients send bare ones. Parts that are
 * multipart themselves are taken as they are, and transfer encodings of mail (base64) are not
 * undone: RFC 7578 section 4.7 ended their use in forms. */
#include "worker/parse/http/http_multipart.h"

#include "worker/parse/http/http_filename.h"
#include "worker/parse/http/http_mime.h"

#include <strings.h>

#define BOUNDARY_MAX 70u /* RFC 2046 section 5.1.1 */
#define LINE_MAX     512u
#define NAMES_MAX    (HTTP_PARTS_MAX * HTTP_FILENAME_MAX)

enum place { PREAMBLE, HEADERS, BODY, EPILOGUE };

struct http_multipart {
    size_t capacity;                  /* of the buffer this lies in */
    const char *mime[HTTP_PARTS_MAX]; /* static */
    struct membuf names;              /* file names, one behind the other */
    uint16_t name_end[HTTP_PARTS_MAX];
    uint32_t n_mime;
    uint32_t n_names;
    uint8_t place;
    bool sampled;      /* the present part's type is settled, or will never be known */
    bool skip_line;    /* its beginning is missing */
    bool part_has_any; /* byte in its body */
    uint16_t delimiter_len;
    uint16_t line_len;
    uint16_t filename_len;
    uint16_t sample_len;
    uint16_t sample_line; /* length of the sample when the present line began */
    uint8_t delimiter[2 + BOUNDARY_MAX];
    uint8_t line[LINE_MAX];
    char filename[HTTP_FILENAME_MAX]; /* of the present part */
    uint8_t sample[HTTP_MIME_BYTES];
};

struct http_multipart *http_multipart_new(struct bufpool *bufs, struct str content_type)
{
    struct http_multipart *m;
    struct cursor boundary;
    size_t capacity;

    if (content_type.len < 10 || strncasecmp(content_type.p, "multipart/", 10) != 0 ||
        !http_parameter_find(content_type, "boundary", &boundary) ||
        !(m = bufpool_get(bufs, sizeof *m, &capacity)))
        return NULL;
    memset(m, 0, offsetof(struct http_multipart, line));
    m->capacity = capacity;
    memcpy(m->delimiter, "--", 2);
    m->delimiter_len =
        (uint16_t)(2 + http_parameter_take(&boundary, (char *)m->delimiter + 2, BOUNDARY_MAX));
    return m;
}

void http_multipart_free(struct http_multipart *m, struct bufpool *bufs)
{
    membuf_free(&m->names, bufs);
    bufpool_put(bufs, m, m->capacity);
}

/* --- a part --- */

static void part_begin(struct http_multipart *m)
{
    m->place = HEADERS;
    m->filename_len = 0;
    m->sample_len = 0;
    m->sampled = false;
    m->part_has_any = false;
}

/* A part without bytes is no file. */
static void part_end(struct http_multipart *m, struct bufpool *bufs)
{
    const char *mime;

    if (m->place != BODY || !m->part_has_any)
        return;
    mime = http_mime_type(str_make(m->sample, m->sample_len));
    if (mime && m->n_mime < HTTP_PARTS_MAX)
        m->mime[m->n_mime++] = mime;
    if (m->filename_len > 0 && m->n_names < HTTP_PARTS_MAX &&
        membuf_append(&m->names, bufs, m->filename, m->filename_len, NAMES_MAX) == 0)
        m->name_end[m->n_names++] = (uint16_t)m->names.len;
}

static void sample_append(struct http_multipart *m, const uint8_t *p, size_t n)
{
    size_t room = sizeof m->sample - m->sample_len;

    if (m->sampled)
        return;
    if (n > room)
        n = room;
    memcpy(m->sample + m->sample_len, p, n);
    m->sample_len = (uint16_t)(m->sample_len + n);
}

/* The line that begins a delimiter takes the line end before it away, too. */
static void sample_take_back(struct http_multipart *m)
{
    uint16_t n = m->sample_line;

    if (m->sampled || m->sample_len == sizeof m->sample)
        return;
    if (n > 0 && m->sample[n - 1] == '\n')
        n--;
    if (n > 0 && m->sample[n - 1] == '\r')
        n--;
    m->sample_len = n;
    m->part_has_any = n > 0;
}

/* --- lines --- */

/* Of a part's headers only the one with the file name is of interest: its type is asked of its
 * bytes. An empty line ends them. */
static void header_line(struct http_multipart *m, struct str line)
{
    static const char name[] = "content-disposition:";

    if (line.len == 0) {
        m->place = BODY;
    } else if (line.len > sizeof name - 1 && strncasecmp(line.p, name, sizeof name - 1) == 0) {
        m->filename_len = (uint16_t)http_filename_read(
            str_make(line.p + sizeof name - 1, line.len - (sizeof name - 1)), m->filename);
    }
}

static bool is_delimiter(const struct http_multipart *m)
{
    return m->delimiter_len > 2 && !m->skip_line && m->line_len >= m->delimiter_len &&
           memcmp(m->line, m->delimiter, m->delimiter_len) == 0;
}

/* Blanks may stand behind a delimiter, anything else makes it another one's. */
static bool rest_is_blank(const struct http_multipart *m, size_t from)
{
    for (size_t i = from; i < m->line_len; i++)
        if (strchr(" \t\r", m->line[i]) == NULL)
            return false;
    return true;
}

/* The line is complete, or the body ends in it. */
static void line_end(struct http_multipart *m, struct bufpool *bufs)
{
    size_t n = m->delimiter_len;

    if (is_delimiter(m) && m->place != EPILOGUE) {
        bool close = m->line_len >= n + 2 && memcmp(m->line + n, "--", 2) == 0;

        if (close || rest_is_blank(m, n)) {
            sample_take_back(m);
            part_end(m, bufs);
            part_begin(m);
            if (close)
                m->place = EPILOGUE;
        }
    } else if (m->place == HEADERS && !m->skip_line) {
        size_t len = m->line_len;

        if (len > 0 && m->line[len - 1] == '\r')
            len--;
        header_line(m, str_make(m->line, len));
    }
    m->line_len = 0;
    m->skip_line = false;
    m->sample_line = m->sample_len;
}

static void line_append(struct http_multipart *m, const uint8_t *p, size_t n)
{
    /* Beyond it no line of a body is of interest. */
    size_t max = m->place == HEADERS ? sizeof m->line : m->delimiter_len + 4u;
    size_t room = m->line_len < max ? max - m->line_len : 0;

    if (n > room)
        n = room;
    memcpy(m->line + m->line_len, p, n);
    m->line_len = (uint16_t)(m->line_len + n);
}

void http_multipart_data(struct http_multipart *m, struct bufpool *bufs, const uint8_t *data,
                         size_t len)
{
    struct cursor c = cursor_init(data, len);

    while (cursor_left(&c) > 0 && m->place != EPILOGUE) {
        const uint8_t *lf = memchr(c.p, '\n', cursor_left(&c));
        size_t n = lf ? (size_t)(lf - c.p) : cursor_left(&c);
        const uint8_t *p = cursor_bytes(&c, n);

        line_append(m, p, n);
        cursor_skip(&c, lf != NULL);
        if (m->place == BODY) {
            sample_append(m, p, n + (lf != NULL));
            m->part_has_any |= n + (lf != NULL) > 0;
        }
        if (lf)
            line_end(m, bufs);
    }
}

void http_multipart_gap(struct http_multipart *m)
{
    /* Delimiters may be missing, too: then two parts look like one. */
    m->skip_line = true;
    m->sampled = true;
}

void http_multipart_end(struct http_multipart *m, struct bufpool *bufs)
{
    if (m->line_len > 0)
        line_end(m, bufs);
    part_end(m, bufs);
    m->place = EPILOGUE;
}

void http_multipart_parts(const struct http_multipart *m, struct http_parts *out)
{
    uint32_t at = 0;

    out->n_mime = m->n_mime;
    for (uint32_t i = 0; i < m->n_mime; i++)
        out->mime[i] = str_of(m->mime[i]);
    out->n_filename = m->n_names;
    for (uint32_t i = 0; i < m->n_names; i++) {
        out->filename[i] = str_make(m->names.p + at, m->name_end[i] - at);
        at = m->name_end[i];
    }
}
