/*
 * A hand-made client in front of a gateway that has a certificate of `root`, and trusts that CA for
 * subscribers: a certificate of the common name "alice" makes one.
 */
#ifndef SSM_TEST_CERTIFIED_SCENE_H
#define SSM_TEST_CERTIFIED_SCENE_H

#include "raw_ecdhe.h"
#include "scene.h"

#include <time.h>

enum { DAY_S = 86400, YEAR = 365 };

struct party {
    struct certificate_key_pair pair;
    struct certificate certificate;
};

static struct party root;
static struct party gateway;
static struct party alice;

/* Days are counted from now; without an issuer it signs itself. `names` are a server's. */
static inline struct party party_make_named(enum certificate_use use, const char *name,
                                            const struct certificate_names *names, int from_days, int to_days,
                                            const struct party *issuer)
{
    const uint64_t now_s = (uint64_t)time(NULL);
    struct party p;

    assert_int_equal(certificate_make_key(&p.pair), SSM_OK);
    const struct certificate_plan plan = {.use = use,
                                          .common_name = name,
                                          .names = names,
                                          .public_key = p.pair.public_key,
                                          .not_before_s = now_s + (uint64_t)((int64_t)from_days * DAY_S),
                                          .not_after_s = now_s + (uint64_t)((int64_t)to_days * DAY_S)};
    const struct party *by = issuer != NULL ? issuer : &p;
    const struct certificate_signer signer = {issuer != NULL ? &issuer->certificate : NULL,
                                              by->pair.private_key, by->pair.private_key_len};
    assert_int_equal(certificate_make(&plan, &signer, &p.certificate), SSM_OK);
    return p;
}

static inline struct party party_make(enum certificate_use use, const char *name, int from_days, int to_days,
                                      const struct party *issuer)
{
    static const struct certificate_names NAMES = {.list = {"gateway.example.org"}, .count = 1};

    return party_make_named(use, name, use == CERTIFICATE_FOR_SERVER ? &NAMES : NULL, from_days, to_days,
                            issuer);
}

static inline struct pem pem_of(char *text)
{
    return (struct pem){.text = text, .len = strlen(text) + 1};
}

/* The gateway is `own` and trusts `client_ca` for subscribers; alice is known by her name. */
static inline void certified_equip(struct scene *s, const struct party *own, const struct party *client_ca)
{
    char chain[CERTIFICATE_PEM_MAX + 1];
    char ca[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
    struct subscriber_row *row = &s->world->store.subscribers[0].row;

    certificate_to_pem(&own->certificate, chain);
    certificate_to_pem(&client_ca->certificate, ca);
    assert_int_equal(certificate_key_to_pem(own->pair.private_key, own->pair.private_key_len, key), SSM_OK);
    const struct credentials credentials = {.ecdsa = {pem_of(chain), pem_of(key)}, .client_ca = pem_of(ca)};
    assert_int_equal(handshake_mbedtls_set_credentials(s->world->library, &credentials), SSM_OK);
    row->credential = SUBSCRIBER_SUBJECT;
    row->subject_len = 5;
    memcpy(row->subject, "alice", 5);
}

static inline void certified_renew(struct scene *s)
{
    scene_renew(s);
    certified_equip(s, &gateway, &root);
}

static inline int certified_setup(void **state)
{
    int failed = scene_setup(state);

    certified_equip(*state, &gateway, &root);
    return failed;
}

static inline int certified_make_parties(void **state)
{
    (void)state;
    root = party_make(CERTIFICATE_FOR_CA, "example CA", -1, YEAR, NULL);
    gateway = party_make(CERTIFICATE_FOR_SERVER, "gateway", -1, YEAR, &root);
    alice = party_make(CERTIFICATE_FOR_CLIENT, "alice", -1, YEAR, &root);
    return 0;
}

/* Key exchange and proof of `p`, then Finished. */
static inline void certified_prove(struct scene *s, const struct party *p)
{
    raw_send_ecdhe(&s->client);
    raw_send_certificate_verify(&s->client, &p->pair);
    scene_finish(s);
}

static inline void certified_answer(struct scene *s, const struct party *p)
{
    raw_send_certificates(&s->client, &p->certificate, 1);
    certified_prove(s, p);
}

static inline void certified_expect_connected(struct scene *s, const struct raw_hello *hello)
{
    scene_expect_greeted(s, hello);
    certified_answer(s, &alice);
    scene_expect_done(s);
}

static inline void certified_greet(struct scene *s)
{
    struct raw_hello hello = raw_hello_ecdsa();

    scene_expect_greeted(s, &hello);
}

#define CERTIFIED(test) cmocka_unit_test_setup_teardown(test, certified_setup, scene_teardown)

#endif
