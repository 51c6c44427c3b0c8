/* ssmctl about certificates: what it asks for, and the files that it reads and writes. */
#include "ssmctl_world.h"

static struct temporary dir;

/* A self-signed certificate in DIR/old.crt, followed by its key, as some programs write it. */
static void make_old(const char *name, char certificate[CERTIFICATE_PEM_MAX + 1])
{
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
    char text[CERTIFICATE_PEM_MAX + CERTIFICATE_PRIVATE_KEY_PEM_MAX];

    make_pair(name, certificate, key);
    snprintf(text, sizeof text, "%s%s", certificate, key);
    write_file(temporary_file(&dir, "old.crt"), text, 0600);
}

/* What a file of the directory holds; "": there is none. */
static const char *content_of(const char *name)
{
    static char text[4096];
    FILE *file = fopen(temporary_file(&dir, name), "r");
    size_t len = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);

    if (file != NULL)
        fclose(file);
    text[len] = '\0';
    return text;
}

/* The field of the request with that number. */
static const char *sent(const struct server *s, size_t number, const char *field)
{
    static char text[2048];
    json_t *request = json_loads(s->requests[number], 0, NULL);
    const char *value = json_string_value(json_object_get(request, field));

    snprintf(text, sizeof text, "%s", value == NULL ? "" : value);
    json_decref(request);
    return text;
}

static void wrong_usage_of_certificates_exits_with_2(void **state)
{
    (void)state;
    assert_fails("subscriber add a --node k --cert f --subject s", 2, "usage: ssmctl subscriber add");
    assert_fails("subscriber add a --node k --cert f --psk-file p", 2, "usage: ssmctl subscriber add");
    assert_fails("ca issue alice", 2, "usage: ssmctl ca issue NAME");
    assert_fails("ca issue --out d", 2, "usage: ssmctl ca issue NAME");
    assert_fails("ca issue ../alice --out d", 2, "'../alice' is no name");
    assert_fails("ca issue alice --out d --days 7301", 2, "'7301' is no number of days");
    assert_fails("ca renew --cert f", 2, "usage: ssmctl ca renew");
    assert_fails("ca renew --out d", 2, "usage: ssmctl ca renew");
    assert_fails("ca renew --cert f --out d --name n", 2, "usage: ssmctl ca renew");
    assert_fails("ca show --replace", 2, "usage: ssmctl ca show");
    assert_fails("ca renew --replace", 2, "usage: ssmctl ca renew");
}

static void requests_of_the_ca_are_what_was_typed(void **state)
{
    static const char reply[] =
        "{\"ok\":true,\"ca\":{\"name\":\"gw "
        "CA\",\"serial\":\"40\",\"not_after_s\":1800000000,\"expires_s\":864000},"
        "\"gateway\":{\"name\":\"gw\",\"serial\":\"41\",\"not_after_s\":1800000000,\"expires_s\":0},"
        "\"issued\":[{\"name\":\"alice\",\"serial\":\"42\",\"not_after_s\":1800000000,\"expires_s\":-5}]}\n";
    static const char table[] = "KIND     NAME   EXPIRES     LEFT     SERIAL\n"
                                "ca       gw CA  2027-01-15  10 days  40\n"
                                "gateway  gw     2027-01-15  expired  41\n"
                                "issued   alice  2027-01-15  expired  42\n";
    struct server s;
    struct outcome o;

    (void)state;
    assert_answer(reply, "ca show", "{'op':'ca show'}", table);
    assert_answer(reply, "ca renew --days 30 --name b", "{'op':'ca renew','days':30,'names':['b']}", table);
    o = run_with(&s, (const char *const[]){reply, NULL}, "ca init --name a --name 192.0.2.1 --replace",
                 "{'op':'ca init','names':['a','192.0.2.1'],'replace':true}");
    assert_non_null(strstr(o.out, "ssmctl ca export > ca.crt"));
    assert_non_null(strstr(o.out, "What an earlier CA issued is worthless now"));
    outcome_free(&o);
    assert_answer("{\"ok\":true,\"certificate\":\"PEM\\n\"}\n", "ca export", "{'op':'ca export'}", "PEM\n");
}

static void a_subscriber_may_have_a_certificate_or_a_subject(void **state)
{
    char line[256];
    char pem[CERTIFICATE_PEM_MAX + 1];
    struct server s;
    struct outcome o;

    (void)state;
    make_old("alice", pem);
    snprintf(line, sizeof line, "subscriber add alice --node k --cert %s/old.crt", dir.path);
    o = run_against(&s,
                    (const char *const[]){"{\"ok\":true,\"name\":\"alice\",\"not_after_s\":1800086400,"
                                          "\"nodes\":[{\"port\":20000}]}\n",
                                          NULL},
                    line);
    assert_string_equal(sent(&s, 0, "certificate"), pem); /* the certificate, and not the key behind it */
    assert_string_equal(sent(&s, 0, "psk"), "");
    assert_non_null(strstr(o.out, "subscriber alice, certificate expires 2027-01-16\n"));
    assert_non_null(strstr(o.out, "coap-client-openssl -m get -c /tmp/"));
    assert_non_null(strstr(o.out, "/old.crt -j KEY -C CA coaps://ADDRESS:20000/.well-known/core"));
    outcome_free(&o);
    o = run_with(&s, (const char *const[]){"{\"ok\":true,\"name\":\"eve\",\"nodes\":[]}\n", NULL},
                 "subscriber add eve --node k --subject Eve",
                 "{'op':'subscriber add','name':'eve','nodes':['k'],'subject':'Eve'}");
    assert_int_equal(o.code, SSMCTL_OK);
    outcome_free(&o);
}

static void what_is_no_certificate_is_refused(void **state)
{
    char line[128];
    char pem[CERTIFICATE_PEM_MAX + 1];

    (void)state;
    snprintf(line, sizeof line, "subscriber add alice --node k --cert %s/old.crt", dir.path);
    assert_fails(line, 1, "cannot read certificate");
    write_file(temporary_file(&dir, "old.crt"), "0\x82\x01", 0600);
    assert_fails(line, 1, "openssl x509 -inform DER");
    make_old("two words", pem);
    snprintf(line, sizeof line, "ca renew --cert %s/old.crt --out %s", dir.path, dir.path);
    assert_fails(line, 1, "was not made by `ssmctl ca issue`");
}

static const char *const issuing[] = {
    "{\"ok\":true,\"certificate\":\"CA\\n\"}\n",
    "{\"ok\":true,\"name\":\"alice\",\"certificate\":\"ISSUED\\n\",\"not_after_s\":1800000000}\n",
    NULL,
};

/* `ca issue alice`, or `ca renew` of DIR/old.crt, into DIR/out. */
static struct outcome run_files(struct server *s, const char *const *replies, const char *what)
{
    char line[256];

    snprintf(line, sizeof line, "%s --out %s/out", what, dir.path);
    return run_against(s, replies, line);
}

static void remove_out(void)
{
    static const char *const names[] = {"out/alice.crt", "out/alice.key", "out/ca.crt"};

    for (size_t i = 0; i < 3; i++)
        unlink(temporary_file(&dir, names[i]));
    rmdir(temporary_file(&dir, "out"));
}

static void a_certificate_is_issued_into_files(void **state)
{
    struct server s;
    struct outcome o;
    struct stat st;

    (void)state;
    o = run_files(&s, issuing, "ca issue alice");
    assert_string_equal(o.err, "");
    assert_int_equal(o.code, SSMCTL_OK);
    assert_string_equal(sent(&s, 0, "op"), "ca export");
    assert_string_equal(sent(&s, 1, "op"), "ca issue");
    assert_int_equal(strlen(sent(&s, 1, "public_key")), 182);
    assert_null(strstr(s.requests[1], "PRIVATE"));
    assert_string_equal(content_of("out/alice.crt"), "ISSUED\n");
    assert_string_equal(content_of("out/ca.crt"), "CA\n");
    assert_memory_equal(content_of("out/alice.key"), "-----BEGIN EC PRIVATE KEY-----\n", 31);
    assert_null(strstr(o.out, "BEGIN"));
    assert_int_equal(stat(temporary_file(&dir, "out/alice.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    outcome_free(&o);
    remove_out();
}

/* Not even when only one of the files is there, and before anything is issued. */
static void no_file_is_overwritten(void **state)
{
    static const char *const taken[] = {"out/alice.crt", "out/alice.key", "out/ca.crt"};
    struct server s;
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mkdir(temporary_file(&dir, "out"), 0700), 0);
        write_file(temporary_file(&dir, taken[i]), "mine", 0600);
        o = run_files(&s, issuing, "ca issue alice");
        assert_int_equal(o.code, SSMCTL_REFUSED);
        assert_non_null(strstr(o.err, strchr(taken[i], '/') + 1));
        assert_int_equal(s.count, 1); /* ca export alone */
        for (size_t other = 0; other < 3; other++)
            assert_string_equal(content_of(taken[other]), other == i ? "mine" : "");
        outcome_free(&o);
        remove_out();
    }
}

/* DIR/ca.crt is the CA's. */
static void nobody_is_called_as_the_ca(void **state)
{
    struct server s;
    struct outcome o;

    (void)state;
    o = run_files(&s, issuing, "ca issue ca");
    assert_int_equal(o.code, SSMCTL_REFUSED);
    assert_non_null(strstr(o.err, "cannot be called 'ca'"));
    assert_int_equal(s.count, 1);
    assert_int_equal(access(temporary_file(&dir, "out"), F_OK), -1);
    outcome_free(&o);
}

static void a_refusal_leaves_no_file(void **state)
{
    static const char *const replies[] = {"{\"ok\":true,\"certificate\":\"CA\\n\"}\n",
                                          "{\"ok\":false,\"error\":\"the CA has expired\"}\n", NULL};
    struct server s;
    struct outcome o;

    (void)state;
    o = run_files(&s, replies, "ca issue alice");
    assert_int_equal(o.code, SSMCTL_REFUSED);
    assert_string_equal(o.err, "ssmctl: the CA has expired\n");
    assert_int_equal(rmdir(temporary_file(&dir, "out")), 0); /* it is empty */
    outcome_free(&o);
}

static void a_certificate_is_renewed_under_its_name(void **state)
{
    struct server s;
    struct outcome o;
    char pem[CERTIFICATE_PEM_MAX + 1];
    char what[128];

    (void)state;
    make_old("alice", pem);
    snprintf(what, sizeof what, "ca renew --cert %s/old.crt --days 9", dir.path);
    o = run_files(&s, issuing, what);
    assert_string_equal(o.err, "");
    assert_non_null(strstr(s.requests[1], "\"days\":9"));
    assert_memory_equal(sent(&s, 1, "certificate"), "-----BEGIN CERTIFICATE-----\n", 28);
    assert_string_equal(content_of("out/alice.crt"), "ISSUED\n");
    assert_string_equal(content_of("out/alice.key"), "");
    outcome_free(&o);
    remove_out();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, temporary_setup, temporary_teardown, &dir)
    static const struct CMUnitTest TESTS[] = {
        TEST(wrong_usage_of_certificates_exits_with_2),
        TEST(requests_of_the_ca_are_what_was_typed),
        TEST(a_subscriber_may_have_a_certificate_or_a_subject),
        TEST(what_is_no_certificate_is_refused),
        TEST(a_certificate_is_issued_into_files),
        TEST(no_file_is_overwritten),
        TEST(nobody_is_called_as_the_ca),
        TEST(a_refusal_leaves_no_file),
        TEST(a_certificate_is_renewed_under_its_name),
    };

    return cmocka_run_group_tests_name("ssmctl_ca", TESTS, NULL, NULL);
}
