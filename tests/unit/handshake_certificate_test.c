/*
 * The DTLS engine and peers' certificates, against the same library's client: who gets in, what the owner is
 * told, and which alert (RFC 5246 7.2.2) the others get.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/peer_mbedtls.c"
#include "handshake_world.h"

#include <mbedtls/md.h>
#include <stdio.h>

enum {
    CHAIN_MAX = 12,
    FRAGMENT_HEADER_LEN = 12, /* RFC 6347 4.2.2 */
    CERTIFICATE = 11,         /* RFC 5246 7.4 */
    CLIENT_KEY_EXCHANGE = 16,
};

/* ---- who gets in ---- */

static void a_certificate_of_the_ca_is_trusted(void **state)
{
    struct side *s = side_of(state);
    uint8_t fingerprint[HANDSHAKE_FINGERPRINT_LEN];
    mbedtls_x509_crt crt;

    connect_with(s, made.alice);
    side_assert_same_keys(s);
    assert_string_equal(peer_suite(s->peer), "TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8");
    assert_int_equal(s->claims_given, 1);
    assert_true(s->claim.is_trusted);
    assert_string_equal(s->common_name, "alice");
    mbedtls_x509_crt_init(&crt);
    test_must(
        mbedtls_x509_crt_parse(&crt, (const unsigned char *)made.alice->pem, strlen(made.alice->pem) + 1));
    test_must(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), crt.raw.p, crt.raw.len, fingerprint));
    assert_memory_equal(s->claim.fingerprint, fingerprint, sizeof fingerprint);
    mbedtls_x509_crt_free(&crt);
}

static void a_pinned_certificate_needs_no_ca(void **state)
{
    struct side *s = side_of(state);

    s->is_pinned = true;
    connect_with(s, made.self);
    side_assert_same_keys(s);
    assert_false(s->claim.is_trusted);
    assert_string_equal(s->common_name, "self");
}

static void without_a_ca_only_pinned_ones_get_in(void **state)
{
    const struct credentials credentials = {.ecdsa = credential_of(made.gateway)};
    struct side *s = side_of(state);

    set_credentials(*state, &credentials);
    connect_with(s, made.alice);
    side_assert_refused(s, UNKNOWN_CA, HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
    assert_false(s->claim.is_trusted);
    s = again(*state);
    s->is_pinned = true;
    connect_with(s, made.alice);
    side_assert_same_keys(s);
    assert_false(s->claim.is_trusted);
}

/* Whoever issued the gateway's certificate says nothing about subscribers. */
static void the_ca_of_the_gateway_is_not_trusted(void **state)
{
    struct test_certificate *root =
        test_certificate_make(&(struct test_plan){.subject = "CN=web", .is_ca = true});
    struct test_certificate *gateway = test_certificate_make(
        &(struct test_plan){.subject = "CN=gateway", .issuer = root, .is_for_servers = true});
    struct test_certificate *other =
        test_certificate_make(&(struct test_plan){.subject = "CN=other", .issuer = root});
    struct side *s = side_of(state);

    test_certificate_append(gateway, root);
    set_credentials(*state, &(struct credentials){.ecdsa = credential_of(gateway)});
    side_connect(s, &(struct peer_config){.suites = PEER_ECDSA,
                                          .ca = root->pem,
                                          .server_name = "gateway",
                                          .certificate = other->pem,
                                          .key = other->key});
    side_talk(s, SIDE_TURNS);
    side_assert_refused(s, UNKNOWN_CA, HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
    assert_int_equal(s->claims_given, 1);
    assert_false(s->claim.is_trusted);
    test_certificate_free(other);
    test_certificate_free(gateway);
    test_certificate_free(root);
}

static void a_foreign_certificate_gets_unknown_ca(void **state)
{
    struct test_certificate *root =
        test_certificate_make(&(struct test_plan){.subject = "CN=web", .is_ca = true});

    assert_refused_with(state, &(struct test_plan){.subject = "CN=alice"}, UNKNOWN_CA,
                        HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
    assert_refused_with(state, &(struct test_plan){.subject = "CN=alice", .issuer = root}, UNKNOWN_CA,
                        HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
    test_certificate_free(root);
}

static void no_certificate_gets_handshake_failure(void **state)
{
    struct side *s = side_of(state);

    side_connect(
        s, &(struct peer_config){.suites = PEER_ECDSA, .ca = made.gateway->pem, .server_name = "gateway"});
    side_talk(s, SIDE_TURNS);
    side_assert_refused(s, HANDSHAKE_FAILURE, HANDSHAKE_FAULT_NO_CERTIFICATE);
    assert_int_equal(s->claims_given, 0);
}

static void only_a_single_common_name_counts(void **state)
{
    struct test_certificate *none = test_certificate_make(&(struct test_plan){.subject = "O=alice"});
    struct test_certificate *two = test_certificate_make(&(struct test_plan){.subject = "CN=alice,OU=bob"});
    const struct test_certificate *const cases[] = {none, two};

    test_certificate_forge(two, "\x55\x04\x0B", "\x55\x04\x03"); /* RFC 5280 A.1: OU becomes CN */
    for (size_t i = 0; i < 2; i++) {
        struct side *s = again(*state);

        s->is_pinned = true;
        connect_with(s, cases[i]);
        side_assert_same_keys(s);
        assert_int_equal(s->claims_given, 1);
        assert_null(s->claim.common_name);
    }
    test_certificate_free(two);
    test_certificate_free(none);
}

/* ---- chains ---- */

/* CA, then `count` intermediates, then the client's, which has the others behind it. */
static struct test_certificate *chain_make(unsigned count, const struct test_plan *bad, unsigned bad_at)
{
    struct test_certificate *chain[CHAIN_MAX];
    const struct test_certificate *issuer = made.ca;

    assert_true(count <= CHAIN_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct test_plan plan = bad != NULL && i == bad_at ? *bad : (struct test_plan){0};
        char subject[24];

        snprintf(subject, sizeof subject, "CN=ca %u", i);
        plan.subject = subject;
        plan.issuer = issuer;
        plan.is_ca = bad == NULL || i != bad_at || bad->is_ca;
        issuer = chain[i] = test_certificate_make(&plan);
    }
    struct test_certificate *c =
        test_certificate_make(&(struct test_plan){.subject = "CN=alice", .issuer = issuer});
    for (unsigned i = count; i-- > 0;) {
        test_certificate_append(c, chain[i]);
        test_certificate_free(chain[i]);
    }
    return c;
}

static void a_chain_leads_to_the_ca(void **state)
{
    struct side *s = side_of(state);
    struct test_certificate *c = chain_make(3, NULL, 0);

    connect_with(s, c);
    side_assert_same_keys(s);
    assert_true(s->claim.is_trusted);
    test_certificate_free(c);
}

static void a_chain_that_is_too_long_gets_unknown_ca(void **state)
{
    struct side *s = side_of(state);
    struct test_certificate *c = chain_make(10, NULL, 0);

    connect_with(s, c);
    side_assert_refused(s, UNKNOWN_CA, HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
    test_certificate_free(c);
}

static void an_intermediate_is_judged_as_well(void **state)
{
    static const struct {
        struct test_plan plan;
        int alert;
        enum handshake_fault fault;
    } CASES[] = {
        {{.is_ca = true, .to = "20210101000000"}, CERTIFICATE_EXPIRED, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED},
        {{.is_ca = true, .curve = MBEDTLS_ECP_DP_SECP384R1},
         UNSUPPORTED_CERTIFICATE,
         HANDSHAKE_FAULT_CERTIFICATE_UNFIT},
        {{.is_ca = false}, UNKNOWN_CA, HANDSHAKE_FAULT_CERTIFICATE_FOREIGN},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct side *s = again(*state);
        struct test_certificate *c = chain_make(2, &CASES[i].plan, 1);

        connect_with(s, c);
        side_assert_refused(s, CASES[i].alert, CASES[i].fault);
        test_certificate_free(c);
    }
}

/* ---- bad certificates ---- */

static void a_certificate_out_of_its_time_gets_certificate_expired(void **state)
{
    const struct test_plan expired = {.subject = "CN=alice", .issuer = made.ca, .to = "20210101000000"};
    const struct test_plan early = {.subject = "CN=alice", .issuer = made.ca, .from = "20480101000000"};
    struct test_certificate *c;
    struct side *s;

    assert_refused_with(state, &expired, CERTIFICATE_EXPIRED, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED);
    assert_refused_with(state, &early, CERTIFICATE_EXPIRED, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED);
    s = again(*state);
    s->is_pinned = true; /* which is no way round it */
    c = test_certificate_make(&(struct test_plan){.subject = "CN=self", .to = "20210101000000"});
    connect_with(s, c);
    side_assert_refused(s, CERTIFICATE_EXPIRED, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED);
    test_certificate_free(c);
}

static void a_certificate_of_another_kind_gets_unsupported_certificate(void **state)
{
    const struct test_plan cases[] = {
        {.is_for_servers = true},
        {.usage = MBEDTLS_X509_KU_KEY_ENCIPHERMENT},
        {.curve = MBEDTLS_ECP_DP_SECP384R1},
        {.curve = MBEDTLS_ECP_DP_SECP521R1},
        {.curve = MBEDTLS_ECP_DP_BP256R1},
        {.curve = MBEDTLS_ECP_DP_SECP256K1},
        {.md = MBEDTLS_MD_SHA1},
        {.names_len = 6000},
        {.names_len = 15000},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_plan plan = cases[i];

        plan.subject = "CN=alice";
        plan.issuer = made.ca;
        assert_refused_with(state, &plan, UNSUPPORTED_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
    }
}

static void a_pinned_certificate_must_still_be_fit(void **state)
{
    const struct test_plan cases[] = {
        {.subject = "CN=self", .curve = MBEDTLS_ECP_DP_SECP384R1},
        {.subject = "CN=self", .is_for_servers = true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_certificate *c = test_certificate_make(&cases[i]);
        struct side *s = again(*state);

        s->is_pinned = true;
        connect_with(s, c);
        side_assert_refused(s, UNSUPPORTED_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
        test_certificate_free(c);
    }
}

/* It is longer than the library reassembles, and is passed over like a lost one. */
static void a_certificate_beyond_16_kb_ends_nothing(void **state)
{
    struct test_certificate *c = test_certificate_make(
        &(struct test_plan){.subject = "CN=alice", .issuer = made.ca, .names_len = 17000});
    struct side *s = side_of(state);

    connect_with(s, c);
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    assert_int_equal(s->claims_given, 0);
    test_certificate_free(c);
}

static void a_forged_signature_gets_bad_certificate(void **state)
{
    struct test_certificate *root =
        test_certificate_make(&(struct test_plan){.subject = "CN=subscribers", .is_ca = true});
    struct test_certificate *c =
        test_certificate_make(&(struct test_plan){.subject = "CN=alice", .issuer = made.ca});
    struct side *s = side_of(state);

    test_certificate_forge(c, NULL, NULL);
    connect_with(s, c);
    side_assert_refused(s, BAD_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
    assert_false(s->claim.is_trusted);
    assert_refused_with(state, &(struct test_plan){.subject = "CN=alice", .issuer = root}, BAD_CERTIFICATE,
                        HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
    test_certificate_free(c);
    test_certificate_free(root);
}

static void who_has_not_the_key_gets_decrypt_error(void **state)
{
    struct side *s = side_of(state);

    connect_key(s, made.alice, made.self->key);
    side_assert_refused(s, DECRYPT_ERROR, HANDSHAKE_FAULT_OTHER);
    assert_int_not_equal(s->result, HANDSHAKE_DONE);
}

/* ---- bad messages ---- */

/* The body of a plaintext message of this type, from its start; or NULL. */
static uint8_t *message_of(uint8_t *record, uint8_t type)
{
    uint8_t *message = record + RECORD_HEADER_LEN;
    const bool is_start = message[6] == 0 && message[7] == 0 && message[8] == 0;

    return record[0] == RECORD_HANDSHAKE && record[4] == 0 && message[0] == type && is_start
               ? message + FRAGMENT_HEADER_LEN
               : NULL;
}

static void spoil_der(struct side *s, uint8_t *record, size_t len)
{
    uint8_t *body = message_of(record, CERTIFICATE);

    (void)s, (void)len;
    if (body != NULL)
        body[6] = 0xFF; /* which was SEQUENCE */
}

static void spoil_list_length(struct side *s, uint8_t *record, size_t len)
{
    uint8_t *body = message_of(record, CERTIFICATE);

    (void)s, (void)len;
    if (body != NULL)
        body[2]++;
}

static void spoil_curve(struct side *s, uint8_t *record, size_t len)
{
    static const uint8_t P256[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}; /* RFC 5480 2.1.1.1 */
    uint8_t *at = message_of(record, CERTIFICATE) == NULL ? NULL : memmem(record, len, P256, sizeof P256);

    (void)s;
    if (at != NULL)
        at[7] = 0x7F;
}

static void spoil_type(struct side *s, uint8_t *record, size_t len)
{
    uint8_t *body = message_of(record, CERTIFICATE);

    (void)s, (void)len;
    if (body != NULL)
        record[RECORD_HEADER_LEN] = CLIENT_KEY_EXCHANGE;
}

static void spoil_point(struct side *s, uint8_t *record, size_t len)
{
    uint8_t *body = message_of(record, CLIENT_KEY_EXCHANGE);

    (void)s, (void)len;
    if (body != NULL)
        body[10] ^= 1;
}

static void spoil_exchange_type(struct side *s, uint8_t *record, size_t len)
{
    uint8_t *body = message_of(record, CLIENT_KEY_EXCHANGE);

    (void)s, (void)len;
    if (body != NULL)
        record[RECORD_HEADER_LEN] = CERTIFICATE;
}

static void a_bad_message_gets_its_alert(void **state)
{
    static const struct {
        void (*spoil)(struct side *s, uint8_t *record, size_t len);
        int alert;
        enum handshake_fault fault;
    } CASES[] = {
        {spoil_der, BAD_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT},
        {spoil_list_length, DECODE_ERROR, HANDSHAKE_FAULT_OTHER},
        {spoil_curve, UNSUPPORTED_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT},
        {spoil_type, UNEXPECTED_MESSAGE, HANDSHAKE_FAULT_OTHER},
        {spoil_point, DECODE_ERROR, HANDSHAKE_FAULT_OTHER},
        {spoil_exchange_type, UNEXPECTED_MESSAGE, HANDSHAKE_FAULT_OTHER},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct side *s = again(*state);

        s->on_record = CASES[i].spoil;
        connect_with(s, made.alice);
        side_assert_refused(s, CASES[i].alert, CASES[i].fault);
        assert_int_equal(s->keys_given, 0);
    }
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD(a_certificate_of_the_ca_is_trusted),
        WORLD(a_pinned_certificate_needs_no_ca),
        WORLD(without_a_ca_only_pinned_ones_get_in),
        WORLD(the_ca_of_the_gateway_is_not_trusted),
        WORLD(a_foreign_certificate_gets_unknown_ca),
        WORLD(no_certificate_gets_handshake_failure),
        WORLD(only_a_single_common_name_counts),
        WORLD(a_chain_leads_to_the_ca),
        WORLD(a_chain_that_is_too_long_gets_unknown_ca),
        WORLD(an_intermediate_is_judged_as_well),
        WORLD(a_certificate_out_of_its_time_gets_certificate_expired),
        WORLD(a_certificate_of_another_kind_gets_unsupported_certificate),
        WORLD(a_pinned_certificate_must_still_be_fit),
        WORLD(a_certificate_beyond_16_kb_ends_nothing),
        WORLD(a_forged_signature_gets_bad_certificate),
        WORLD(who_has_not_the_key_gets_decrypt_error),
        WORLD(a_bad_message_gets_its_alert),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
