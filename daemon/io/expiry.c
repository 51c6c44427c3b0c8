#include "expiry.h"

#include "config.h"
#include "log.h"
#include "store_ca.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    DAY_S = 86400,
    NOTICE_DAYS = 30,
    WARNING_DAYS = 7,
    FORGOTTEN_DAYS = 30, /* after its end an issued certificate is taken for abandoned */
    TEXT_MAX = 600,
    WHAT_MAX = 280,
};

/* One walk over all certificates. */
struct walk {
    uint64_t now_s;
    void (*on)(void *arg, int level, const char *text);
    void *arg;
    struct store_ca_issued newest; /* of the name being walked over; no name yet: len 0 */
};

/* Whole days, so that "in 0 days" is today. */
static void print_when(char text[64], uint64_t end_s, uint64_t now_s)
{
    time_t end = (time_t)end_s;
    struct tm tm;
    char date[16] = "?";
    unsigned long long days = end_s > now_s ? (end_s - now_s) / DAY_S : 0;

    if (gmtime_r(&end, &tm) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d", &tm);
    if (end_s <= now_s)
        snprintf(text, 64, "has expired (%s)", date);
    else
        snprintf(text, 64, "expires in %llu day%s (%s)", days, days == 1 ? "" : "s", date);
}

/* `remedy` is what to do. */
static void judge(const struct walk *w, const char *what, uint64_t end_s, const char *remedy)
{
    char text[TEXT_MAX];
    char when[64];
    uint64_t left_s = end_s > w->now_s ? end_s - w->now_s : 0;

    if (left_s > (uint64_t)NOTICE_DAYS * DAY_S)
        return;
    print_when(when, end_s, w->now_s);
    snprintf(text, sizeof text, "%s %s: %s", what, when, remedy);
    w->on(w->arg,
          left_s == 0                                ? LOG_ERR
          : left_s <= (uint64_t)WARNING_DAYS * DAY_S ? LOG_WARNING
                                                     : LOG_NOTICE,
          text);
}

static void judge_file(const struct walk *w, const char *option, const char *path, uint64_t end_s)
{
    char what[WHAT_MAX];

    if (end_s == 0)
        return;
    snprintf(what, sizeof what, "a certificate in %s (option %s)", path, option);
    judge(w, what, end_s, "replace the file and restart ssmd");
}

static enum status judge_own(const struct walk *w, const struct store_ca *ca, enum store_ca_role role,
                             const char *what, const char *remedy)
{
    struct store_ca_row row;
    struct certificate_facts facts;
    enum status status = store_ca_read(ca, role, &row);

    if (status == SSM_OK)
        status = certificate_read(&row.certificate, &facts);
    if (status == SSM_OK)
        judge(w, what, facts.not_after_s, remedy);
    bytes_wipe(&row, sizeof row);
    return status == SSM_NOT_FOUND ? SSM_OK : status;
}

static enum status on_subscriber(void *arg, const struct subscriber_row *row)
{
    char what[WHAT_MAX];
    char remedy[WHAT_MAX];

    if (row->credential != SUBSCRIBER_CERTIFICATE)
        return SSM_OK;
    snprintf(what, sizeof what, "the certificate of subscriber '%.*s'", (int)row->name.len, row->name.text);
    snprintf(remedy, sizeof remedy,
             "get a new one, then `ssmctl subscriber remove %.*s` and add it again with --cert",
             (int)row->name.len, row->name.text);
    judge(arg, what, row->not_after_s, remedy);
    return SSM_OK;
}

static enum status on_destination(void *arg, const struct destination_row *row)
{
    char server[URI_LEN_MAX + 1];
    char what[WHAT_MAX];

    if (row->kind != DESTINATION_CERTIFICATE)
        return SSM_OK;
    (void)uri_print(&row->server, server);
    snprintf(what, sizeof what, "a certificate for destination %s", server);
    judge(arg, what, row->not_after_s,
          "get a new one, then `ssmctl destination remove` and add it again with the new one");
    return SSM_OK;
}

static void judge_newest(const struct walk *w)
{
    const struct assoc_name *name = &w->newest.name;
    char what[WHAT_MAX];
    char remedy[WHAT_MAX];

    if (name->len == 0 || w->newest.not_after_s + (uint64_t)FORGOTTEN_DAYS * DAY_S <= w->now_s)
        return;
    snprintf(what, sizeof what, "the certificate issued to '%.*s'", (int)name->len, name->text);
    snprintf(remedy, sizeof remedy, "`ssmctl ca renew --cert %.*s.crt --out DIR`", (int)name->len,
             name->text);
    judge(w, what, w->newest.not_after_s, remedy);
}

/* They come by name, the newest of each last. */
static enum status on_issued(void *arg, const struct store_ca_issued *issued)
{
    struct walk *w = arg;
    const struct assoc_name *name = &w->newest.name;

    if (name->len != issued->name.len || memcmp(name->text, issued->name.text, name->len) != 0)
        judge_newest(w);
    w->newest = *issued;
    return SSM_OK;
}

enum status expiry_each(const struct expiry *e, uint64_t now_s,
                        void (*on)(void *arg, int level, const char *text), void *arg)
{
    const struct config *c = e->config;
    struct walk w = {.now_s = now_s, .on = on, .arg = arg};
    enum status status = SSM_OK;

    judge_file(&w, "certificate", c->certificate, e->ends.certificate_s);
    judge_file(&w, "rsa_certificate", c->rsa_certificate, e->ends.rsa_certificate_s);
    judge_file(&w, "client_ca", c->client_ca, e->ends.client_ca_s);
    if (c->certificate[0] == '\0')
        status = judge_own(&w, e->ca, STORE_CA_GATEWAY, "the gateway's certificate", "`ssmctl ca renew`");
    if (status == SSM_OK)
        status = judge_own(&w, e->ca, STORE_CA_ROOT, "the gateway's CA",
                           "`ssmctl ca init --replace`, then issue all certificates anew");
    if (status == SSM_OK)
        status = e->store->each_subscriber(e->store->ctx, on_subscriber, &w);
    if (status == SSM_OK)
        status = e->store->each_destination(e->store->ctx, 0, on_destination, &w);
    if (status == SSM_OK)
        status = store_ca_each_issued(e->ca, on_issued, &w);
    judge_newest(&w);
    return status;
}

static void log_warning(void *arg, int level, const char *text)
{
    (void)arg;
    log_line(level, "%s", text);
}

void expiry_log_daily(struct expiry *e, uint64_t now_s)
{
    uint64_t day = now_s / DAY_S;

    if (day == e->logged_day)
        return;
    e->logged_day = day;
    if (expiry_each(e, now_s, log_warning, NULL) != SSM_OK)
        log_line(LOG_ERR, "not all certificates could be checked for their end");
}
