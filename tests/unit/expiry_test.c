/* Certificates that expire are spoken of in time: the clock is an argument. */
#include "ca_world.h"

#include "expiry.h"
#include "log.h"

static struct ca_world w;
static struct keys_store table;
static struct expiry expiry;

struct said {
    int level;
    char text[600];
};

struct report {
    struct said lines[8];
    size_t count;
};

static int setup(void **state)
{
    ca_world_setup(state);
    table = store_keys_table(w.keys);
    expiry = (struct expiry){.config = &w.config, .store = &table, .ca = w.ca.store};
    return 0;
}

static void take(void *arg, int level, const char *text)
{
    struct report *r = arg;

    assert_true(r->count < 8);
    r->lines[r->count].level = level;
    snprintf(r->lines[r->count++].text, sizeof r->lines[0].text, "%s", text);
}

static struct report report_at(uint64_t now_s)
{
    struct report r = {0};

    assert_int_equal(expiry_each(&expiry, now_s, take, &r), SSM_OK);
    return r;
}

/* Exactly one warning, of that level, with that in it. */
static void expect(uint64_t now_s, int level, const char *text)
{
    struct report r = report_at(now_s);

    assert_int_equal(r.count, 1);
    assert_int_equal(r.lines[0].level, level);
    if (strstr(r.lines[0].text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", r.lines[0].text, text);
}

static void expect_nothing(uint64_t now_s)
{
    assert_int_equal(report_at(now_s).count, 0);
}

static void test_nothing_expires_where_nothing_is(void **state)
{
    (void)state;
    expect_nothing(0);
    expect_nothing(NOW_S);
    expect_nothing(UINT32_MAX);
}

static void test_the_steps(void **state)
{
    const uint64_t end_s = NOW_S + 398 * DAY_S;

    (void)state;
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, false, NOW_S), SSM_OK);
    expect_nothing(0); /* a clock that stands in 1970 */
    expect_nothing(end_s - 30 * DAY_S - 1);
    expect(end_s - 30 * DAY_S, LOG_NOTICE,
           "the gateway's certificate expires in 30 days (2028-02-17): `ssmctl ca renew`");
    expect(end_s - 7 * DAY_S - 1, LOG_NOTICE, "in 7 days");
    expect(end_s - 7 * DAY_S, LOG_WARNING, "in 7 days");
    expect(end_s - 1, LOG_WARNING, "in 0 days");
    expect(end_s, LOG_ERR, "has expired (2028-02-17): `ssmctl ca renew`");
    expect(end_s + 1000 * DAY_S, LOG_ERR, "has expired");
}

static void test_the_ca_itself(void **state)
{
    struct report r;

    (void)state;
    assert_int_equal(ca_init(&w.ca, 20, &no_names, false, NOW_S), SSM_OK);
    r = report_at(NOW_S);
    assert_int_equal(r.count, 2);
    assert_non_null(strstr(r.lines[1].text, "the gateway's CA expires in 20 days"));
    assert_non_null(strstr(r.lines[1].text, "ca init --replace"));
}

/* While an owner's files are in use, the certificate of the own CA is of no interest. */
static void test_configured_files(void **state)
{
    (void)state;
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, false, NOW_S), SSM_OK);
    strcpy(w.config.certificate, "/etc/ssm/gw.crt");
    expect_nothing(NOW_S + 397 * DAY_S);
    expiry.ends.certificate_s = NOW_S + DAY_S;
    expect(NOW_S, LOG_WARNING, "/etc/ssm/gw.crt (option certificate) expires in 1 day (");
    expiry.ends = (struct credentials_ends){.rsa_certificate_s = NOW_S};
    expect(NOW_S, LOG_ERR, "(option rsa_certificate) has expired");
    expiry.ends = (struct credentials_ends){.client_ca_s = NOW_S + 8 * DAY_S};
    expect(NOW_S, LOG_NOTICE, "(option client_ca) expires in 8 days");
}

static void test_destinations(void **state)
{
    struct node_row kitchen = {.name = ca_world_name("kitchen"), .port = 20000};
    struct destination_row row = {.server = {.port = 7, .host = "server"},
                                  .kind = DESTINATION_CERTIFICATE,
                                  .anchors = "x",
                                  .not_after_s = NOW_S + 5 * DAY_S};
    struct destination_row by_psk = {.server = {.port = 8, .host = "server"}, .psk_len = 16};

    (void)state;
    assert_int_equal(table.add_node(table.ctx, &kitchen), SSM_OK);
    row.node = by_psk.node = kitchen.id;
    assert_int_equal(table.add_destination(table.ctx, &row), SSM_OK);
    assert_int_equal(table.add_destination(table.ctx, &by_psk), SSM_OK);
    expect(NOW_S, LOG_WARNING, "a certificate for destination coaps://server:7 expires in 5 days");
}

static void test_pinned_certificates(void **state)
{
    struct subscriber_row alice = {.name = ca_world_name("alice"),
                                   .credential = SUBSCRIBER_CERTIFICATE,
                                   .fingerprint = {1},
                                   .not_after_s = NOW_S + 5 * DAY_S};
    struct subscriber_row bob = {
        .name = ca_world_name("bob"), .credential = SUBSCRIBER_SUBJECT, .subject = "b", .subject_len = 1};
    struct subscriber_row carol = {.name = ca_world_name("carol"), .psk_len = 16};

    (void)state;
    assert_int_equal(table.add_subscriber(table.ctx, &alice, NULL, 0), SSM_OK);
    assert_int_equal(table.add_subscriber(table.ctx, &bob, NULL, 0), SSM_OK);
    assert_int_equal(table.add_subscriber(table.ctx, &carol, NULL, 0), SSM_OK);
    expect(NOW_S, LOG_WARNING, "the certificate of subscriber 'alice' expires in 5 days");
    expect(NOW_S, LOG_WARNING, "ssmctl subscriber remove alice");
}

/* Of each name the newest counts, and what nobody renewed for a month after its end is abandoned. */
static void test_issued_certificates(void **state)
{
    struct certificate_key_pair pair;
    struct report r;

    (void)state;
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, false, NOW_S), SSM_OK);
    ca_world_issue(&w, "bob", 50, &pair);
    ca_world_issue(&w, "alice", 10, &pair);
    ca_world_issue(&w, "alice", 100, &pair);
    expect_nothing(NOW_S + 5 * DAY_S);
    expect(NOW_S + 45 * DAY_S, LOG_WARNING, "the certificate issued to 'bob' expires in 5 days");
    expect(NOW_S + 45 * DAY_S, LOG_WARNING, "ssmctl ca renew --cert bob.crt --out DIR");
    r = report_at(NOW_S + 75 * DAY_S);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.lines[0].level, LOG_NOTICE);
    assert_non_null(strstr(r.lines[0].text, "alice"));
    assert_int_equal(r.lines[1].level, LOG_ERR);
    assert_non_null(strstr(r.lines[1].text, "bob"));
    expect(NOW_S + 80 * DAY_S, LOG_NOTICE, "alice");
}

/* How many lines the log gets. */
static size_t lines_logged(uint64_t now_s)
{
    char text[4096];
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t len;
    size_t lines = 0;

    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    expiry_log_daily(&expiry, now_s);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    len = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static void test_the_log_gets_each_line_once_a_day(void **state)
{
    const uint64_t day_s = (NOW_S / DAY_S + 390) * DAY_S;

    (void)state;
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, false, NOW_S), SSM_OK);
    assert_int_equal(lines_logged(day_s), 1);
    assert_int_equal(lines_logged(day_s + 1), 0);
    assert_int_equal(lines_logged(day_s + DAY_S - 1), 0);
    assert_int_equal(lines_logged(day_s + DAY_S), 1);
    assert_int_equal(lines_logged(day_s), 1); /* the clock was set back */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, setup, ca_world_teardown, &w)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_expires_where_nothing_is),
        TEST(test_the_steps),
        TEST(test_the_ca_itself),
        TEST(test_configured_files),
        TEST(test_destinations),
        TEST(test_pinned_certificates),
        TEST(test_issued_certificates),
        TEST(test_the_log_gets_each_line_once_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
