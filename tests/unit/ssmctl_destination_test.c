/* ssmctl about destinations: what it asks for, and the files that it reads. */
#include "ssmctl_world.h"

#include "store.h"

static struct temporary dir;

/* Writes texts one after the other into a file of the directory; `texts` ends with NULL. */
static void write_texts(const char *name, const char *const *texts)
{
    FILE *file = fopen(temporary_file(&dir, name), "w");

    assert_non_null(file);
    for (; *texts != NULL; texts++)
        fputs(*texts, file);
    fclose(file);
    assert_int_equal(chmod(temporary_file(&dir, name), 0600), 0);
}
#define WRITE(name, ...) write_texts(name, (const char *const[]){__VA_ARGS__, NULL})

/* The line with each '@' replaced by the directory. */
static const char *line_of(const char *text)
{
    static char line[500];
    size_t len = 0;

    for (; *text != '\0'; text++)
        if (*text == '@')
            len += (size_t)snprintf(line + len, sizeof line - len, "%s/", dir.path);
        else
            line[len++] = *text;
    line[len] = '\0';
    return line;
}

static void wrong_usage_of_destinations_exits_with_2(void **state)
{
    static const char *const rests[] = {"",
                                        "--identity i",
                                        "--psk-file p",
                                        "--cert c --key k",
                                        "--ca a --cert c",
                                        "--ca a --key k",
                                        "--ca a --identity i --psk-file p",
                                        "--identity i --psk-file p --key k",
                                        "--ca a --subject s",
                                        "--ca a --node n",
                                        "word --ca a"};
    char line[100];

    (void)state;
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        snprintf(line, sizeof line, "destination add k coaps://s %s", rests[i]);
        assert_fails(line, 2, "usage: ssmctl destination add NODE URI");
    }
    assert_fails("destination add k", 2, "usage: ssmctl destination add");
    assert_fails("destination add k --ca a", 2, "usage: ssmctl destination add");
    assert_fails("destination list k l", 2, "usage: ssmctl destination list [NODE]");
    assert_fails("destination remove k", 2, "usage: ssmctl destination remove NODE URI");
    assert_fails("destination add ../k coaps://s --ca a", 2, "'../k' is no name");
    assert_fails("destination add k coap://s --ca a", 2, "'coap://s' does not begin with coaps://");
    assert_fails("destination remove k coaps://s/t", 2, "'coaps://s/t' has a path");
    assert_fails("destination add k coaps://s:0 --ca a", 2, "has a port that is no number from 1 to 65535");
}

static void lists_and_removals_are_what_was_typed(void **state)
{
    static const char reply[] =
        "{\"ok\":true,\"destinations\":["
        "{\"node\":\"k\",\"uri\":\"coaps://s\",\"credential\":\"psk\",\"identity\":\"gw\"},"
        "{\"node\":\"attic\",\"uri\":\"coaps://[2001:db8::1]:7\",\"credential\":\"gateway\",\"not_after_s\":"
        "1800000000,\"expires_s\":864000}]}\n";
    static const char table[] = "NODE   SERVER                   CREDENTIAL  IDENTITY  EXPIRES     LEFT\n"
                                "k      coaps://s                psk         gw        -           -\n"
                                "attic  coaps://[2001:db8::1]:7  gateway     -         2027-01-15  10 days\n";
    struct server s;
    struct outcome o;
    json_t *shown;

    (void)state;
    assert_answer(reply, "destination list", "{'op':'destination list'}", table);
    assert_answer(reply, "destination list k", "{'op':'destination list','node':'k'}", table);
    o = run_with(&s, (const char *const[]){reply, NULL}, "-o json destination list",
                 "{'op':'destination list'}");
    shown = json_loads(o.out, 0, NULL);
    assert_int_equal(json_array_size(shown), 2);
    json_decref(shown);
    outcome_free(&o);
    assert_answer("{\"ok\":true,\"node\":\"k\",\"uri\":\"coaps://s\"}\n",
                  "destination remove k coaps://S:5684",
                  "{'op':'destination remove','node':'k','uri':'coaps://S:5684'}",
                  "destination coaps://s of node k removed\n");
}

static void a_key_is_read_from_its_file(void **state)
{
    (void)state;
    WRITE("psk", "sixteen byte key\n");
    assert_answer(
        "{\"ok\":true,\"node\":\"k\",\"uri\":\"coaps://s\",\"credential\":\"psk\"}\n",
        line_of("destination add k coaps://s --identity gw --psk-file @psk"),
        "{'op':'destination add','node':'k','uri':'coaps://s','identity':'gw','psk':'sixteen byte key'}",
        "node k may have sessions with coaps://s\n");
    WRITE("psk", "too short\n");
    assert_fails(line_of("destination add k coaps://s --identity gw --psk-file @psk"), 1, "16 to 32 bytes");
}

/* What was asked for. */
static json_t *request_of(const char *text)
{
    static const char *const replies[] = {"{\"ok\":true,\"node\":\"k\",\"uri\":\"coaps://s\",\"credential\":"
                                          "\"gateway\",\"not_after_s\":1800000000}\n",
                                          NULL};
    struct server s;
    struct outcome o = run_against(&s, replies, line_of(text));

    assert_string_equal(o.err, "");
    assert_string_equal(o.out, "node k may have sessions with coaps://s, certificate expires 2027-01-15\n");
    outcome_free(&o);
    return json_loads(s.requests[0], 0, NULL);
}

static void assert_text(const json_t *request, const char *field, const char *expected)
{
    const char *text = json_string_value(json_object_get(request, field));

    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text, expected);
}

/* All that is in the files is certificates or a key, whatever stands between. */
static void certificates_and_keys_are_read_from_files(void **state)
{
    char first[CERTIFICATE_PEM_MAX + 1];
    char second[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
    char other_key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
    char both[sizeof first + sizeof second];
    json_t *request;

    (void)state;
    make_pair("gw", first, key);
    make_pair("gw", second, other_key);
    snprintf(both, sizeof both, "%s%s", first, second);
    WRITE("ca", "Certificate:\n    Data:\n", second);
    WRITE("chain", first, "between\n", second, other_key);
    WRITE("key", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n", key);
    request = request_of("destination add k coaps://s --ca @ca");
    assert_text(request, "op", "destination add");
    assert_text(request, "uri", "coaps://s");
    assert_text(request, "anchors", second);
    assert_text(request, "chain", NULL);
    assert_text(request, "private_key", NULL);
    json_decref(request);
    request = request_of("destination add k coaps://s --ca @chain --cert @chain --key @key");
    assert_text(request, "anchors", both);
    assert_text(request, "chain", both);
    assert_text(request, "private_key", key);
    json_decref(request);
}

static void files_that_do_not_fit_are_refused(void **state)
{
    char certificate[CERTIFICATE_PEM_MAX + 1];
    char other[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
    char other_key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];

    (void)state;
    make_pair("gw", certificate, key);
    make_pair("gw", other, other_key);
    WRITE("cert", certificate);
    WRITE("key", key);
    WRITE("other", other_key);
    WRITE("half", "-----BEGIN PRIVATE KEY-----\nMHc");
    WRITE("many", certificate, other, certificate, other, certificate, other, certificate, other, certificate,
          other);
    assert_fails(line_of("destination add k coaps://s --ca @none"), 1, "cannot read certificate");
    assert_fails(line_of("destination add k coaps://s --ca @key"), 1, "holds no certificate in PEM form");
    assert_fails(line_of("destination add k coaps://s --ca @many"), 1, "have more than 4096 characters");
    assert_fails(line_of("destination add k coaps://s --ca @cert --cert @cert --key @none"), 1,
                 "cannot read key");
    assert_fails(line_of("destination add k coaps://s --ca @cert --cert @cert --key @cert"), 1,
                 "holds no private key in PEM form, without a password");
    assert_fails(line_of("destination add k coaps://s --ca @cert --cert @cert --key @half"), 1,
                 "holds no private key");
    assert_fails(line_of("destination add k coaps://s --ca @cert --cert @cert --key @other"), 1,
                 "is not the key of the certificate");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, temporary_setup, temporary_teardown, &dir)
    static const struct CMUnitTest TESTS[] = {
        TEST(wrong_usage_of_destinations_exits_with_2),
        TEST(lists_and_removals_are_what_was_typed),
        TEST(a_key_is_read_from_its_file),
        TEST(certificates_and_keys_are_read_from_files),
        TEST(files_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests_name("ssmctl_destination", TESTS, NULL, NULL);
}
