/* What a server makes of the certificate of a client (RFC 7925 4.4.2, 4.4.4, 6). */
#include "certified_scene.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* ---- certificates with any element ---- */

struct shape {
    const char *name;
    const char *key_usage; /* these in OpenSSL's words; NULL: none */
    const char *extended_key_usage;
    const char *constraints;
    const char *alternative_name;
    const EVP_MD *hash; /* NULL: SHA-256 */
};

static EVP_PKEY *key_of(const struct certificate_key_pair *pair)
{
    const unsigned char *at = pair->private_key;
    EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, (long)pair->private_key_len);

    assert_non_null(key);
    return key;
}

static void element_add(X509 *x, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void name_set(X509_NAME *name, const char *text)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0), 1);
}

static void issuer_set(X509 *x, const struct party *issuer)
{
    const unsigned char *at = issuer->certificate.der;
    X509 *parent = d2i_X509(NULL, &at, (long)issuer->certificate.len);

    assert_non_null(parent);
    assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(parent)), 1);
    X509_free(parent);
}

/* Valid for a day, as `shape` says; without an issuer it signs itself. */
static struct party party_shape(const struct shape *shape, const struct party *issuer)
{
    struct party p;
    X509 *x = X509_new();

    assert_non_null(x);
    assert_int_equal(certificate_make_key(&p.pair), SSM_OK);
    EVP_PKEY *own = key_of(&p.pair);
    EVP_PKEY *by = key_of(issuer != NULL ? &issuer->pair : &p.pair);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY_S);
    X509_set_pubkey(x, own);
    name_set(X509_get_subject_name(x), shape->name);
    if (issuer != NULL)
        issuer_set(x, issuer);
    else
        X509_set_issuer_name(x, X509_get_subject_name(x));
    element_add(x, NID_basic_constraints, shape->constraints);
    element_add(x, NID_key_usage, shape->key_usage);
    element_add(x, NID_ext_key_usage, shape->extended_key_usage);
    element_add(x, NID_subject_alt_name, shape->alternative_name);
    assert_true(X509_sign(x, by, shape->hash != NULL ? shape->hash : EVP_sha256()) > 0);
    unsigned char *at = p.certificate.der;
    p.certificate.len = (size_t)i2d_X509(x, NULL);
    assert_true(p.certificate.len <= sizeof p.certificate.der);
    assert_int_equal(i2d_X509(x, &at), p.certificate.len);
    EVP_PKEY_free(by);
    EVP_PKEY_free(own);
    X509_free(x);
    return p;
}

static void expect_served(struct scene *s, const struct party *p)
{
    certified_greet(s);
    certified_answer(s, p);
    scene_expect_done(s);
    certified_renew(s);
}

static void expect_certificate_refused(struct scene *s, const struct party *p, uint8_t description)
{
    certified_greet(s);
    raw_send_certificates(&s->client, &p->certificate, 1);
    scene_expect_alert(s, description);
    world_expect(s->world, MSG_SESSION_ABORT);
    certified_renew(s);
}

/* ---- who is served ---- */

/* RFC 7925 4.4.2: "For client certificates, the identifier used in the SubjectAltName or in the leftmost CN
 * component of subject name MUST be an EUI-64." */
static void a_client_that_is_named_by_an_eui_64_is_served(void **state)
{
    static const char EUI_64[] = "02-12-34-FF-FE-56-78-9A";
    const struct party device = party_make(CERTIFICATE_FOR_CLIENT, EUI_64, -1, 1, &root);
    struct scene *s = *state;
    struct subscriber_row *row = &s->world->store.subscribers[0].row;

    row->subject_len = sizeof EUI_64 - 1;
    memcpy(row->subject, EUI_64, sizeof EUI_64 - 1);
    certified_greet(s);
    certified_answer(s, &device);
    scene_expect_done(s);
}

/* RFC 7925 4.4.4: "All certificate elements listed in Table 1 MUST be implemented by clients and servers
 * claiming support for certificate-based authentication." */
static void each_element_of_the_profile_is_understood(void **state)
{
    static const struct shape SHAPES[] = {
        {.name = "alice"},
        {.name = "alice", .key_usage = "digitalSignature"},
        {.name = "alice", .key_usage = "critical,digitalSignature,keyAgreement"},
        {.name = "alice", .extended_key_usage = "clientAuth"},
        {.name = "alice", .extended_key_usage = "critical,clientAuth"},
        {.name = "alice", .extended_key_usage = "serverAuth,clientAuth,codeSigning,OCSPSigning"},
        {.name = "alice", .alternative_name = "DNS:alice.example.org"},
        {.name = "alice", .constraints = "critical,CA:FALSE"},
    };

    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        const struct party p = party_shape(&SHAPES[i], &root);

        expect_served(*state, &p);
    }
}

/* RFC 7925 4.4.4: "this profile uses ecdsa-with-SHA256 or stronger". */
static void a_signature_with_a_stronger_hash_is_understood(void **state)
{
    const struct shape sha_384 = {.name = "alice", .hash = EVP_sha384()};
    const struct shape sha_512 = {.name = "alice", .hash = EVP_sha512()};
    const struct party p = party_shape(&sha_384, &root);
    const struct party q = party_shape(&sha_512, &root);

    expect_served(*state, &p);
    expect_served(*state, &q);
}

/* The same; and RFC 5246 7.4.4: "Any certificates provided by the client MUST be signed using a
 * hash/signature algorithm pair found in supported_signature_algorithms." */
static void a_signature_with_sha_1_is_refused(void **state)
{
    const struct shape sha_1 = {.name = "alice", .hash = EVP_sha1()};
    const struct party p = party_shape(&sha_1, &root);

    expect_certificate_refused(*state, &p, RAW_ALERT_UNSUPPORTED_CERTIFICATE);
}

/* RFC 5246 7.4.6: "the certificate MUST allow the key to be used for signing with the hash algorithm that
 * will be employed in the certificate verify message". */
static void a_key_that_may_not_sign_gets_unsupported_certificate(void **state)
{
    const struct shape agreement = {.name = "alice", .key_usage = "keyAgreement"};
    const struct party p = party_shape(&agreement, &root);

    expect_certificate_refused(*state, &p, RAW_ALERT_UNSUPPORTED_CERTIFICATE);
}

/* RFC 7925 4.4.4: "IoT devices MAY have client certificate chains of any length." BasicConstraints says "the
 * maximum depth of valid certification paths that include this certificate". */
static void a_chain_is_followed_as_far_as_its_cas_allow(void **state)
{
    static const struct shape ANY_DEPTH = {
        .name = "sub CA", .constraints = "critical,CA:TRUE", .key_usage = "keyCertSign"};
    static const struct shape END_ENTITIES = {
        .name = "last CA", .constraints = "critical,CA:TRUE,pathlen:0", .key_usage = "keyCertSign"};
    static const struct shape CLIENT = {.name = "alice", .key_usage = "digitalSignature"};
    const struct party top = party_shape(&ANY_DEPTH, NULL);
    const struct party sub = party_shape(&ANY_DEPTH, &top);
    const struct party last = party_shape(&END_ENTITIES, &sub);
    const struct party too_deep = party_shape(&ANY_DEPTH, &last);
    const struct party good = party_shape(&CLIENT, &last);
    const struct party bad = party_shape(&CLIENT, &too_deep);
    const struct certificate good_chain[] = {good.certificate, last.certificate, sub.certificate};
    const struct certificate bad_chain[] = {bad.certificate, too_deep.certificate, last.certificate,
                                            sub.certificate};
    struct scene *s = *state;

    scene_renew(s);
    certified_equip(s, &gateway, &top);
    certified_greet(s);
    raw_send_certificates(&s->client, good_chain, 3);
    certified_prove(s, &good);
    scene_expect_done(s);
    scene_renew(s);
    certified_equip(s, &gateway, &top);
    certified_greet(s);
    raw_send_certificates(&s->client, bad_chain, 4);
    assert_int_equal(s->client.alert_count, 1);
    assert_int_equal(s->client.alerts[0].level, RAW_LEVEL_FATAL);
}

/* RFC 5246 7.4.6: "If the client does not send any certificates, the server MAY at its discretion either
 * continue the handshake without client authentication, or respond with a fatal handshake_failure alert." */
static void no_client_certificate_gets_handshake_failure(void **state)
{
    struct scene *s = *state;

    certified_greet(s);
    raw_send_certificates(&s->client, NULL, 0);
    raw_send_ecdhe(&s->client);
    scene_finish(s);
    scene_expect_alert(s, RAW_ALERT_HANDSHAKE_FAILURE);
}

/* RFC 5246 7.2.2: certificate_expired: "A certificate has expired or is not currently valid." */
static void a_certificate_out_of_its_time_gets_certificate_expired(void **state)
{
    const struct party expired = party_make(CERTIFICATE_FOR_CLIENT, "alice", -3, -1, &root);
    const struct party early = party_make(CERTIFICATE_FOR_CLIENT, "alice", 1, 3, &root);

    expect_certificate_refused(*state, &expired, RAW_ALERT_CERTIFICATE_EXPIRED);
    expect_certificate_refused(*state, &early, RAW_ALERT_CERTIFICATE_EXPIRED);
}

/* RFC 5246 7.2.2: unknown_ca: "the CA certificate could not be located or couldn't be matched with a known,
 * trusted CA." */
static void a_certificate_of_another_ca_gets_unknown_ca(void **state)
{
    const struct party other = party_make(CERTIFICATE_FOR_CA, "another CA", -1, 1, NULL);
    const struct party foreign = party_make(CERTIFICATE_FOR_CLIENT, "alice", -1, 1, &other);
    const struct party alone = party_make(CERTIFICATE_FOR_CLIENT, "alice", -1, 1, NULL);

    expect_certificate_refused(*state, &foreign, RAW_ALERT_UNKNOWN_CA);
    expect_certificate_refused(*state, &alone, RAW_ALERT_UNKNOWN_CA);
}

/* RFC 5246 7.2.2: bad_certificate: "A certificate was corrupt, contained signatures that did not verify
 * correctly, etc." */
static void a_certificate_with_a_wrong_signature_gets_bad_certificate(void **state)
{
    struct party damaged = alice;

    damaged.certificate.der[damaged.certificate.len - 1] ^= 1;
    expect_certificate_refused(*state, &damaged, RAW_ALERT_BAD_CERTIFICATE);
}

/* RFC 7925 4.4.4: "All certificate elements listed in Table 1 MUST be implemented by clients and servers
 * claiming support for certificate-based authentication": Extended Key Usage, "id-kp-clientAuth for client
 * authentication"; Key Usage. RFC 5246 7.2.2: unsupported_certificate. */
static void a_certificate_for_another_use_gets_unsupported_certificate(void **state)
{
    const struct party server = party_make(CERTIFICATE_FOR_SERVER, "alice", -1, 1, &root);

    expect_certificate_refused(*state, &server, RAW_ALERT_UNSUPPORTED_CERTIFICATE);
}

/* RFC 7925 4.4.4: BasicConstraints: "This extension is used for CA certs only, and then the value of the "cA"
 * field is set to TRUE. The default is FALSE." What an end entity has signed counts for nothing. */
static void what_an_end_entity_has_signed_is_refused(void **state)
{
    const struct party below = party_make(CERTIFICATE_FOR_CLIENT, "alice", -1, 1, &alice);
    const struct certificate chain[] = {below.certificate, alice.certificate};
    struct scene *s = *state;

    certified_greet(s);
    raw_send_certificates(&s->client, chain, 2);
    assert_int_equal(s->client.alert_count, 1);
    assert_int_equal(s->client.alerts[0].level, RAW_LEVEL_FATAL);
    world_expect(s->world, MSG_SESSION_ABORT);
}

/* RFC 5246 7.2.2: decrypt_error: "A handshake cryptographic operation failed, including being unable to
 * correctly verify a signature". 7.4.8: CertificateVerify. */
static void a_proof_with_another_key_gets_decrypt_error(void **state)
{
    struct scene *s = *state;

    certified_greet(s);
    raw_send_certificates(&s->client, &alice.certificate, 1);
    raw_send_ecdhe(&s->client);
    raw_send_certificate_verify(&s->client, &gateway.pair);
    scene_expect_alert(s, RAW_ALERT_DECRYPT_ERROR);
}

/* RFC 5246 7.4.8: "When sent, it MUST immediately follow the client key exchange message." Whoever shows a
 * certificate has to prove its key. */
static void a_client_that_proves_nothing_is_refused(void **state)
{
    enum { HANDSHAKE_MS = 60100 };
    struct scene *s = *state;

    certified_greet(s);
    raw_send_certificates(&s->client, &alice.certificate, 1);
    raw_send_ecdhe(&s->client);
    scene_finish(s);
    scene_wait(s, HANDSHAKE_MS);
    world_expect_none(s->world, MSG_SESSION_PREPARE);
    world_expect(s->world, MSG_SESSION_ABORT);
}

/* RFC 5246 7.2.2: access_denied: "A valid certificate was received, but when access control was applied, the
 * sender decided not to proceed with negotiation." RFC 7925 6 keeps it for certificates. */
static void a_certificate_without_a_grant_gets_access_denied(void **state)
{
    struct scene *s = *state;

    certified_greet(s);
    s->world->store.subscribers[0].node_count = 0;
    certified_answer(s, &alice);
    scene_expect_alert(s, RAW_ALERT_ACCESS_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CERTIFIED(a_client_that_is_named_by_an_eui_64_is_served),
        CERTIFIED(each_element_of_the_profile_is_understood),
        CERTIFIED(a_signature_with_a_stronger_hash_is_understood),
        CERTIFIED(a_signature_with_sha_1_is_refused),
        CERTIFIED(a_key_that_may_not_sign_gets_unsupported_certificate),
        CERTIFIED(a_chain_is_followed_as_far_as_its_cas_allow),
        CERTIFIED(no_client_certificate_gets_handshake_failure),
        CERTIFIED(a_certificate_out_of_its_time_gets_certificate_expired),
        CERTIFIED(a_certificate_of_another_ca_gets_unknown_ca),
        CERTIFIED(a_certificate_with_a_wrong_signature_gets_bad_certificate),
        CERTIFIED(a_certificate_for_another_use_gets_unsupported_certificate),
        CERTIFIED(what_an_end_entity_has_signed_is_refused),
        CERTIFIED(a_proof_with_another_key_gets_decrypt_error),
        CERTIFIED(a_client_that_proves_nothing_is_refused),
        CERTIFIED(a_certificate_without_a_grant_gets_access_denied),
    };

    return cmocka_run_group_tests(tests, certified_make_parties, NULL);
}
