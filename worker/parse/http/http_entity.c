/* SPDX-License-Identifier: BSD-3-Clause */
/* The first kilobyte of a body tells what it is. It mostly lies in one packet, or is the whole
 * body, and is looked at there; only what comes in small pieces is gathered. A body that is
 * compressed is decoded as far as it was gathered; one in a coding that is not known here (brotli)
 * tells nothing.
 *
 * Zeek makes a file of every entity that has a byte, and logs its name and, if it knows it, its
 * type: so a body without bytes has no file name either, whatever its headers say. */
#include "worker/parse/http/http_entity.h"

#include "worker/parse/http/http_filename.h"
#include "worker/parse/http/http_inflate.h"
#include "worker/parse/http/http_mime.h"

/* The sample is as good as it gets. */
static void sample_judge(struct http_entity *e, struct bufpool *bufs,
                         const struct http_entity_headers *h, struct str head)
{
    uint8_t clear[HTTP_MIME_BYTES];

    if (http_inflate_knows(h->content_encoding))
        head = str_make(clear, http_inflate(bufs, head, clear, sizeof clear));
    e->mime = http_mime_type(head);
    e->settled = true;
}

static void sample_gather(struct http_entity *e, struct bufpool *bufs,
                          const struct http_entity_headers *h, const uint8_t *data, size_t len,
                          bool whole)
{
    size_t room = HTTP_MIME_BYTES - e->sample.len;
    size_t n = len < room ? len : room;

    /* Mostly nothing need be copied. */
    if (e->sample.len == 0 && (whole || len >= HTTP_MIME_BYTES)) {
        sample_judge(e, bufs, h, str_make(data, n));
        return;
    }
    /* Without room, what is there must do. */
    if (membuf_append(&e->sample, bufs, data, n, HTTP_MIME_BYTES) < 0 ||
        e->sample.len == HTTP_MIME_BYTES || whole)
        http_entity_end(e, bufs, h);
}

void http_entity_data(struct http_entity *e, struct bufpool *bufs,
                      const struct http_entity_headers *h, const uint8_t *data, size_t len,
                      bool whole)
{
    if (e->settled || len == 0)
        return;
    if (!e->begun)
        e->multipart = http_multipart_new(bufs, h->content_type);
    e->begun = true;
    if (e->multipart)
        http_multipart_data(e->multipart, bufs, data, len);
    else
        sample_gather(e, bufs, h, data, len, whole);
}

void http_entity_gap(struct http_entity *e, struct bufpool *bufs,
                     const struct http_entity_headers *h)
{
    /* Behind a gap the first bytes would not be the first. Parts that begin later are found. */
    if (e->multipart && !e->settled)
        http_multipart_gap(e->multipart);
    else
        http_entity_end(e, bufs, h);
    e->begun = true;
}

void http_entity_end(struct http_entity *e, struct bufpool *bufs,
                     const struct http_entity_headers *h)
{
    if (e->settled)
        return;
    if (e->multipart)
        http_multipart_end(e->multipart, bufs);
    else
        sample_judge(e, bufs, h, str_make(e->sample.p, e->sample.len));
    membuf_free(&e->sample, bufs);
    e->settled = true;
}

void http_entity_free(struct http_entity *e, struct bufpool *bufs)
{
    membuf_free(&e->sample, bufs);
    if (e->multipart)
        http_multipart_free(e->multipart, bufs);
}

void http_entity_parts(const struct http_entity *e, const struct http_entity_headers *h,
                       struct http_parts *out, char *filename)
{
    size_t n;

    out->n_mime = out->n_filename = 0;
    if (e->multipart) {
        http_multipart_parts(e->multipart, out);
        return;
    }
    if (e->mime)
        out->mime[out->n_mime++] = str_of(e->mime);
    n = e->begun && h->content_disposition.len > 0
            ? http_filename_read(h->content_disposition, filename)
            : 0;
    if (n > 0)
        out->filename[out->n_filename++] = str_make(filename, n);
}
