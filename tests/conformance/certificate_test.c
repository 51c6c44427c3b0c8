/* A server that proves itself with a certificate (RFC 7925 4.4, 5). */
#include "certified_scene.h"

/* ---- what is agreed ---- */

/* RFC 7925 4.4: "A device compliant with the profile in this section MUST implement
 * TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8". */
static void the_mandatory_certificate_suite_is_agreed(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_ecdsa();

    certified_expect_connected(s, &hello);
    assert_int_equal(raw_server_suite(&s->client), RAW_SUITE_ECDHE_ECDSA_CCM_8);
}

/* RFC 7925 4.4: "the recommended curve is secp256r1, and the use of uncompressed points follows the
 * recommendation in CoAP." RFC 7251 2: "The uncompressed point format MUST be supported." */
static void the_key_exchange_is_an_uncompressed_point_of_secp256r1(void **state)
{
    static const uint8_t GROUPS[] = {
        0, 6, 0, RAW_GROUP_SECP521R1, 0, RAW_GROUP_SECP384R1, 0, RAW_GROUP_SECP256R1};
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_bare_ecdsa();

    raw_hello_add_extension(&hello, RAW_EXTENSION_GROUPS, GROUPS, sizeof GROUPS);
    raw_hello_add_u16_list(&hello, RAW_EXTENSION_SIGNATURE_ALGORITHMS, RAW_ECDSA_SHA256);
    scene_expect_greeted(s, &hello);
    const struct raw_key_exchange e = raw_read_key_exchange(&s->client);
    assert_int_equal(e.curve_type, RAW_CURVE_NAMED);
    assert_int_equal(e.group, RAW_GROUP_SECP256R1);
    assert_int_equal(e.point_len, RAW_POINT_LEN);
    assert_int_equal(e.point[0], RAW_POINT_UNCOMPRESSED);
}

/* RFC 4492 5.2: "The Supported Point Formats Extension, when used, MUST contain the value 0 (uncompressed) as
 * one of the items in the list of point formats." */
static void the_point_formats_that_are_answered_have_the_uncompressed_one(void **state)
{
    struct scene *s = *state;
    size_t len;

    certified_greet(s);
    const uint8_t *data = raw_server_extension(&s->client, RAW_EXTENSION_POINT_FORMATS, &len);
    assert_non_null(data);
    assert_int_equal(data[0], len - 1);
    assert_non_null(memchr(data + 1, 0, len - 1));
}

/* RFC 4492 4: "servers MUST NOT negotiate the use of an ECC cipher suite unless they can complete the
 * handshake while respecting the choice of curves and compression techniques specified by the client." */
static void without_a_common_curve_the_suite_is_not_agreed(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_bare_ecdsa();

    raw_hello_add_u16_list(&hello, RAW_EXTENSION_GROUPS, RAW_GROUP_SECP384R1);
    raw_hello_add_u16_list(&hello, RAW_EXTENSION_SIGNATURE_ALGORITHMS, RAW_ECDSA_SHA256);
    scene_expect_refused(s, &hello, RAW_ALERT_HANDSHAKE_FAILURE);
}

/* RFC 5246 7.4.3: "If the client has offered the "signature_algorithms" extension, the signature algorithm
 * and hash algorithm MUST be a pair listed in that extension." RFC 4492 2.2: "These parameters MUST be signed
 * with ECDSA using the private key corresponding to the public key in the server's Certificate." */
static void the_key_exchange_is_signed_as_the_client_has_offered(void **state)
{
    struct scene *s = *state;

    certified_greet(s);
    assert_int_equal(raw_read_key_exchange(&s->client).algorithm, RAW_ECDSA_SHA256);
    assert_true(raw_is_key_exchange_signed(&s->client));
}

/* RFC 5246 7.4.3: "the server MUST check any candidate cipher suites against the "signature_algorithms"
 * extension before selecting them." */
static void without_a_common_signature_algorithm_the_suite_is_not_agreed(void **state)
{
    static const uint16_t OTHERS[] = {RAW_ECDSA_SHA384, RAW_ECDSA_SHA1, RAW_RSA_SHA256};
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        struct raw_hello hello = raw_hello_bare_ecdsa();

        raw_hello_add_u16_list(&hello, RAW_EXTENSION_GROUPS, RAW_GROUP_SECP256R1);
        raw_hello_add_u16_list(&hello, RAW_EXTENSION_SIGNATURE_ALGORITHMS, OTHERS[i]);
        scene_expect_refused(s, &hello, RAW_ALERT_HANDSHAKE_FAILURE);
        certified_renew(s);
    }
}

/* RFC 7925 5: "The client MUST send this extension to select the use of SHA-256, otherwise if this extension
 * is absent, RFC 5246 defaults to SHA-1 / ECDSA". So does Mbed TLS 3.6; 2.28, told not to use SHA-1, agrees
 * on nothing. */
static void a_client_without_signature_algorithms_gets_no_sha_256(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_bare_ecdsa();

    raw_hello_add_u16_list(&hello, RAW_EXTENSION_GROUPS, RAW_GROUP_SECP256R1);
    if (!scene_library_is_3()) {
        scene_expect_refused(s, &hello, RAW_ALERT_HANDSHAKE_FAILURE);
        return;
    }
    scene_expect_greeted(s, &hello);
    assert_int_equal(raw_read_key_exchange(&s->client).algorithm, RAW_ECDSA_SHA1);
}

/* RFC 7627 5.2, as for PSK; RFC 7925 16. */
static void extended_master_secret_is_used_with_certificates(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_ecdsa();
    size_t len;

    raw_hello_add_extension(&hello, RAW_EXTENSION_EXTENDED_MASTER_SECRET, NULL, 0);
    certified_expect_connected(s, &hello);
    assert_non_null(raw_server_extension(&s->client, RAW_EXTENSION_EXTENDED_MASTER_SECRET, &len));
}

/* RFC 7925 9: "implementations SHOULD NOT reuse ephemeral DH keys over multiple protocol exchanges." */
static void each_ephemeral_key_is_new(void **state)
{
    struct scene *s = *state;
    uint8_t first[RAW_POINT_LEN];

    certified_greet(s);
    memcpy(first, raw_read_key_exchange(&s->client).point, sizeof first);
    scene_add_client(s, SCENE_PORT + 1);
    certified_greet(s);
    assert_memory_not_equal(raw_read_key_exchange(&s->client).point, first, sizeof first);
}

/* ---- the server's flight ---- */

/* RFC 5246 7.4.2: "The server MUST send a Certificate message whenever the agreed-upon key exchange method
 * uses certificates for authentication". "The sender's certificate MUST come first in the list." 7.4.4: the
 * order of the flight. */
static void the_servers_certificate_comes_first(void **state)
{
    static const uint8_t ORDER[] = {RAW_SERVER_HELLO, RAW_CERTIFICATE, RAW_SERVER_KEY_EXCHANGE,
                                    RAW_CERTIFICATE_REQUEST, RAW_SERVER_HELLO_DONE};
    struct scene *s = *state;
    struct certificate c;

    certified_greet(s);
    for (size_t i = 0; i < sizeof ORDER; i++)
        assert_int_equal(s->client.messages[s->client.message_count - sizeof ORDER + i].type, ORDER[i]);
    assert_true(raw_read_certificate(&s->client, 0, &c));
    assert_int_equal(c.len, gateway.certificate.len);
    assert_memory_equal(c.der, gateway.certificate.der, c.len);
}

/* RFC 5246 7.4.4, RFC 4492 5.5: the server asks for ecdsa_sign(64), and for ECDSA with SHA-256. */
static void an_ecdsa_certificate_is_asked_for(void **state)
{
    enum { ECDSA_SIGN = 64 };
    struct scene *s = *state;
    bool is_algorithm_listed = false;

    certified_greet(s);
    const struct raw_message *m = raw_find(&s->client, RAW_CERTIFICATE_REQUEST);
    struct reader r = reader_over(m->body, m->len);
    size_t types = reader_u8(&r);
    assert_non_null(memchr(reader_take(&r, types), ECDSA_SIGN, types));
    for (size_t left = reader_u16(&r); left > 0; left -= 2)
        is_algorithm_listed |= reader_u16(&r) == RAW_ECDSA_SHA256;
    assert_true(is_algorithm_listed);
    size_t authorities_len = reader_u16(&r);
    assert_int_equal(authorities_len, r.left);
    assert_int_equal(r.status, SSM_OK);
}

/* RFC 6347 4.1.1: "Each DTLS record MUST fit within a single datagram." 4.2.3: "each DTLS message MUST fit
 * within a single transport layer datagram", here of 1200 bytes. */
static void each_datagram_passes_every_ipv6_path(void **state)
{
    enum { PAYLOAD_MAX = 1280 - 40 - 8 };
    struct scene *s = *state;
    struct certificate_names names = {.count = 40};

    for (size_t i = 0; i < names.count; i++)
        (void)snprintf(names.list[i], sizeof names.list[i],
                       "%zu.long.names.make.long.certificates.example.org", i);
    const struct party large = party_make_named(CERTIFICATE_FOR_SERVER, "large", &names, -1, 1, &root);
    certified_equip(s, &large, &root);
    certified_greet(s);
    assert_true(raw_find(&s->client, RAW_CERTIFICATE)->len > PAYLOAD_MAX);
    assert_true(s->client.datagram_max <= PAYLOAD_MAX);
}

/* RFC 6066 4: "the client and server MUST immediately begin fragmenting messages (including handshake
 * messages) to ensure that no fragment larger than the negotiated length is sent." */
static void no_fragment_is_longer_than_the_client_has_asked(void **state)
{
    enum { LEN_512 = 1 };
    const uint8_t code = LEN_512;
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_ecdsa();

    raw_hello_add_extension(&hello, RAW_EXTENSION_MAX_FRAGMENT_LENGTH, &code, 1);
    certified_expect_connected(s, &hello);
    assert_true(s->client.fragment_max <= 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CERTIFIED(the_mandatory_certificate_suite_is_agreed),
        CERTIFIED(the_key_exchange_is_an_uncompressed_point_of_secp256r1),
        CERTIFIED(the_point_formats_that_are_answered_have_the_uncompressed_one),
        CERTIFIED(without_a_common_curve_the_suite_is_not_agreed),
        CERTIFIED(the_key_exchange_is_signed_as_the_client_has_offered),
        CERTIFIED(without_a_common_signature_algorithm_the_suite_is_not_agreed),
        CERTIFIED(a_client_without_signature_algorithms_gets_no_sha_256),
        CERTIFIED(extended_master_secret_is_used_with_certificates),
        CERTIFIED(each_ephemeral_key_is_new),
        CERTIFIED(the_servers_certificate_comes_first),
        CERTIFIED(an_ecdsa_certificate_is_asked_for),
        CERTIFIED(each_datagram_passes_every_ipv6_path),
        CERTIFIED(no_fragment_is_longer_than_the_client_has_asked),
    };

    return cmocka_run_group_tests(tests, certified_make_parties, NULL);
}
