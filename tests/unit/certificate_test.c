/* X.509 certificates: what is made says what was asked for, fits RFC 5280 and RFC 7925 4.4, and what is read
 * is refused unless it is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "certificate_make.h"
#include "seeded.h"

#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

#define NOW_S UINT64_C(1800000000)
#define DAY_S UINT64_C(86400)

/* A CA, and who it signs for. */
struct issuer {
    struct certificate_key_pair pair;
    struct certificate certificate;
};

static struct issuer make_issuer(const char *name)
{
    struct issuer i;
    struct certificate_plan plan = {.use = CERTIFICATE_FOR_CA,
                                    .common_name = name,
                                    .public_key = i.pair.public_key,
                                    .not_before_s = NOW_S,
                                    .not_after_s = NOW_S + 10 * DAY_S};

    assert_int_equal(certificate_make_key(&i.pair), SSM_OK);
    assert_int_equal(
        certificate_make(&plan,
                         &(struct certificate_signer){NULL, i.pair.private_key, i.pair.private_key_len},
                         &i.certificate),
        SSM_OK);
    return i;
}

static enum status try_make(const struct issuer *i, enum certificate_use use,
                            const struct certificate_names *names, const uint8_t *public_key,
                            struct certificate *out)
{
    struct certificate_plan plan = {.use = use,
                                    .common_name = "alice",
                                    .names = names,
                                    .public_key = public_key,
                                    .not_before_s = NOW_S,
                                    .not_after_s = NOW_S + DAY_S};

    return certificate_make(
        &plan, &(struct certificate_signer){&i->certificate, i->pair.private_key, i->pair.private_key_len},
        out);
}

static struct certificate make_client(const struct issuer *i, struct certificate_key_pair *pair)
{
    struct certificate c;

    assert_int_equal(certificate_make_key(pair), SSM_OK);
    assert_int_equal(try_make(i, CERTIFICATE_FOR_CLIENT, NULL, pair->public_key, &c), SSM_OK);
    return c;
}

static struct certificate_facts facts_of(const struct certificate *c)
{
    struct certificate_facts facts;

    assert_int_equal(certificate_read(c, &facts), SSM_OK);
    return facts;
}

static bool holds(const struct certificate *c, const void *bytes, size_t len)
{
    return memmem(c->der, c->len, bytes, len) != NULL;
}

static void test_a_ca_says_that_it_is_one(void **state)
{
    /* SEQUENCE { basicConstraints, critical TRUE, { CA TRUE, pathlen 0 } } (RFC 5280 4.2.1.9) */
    static const uint8_t constraints[] = {0x30, 0x12, 0x06, 0x03, 0x55, 0x1D, 0x13, 0x01, 0x01, 0xFF,
                                          0x04, 0x08, 0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x00};
    /* SEQUENCE { keyUsage, critical TRUE, keyCertSign } (4.2.1.3) */
    static const uint8_t usage[] = {0x30, 0x0E, 0x06, 0x03, 0x55, 0x1D, 0x0F, 0x01,
                                    0x01, 0xFF, 0x04, 0x04, 0x03, 0x02, 0x02, 0x04};
    struct issuer i = make_issuer("home CA");
    struct certificate_facts facts = facts_of(&i.certificate);

    (void)state;
    assert_true(facts.is_ca);
    assert_int_equal(facts.key, CERTIFICATE_KEY_P256);
    assert_int_equal(facts.key_bits, 256);
    assert_memory_equal(facts.public_key, i.pair.public_key, sizeof facts.public_key);
    assert_int_equal(facts.common_name_len, 7);
    assert_memory_equal(facts.common_name, "home CA", 7);
    assert_int_equal(facts.not_before_s, NOW_S);
    assert_int_equal(facts.not_after_s, NOW_S + 10 * DAY_S);
    assert_true(holds(&i.certificate, constraints, sizeof constraints));
    assert_true(holds(&i.certificate, usage, sizeof usage));
}

static void test_a_client_certificate_has_what_it_needs_and_no_more(void **state)
{
    /* SEQUENCE { keyUsage, critical TRUE, digitalSignature } */
    static const uint8_t usage[] = {0x30, 0x0E, 0x06, 0x03, 0x55, 0x1D, 0x0F, 0x01,
                                    0x01, 0xFF, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80};
    /* SEQUENCE { extKeyUsage, { id-kp-clientAuth } } */
    static const uint8_t purpose[] = {0x30, 0x13, 0x06, 0x03, 0x55, 0x1D, 0x25, 0x04, 0x0C, 0x30, 0x0A,
                                      0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
    static const uint8_t constraints[] = {0x06, 0x03, 0x55, 0x1D, 0x13};
    static const uint8_t names[] = {0x06, 0x03, 0x55, 0x1D, 0x11};
    static const uint8_t subject_key[] = {0x06, 0x03, 0x55, 0x1D, 0x0E};
    static const uint8_t authority_key[] = {0x06, 0x03, 0x55, 0x1D, 0x23};
    static const uint8_t ecdsa_sha256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
    static const uint8_t version_3[] = {0xA0, 0x03, 0x02, 0x01, 0x02};
    struct issuer i = make_issuer("home CA");
    struct certificate_key_pair pair;
    struct certificate c = make_client(&i, &pair);

    (void)state;
    assert_true(holds(&c, usage, sizeof usage));
    assert_true(holds(&c, purpose, sizeof purpose));
    assert_true(holds(&c, subject_key, sizeof subject_key));
    assert_true(holds(&c, authority_key, sizeof authority_key));
    assert_true(holds(&c, ecdsa_sha256, sizeof ecdsa_sha256));
    assert_true(holds(&c, version_3, sizeof version_3));
    assert_false(holds(&c, constraints, sizeof constraints));
    assert_false(holds(&c, names, sizeof names));
    assert_false(facts_of(&c).is_ca);
}

/* Positive, 20 octets at most (RFC 5280 4.1.2.2), and never the same. */
static void test_serials_are_random_and_positive(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct certificate_key_pair pair;
    uint8_t before[CERTIFICATE_SERIAL_MAX] = {0};

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct certificate c = make_client(&i, &pair);
        struct certificate_facts facts = facts_of(&c);
        const uint8_t integer[] = {0x02, 0x14, facts.serial[0]};

        assert_int_equal(facts.serial_len, 20);
        assert_true(facts.serial[0] >= 0x40 && facts.serial[0] < 0x80);
        assert_true(holds(&c, integer, sizeof integer));
        assert_memory_not_equal(facts.serial, before, sizeof before);
        memcpy(before, facts.serial, sizeof before);
    }
}

static void test_clients_are_known_by_signature_and_use(void **state)
{
    static const struct certificate_names names = {.list = {"gateway"}, .count = 1};
    struct issuer i = make_issuer("home CA");
    struct issuer other = make_issuer("home CA");
    struct certificate_key_pair pair;
    struct certificate client = make_client(&i, &pair);
    struct certificate server;

    (void)state;
    assert_int_equal(try_make(&i, CERTIFICATE_FOR_SERVER, &names, pair.public_key, &server), SSM_OK);
    assert_true(certificate_is_client_of(&client, &i.certificate)); /* its dates lie far off */
    assert_false(certificate_is_client_of(&client, &other.certificate));
    assert_false(certificate_is_client_of(&server, &i.certificate));
    client.der[client.len - 1] ^= 1;
    assert_false(certificate_is_client_of(&client, &i.certificate));
}

/* 0: the certificate is for that name. */
static uint32_t name_fault(const struct issuer *i, const struct certificate *c, const char *name)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt ca;
    uint32_t flags = 0;

    mbedtls_x509_crt_init(&crt);
    mbedtls_x509_crt_init(&ca);
    assert_int_equal(mbedtls_x509_crt_parse_der(&crt, c->der, c->len), 0);
    assert_int_equal(mbedtls_x509_crt_parse_der(&ca, i->certificate.der, i->certificate.len), 0);
    (void)mbedtls_x509_crt_verify(&crt, &ca, NULL, name, &flags, NULL, NULL);
    mbedtls_x509_crt_free(&crt);
    mbedtls_x509_crt_free(&ca);
    return flags & MBEDTLS_X509_BADCERT_CN_MISMATCH;
}

static void test_servers_have_their_names_and_addresses(void **state)
{
    /* [7] and the bytes of the address (RFC 5280 4.2.1.6) */
    static const uint8_t ipv4[] = {0x87, 0x04, 192, 0, 2, 1};
    static const uint8_t ipv6[] = {0x87, 0x10, 0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    static const struct certificate_names names = {
        .list = {"gw.example", "*.gw.example", "192.0.2.1", "2001:db8::1"}, .count = 4};
    struct issuer i = make_issuer("home CA");
    struct certificate c;

    (void)state;
    assert_int_equal(try_make(&i, CERTIFICATE_FOR_SERVER, &names, i.pair.public_key, &c), SSM_OK);
    assert_int_equal(name_fault(&i, &c, "gw.example"), 0);
    assert_int_equal(name_fault(&i, &c, "kitchen.gw.example"), 0);
    assert_int_not_equal(name_fault(&i, &c, "other.example"), 0);
    assert_int_not_equal(name_fault(&i, &c, "alice"), 0); /* the common name does not count then */
    assert_true(holds(&c, ipv4, sizeof ipv4));
    assert_true(holds(&c, ipv6, sizeof ipv6));
}

static void test_names_that_do_not_fit_are_refused(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct certificate_names names = {.count = CERTIFICATE_NAMES_MAX};
    struct certificate c;
    char pem[CERTIFICATE_PEM_MAX + 1];

    (void)state;
    for (size_t n = 0; n < CERTIFICATE_NAMES_MAX; n++)
        snprintf(names.list[n], sizeof names.list[n], "%066zu", n);
    assert_int_equal(try_make(&i, CERTIFICATE_FOR_SERVER, &names, i.pair.public_key, &c), SSM_OK);
    assert_true(c.len > 3000);
    certificate_to_pem(&c, pem);
    c.len = CERTIFICATE_DER_MAX; /* the longest that there can be fits as well */
    certificate_to_pem(&c, pem);
    assert_true(strlen(pem) <= CERTIFICATE_PEM_MAX);
}

static void test_a_public_key_has_to_be_a_point_of_the_curve(void **state)
{
    struct issuer i = make_issuer("home CA");
    uint8_t key[CERTIFICATE_PUBLIC_KEY_LEN];
    struct certificate c;

    (void)state;
    memcpy(key, i.pair.public_key, sizeof key);
    key[sizeof key - 1] ^= 1;
    assert_int_equal(try_make(&i, CERTIFICATE_FOR_CLIENT, NULL, key, &c), SSM_MALFORMED);
    memset(key, 0, sizeof key);
    assert_int_equal(try_make(&i, CERTIFICATE_FOR_CLIENT, NULL, key, &c), SSM_MALFORMED);
}

static void test_pem_comes_back(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct certificate back;
    char two[2 * CERTIFICATE_PEM_MAX + 2];
    char pem[CERTIFICATE_PEM_MAX + 1];

    (void)state;
    certificate_to_pem(&i.certificate, pem);
    assert_int_equal(certificate_from_pem(pem, strlen(pem), &back), SSM_OK);
    assert_int_equal(back.len, i.certificate.len);
    assert_memory_equal(back.der, i.certificate.der, back.len);
    snprintf(two, sizeof two, "%s%s", pem, pem);
    assert_int_equal(certificate_from_pem(two, strlen(two), &back), SSM_OK);
    assert_int_equal(back.len, i.certificate.len);
    assert_int_equal(certificate_from_pem("", 0, &back), SSM_MALFORMED);
    assert_int_equal(certificate_from_pem("hello", 5, &back), SSM_MALFORMED);
    for (size_t len = 0; len + 10 < strlen(pem); len += 7)
        assert_int_equal(certificate_from_pem(pem, len, &back), SSM_MALFORMED);
}

static void test_what_is_not_whole_is_refused(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct certificate c = i.certificate;
    struct certificate_facts facts;

    (void)state;
    for (c.len = 0; c.len < i.certificate.len; c.len++)
        assert_int_equal(certificate_read(&c, &facts), SSM_MALFORMED);
    c.der[c.len++] = 0; /* one byte too many */
    assert_int_equal(certificate_read(&c, &facts), SSM_MALFORMED);
}

/* Whatever comes out of a damaged certificate keeps to its bounds, and no damage passes for the CA's
 * signature. */
static void test_damaged_certificates(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct certificate_key_pair pair;
    const struct certificate client = make_client(&i, &pair);

    (void)state;
    seeded_start();
    for (int round = 0; round < 2000; round++) {
        struct certificate c = client;
        struct certificate_facts facts;

        for (int flips = 0; flips < 3; flips++)
            c.der[seeded_u32() % c.len] ^= (uint8_t)(1 + seeded_u32() % 255);
        if (memcmp(c.der, client.der, c.len) == 0 || certificate_read(&c, &facts) != SSM_OK)
            continue;
        assert_true(facts.serial_len <= CERTIFICATE_SERIAL_MAX);
        assert_true(facts.common_name_len <= CERTIFICATE_COMMON_NAME_MAX);
        assert_false(certificate_is_client_of(&c, &i.certificate));
    }
}

static void test_keys_belong_to_their_certificates(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct issuer other = make_issuer("home CA");
    struct certificate_chain chain;
    char pem[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];

    (void)state;
    certificate_to_pem(&i.certificate, pem);
    assert_int_equal(certificate_key_to_pem(i.pair.private_key, i.pair.private_key_len, key), SSM_OK);
    assert_int_equal(certificate_check_key(pem, strlen(pem) + 1, key, strlen(key) + 1), SSM_OK);
    assert_int_equal(certificate_check_key(pem, strlen(pem) + 1, pem, strlen(pem) + 1), SSM_MALFORMED);
    assert_int_equal(certificate_key_to_pem(other.pair.private_key, other.pair.private_key_len, key), SSM_OK);
    assert_int_equal(certificate_check_key(pem, strlen(pem) + 1, key, strlen(key) + 1), SSM_BAD_TAG);
    assert_int_equal(certificate_read_chain(pem, strlen(pem) + 1, &chain), SSM_OK);
    assert_int_equal(chain.not_after_s, NOW_S + 10 * DAY_S);
    assert_true(chain.are_all_ca);
    assert_int_equal(certificate_read_chain("", 1, &chain), SSM_MALFORMED);
}

/* A chain ends with the first of its certificates, and one that is no CA's makes it a chain not of CAs alone.
 */
static void test_chains(void **state)
{
    struct issuer i = make_issuer("home CA");
    struct certificate_key_pair pair;
    struct certificate client = make_client(&i, &pair);
    struct certificate_chain chain;
    char pem[2 * CERTIFICATE_PEM_MAX + 2];

    (void)state;
    certificate_to_pem(&i.certificate, pem);
    certificate_to_pem(&client, pem + strlen(pem));
    assert_int_equal(certificate_read_chain(pem, strlen(pem) + 1, &chain), SSM_OK);
    assert_int_equal(chain.not_after_s, NOW_S + DAY_S);
    assert_true(chain.first.is_ca);
    assert_false(chain.are_all_ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ca_says_that_it_is_one),
        cmocka_unit_test(test_a_client_certificate_has_what_it_needs_and_no_more),
        cmocka_unit_test(test_serials_are_random_and_positive),
        cmocka_unit_test(test_clients_are_known_by_signature_and_use),
        cmocka_unit_test(test_servers_have_their_names_and_addresses),
        cmocka_unit_test(test_names_that_do_not_fit_are_refused),
        cmocka_unit_test(test_a_public_key_has_to_be_a_point_of_the_curve),
        cmocka_unit_test(test_pem_comes_back),
        cmocka_unit_test(test_what_is_not_whole_is_refused),
        cmocka_unit_test(test_damaged_certificates),
        cmocka_unit_test(test_keys_belong_to_their_certificates),
        cmocka_unit_test(test_chains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
