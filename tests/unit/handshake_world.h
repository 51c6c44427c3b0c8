/*
 * A DTLS engine with certificates and one client: shared by the tests of who gets in and of what the gateway
 * proves itself with. Included after peer_mbedtls.c.
 */
#ifndef SSM_TEST_HANDSHAKE_WORLD_H
#define SSM_TEST_HANDSHAKE_WORLD_H

#include "certificates.h"
#include "handshake_side.h"

enum {
    LANES = 2,
    PORT = 4000,
    UNEXPECTED_MESSAGE = 10, /* RFC 5246 7.2 */
    HANDSHAKE_FAILURE = 40,
    BAD_CERTIFICATE = 42,
    UNSUPPORTED_CERTIFICATE = 43,
    CERTIFICATE_EXPIRED = 45,
    UNKNOWN_CA = 48,
    DECODE_ERROR = 50,
    DECRYPT_ERROR = 51,
};

/* Made once. */
static struct {
    struct test_certificate *ca;      /* of subscribers */
    struct test_certificate *gateway; /* of itself */
    struct test_certificate *rsa_gateway;
    struct test_certificate *alice; /* of the CA */
    struct test_certificate *self;  /* of itself */
} made;

struct world {
    struct handshake_mbedtls *library;
    struct side side;
};

/* ---- making ---- */

static inline struct credential credential_of(struct test_certificate *c)
{
    return (struct credential){{c->pem, strlen(c->pem) + 1}, {c->key, strlen(c->key) + 1}};
}

static inline struct pem pem_of(struct test_certificate *c)
{
    return (struct pem){c->pem, strlen(c->pem) + 1};
}

static inline void set_credentials(struct world *w, const struct credentials *credentials)
{
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, credentials), SSM_OK);
}

/* ECDSA alone, with the CA of subscribers. */
static inline struct credentials usual(void)
{
    return (struct credentials){.ecdsa = credential_of(made.gateway), .client_ca = pem_of(made.ca)};
}

static inline int make_all(void **state)
{
    (void)state;
    made.ca = test_certificate_make(&(struct test_plan){.subject = "CN=subscribers", .is_ca = true});
    made.gateway =
        test_certificate_make(&(struct test_plan){.subject = "CN=gateway", .is_for_servers = true});
    made.rsa_gateway = test_certificate_make(
        &(struct test_plan){.subject = "CN=gateway", .is_for_servers = true, .rsa_bits = 2048});
    made.alice = test_certificate_make(&(struct test_plan){.subject = "CN=alice", .issuer = made.ca});
    made.self = test_certificate_make(&(struct test_plan){.subject = "CN=self"});
    return 0;
}

static inline int free_all(void **state)
{
    (void)state;
    test_certificate_free(made.self);
    test_certificate_free(made.alice);
    test_certificate_free(made.rsa_gateway);
    test_certificate_free(made.gateway);
    test_certificate_free(made.ca);
    return 0;
}

static inline int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const struct credentials credentials = usual();

    w->library = handshake_mbedtls_create(LANES);
    assert_non_null(w->library);
    set_credentials(w, &credentials);
    side_open(&w->side, w->library, 0, PORT, &peer_mbedtls);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;

    side_close(&w->side);
    handshake_mbedtls_destroy(w->library);
    free(w);
    return 0;
}

static inline const char *peer_suite(const struct peer *p)
{
    return mbedtls_ssl_get_ciphersuite(&((const struct peer_of_mbedtls *)p)->ssl);
}

/* A new stranger, with a context that knows nobody. */
static inline struct side *again(struct world *w)
{
    side_close(&w->side);
    side_open(&w->side, w->library, 0, PORT, &peer_mbedtls);
    return &w->side;
}

static inline struct side *side_of(void **state)
{
    return &((struct world *)*state)->side;
}

/* ---- connecting ---- */

static inline void connect_key(struct side *s, const struct test_certificate *c, const char *key)
{
    side_connect(s, &(struct peer_config){.suites = PEER_ECDSA,
                                          .ca = made.gateway->pem,
                                          .server_name = "gateway",
                                          .certificate = c->pem,
                                          .key = key});
    side_talk(s, SIDE_TURNS);
}

static inline void connect_with(struct side *s, const struct test_certificate *c)
{
    connect_key(s, c, c->key);
}

static inline void assert_refused_with(void **state, const struct test_plan *plan, int alert,
                                       enum handshake_fault fault)
{
    struct side *s = again(*state);
    struct test_certificate *c = test_certificate_make(plan);

    connect_with(s, c);
    side_assert_refused(s, alert, fault);
    assert_int_equal(s->keys_given, 0);
    test_certificate_free(c);
}

#endif
