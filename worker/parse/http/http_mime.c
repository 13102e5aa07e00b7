/* SPDX-License-Identifier: BSD-3-Clause */
/* What servers say in Content-Type is often wrong and sometimes a lie, so the bytes are asked.
 *
 * Most formats begin with fixed bytes at fixed places: a table tells them, in the order of how much
 * they prove. Text is told by what it begins with after blanks: markup by its first element, JSON
 * by its first member. What is only printable is text/plain, from ten bytes on, as Zeek has it:
 * fewer prove nothing.
 *
 * Text is asked for first, because it is what most bodies are and what a look at one byte mostly
 * decides. Where Zeek's rules and the bytes disagree (a JSON null, a script that begins with a
 * carriage return) the bytes are believed. */
#include "worker/parse/http/http_mime.h"

#include "common/base/cursor.h"

#include <strings.h>

#define TEXT_BYTES_MIN 10u

/* One or two runs of bytes at fixed places. */
struct magic {
    uint16_t at, at_2;
    struct str bytes, bytes_2;
    const char *mime;
};

#define M(bytes, mime)                                                                             \
    {                                                                                              \
        0, 0, {bytes, sizeof(bytes) - 1}, {"", 0}, mime                                            \
    }
#define M_AT(at, bytes, mime)                                                                      \
    {                                                                                              \
        at, 0, {bytes, sizeof(bytes) - 1}, {"", 0}, mime                                           \
    }
#define M_2(bytes, at_2, bytes_2, mime)                                                            \
    {                                                                                              \
        0, at_2, {bytes, sizeof(bytes) - 1}, {bytes_2, sizeof(bytes_2) - 1}, mime                  \
    }

/* Those that begin at their first byte. */
static const struct magic beginnings[] = {
    /* images */
    M("\x89PNG", "image/png"),
    M("\xff\xd8", "image/jpeg"),
    M("GIF8", "image/gif"),
    M_2("RIFF", 8, "WEBP", "image/webp"),
    M("\0\0\1\0", "image/x-icon"),
    M("\0\0\2\0", "image/x-cursor"),
    M("MM\0*", "image/tiff"),
    M("II*\0", "image/tiff"),
    M_2("BM", 14, "\x28\0", "image/x-ms-bmp"),
    M_2("BM", 14, "\x0c\0", "image/x-ms-bmp"),
    M_2("BM", 14, "\x6c\0", "image/x-ms-bmp"),
    M_2("BM", 14, "\x7c\0", "image/x-ms-bmp"),
    M("8BPS", "image/vnd.adobe.photoshop"),
    M_2("\0\0\0\x0cjP  \r\n\x87\n", 20, "jp2 ", "image/jp2"),
    M_2("\0\0\0\x0cjP  \r\n\x87\n", 20, "jpx ", "image/jpx"),
    /* archives */
    M_2("PK\3\4", 30, "mimetypeapplication/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.text"),
    M_2("PK\3\4", 30, "mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.spreadsheet"),
    M_2("PK\3\4", 30, "mimetypeapplication/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.presentation"),
    M_2("PK\3\4", 30, "mimetypeapplication/epub+zip", "application/epub+zip"),
    M("PK\3\4\x14\0\6\0", "application/vnd.openxmlformats-officedocument"),
    M_2("PK\3\4", 30, "META-INF/", "application/java-archive"),
    M("PK\3\4", "application/zip"),
    M("PK\7\10PK\3\4", "application/zip"),
    M("\x1f\x8b", "application/x-gzip"),
    M("\x1f\x9d", "application/x-compress"),
    M("BZh", "application/x-bzip2"),
    M("\xfd\x37zXZ\0", "application/x-xz"),
    M("7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    M("\x28\xb5\x2f\xfd", "application/zstd"),
    M("\4\x22\x4d\x18", "application/x-lz4"),
    M("LZIP", "application/x-lzip"),
    M("]\0\0", "application/x-lzma"),
    M("Rar!", "application/x-rar"),
    M("MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    M("xar!", "application/x-xar"),
    M("\xed\xab\xee\xdb", "application/x-rpm"),
    M("!<arch>\ndebian", "application/x-debian-package"),
    M("!<arch>", "application/x-archive"),
    M("WARC/", "application/warc"),
    M("\xc7\x71", "application/x-cpio"),
    M("\x71\xc7", "application/x-cpio"),
    /* programs */
    M("MZ", "application/x-dosexec"),
    M_2("\x7f"
        "ELF\1",
        16, "\1\0", "application/x-object"),
    M_2("\x7f"
        "ELF\2",
        16, "\1\0", "application/x-object"),
    M_2("\x7f"
        "ELF",
        16, "\2\0", "application/x-executable"),
    M_2("\x7f"
        "ELF",
        16, "\0\2", "application/x-executable"),
    M_2("\x7f"
        "ELF",
        16, "\3\0", "application/x-sharedlib"),
    M_2("\x7f"
        "ELF",
        16, "\0\3", "application/x-sharedlib"),
    M_2("\x7f"
        "ELF",
        16, "\4\0", "application/x-coredump"),
    M("\xce\xfa\xed\xfe", "application/x-mach-o-executable"),
    M("\xcf\xfa\xed\xfe", "application/x-mach-o-executable"),
    M_2("\xca\xfe\xba\xbe", 6, "\0\x34", "application/x-java-applet"),
    M_2("\xca\xfe\xba\xbe", 6, "\0\x32", "application/x-java-applet"),
    M_2("\xca\xfe\xba\xbe", 6, "\0\2", "application/x-mach-o-executable"),
    M("\0asm", "application/wasm"),
    M("L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", "application/x-ms-shortcut"),
    /* documents */
    M("%PDF-", "application/pdf"),
    M("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
    M("{\\rtf", "text/rtf"),
    M("%!PS", "application/postscript"),
    M("-----BEGIN CERTIFICATE-----", "application/x-pem"),
    M("-----BEGIN PGP MESSAGE-", "application/pgp"),
    M("-----BEGIN PGP SIGNATURE-", "application/pgp-signature"),
    M("-----BEGIN PGP PUBLIC KEY BLOCK-", "application/pgp-keys"),
    M("BEGIN:VCALENDAR", "text/calendar"),
    M("BEGIN:VCARD", "text/x-vcard"),
    M("\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    M("\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    M_2("\n\r\r\n", 8, "\x4d\x3c\x2b\x1a", "application/vnd.tcpdump.pcap"),
    M("SQLite format 3", "application/x-sqlite3"),
    /* sound and film */
    M("ID3", "audio/mpeg"),
    M("\xff\xfb", "audio/mpeg"),
    M("\xff\xf3", "audio/mpeg"),
    M("OggS", "application/ogg"),
    M("fLaC", "audio/x-flac"),
    M("MThd", "audio/midi"),
    M_2("RIFF", 8, "WAVE", "audio/x-wav"),
    M_2("RIFF", 8, "AVI ", "video/x-msvideo"),
    M("FLV", "video/x-flv"),
    M("\x30\x26\xb2\x75", "video/x-ms-asf"),
    M("FWS", "application/x-shockwave-flash"),
    M("CWS", "application/x-shockwave-flash"),
    M("ZWS", "application/x-shockwave-flash"),
    M("\0\0\1\xb3", "video/mpv"),
    M("\0\0\1\xba", "video/mpeg"),
    /* fonts */
    M("wOF2", "application/font-woff2"),
    M("wOFF", "application/font-woff"),
    M("\0\1\0\0\0", "application/x-font-ttf"),
    M("OTTO", "application/vnd.ms-opentype"),
};

/* Those that can begin with anything. */
static const struct magic insides[] = {
    M_AT(4, "ftypisom", "video/mp4"),
    M_AT(4, "ftypmp4", "video/mp4"),
    M_AT(4, "ftypiso", "video/mp4"),
    M_AT(4, "ftypdash", "video/mp4"),
    M_AT(4, "ftypM4A", "audio/m4a"),
    M_AT(4, "ftyp3g", "video/3gpp"),
    M_AT(4, "ftypavc1", "video/3gpp"),
    M_AT(4, "ftypqt", "video/quicktime"),
    M_AT(4, "ftypavif", "image/avif"),
    M_AT(4, "ftypheic", "image/heic"),
    M_AT(4, "moov", "video/quicktime"),
    M_AT(4, "mdat", "video/quicktime"),
    M_AT(257, "ustar", "application/x-tar"),
    M_AT(34, "LP\0\0\0\0\0", "application/vnd.ms-fontobject"),
};

/* False also if head is too short to tell. */
static bool bytes_at(struct str head, uint16_t at, struct str bytes)
{
    return at + bytes.len <= head.len && memcmp(head.p + at, bytes.p, bytes.len) == 0;
}

static const char *magic_find(const struct magic *table, size_t n, struct str head)
{
    for (size_t i = 0; i < n; i++) {
        const struct magic *m = &table[i];

        /* One byte sends nearly all rows away. */
        if (head.p[m->at < head.len ? m->at : 0] == m->bytes.p[0] &&
            bytes_at(head, m->at, m->bytes) && bytes_at(head, m->at_2, m->bytes_2))
            return m->mime;
    }
    return NULL;
}

/* OCSP over HTTP (RFC 6960): DER whose first object identifier is that of a basic response, or in
 * a request that of SHA-1; how far in depends on the lengths before it. */
static const char *ocsp_find(struct str head)
{
    static const struct str response = {"\6\11\x2b\6\1\5\5\7\x30\1\1", 11};
    static const struct str request = {"\6\5\x2b\x0e\3\2\x1a", 7};

    for (uint16_t at = 11; at <= 19; at++) {
        if (bytes_at(head, at, response))
            return "application/ocsp-response";
        if (bytes_at(head, at, request))
            return "application/ocsp-request";
    }
    return NULL;
}

/* Matroska and WebM (RFC 9559): the document type is one of the first elements. */
static const char *ebml_find(struct str head)
{
    size_t n = head.len < 64 ? head.len : 64;

    if (n < 4 || memcmp(head.p, "\x1a\x45\xdf\xa3", 4) != 0)
        return NULL;
    if (memmem(head.p, n, "webm", 4))
        return "video/webm";
    return memmem(head.p, n, "matroska", 8) ? "video/x-matroska" : NULL;
}

/* --- text --- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str skip(struct str s, uint32_t n)
{
    return n < s.len ? str_make(s.p + n, s.len - n) : STR_LIT("");
}

static struct str skip_blanks(struct str s)
{
    uint32_t n = 0;

    while (n < s.len && is_blank(s.p[n]))
        n++;
    return skip(s, n);
}

static bool begins(struct str s, const char *word)
{
    size_t n = strlen(word);

    return s.len >= n && strncasecmp(s.p, word, n) == 0;
}

/* Behind the next occurrence of an end mark; empty if there is none. */
static struct str skip_past(struct str s, const char *mark)
{
    const char *found = s.len > 0 ? memmem(s.p, s.len, mark, strlen(mark)) : NULL;

    return found ? skip(s, (uint32_t)(found - s.p) + (uint32_t)strlen(mark)) : STR_LIT("");
}

/* Comments may stand before the root, and a generator's banner often does. */
static struct str skip_comments(struct str s)
{
    s = skip_blanks(s);
    while (begins(s, "<!--"))
        s = skip_blanks(skip_past(s, "-->"));
    return s;
}

/* Markup by its first element. s begins with '<'. */
static const char *markup_type(struct str s)
{
    static const struct {
        const char *word, *mime;
    } roots[] = {
        {"<!doctype html", "text/html"},
        {"<html", "text/html"},
        {"<head", "text/html"},
        {"<title", "text/html"},
        {"<body", "text/html"},
        {"<meta http-equiv", "text/html"},
        {"<rss", "text/rss"},
        {"<feed", "text/atom"},
        {"<svg", "image/svg+xml"},
        {"<!doctype svg", "image/svg+xml"},
        {"<soap:envelope", "application/soap+xml"},
        {"<soap-env:envelope", "application/soap+xml"},
        {"<methodresponse>", "application/xml-rpc"},
        {"<cross-domain-policy", "text/x-cross-domain-policy"},
        {"<!doctype cross-domain-policy", "text/x-cross-domain-policy"},
        {"<script>", "application/javascript"},
        {"<script type=\"text/javascript", "application/javascript"},
        {"<script language=\"javascript", "application/javascript"},
        {"<?php", "text/x-php"},
    };

    const char *otherwise = NULL;

    s = skip_comments(s);
    if (begins(s, "<?xml ")) {
        otherwise = "application/xml";
        s = skip_comments(skip_past(s, "?>"));
    }
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
        if (begins(s, roots[i].word))
            return roots[i].mime;
    return otherwise;
}

/* Behind a JSON string, whose quote s begins with; empty if it does not end. */
static struct str skip_string(struct str s)
{
    uint32_t n = 1;

    while (n < s.len && s.p[n] != '"')
        n += s.p[n] == '\\' ? 2 : 1;
    return skip(s, n + 1);
}

static bool json_value_begins(struct str s)
{
    return s.len > 0 && (strchr("\"[{-", s.p[0]) != NULL || is_digit(s.p[0]) || begins(s, "true") ||
                         begins(s, "false") || begins(s, "null"));
}

/* An object with its first member, or an array with its first element (RFC 8259). */
static bool is_json(struct str s)
{
    char open = s.p[0];

    s = skip_blanks(skip(s, 1));
    if (s.len == 0)
        return false;
    if (s.p[0] == (open == '{' ? '}' : ']'))
        return skip_blanks(skip(s, 1)).len == 0;
    if (open == '[') {
        if (s.p[0] == '{' || s.p[0] == '[')
            return true;
        if (!json_value_begins(s))
            return false;
        if (s.p[0] == '"')
            s = skip_blanks(skip_string(s));
        else
            while (s.len > 0 && s.p[0] != ',' && s.p[0] != ']' && !is_blank(s.p[0]))
                s = skip(s, 1);
        s = skip_blanks(s);
        return s.len > 0 && (s.p[0] == ',' || s.p[0] == ']');
    }
    if (s.p[0] != '"')
        return false;
    s = skip_blanks(skip_string(s));
    return s.len > 0 && s.p[0] == ':' && json_value_begins(skip_blanks(skip(s, 1)));
}

/* "#! /usr/bin/env python3" and the like. s begins with "#!". */
static const char *script_type(struct str s)
{
    static const struct {
        const char *word, *mime;
    } programs[] = {
        {"python", "text/x-python"},
        {"perl", "text/x-perl"},
        {"ruby", "text/x-ruby"},
        {"php", "text/x-php"},
        {"node", "application/javascript"},
        {"lua", "text/x-lua"},
        {"awk", "text/x-awk"},
        {"tcl", "text/x-tcl"},
        {"sh", "text/x-shellscript"},
    };
    const char *lf = memchr(s.p, '\n', s.len);
    size_t n = lf ? (size_t)(lf - s.p) : s.len;

    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (memmem(s.p, n, programs[i].word, strlen(programs[i].word)))
            return programs[i].mime;
    return NULL;
}

/* What the text begins with decides which question is worth asking. */
static const char *text_type(struct str head)
{
    struct str s = skip_blanks(head);

    if (s.len == 0)
        return NULL;
    switch (s.p[0]) {
    case '<':
        return markup_type(s);
    case '{':
    case '[':
        return is_json(s) ? "text/json" : NULL;
    case '#':
        return begins(s, "#!") ? script_type(s) : NULL;
    case 'f':
        return begins(s, "for (;;);") ? "application/javascript" : NULL;
    case 'd':
        return begins(s, "document.write") ? "application/javascript" : NULL;
    case '(':
        return begins(s, "(function()") ? "application/javascript" : NULL;
    default:
        return NULL;
    }
}

static bool is_plain(struct str s)
{
    if (s.len < TEXT_BYTES_MIN)
        return false;
    for (uint32_t i = 0; i < TEXT_BYTES_MIN; i++)
        if (!is_blank(s.p[i]) && (s.p[i] < 0x20 || s.p[i] > 0x7e))
            return false;
    return true;
}

const char *http_mime_type(struct str head)
{
    const char *mime;

    if (head.len > HTTP_MIME_BYTES)
        head.len = HTTP_MIME_BYTES;
    if (head.len == 0)
        return NULL;
    if (bytes_at(head, 0, STR_LIT("\xef\xbb\xbf")))
        head = skip(head, 3);
    if ((mime = text_type(head)))
        return mime;
    if (head.len > 0 &&
        ((mime = magic_find(beginnings, sizeof beginnings / sizeof beginnings[0], head)) ||
         (mime = magic_find(insides, sizeof insides / sizeof insides[0], head)) ||
         (mime = ocsp_find(head)) || (mime = ebml_find(head))))
        return mime;
    return is_plain(head) ? "text/plain" : NULL;
}
