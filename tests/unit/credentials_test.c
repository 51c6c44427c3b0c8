/* What the gateway proves itself with: files before the own CA, and a broken file never in the way of the
 * rest. */
#include "ca_world.h"

#include "credentials.h"
#include "foreign_certificates.h"

#include <stdlib.h>
#include <sys/stat.h>

static struct ca_world w;
static struct certificate_key_pair pair; /* of files_make's certificate */

static void write_file(char path[CONFIG_PATH_MAX], const char *name, const char *text)
{
    FILE *file;

    snprintf(path, CONFIG_PATH_MAX, "%s/%s", w.dir.path, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A certificate and its key, for 10 days, in files that are configured. */
static void files_make(void)
{
    static const struct certificate_names names = {.list = {"owner.example"}, .count = 1};
    struct certificate_plan plan = {.use = CERTIFICATE_FOR_SERVER,
                                    .common_name = "owner",
                                    .names = &names,
                                    .public_key = pair.public_key,
                                    .not_before_s = NOW_S,
                                    .not_after_s = NOW_S + 10 * DAY_S};
    struct certificate c;
    char pem[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];

    assert_int_equal(certificate_make_key(&pair), SSM_OK);
    assert_int_equal(
        certificate_make(&plan, &(struct certificate_signer){NULL, pair.private_key, pair.private_key_len},
                         &c),
        SSM_OK);
    certificate_to_pem(&c, pem);
    assert_int_equal(certificate_key_to_pem(pair.private_key, pair.private_key_len, key), SSM_OK);
    write_file(w.config.certificate, "gw.crt", pem);
    write_file(w.config.certificate_key, "gw.key", key);
}

static struct credentials load(struct credentials_ends *ends)
{
    struct credentials c;

    assert_int_equal(credentials_load(&w.config, w.ca.store, &c, ends), SSM_OK);
    return c;
}

/* Checks the files; what is said has to hold the text, NULL: nothing may be said. */
static void expect_verdict(bool fine, const char *text)
{
    char *said;
    size_t len;
    FILE *err = open_memstream(&said, &len);

    assert_int_equal(credentials_check(&w.config, "ssmd.conf", err), fine);
    fclose(err);
    if (text == NULL)
        assert_string_equal(said, "");
    else if (strstr(said, text) == NULL || strncmp(said, "ssmd.conf: ", 11) != 0)
        fail_msg("\"%s\" does not say \"%s\"", said, text);
    free(said);
}

static void test_nothing_is_configured(void **state)
{
    struct credentials_ends ends;
    struct credentials c = load(&ends);

    (void)state;
    assert_null(c.ecdsa.chain.text);
    assert_null(c.ecdsa.key.text);
    assert_null(c.rsa.chain.text);
    assert_null(c.client_ca.text);
    assert_int_equal(ends.certificate_s, 0);
    credentials_free(&c);
    expect_verdict(true, NULL);
}

static void test_the_own_ca_is_used(void **state)
{
    struct credentials_ends ends;
    struct credentials c;
    struct certificate_chain root;

    (void)state;
    assert_int_equal(ca_init(&w.ca, 10, &no_names, false, NOW_S), SSM_OK);
    c = load(&ends);
    assert_int_equal(c.ecdsa.chain.len, strlen(c.ecdsa.chain.text) + 1);
    assert_int_equal(c.ecdsa.key.len, strlen(c.ecdsa.key.text) + 1);
    assert_int_equal(
        certificate_check_key(c.ecdsa.chain.text, c.ecdsa.chain.len, c.ecdsa.key.text, c.ecdsa.key.len),
        SSM_OK);
    assert_int_equal(certificate_read_chain(c.client_ca.text, c.client_ca.len, &root), SSM_OK);
    assert_true(root.are_all_ca);
    assert_int_equal(ends.certificate_s, 0); /* that one is in the database */
    credentials_free(&c);
    assert_null(c.ecdsa.key.text);
}

static void test_files_win_over_the_own_ca(void **state)
{
    struct credentials_ends ends;
    struct credentials c;
    struct certificate_chain chain;

    (void)state;
    assert_int_equal(ca_init(&w.ca, 10, &no_names, false, NOW_S), SSM_OK);
    files_make();
    expect_verdict(true, NULL);
    c = load(&ends);
    assert_int_equal(certificate_read_chain(c.ecdsa.chain.text, c.ecdsa.chain.len, &chain), SSM_OK);
    assert_memory_equal(chain.first.public_key, pair.public_key, sizeof pair.public_key);
    assert_int_equal(ends.certificate_s, NOW_S + 10 * DAY_S);
    assert_non_null(c.client_ca.text); /* what the own CA issues counts all the same */
    credentials_free(&c);
}

static void test_configured_cas_are_trusted_besides_the_own(void **state)
{
    struct credentials_ends ends;
    struct credentials c;

    (void)state;
    write_file(w.config.client_ca, "ca.crt", RSA_2048_CERTIFICATE);
    c = load(&ends);
    assert_string_equal(c.client_ca.text, RSA_2048_CERTIFICATE);
    assert_true(ends.client_ca_s > NOW_S);
    credentials_free(&c);
    assert_int_equal(ca_init(&w.ca, 10, &no_names, false, NOW_S), SSM_OK);
    c = load(&ends);
    assert_memory_equal(c.client_ca.text, RSA_2048_CERTIFICATE, strlen(RSA_2048_CERTIFICATE));
    assert_true(c.client_ca.len > sizeof RSA_2048_CERTIFICATE + 200);
    assert_int_equal(c.client_ca.len, strlen(c.client_ca.text) + 1);
    credentials_free(&c);
}

static void test_rsa_is_a_pair_of_its_own(void **state)
{
    struct credentials_ends ends;
    struct credentials c;

    (void)state;
    write_file(w.config.rsa_certificate, "rsa.crt", RSA_2048_CERTIFICATE);
    write_file(w.config.rsa_certificate_key, "rsa.key", RSA_2048_KEY);
    expect_verdict(true, NULL);
    c = load(&ends);
    assert_string_equal(c.rsa.key.text, RSA_2048_KEY);
    assert_null(c.ecdsa.chain.text);
    credentials_free(&c);
}

/* None of them keeps the rest from being loaded, and each is named. */
static void test_broken_files(void **state)
{
    struct credentials_ends ends;
    struct credentials c;

    (void)state;
    write_file(w.config.client_ca, "ca.crt", RSA_2048_CERTIFICATE);
    files_make();
    write_file(w.config.certificate_key, "gw.key", RSA_2048_KEY);
    expect_verdict(false, "gw.key' is not the key of the certificate in certificate");
    write_file(w.config.certificate_key, "gw.key", "no key");
    expect_verdict(false, "certificate_key: '");
    c = load(&ends);
    assert_null(c.ecdsa.chain.text);
    assert_int_equal(ends.certificate_s, 0);
    assert_non_null(c.client_ca.text);
    credentials_free(&c);
    write_file(w.config.certificate, "gw.crt", "");
    expect_verdict(false, "gw.crt' does not hold certificates in PEM form");
    write_file(w.config.certificate, "gw.crt", RSA_2048_CERTIFICATE);
    expect_verdict(false, "another key than ECDSA on the curve P-256");
    write_file(w.config.certificate, "gw.crt", P384_CERTIFICATE);
    expect_verdict(false, "another key than ECDSA on the curve P-256");
    unlink(w.config.certificate);
    expect_verdict(false, "gw.crt' cannot be read: No such file or directory");
    snprintf(w.config.certificate, sizeof w.config.certificate, "%s", w.dir.path);
    expect_verdict(false, "is not a file");
}

static void test_broken_rsa_files(void **state)
{
    (void)state;
    write_file(w.config.rsa_certificate_key, "rsa.key", RSA_2048_KEY);
    write_file(w.config.rsa_certificate, "rsa.crt", RSA_1024_CERTIFICATE);
    expect_verdict(false, "another key than RSA of 2048 bits or more");
    write_file(w.config.rsa_certificate, "rsa.crt", P384_CERTIFICATE);
    expect_verdict(false, "another key than RSA");
}

/* Whoever held such a certificate could otherwise be trusted as if it were a CA. */
static void test_only_cas_are_trusted(void **state)
{
    struct credentials_ends ends;
    struct credentials c;

    (void)state;
    files_make();
    memcpy(w.config.client_ca, w.config.certificate, CONFIG_PATH_MAX);
    expect_verdict(false, "client_ca: '");
    c = load(&ends);
    assert_null(c.client_ca.text);
    credentials_free(&c);
}

static void test_a_file_too_long_is_refused(void **state)
{
    char *text = malloc(70001);

    (void)state;
    memset(text, 'x', 70000);
    text[70000] = '\0';
    write_file(w.config.client_ca, "ca.crt", text);
    free(text);
    expect_verdict(false, "is too long: at most 65536 bytes");
}

/* Root reads everything: then there is nothing to see here. */
static void test_a_key_of_another_account_is_no_fault(void **state)
{
    (void)state;
    files_make();
    assert_int_equal(chmod(w.config.certificate_key, 0), 0);
    if (geteuid() == 0)
        expect_verdict(true, NULL);
    else
        expect_verdict(true, "gw.key' cannot be read: Permission denied, so it was not checked");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, ca_world_setup, ca_world_teardown, &w)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_configured),      TEST(test_the_own_ca_is_used),
        TEST(test_files_win_over_the_own_ca),  TEST(test_configured_cas_are_trusted_besides_the_own),
        TEST(test_rsa_is_a_pair_of_its_own),   TEST(test_broken_files),
        TEST(test_broken_rsa_files),           TEST(test_only_cas_are_trusted),
        TEST(test_a_file_too_long_is_refused), TEST(test_a_key_of_another_account_is_no_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
