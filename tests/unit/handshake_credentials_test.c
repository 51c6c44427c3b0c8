/*
 * What the DTLS engine agrees on, and what it proves itself with: RSA by policy, suites, extensions,
 * credentials that change, and lanes that run at the same time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/peer_mbedtls.c"
#include "handshake_world.h"

#include <pthread.h>

enum { ROUNDS = 6 };

/* ---- RSA ---- */

static void rsa_is_off_without_a_certificate_of_its_own(void **state)
{
    struct test_certificate *root =
        test_certificate_make(&(struct test_plan){.subject = "CN=rsa ca", .is_ca = true, .rsa_bits = 2048});
    const struct credentials credentials = {.ecdsa = credential_of(made.gateway), .client_ca = pem_of(root)};

    set_credentials(*state, &credentials);
    assert_refused_with(state, &(struct test_plan){.subject = "CN=alice", .issuer = root, .rsa_bits = 2048},
                        UNSUPPORTED_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
    assert_refused_with(state, &(struct test_plan){.subject = "CN=alice", .issuer = root},
                        UNSUPPORTED_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
    test_certificate_free(root);
}

static void rsa_gets_in_by_policy(void **state)
{
    struct test_certificate *c =
        test_certificate_make(&(struct test_plan){.subject = "CN=bob", .issuer = made.ca, .rsa_bits = 2048});
    struct credentials credentials = usual();
    struct side *s = side_of(state);

    credentials.rsa = credential_of(made.rsa_gateway);
    set_credentials(*state, &credentials);
    side_connect(s, &(struct peer_config){.suites = PEER_RSA,
                                          .ca = made.rsa_gateway->pem,
                                          .server_name = "gateway",
                                          .certificate = c->pem,
                                          .key = c->key});
    side_talk(s, SIDE_TURNS);
    side_assert_same_keys(s);
    assert_string_equal(peer_suite(s->peer), "TLS-RSA-WITH-AES-128-CCM-8");
    assert_true(s->claim.is_trusted);
    assert_string_equal(s->common_name, "bob");
    s = again(*state);
    connect_with(s, c); /* its certificate, but the gateway's other one */
    side_assert_same_keys(s);
    test_certificate_free(c);
}

static void a_short_rsa_key_gets_unsupported_certificate(void **state)
{
    struct credentials credentials = usual();

    credentials.rsa = credential_of(made.rsa_gateway);
    set_credentials(*state, &credentials);
    assert_refused_with(state, &(struct test_plan){.subject = "CN=bob", .issuer = made.ca, .rsa_bits = 1024},
                        UNSUPPORTED_CERTIFICATE, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
}

/* ---- suites and extensions ---- */

static void suites_have_the_servers_order(void **state)
{
    static const struct {
        unsigned suites;
        const char *chosen;
    } CASES[] = {
        {PEER_RSA | PEER_ECDSA | PEER_PSK, "TLS-PSK-WITH-AES-128-CCM-8"},
        {PEER_RSA | PEER_ECDSA, "TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8"},
        {PEER_RSA, "TLS-RSA-WITH-AES-128-CCM-8"},
    };
    struct credentials credentials = usual();

    credentials.rsa = credential_of(made.rsa_gateway);
    set_credentials(*state, &credentials);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct side *s = again(*state);

        side_connect(s, &(struct peer_config){.suites = CASES[i].suites,
                                              .certificate = made.alice->pem,
                                              .key = made.alice->key});
        side_talk(s, SIDE_TURNS);
        side_assert_same_keys(s);
        assert_string_equal(peer_suite(s->peer), CASES[i].chosen);
    }
}

/* In the ClientHello with the cookie, so that it is no stranger's. */
static void drop_suites(struct side *s, uint8_t *record, size_t len)
{
    (void)s;
    for (size_t i = RECORD_HEADER_LEN; i + 1 < len; i++)
        if (record[i] == 0xC0 && record[i + 1] == 0xAE)
            record[i] = record[i + 1] = 0;
}

static void no_common_suite_gets_handshake_failure(void **state)
{
    struct side *s = side_of(state);

    side_connect(s, &(struct peer_config){.suites = PEER_ECDSA});
    side_talk(s, 1);
    assert_int_equal(s->cookies_asked, 1);
    s->on_record = drop_suites;
    side_talk(s, 2);
    side_assert_refused(s, HANDSHAKE_FAILURE, HANDSHAKE_FAULT_OTHER);
}

static void the_server_name_is_told_with_the_cookie(void **state)
{
    struct side *s = side_of(state);

    s->is_stopping = true;
    side_connect(s, &(struct peer_config){.suites = PEER_PSK, .server_name = "kitchen.example"});
    side_talk(s, 1);
    assert_int_equal(s->cookies_asked, 1);
    assert_int_equal(s->names_given, 0);
    side_talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_ADMITTED);
    assert_int_equal(s->names_given, 1);
    assert_string_equal(s->name, "kitchen.example");
}

static void nothing_is_computed_before_admission(void **state)
{
    struct side *s = side_of(state);

    s->is_stopping = true;
    connect_with(s, made.alice);
    assert_int_equal(s->result, HANDSHAKE_ADMITTED);
    assert_int_equal(s->sent_count, 0);
    assert_int_equal(s->engine.deadline(s->handshake), UINT64_MAX);
    s->result = s->engine.feed(s->handshake, NULL, 0, 0);
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    assert_true(s->sent_count > 0);
    side_talk(s, SIDE_TURNS);
    side_assert_same_keys(s);
}

static void records_keep_to_the_fragment_length_asked_for(void **state)
{
    for (size_t len = 512; len <= 1024; len *= 2) {
        struct side *s = again(*state);

        side_connect(s, &(struct peer_config){.suites = PEER_ECDSA,
                                              .certificate = made.alice->pem,
                                              .key = made.alice->key,
                                              .max_fragment_len = len});
        side_talk(s, SIDE_TURNS);
        side_assert_same_keys(s);
        assert_in_range(s->record_max, 1, len);
    }
}

/* ---- credentials ---- */

static void a_handshake_keeps_the_credentials_that_it_began_with(void **state)
{
    struct world *w = *state;
    struct test_certificate *gateway =
        test_certificate_make(&(struct test_plan){.subject = "CN=gateway", .is_for_servers = true});
    struct credentials credentials = usual();
    struct side *old = &w->side;
    struct side *later = malloc(sizeof *later);

    side_open(later, w->library, 1, PORT + 1, &peer_mbedtls);
    side_connect(old, &(struct peer_config){.suites = PEER_ECDSA,
                                            .ca = made.gateway->pem,
                                            .server_name = "gateway",
                                            .certificate = made.alice->pem,
                                            .key = made.alice->key});
    old->is_stopping = true;
    side_talk(old, 2);
    assert_int_equal(old->result, HANDSHAKE_ADMITTED);
    credentials.ecdsa = credential_of(gateway);
    set_credentials(w, &credentials);
    set_credentials(w, &credentials);
    old->result = old->engine.feed(old->handshake, NULL, 0, 0);
    side_talk(old, SIDE_TURNS);
    side_assert_same_keys(old);

    side_connect(later, &(struct peer_config){.suites = PEER_ECDSA,
                                              .ca = gateway->pem,
                                              .server_name = "gateway",
                                              .certificate = made.alice->pem,
                                              .key = made.alice->key});
    side_talk(later, SIDE_TURNS);
    side_assert_same_keys(later);
    side_close(later);
    free(later);
    test_certificate_free(gateway);
}

/* One that was asked for before the change. */
static void a_cookie_outlives_credentials(void **state)
{
    struct world *w = *state;
    struct side *s = &w->side;
    const struct credentials credentials = usual();

    side_connect(s, &(struct peer_config){
                        .suites = PEER_ECDSA, .certificate = made.alice->pem, .key = made.alice->key});
    side_talk(s, 1);
    assert_int_equal(s->cookies_asked, 1);
    set_credentials(w, &credentials);
    s->is_stopping = true;
    side_talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_ADMITTED);
}

static void credentials_that_are_not_fit_change_nothing(void **state)
{
    struct world *w = *state;
    struct test_certificate *bad[] = {
        test_certificate_make(&(struct test_plan){
            .subject = "CN=g", .is_for_servers = true, .curve = MBEDTLS_ECP_DP_SECP384R1}),
        test_certificate_make(&(struct test_plan){.subject = "CN=g"}), /* for clients */
        test_certificate_make(&(struct test_plan){
            .subject = "CN=g", .is_for_servers = true, .usage = MBEDTLS_X509_KU_KEY_AGREEMENT}),
        test_certificate_make(
            &(struct test_plan){.subject = "CN=g", .is_for_servers = true, .rsa_bits = 2048}),
    };
    char garbage[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    struct credentials credentials;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        credentials = (struct credentials){.ecdsa = credential_of(bad[i])};
        assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_MALFORMED);
    }
    credentials = (struct credentials){.rsa = credential_of(made.gateway)};
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_MALFORMED);
    credentials = usual();
    credentials.ecdsa.key = pem_of(made.ca); /* no key */
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_MALFORMED);
    credentials = usual();
    credentials.ecdsa.key = credential_of(made.ca).key; /* another's */
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_MALFORMED);
    credentials = usual();
    credentials.client_ca = (struct pem){garbage, sizeof garbage};
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_MALFORMED);

    connect_with(&w->side, made.alice);
    side_assert_same_keys(&w->side);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        test_certificate_free(bad[i]);
}

/* ---- lanes ---- */

static void *talk_to_the_end(void *arg)
{
    struct side *s = arg;

    s->result = s->engine.feed(s->handshake, NULL, 0, 0);
    side_talk(s, SIDE_TURNS);
    return NULL;
}

static void admit(struct world *w, struct side *s, uint8_t lane, uint16_t port)
{
    side_open(s, w->library, lane, port, &peer_mbedtls);
    s->is_stopping = true;
    connect_with(s, made.alice);
    assert_int_equal(s->result, HANDSHAKE_ADMITTED);
}

/* While each lane computes on a thread of its own, this one admits strangers to both and changes credentials.
 */
static void lanes_run_at_the_same_time(void **state)
{
    struct world *w = *state;
    const struct credentials credentials = usual();
    struct side *sides = calloc(2 * LANES, sizeof *sides);
    pthread_t threads[LANES];

    for (uint8_t lane = 0; lane < LANES; lane++)
        admit(w, &sides[lane], lane, (uint16_t)(PORT + lane));
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct side *running = sides + round % 2 * LANES;
        struct side *waiting = sides + (round + 1) % 2 * LANES;

        for (uint8_t lane = 0; lane < LANES; lane++)
            assert_int_equal(pthread_create(&threads[lane], NULL, talk_to_the_end, &running[lane]), 0);
        for (uint8_t lane = 0; lane < LANES; lane++)
            admit(w, &waiting[lane], lane, (uint16_t)(PORT + 10 * round + lane));
        set_credentials(w, &credentials);
        for (uint8_t lane = 0; lane < LANES; lane++) {
            assert_int_equal(pthread_join(threads[lane], NULL), 0);
            side_assert_same_keys(&running[lane]);
            assert_string_equal(running[lane].common_name, "alice");
            side_close(&running[lane]);
        }
    }
    for (uint8_t lane = 0; lane < LANES; lane++)
        side_close(&sides[ROUNDS % 2 * LANES + lane]);
    free(sides);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD(rsa_is_off_without_a_certificate_of_its_own),
        WORLD(rsa_gets_in_by_policy),
        WORLD(a_short_rsa_key_gets_unsupported_certificate),
        WORLD(suites_have_the_servers_order),
        WORLD(no_common_suite_gets_handshake_failure),
        WORLD(the_server_name_is_told_with_the_cookie),
        WORLD(nothing_is_computed_before_admission),
        WORLD(records_keep_to_the_fragment_length_asked_for),
        WORLD(a_handshake_keeps_the_credentials_that_it_began_with),
        WORLD(a_cookie_outlives_credentials),
        WORLD(credentials_that_are_not_fit_change_nothing),
        WORLD(lanes_run_at_the_same_time),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
