/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/starttls/starttls_dialect.h"

#include <strings.h>

#define PROBE_LINE_MAX 512u /* SMTP's limit of a line (RFC 5321 section 4.5.3.1.5) */
#define DIGITS_REFUSE                                                                              \
    {                                                                                              \
        "4", "5"                                                                                   \
    }

const struct starttls_dialect starttls_dialects[STARTTLS_DIALECTS] = {
    /* RFC 5321, 3207; LMTP: RFC 2033 */
    {.service = "smtp",
     .line_end = '\n',
     .greetings = {"220 ", "220-"},
     .known = {"EHLO ", "HELO ", "LHLO "},
     .words = {"MAIL ", "RCPT ", "QUIT", "NOOP", "RSET", "XCLIENT "},
     .asks = {"STARTTLS"},
     .agrees = "220",
     .refuses = DIGITS_REFUSE},
    /* RFC 959, 4217 */
    {.service = "ftp",
     .line_end = '\n',
     .greetings = {"220 ", "220-"},
     .known = {"AUTH TLS", "AUTH SSL"},
     .words = {"USER ", "FEAT", "SYST", "PASS ", "OPTS ", "QUIT", "AUTH ", "CLNT "},
     .asks = {"AUTH TLS", "AUTH SSL"},
     .agrees = "234",
     .refuses = DIGITS_REFUSE},
    /* RFC 1939, 2595 */
    {.service = "pop3",
     .line_end = '\n',
     .greetings = {"+OK"},
     .known = {"CAPA\r", "STLS\r"},
     .words = {"CAPA", "USER ", "APOP ", "AUTH", "PASS ", "QUIT", "NOOP"},
     .asks = {"STLS"},
     .agrees = "+OK",
     .refuses = {"-ERR"}},
    /* RFC 9051 section 6.2.1 */
    {.service = "imap",
     .line_end = '\n',
     .tagged = true,
     .greetings = {"* OK", "* PREAUTH", "* BYE"},
     .known = {"STARTTLS\r", "CAPABILITY\r", "LOGIN ", "AUTHENTICATE "},
     .words = {"ID ", "NOOP", "LOGOUT", "SELECT ", "ENABLE "},
     .asks = {"STARTTLS"},
     .agrees = "OK",
     .refuses = {"NO", "BAD"}},
    /* RFC 3977, 4642 */
    {.service = "nntp",
     .line_end = '\n',
     .greetings = {"200 ", "201 "},
     .hints = {"nntp", "nnrp", "news", "usenet", "posting"},
     .words = {"CAPABILITIES", "MODE ", "GROUP ", "LIST", "AUTHINFO ", "QUIT", "DATE"},
     .asks = {"STARTTLS"},
     .agrees = "382",
     .refuses = DIGITS_REFUSE},
    /* RFC 5804 */
    {.service = "managesieve",
     .line_end = '\n',
     .greetings = {"\"IMPLEMENTATION\""},
     .words = {"CAPABILITY", "AUTHENTICATE ", "LOGOUT", "NOOP"},
     .asks = {"STARTTLS"},
     .agrees = "OK",
     .refuses = {"NO", "BYE"}},
    /* RFC 6120 section 5 */
    {.service = "xmpp",
     .line_end = '>',
     .greetings = {"<?xml", "<stream:stream"},
     .words = {"<?xml", "<stream:stream", "<auth", "<iq"},
     .asks = {"<starttls"},
     .agrees = "<proceed",
     .refuses = {"<failure"}},
};

/* Whether text and word can be the same: without it each flow's bytes would be compared with all
 * words of all dialects. */
static inline bool may_match(struct str text, const char *word)
{
    return text.len == 0 || ((text.p[0] ^ word[0]) & ~('a' ^ 'A')) == 0;
}

bool starttls_begins(struct str text, const char *const words[STARTTLS_WORDS_MAX])
{
    for (unsigned i = 0; i < STARTTLS_WORDS_MAX && words[i]; i++) {
        size_t n;

        if (!may_match(text, words[i]))
            continue;
        n = strlen(words[i]);
        if (text.len >= n && strncasecmp(text.p, words[i], n) == 0)
            return true;
    }
    return false;
}

static bool contains(struct str text, const char *const words[STARTTLS_WORDS_MAX])
{
    for (uint32_t i = 0; i < text.len; i++)
        if (starttls_begins(str_make(text.p + i, text.len - i), words))
            return true;
    return false;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

struct str starttls_untag(struct str line, struct str *tag)
{
    uint32_t n = 0;

    *tag = STR_LIT("");
    while (n < line.len && n < STARTTLS_TAG_MAX && (is_alnum(line.p[n]) || line.p[n] == '.'))
        n++;
    if (n == 0 || n == line.len || line.p[n] != ' ')
        return STR_LIT("");
    *tag = str_make(line.p, n);
    return str_make(line.p + n + 1, line.len - n - 1);
}

unsigned starttls_greeting(struct str line)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < STARTTLS_DIALECTS; i++) {
        const struct starttls_dialect *d = &starttls_dialects[i];

        if (starttls_begins(line, d->greetings) && (!d->hints[0] || contains(line, d->hints)))
            mask |= 1u << i;
    }
    return mask;
}

static struct str without_tag(const struct starttls_dialect *d, struct str line)
{
    struct str tag;

    return d->tagged ? starttls_untag(line, &tag) : line;
}

unsigned starttls_client_line(struct str line)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < STARTTLS_DIALECTS; i++) {
        const struct starttls_dialect *d = &starttls_dialects[i];
        struct str command = without_tag(d, line);

        if (starttls_begins(command, d->known) || starttls_begins(command, d->words) ||
            starttls_begins(command, d->asks))
            mask |= 1u << i;
    }
    return mask;
}

/* Whether bytes that are still to come could make text begin with one of the words. */
static bool may_begin(struct str text, const char *const words[STARTTLS_WORDS_MAX])
{
    for (unsigned i = 0; i < STARTTLS_WORDS_MAX && words[i]; i++)
        if (may_match(text, words[i]) && text.len < strlen(words[i]) &&
            strncasecmp(text.p, words[i], text.len) == 0)
            return true;
    return false;
}

/* The first element of a stream, behind the declaration if there is one. */
static enum probe_result xml_probe(struct str text)
{
    static const char *const stream[STARTTLS_WORDS_MAX] = {"<stream:stream "};
    static const char *const declaration[STARTTLS_WORDS_MAX] = {"<?xml "};
    const char *end;

    if (starttls_begins(text, declaration)) {
        end = memchr(text.p, '>', text.len < PROBE_LINE_MAX ? text.len : PROBE_LINE_MAX);
        if (!end)
            return text.len < PROBE_LINE_MAX ? PROBE_MORE : PROBE_NO;
        text = str_make(end + 1, (size_t)(text.p + text.len - end - 1));
        while (text.len > 0 && (*text.p == '\r' || *text.p == '\n' || *text.p == ' '))
            text = str_make(text.p + 1, text.len - 1);
    }
    if (starttls_begins(text, stream))
        return PROBE_EITHER;
    return may_begin(text, stream) || may_begin(text, declaration) ? PROBE_MORE : PROBE_NO;
}

/* Length of a line with its end, 0 if it has none yet, -1 if it is no text. */
static int line_length(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && i < PROBE_LINE_MAX; i++) {
        if (data[i] == '\n')
            return (int)i + 1;
        if ((data[i] < ' ' && data[i] != '\r' && data[i] != '\t') || data[i] == 0x7f)
            return -1;
    }
    return len < PROBE_LINE_MAX ? 0 : -1;
}

/* Whether bytes that are still to come could make it a tag. */
static bool may_be_tag(struct str text)
{
    for (uint32_t i = 0; i < text.len; i++)
        if (!is_alnum(text.p[i]))
            return false;
    return text.len <= STARTTLS_TAG_MAX;
}

/* Whether a line that has no end yet could become a greeting or a command that is known. */
static bool may_become(const struct starttls_dialect *d, struct str text)
{
    struct str tag, command = text;

    if (starttls_begins(text, d->greetings) || may_begin(text, d->greetings))
        return true;
    if (d->tagged) {
        command = starttls_untag(text, &tag);
        if (tag.len == 0)
            return may_be_tag(text);
    }
    return starttls_begins(command, d->known) || may_begin(command, d->known);
}

enum probe_result starttls_text_probe(const uint8_t *data, size_t len)
{
    struct str text = str_make(data, len);
    bool more = false;
    int n;

    if (len == 0)
        return PROBE_MORE;
    if (data[0] == '<')
        return xml_probe(text);
    n = line_length(data, len);
    if (n < 0)
        return PROBE_NO;
    if (n > 0)
        text.len = (uint32_t)n;
    if (n > 0 && starttls_greeting(text) != 0)
        return PROBE_SERVER;
    for (unsigned i = 0; i < STARTTLS_DIALECTS; i++) {
        const struct starttls_dialect *d = &starttls_dialects[i];

        if (n > 0 && starttls_begins(without_tag(d, text), d->known))
            return PROBE_CLIENT;
        more |= may_become(d, text);
    }
    return n == 0 && more ? PROBE_MORE : PROBE_NO;
}
