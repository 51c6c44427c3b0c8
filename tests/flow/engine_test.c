/*
 * The DTLS engine alone against the client of one other library (FLOW_PEER): certificates, alerts, suites,
 * extensions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "certificates.h"
#include "unit/handshake_side.h"

enum {
    PORT = 4000,
    HANDSHAKE_FAILURE = 40, /* RFC 5246 7.2 */
    CERTIFICATE_EXPIRED = 45,
    UNKNOWN_CA = 48,
};

struct world {
    struct handshake_mbedtls *library;
    struct test_certificate *ca;
    struct test_certificate *gateway;
    struct test_certificate *rsa_gateway;
    struct side side;
};

static struct credential credential_of(struct test_certificate *c)
{
    return (struct credential){{c->pem, strlen(c->pem) + 1}, {c->key, strlen(c->key) + 1}};
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->ca = test_certificate_make(&(struct test_plan){.subject = "CN=subscribers", .is_ca = true});
    w->gateway = test_certificate_make(&(struct test_plan){.subject = "CN=gateway", .is_for_servers = true});
    w->rsa_gateway = test_certificate_make(
        &(struct test_plan){.subject = "CN=gateway", .is_for_servers = true, .rsa_bits = 2048});
    w->library = handshake_mbedtls_create(1);
    const struct credentials credentials = {.ecdsa = credential_of(w->gateway),
                                            .rsa = credential_of(w->rsa_gateway),
                                            .client_ca = {w->ca->pem, strlen(w->ca->pem) + 1}};
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_OK);
    side_open(&w->side, w->library, 0, PORT, &FLOW_PEER);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    side_close(&w->side);
    handshake_mbedtls_destroy(w->library);
    test_certificate_free(w->rsa_gateway);
    test_certificate_free(w->gateway);
    test_certificate_free(w->ca);
    free(w);
    return 0;
}

/* The client of `plan`, or one without a certificate. */
static struct side *connect_with(struct world *w, const struct test_plan *plan, unsigned suites,
                                 size_t fragment_len)
{
    struct test_certificate *c = plan != NULL ? test_certificate_make(plan) : NULL;

    side_connect(&w->side,
                 &(struct peer_config){.suites = suites,
                                       .ca = suites == PEER_RSA ? w->rsa_gateway->pem : w->gateway->pem,
                                       .certificate = c != NULL ? c->pem : NULL,
                                       .key = c != NULL ? c->key : NULL,
                                       .max_fragment_len = fragment_len});
    side_talk(&w->side, SIDE_TURNS);
    if (c != NULL)
        test_certificate_free(c);
    return &w->side;
}

static void a_certificate_of_the_ca_gets_in(void **state)
{
    struct world *w = *state;
    struct side *s =
        connect_with(w, &(struct test_plan){.subject = "CN=alice", .issuer = w->ca}, PEER_ECDSA, 0);

    side_assert_same_keys(s);
    assert_true(s->claim.is_trusted);
    assert_string_equal(s->common_name, "alice");
}

/* It is sent although a CA is configured that has not issued it: no CA is named to peers. */
static void a_pinned_certificate_gets_in(void **state)
{
    struct world *w = *state;

    w->side.is_pinned = true;
    struct side *s = connect_with(w, &(struct test_plan){.subject = "CN=self"}, PEER_ECDSA, 0);
    side_assert_same_keys(s);
    assert_false(s->claim.is_trusted);
}

static void a_foreign_certificate_gets_unknown_ca(void **state)
{
    struct side *s = connect_with(*state, &(struct test_plan){.subject = "CN=self"}, PEER_ECDSA, 0);

    side_assert_refused(s, UNKNOWN_CA, HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
}

static void an_expired_certificate_gets_certificate_expired(void **state)
{
    struct world *w = *state;
    struct side *s =
        connect_with(w, &(struct test_plan){.subject = "CN=alice", .issuer = w->ca, .to = "20210101000000"},
                     PEER_ECDSA, 0);

    side_assert_refused(s, CERTIFICATE_EXPIRED, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED);
}

static void no_certificate_gets_handshake_failure(void **state)
{
    struct side *s = connect_with(*state, NULL, PEER_ECDSA, 0);

    side_assert_refused(s, HANDSHAKE_FAILURE, HANDSHAKE_FAULT_NO_CERTIFICATE);
}

static void rsa_gets_in_by_policy(void **state)
{
    struct world *w = *state;
    struct side *s = connect_with(
        w, &(struct test_plan){.subject = "CN=bob", .issuer = w->ca, .rsa_bits = 2048}, PEER_RSA, 0);

    side_assert_same_keys(s);
    assert_string_equal(s->common_name, "bob");
}

static void a_psk_comes_before_a_certificate(void **state)
{
    struct side *s = connect_with(*state, NULL, PEER_PSK | PEER_ECDSA, 0);

    side_assert_same_keys(s);
    assert_int_equal(s->claims_given, 0);
}

static void records_keep_to_512_bytes_if_asked_to(void **state)
{
    struct world *w = *state;
    struct side *s =
        connect_with(w, &(struct test_plan){.subject = "CN=alice", .issuer = w->ca}, PEER_ECDSA, 512);

    side_assert_same_keys(s);
    assert_in_range(s->record_max, 1, 512);
}

static void records_keep_to_1024_bytes_if_asked_to(void **state)
{
    struct world *w = *state;
    struct side *s = connect_with(
        w, &(struct test_plan){.subject = "CN=bob", .issuer = w->ca, .rsa_bits = 2048}, PEER_RSA, 1024);

    side_assert_same_keys(s);
    assert_in_range(s->record_max, 1, 1024);
}

static void the_server_name_is_told(void **state)
{
    struct world *w = *state;
    struct side *s = &w->side;

    side_connect(s, &(struct peer_config){.suites = PEER_PSK, .server_name = "kitchen.example"});
    side_talk(s, SIDE_TURNS);
    side_assert_same_keys(s);
    assert_int_equal(s->names_given, 1);
    assert_string_equal(s->name, "kitchen.example");
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD(a_certificate_of_the_ca_gets_in),        WORLD(a_pinned_certificate_gets_in),
        WORLD(a_foreign_certificate_gets_unknown_ca),  WORLD(an_expired_certificate_gets_certificate_expired),
        WORLD(no_certificate_gets_handshake_failure),  WORLD(rsa_gets_in_by_policy),
        WORLD(a_psk_comes_before_a_certificate),       WORLD(records_keep_to_512_bytes_if_asked_to),
        WORLD(records_keep_to_1024_bytes_if_asked_to), WORLD(the_server_name_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
