/* What the gateway's own CA writes into certificates (RFC 7925 4.4.1, 4.4.2 and 4.4.4), as another library
 * reads it. */
#include "unit/ca_world.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { SERVER_DAYS = 3650, CLIENT_DAYS = 100, GATEWAY, ROOT, CLIENT, CERTIFICATES };

struct own {
    struct ca_world world;
    X509 *certificates[CERTIFICATES];
};

static X509 *read_der(const struct certificate *c)
{
    const unsigned char *at = c->der;
    X509 *x = d2i_X509(NULL, &at, (long)c->len);

    assert_non_null(x);
    return x;
}

static int setup(void **state)
{
    struct own *o = calloc(1, sizeof *o);
    struct certificate_key_pair pair;

    assert_non_null(o);
    ca_world_open(&o->world);
    assert_int_equal(ca_init(&o->world.ca, SERVER_DAYS, &no_names, false, NOW_S), SSM_OK);
    const struct store_ca_row root = ca_world_read(&o->world, STORE_CA_ROOT);
    const struct store_ca_row gateway = ca_world_read(&o->world, STORE_CA_GATEWAY);
    const struct certificate client =
        ca_world_issue(&o->world, "02-12-34-FF-FE-56-78-9A", CLIENT_DAYS, &pair);
    o->certificates[ROOT] = read_der(&root.certificate);
    o->certificates[GATEWAY] = read_der(&gateway.certificate);
    o->certificates[CLIENT] = read_der(&client);
    *state = o;
    return 0;
}

static int teardown(void **state)
{
    struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++)
        X509_free(o->certificates[i]);
    ca_world_close(&o->world);
    free(o);
    return 0;
}

/* ---- the elements of Table 1 ---- */

/* RFC 7925 4.4.4: "This profile uses X.509 v3 certificates". */
static void certificates_are_of_version_3(void **state)
{
    const struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++)
        assert_int_equal(X509_get_version(o->certificates[i]), X509_VERSION_3);
}

/* RFC 7925 4.4.4: "Positive integer unique per certificate." RFC 5280 4.1.2.2: not above 20 octets. */
static void serial_numbers_are_positive_and_unique(void **state)
{
    const struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++) {
        const ASN1_INTEGER *serial = X509_get0_serialNumber(o->certificates[i]);

        assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER); /* not V_ASN1_NEG_INTEGER */
        assert_in_range(ASN1_STRING_length(serial), 1, CERTIFICATE_SERIAL_MAX);
        for (size_t j = GATEWAY; j < i; j++)
            assert_int_not_equal(ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(o->certificates[j])), 0);
    }
}

/* RFC 7925 4.4.4: "This field contains the signature algorithm, and this profile uses ecdsa-with-SHA256 or
 * stronger". "This is not only true for the end-entity certificates but also for all other certificates in
 * the chain, including CA certificates." */
static void certificates_are_signed_with_ecdsa_and_sha256(void **state)
{
    const struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++) {
        assert_int_equal(X509_get_signature_nid(o->certificates[i]), NID_ecdsa_with_SHA256);
        assert_int_equal(X509_verify(o->certificates[i], X509_get0_pubkey(o->certificates[ROOT])), 1);
    }
}

/* RFC 7925 4.4.4: "Contains the DN of the issuing CA." */
static void the_issuer_is_the_ca(void **state)
{
    const struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++)
        assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(o->certificates[i]),
                                       X509_get_subject_name(o->certificates[ROOT])),
                         0);
}

/* RFC 7925 4.4.4: "Values expressed as UTC time in notBefore and notAfter fields." */
static void validity_is_expressed_as_utc_time(void **state)
{
    const struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++) {
        assert_int_equal(ASN1_STRING_type(X509_get0_notBefore(o->certificates[i])), V_ASN1_UTCTIME);
        assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(o->certificates[i])), V_ASN1_UTCTIME);
    }
}

/* RFC 7925 4.4.4: "This profile uses the id-ecPublicKey algorithm identifier for ECDSA signature keys"; 4.4:
 * "the recommended curve is secp256r1, and the use of uncompressed points". */
static void public_keys_are_uncompressed_points_of_secp256r1(void **state)
{
    enum { POINT_LEN = 65, UNCOMPRESSED = 4 };
    const struct own *o = *state;

    for (size_t i = GATEWAY; i < CERTIFICATES; i++) {
        const unsigned char *point;
        int len;
        X509_ALGOR *algorithm;
        ASN1_OBJECT *oid;
        const void *curve;
        int curve_type;

        X509_PUBKEY_get0_param(&oid, &point, &len, &algorithm, X509_get_X509_PUBKEY(o->certificates[i]));
        X509_ALGOR_get0(NULL, &curve_type, &curve, algorithm);
        assert_int_equal(OBJ_obj2nid(oid), NID_X9_62_id_ecPublicKey);
        assert_int_equal(curve_type, V_ASN1_OBJECT);
        assert_int_equal(OBJ_obj2nid(curve), NID_X9_62_prime256v1);
        assert_int_equal(len, POINT_LEN);
        assert_int_equal(point[0], UNCOMPRESSED);
    }
}

/* RFC 7925 4.4.4: BasicConstraints "is used for CA certs only, and then the value of the "cA" field is set to
 * TRUE." */
static void basic_constraints_are_of_the_ca_alone(void **state)
{
    const struct own *o = *state;
    BASIC_CONSTRAINTS *constraints =
        X509_get_ext_d2i(o->certificates[ROOT], NID_basic_constraints, NULL, NULL);

    assert_non_null(constraints);
    assert_true(constraints->ca);
    BASIC_CONSTRAINTS_free(constraints);
    assert_int_equal(X509_get_ext_by_NID(o->certificates[GATEWAY], NID_basic_constraints, -1), -1);
    assert_int_equal(X509_get_ext_by_NID(o->certificates[CLIENT], NID_basic_constraints, -1), -1);
}

/* RFC 7925 4.4.4: "The KeyUsage field MAY have the following values in the context of this profile:
 * digitalSignature or keyAgreement, keyCertSign for verifying signatures on public key certificates." */
static void key_usage_is_within_the_profile(void **state)
{
    const struct own *o = *state;

    assert_int_equal(X509_get_key_usage(o->certificates[ROOT]), KU_KEY_CERT_SIGN);
    assert_int_equal(X509_get_key_usage(o->certificates[GATEWAY]), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_key_usage(o->certificates[CLIENT]), KU_DIGITAL_SIGNATURE);
}

/* RFC 7925 4.4.4: "id-kp-serverAuth for server authentication, id-kp-clientAuth for client authentication".
 */
static void extended_key_usage_says_server_or_client(void **state)
{
    const struct own *o = *state;

    assert_int_equal(X509_get_extended_key_usage(o->certificates[GATEWAY]), XKU_SSL_SERVER);
    assert_int_equal(X509_get_extended_key_usage(o->certificates[CLIENT]), XKU_SSL_CLIENT);
}

/* ---- names ---- */

/* The names of one kind in the gateway's certificate; `first` becomes the first of them. */
static size_t count_names(const struct own *o, int kind, char *first, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(o->certificates[GATEWAY], NID_subject_alt_name, NULL, NULL);
    size_t count = 0;

    assert_non_null(names);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != kind)
            continue;
        if (count++ == 0)
            snprintf(first, cap, "%.*s", ASN1_STRING_length(name->d.ia5),
                     (const char *)ASN1_STRING_get0_data(name->d.ia5));
    }
    GENERAL_NAMES_free(names);
    return count;
}

/* RFC 7925 4.4.1: "If a server node is provisioned with a fully qualified DNS domain, then the server
 * certificate MUST contain the fully qualified DNS domain name or "FQDN" as dNSName". */
static void the_gateways_domain_is_a_dns_name(void **state)
{
    char name[80] = "";

    assert_true(count_names(*state, GEN_DNS, name, sizeof name) > 0);
    assert_string_equal(name, "gw.home");
}

static bool is_domain_name(const char *text)
{
    return strchr(text, '.') != NULL &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] == '\0';
}

/* RFC 7925 4.4.1: "Certificates MUST NOT use DNS domain names in the CN of certificates and instead use the
 * subjectAltName attribute". */
static void no_dns_name_is_in_a_common_name(void **state)
{
    const struct own *o = *state;
    char name[80];

    for (size_t i = GATEWAY; i < CERTIFICATES; i++) {
        X509_NAME_get_text_by_NID(X509_get_subject_name(o->certificates[i]), NID_commonName, name,
                                  sizeof name);
        assert_false(is_domain_name(name));
        assert_int_equal(X509_check_host(o->certificates[GATEWAY], name, 0, 0, NULL), 0);
    }
}

/* RFC 7925 4.4.1: "Certificates MUST NOT contain domain names with wildcard characters", and "MUST NOT
 * contain multiple names". Ours do, because a server name chooses the node: each wildcard stands for the
 * nodes below a name of the gateway, and for nothing else. */
static void each_wildcard_stands_for_nodes_below_a_name_that_is_there(void **state)
{
    const struct own *o = *state;
    GENERAL_NAMES *names = X509_get_ext_d2i(o->certificates[GATEWAY], NID_subject_alt_name, NULL, NULL);

    assert_non_null(names);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char *text = (const char *)ASN1_STRING_get0_data(name->d.ia5);

        if (name->type != GEN_DNS || strchr(text, '*') == NULL)
            continue;
        assert_memory_equal(text, "*.", 2);
        assert_null(strchr(text + 2, '*'));
        assert_true(X509_check_host(o->certificates[GATEWAY], text + 2, 0, 0, NULL) == 1);
    }
    GENERAL_NAMES_free(names);
}

/* RFC 7925 4.4.2: "For client certificates, the identifier used in the SubjectAltName or in the leftmost CN
 * component of subject name MUST be an EUI-64." It is whatever the owner calls the client; such an identifier
 * is possible. */
static void a_client_can_be_named_by_an_eui_64(void **state)
{
    const struct own *o = *state;
    char name[80];

    X509_NAME_get_text_by_NID(X509_get_subject_name(o->certificates[CLIENT]), NID_commonName, name,
                              sizeof name);
    assert_string_equal(name, "02-12-34-FF-FE-56-78-9A");
}

#define OWN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OWN(certificates_are_of_version_3),
        OWN(serial_numbers_are_positive_and_unique),
        OWN(certificates_are_signed_with_ecdsa_and_sha256),
        OWN(the_issuer_is_the_ca),
        OWN(validity_is_expressed_as_utc_time),
        OWN(public_keys_are_uncompressed_points_of_secp256r1),
        OWN(basic_constraints_are_of_the_ca_alone),
        OWN(key_usage_is_within_the_profile),
        OWN(extended_key_usage_says_server_or_client),
        OWN(the_gateways_domain_is_a_dns_name),
        OWN(no_dns_name_is_in_a_common_name),
        OWN(each_wildcard_stands_for_nodes_below_a_name_that_is_there),
        OWN(a_client_can_be_named_by_an_eui_64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
