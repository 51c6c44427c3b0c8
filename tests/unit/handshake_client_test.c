/* The DTLS engine in the client's role, against itself as a server: whom it trusts, what it proves, and why
 * it fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "certificates.h"
#include "handshake_mbedtls.h"
#include "handshake_work.h"
#include "record.h"

enum { SENT_MAX = 32, KEY_LEN = 16, TURNS = 20, DATAGRAM_MAX = 1500 };

struct datagram {
    uint8_t bytes[DATAGRAM_MAX];
    size_t len;
};

/* One end of the handshake. */
struct end {
    struct handshake_engine engine;
    struct handshake *handshake;
    enum handshake_result result;
    struct datagram sent[SENT_MAX];
    size_t sent_count;
    struct handshake_keys keys;
    unsigned keys_given;
    unsigned names_given;
    unsigned claims_given;
    char name[80];
    uint8_t psk; /* of the server: every byte of it */
};

struct world {
    struct handshake_mbedtls *library; /* of the gateway, as client */
    struct handshake_mbedtls *other;   /* of the server */
    struct end client;
    struct end server;
    void (*on_record)(uint8_t *record, size_t len); /* changes what the server sends */
    size_t alert_len; /* of the alert that it makes of a record; 0: it does not */
};

/* Made once. */
static struct {
    struct test_certificate *ca;
    struct test_certificate *foreign_ca;
    struct test_certificate *client; /* of a CA that the server trusts */
} made;

/* DNS:server.example, IP:10.0.0.9, as X.509 has them (RFC 5280 4.2.1.6). */
static const uint8_t NAMES[] = {0x30, 22,  0x82, 14,  's', 'e', 'r',  'v', 'e', 'r', '.', 'e',
                                'x',  'a', 'm',  'p', 'l', 'e', 0x87, 4,   10,  0,   0,   9};

static void on_send(void *owner, const uint8_t *records, size_t len)
{
    struct end *e = owner;

    assert_true(e->sent_count < SENT_MAX && len <= DATAGRAM_MAX);
    memcpy(e->sent[e->sent_count].bytes, records, len);
    e->sent[e->sent_count++].len = len;
}

static void on_name(void *owner, const char *name, size_t len)
{
    struct end *e = owner;

    assert_true(len < sizeof e->name);
    memcpy(e->name, name, len);
    e->names_given++;
}

static bool on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len)
{
    const struct end *e = owner;

    assert_int_equal(identity_len, 5);
    assert_memory_equal(identity, "alice", 5);
    memset(psk, e->psk, KEY_LEN);
    *psk_len = KEY_LEN;
    return true;
}

static bool on_certificate(void *owner, const struct handshake_certificate *certificate)
{
    ((struct end *)owner)->claims_given++;
    return certificate->is_trusted;
}

static void on_keys(void *owner, const struct handshake_keys *keys)
{
    struct end *e = owner;

    e->keys = *keys;
    e->keys_given++;
}

static const struct handshake_callbacks CALLBACKS = {
    .send = on_send, .name = on_name, .psk = on_psk, .certificate = on_certificate, .keys = on_keys};

/* ---- talking ---- */

static bool is_over(const struct end *e)
{
    return e->result == HANDSHAKE_DONE || e->result == HANDSHAKE_FAILED;
}

static void feed(struct end *e, const uint8_t *record, size_t len)
{
    if (is_over(e))
        return;
    e->result = e->engine.feed(e->handshake, record, len, 0);
    if (e->result == HANDSHAKE_ADMITTED)
        e->result = e->engine.feed(e->handshake, NULL, 0, 0);
}

static void deliver(struct world *w, struct end *from, struct end *to)
{
    for (size_t i = 0; i < from->sent_count; i++) {
        struct datagram *d = &from->sent[i];

        for (size_t at = 0; at < d->len;) {
            size_t len = RECORD_HEADER_LEN + bytes_u16(d->bytes + at + 11);
            if (from == &w->server && w->on_record != NULL)
                w->on_record(d->bytes + at, len);
            feed(to, d->bytes + at, from == &w->server && w->alert_len > 0 ? w->alert_len : len);
            at += len;
        }
    }
    from->sent_count = 0;
}

static void talk(struct world *w)
{
    feed(&w->client, NULL, 0);
    for (int turn = 0; turn < TURNS; turn++) {
        deliver(w, &w->client, &w->server);
        deliver(w, &w->server, &w->client);
    }
}

static void call(struct world *w, const struct handshake_destination *to)
{
    w->client.engine = handshake_mbedtls_engine(w->library);
    w->server.engine = handshake_mbedtls_engine(w->other);
    w->client.handshake = w->client.engine.create_client(w->client.engine.ctx, 0, to, &CALLBACKS, &w->client);
    w->server.handshake = w->server.engine.create(w->server.engine.ctx, 0, &CALLBACKS, &w->server);
    assert_non_null(w->client.handshake);
    assert_non_null(w->server.handshake);
    talk(w);
}

static void assert_up(const struct world *w)
{
    assert_int_equal(w->client.result, HANDSHAKE_DONE);
    assert_int_equal(w->server.result, HANDSHAKE_DONE);
    assert_int_equal(w->client.keys_given, 1);
    assert_memory_equal(&w->client.keys, &w->server.keys, sizeof w->client.keys);
}

static void assert_fault(const struct world *w, enum handshake_fault fault)
{
    assert_int_equal(w->client.result, HANDSHAKE_FAILED);
    assert_int_equal(w->client.engine.fault(w->client.handshake), fault);
}

/* ---- both ends ---- */

static struct pem pem_of(struct test_certificate *c)
{
    return (struct pem){c->pem, strlen(c->pem) + 1};
}

static void prove(struct handshake_mbedtls *library, struct test_certificate *c)
{
    const struct credentials credentials = {.ecdsa = {pem_of(c), {c->key, strlen(c->key) + 1}},
                                            .client_ca = pem_of(made.ca)};

    assert_int_equal(handshake_mbedtls_set_credentials(library, &credentials), SSM_OK);
}

static const struct test_plan *plan_of(const struct test_certificate *issuer)
{
    static struct test_plan plan;

    plan = (struct test_plan){.subject = "CN=server",
                              .issuer = issuer,
                              .is_for_servers = true,
                              .alt_names = NAMES,
                              .alt_names_len = sizeof NAMES};
    return &plan;
}

static struct handshake_destination by_name(void)
{
    return (struct handshake_destination){.name = "server.example",
                                          .peer = {.addr = {[10] = 0xFF, 0xFF, 10, 0, 0, 9}},
                                          .anchors = made.ca->pem,
                                          .chain = made.client->pem,
                                          .key = made.client->key};
}

/* A server with this certificate, called by name. */
static void call_with(struct world *w, const struct test_plan *plan)
{
    struct test_certificate *c = test_certificate_make(plan);
    const struct handshake_destination to = by_name();

    prove(w->other, c);
    call(w, &to);
    test_certificate_free(c);
}

/* ---- with a PSK ---- */

static void call_with_psk(struct world *w, const char *name)
{
    uint8_t psk[KEY_LEN];
    const struct handshake_destination to = {.name = name,
                                             .identity = (const uint8_t *)"alice",
                                             .identity_len = 5,
                                             .psk = psk,
                                             .psk_len = sizeof psk,
                                             .anchors = "",
                                             .chain = "",
                                             .key = ""};

    memset(psk, 0x5A, sizeof psk);
    call(w, &to);
}

static void a_psk_gives_both_the_same_keys(void **state)
{
    struct world *w = *state;

    call_with_psk(w, "server.example");
    assert_up(w);
    assert_string_equal(w->server.name, "server.example");
}

static void an_address_is_not_asked_for_by_name(void **state)
{
    struct world *w = *state;

    call_with_psk(w, NULL);
    assert_up(w);
    assert_int_equal(w->server.names_given, 0);
}

static void another_psk_is_told_from_other_refusals(void **state)
{
    struct world *w = *state;

    w->server.psk = 1;
    call_with_psk(w, NULL);
    assert_fault(w, HANDSHAKE_FAULT_KEY);
}

/* ---- with certificates ---- */

static void a_server_is_known_by_its_name(void **state)
{
    struct world *w = *state;

    call_with(w, plan_of(made.ca));
    assert_up(w);
    assert_int_equal(w->server.claims_given, 1);
}

static void a_server_is_known_by_its_address(void **state)
{
    struct world *w = *state;
    struct test_certificate *c = test_certificate_make(plan_of(made.ca));
    struct handshake_destination to = by_name();

    prove(w->other, c);
    to.name = NULL;
    call(w, &to);
    assert_up(w);
    test_certificate_free(c);
}

static void a_gateway_shows_what_it_shows_to_peers(void **state)
{
    struct world *w = *state;
    struct test_certificate *c = test_certificate_make(plan_of(made.ca));
    struct test_certificate *own = test_certificate_make(
        &(struct test_plan){.subject = "CN=gateway", .issuer = made.ca, .is_for_anything = true});
    struct handshake_destination to = by_name();

    prove(w->other, c);
    prove(w->library, own);
    to.chain = "";
    to.key = "";
    call(w, &to);
    assert_up(w);
    assert_int_equal(w->server.claims_given, 1);
    test_certificate_free(c);
    test_certificate_free(own);
}

static void another_name(void **state)
{
    struct world *w = *state;
    struct test_certificate *c = test_certificate_make(plan_of(made.ca));
    struct handshake_destination to = by_name();

    prove(w->other, c);
    to.name = "other.example";
    call(w, &to);
    assert_fault(w, HANDSHAKE_FAULT_CERTIFICATE_NAME);
    test_certificate_free(c);
}

static void another_address(void **state)
{
    struct world *w = *state;
    struct test_certificate *c = test_certificate_make(plan_of(made.ca));
    struct handshake_destination to = by_name();

    prove(w->other, c);
    to.name = NULL;
    to.peer.addr[15]++;
    call(w, &to);
    assert_fault(w, HANDSHAKE_FAULT_CERTIFICATE_NAME);
    test_certificate_free(c);
}

static void a_foreign_ca(void **state)
{
    call_with(*state, plan_of(made.foreign_ca));
    assert_fault(*state, HANDSHAKE_FAULT_CERTIFICATE_FOREIGN);
}

static void a_certificate_of_its_own_making(void **state)
{
    call_with(*state, plan_of(NULL));
    assert_fault(*state, HANDSHAKE_FAULT_CERTIFICATE_SELF_SIGNED);
}

static void an_expired_certificate(void **state)
{
    struct test_plan plan = *plan_of(made.ca);

    plan.to = "20200101000000";
    call_with(*state, &plan);
    assert_fault(*state, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED);
}

static void a_certificate_that_is_not_valid_yet(void **state)
{
    struct test_plan plan = *plan_of(made.ca);

    plan.from = "20980101000000";
    call_with(*state, &plan);
    assert_fault(*state, HANDSHAKE_FAULT_CERTIFICATE_EXPIRED);
}

static void a_signature_that_is_too_weak(void **state)
{
    struct test_plan plan = *plan_of(made.ca);

    plan.md = MBEDTLS_MD_SHA1;
    call_with(*state, &plan);
    assert_fault(*state, HANDSHAKE_FAULT_CERTIFICATE_UNFIT);
}

/* ---- other ends ---- */

static void speak_dtls_1_0(uint8_t *record, size_t len)
{
    if (record[0] == RECORD_HANDSHAKE && len > RECORD_HEADER_LEN + 14 && record[RECORD_HEADER_LEN] == 2)
        record[RECORD_HEADER_LEN + 13] = 0xFF; /* server_version (RFC 6347 4.2.1) */
}

static void a_server_of_an_older_version(void **state)
{
    struct world *w = *state;

    w->on_record = speak_dtls_1_0;
    call_with_psk(w, NULL);
    assert_fault(w, HANDSHAKE_FAULT_OTHER);
}

static void alert(uint8_t *record, size_t len, uint8_t description)
{
    const uint8_t bytes[] = {RECORD_ALERT, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, description};

    assert_true(len >= sizeof bytes);
    memcpy(record, bytes, sizeof bytes); /* what follows is another record, and not looked at any more */
}

static void refuse(uint8_t *record, size_t len)
{
    alert(record, len, 80); /* internal_error */
}

static void find_no_suite(uint8_t *record, size_t len)
{
    alert(record, len, 40); /* handshake_failure */
}

static void a_server_that_refuses(void **state)
{
    struct world *w = *state;

    w->on_record = refuse;
    w->alert_len = RECORD_HEADER_LEN + 2;
    call_with_psk(w, NULL);
    assert_fault(w, HANDSHAKE_FAULT_REFUSED);
}

static void a_server_without_a_suite_of_ours(void **state)
{
    struct world *w = *state;

    w->on_record = find_no_suite;
    w->alert_len = RECORD_HEADER_LEN + 2;
    call_with_psk(w, NULL);
    assert_fault(w, HANDSHAKE_FAULT_UNSUITED);
}

static void texts_that_do_not_parse_make_no_context(void **state)
{
    struct world *w = *state;
    struct handshake_engine engine = handshake_mbedtls_engine(w->library);
    struct handshake_destination to = by_name();

    to.anchors = "no certificate";
    assert_null(engine.create_client(engine.ctx, 0, &to, &CALLBACKS, &w->client));
    to = by_name();
    to.key = "no key";
    assert_null(engine.create_client(engine.ctx, 0, &to, &CALLBACKS, &w->client));
}

/* ---- life ---- */

static int make_all(void **state)
{
    (void)state;
    made.ca = test_certificate_make(&(struct test_plan){.subject = "CN=ours", .is_ca = true});
    made.foreign_ca = test_certificate_make(&(struct test_plan){.subject = "CN=theirs", .is_ca = true});
    made.client = test_certificate_make(&(struct test_plan){.subject = "CN=thermo", .issuer = made.ca});
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    test_certificate_free(made.client);
    test_certificate_free(made.foreign_ca);
    test_certificate_free(made.ca);
    return 0;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->library = handshake_mbedtls_create(1);
    w->other = handshake_mbedtls_create(1);
    assert_true(w->library != NULL && w->other != NULL);
    w->server.psk = 0x5A;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->client.handshake != NULL)
        w->client.engine.destroy(w->client.handshake);
    if (w->server.handshake != NULL)
        w->server.engine.destroy(w->server.handshake);
    handshake_mbedtls_destroy(w->library);
    handshake_mbedtls_destroy(w->other);
    free(w);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_psk_gives_both_the_same_keys),
        CASE(an_address_is_not_asked_for_by_name),
        CASE(another_psk_is_told_from_other_refusals),
        CASE(a_server_is_known_by_its_name),
        CASE(a_server_is_known_by_its_address),
        CASE(a_gateway_shows_what_it_shows_to_peers),
        CASE(another_name),
        CASE(another_address),
        CASE(a_foreign_ca),
        CASE(a_certificate_of_its_own_making),
        CASE(an_expired_certificate),
        CASE(a_certificate_that_is_not_valid_yet),
        CASE(a_signature_that_is_too_weak),
        CASE(a_server_of_an_older_version),
        CASE(a_server_that_refuses),
        CASE(a_server_without_a_suite_of_ours),
        CASE(texts_that_do_not_parse_make_no_context),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
