/* What a server agrees on: versions, suites and extensions (RFC 7925 4.2, 8, 13 to 18). */
#include "scene.h"

/* ---- cipher suites ---- */

/* RFC 7925 4.2: "A device compliant with the profile in this section MUST implement
 * TLS_PSK_WITH_AES_128_CCM_8". */
static void the_mandatory_psk_suite_is_agreed(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_connected(s, &hello);
    assert_int_equal(raw_server_suite(&s->client), RAW_SUITE_PSK_CCM_8);
}

/* RFC 5246 7.4.1.2: "If the list contains cipher suites the server does not recognize, support, or wish to
 * use, the server MUST ignore those cipher suites, and process the remaining ones as usual." */
static void unknown_suites_are_ignored(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    hello.suite_count = 0;
    raw_hello_add_suite(&hello, 0x0A0A);
    raw_hello_add_suite(&hello, 0xFEFE);
    raw_hello_add_suite(&hello, RAW_SUITE_NULL);
    raw_hello_add_suite(&hello, RAW_SUITE_PSK_CCM_8);
    scene_expect_connected(s, &hello);
    assert_int_equal(raw_server_suite(&s->client), RAW_SUITE_PSK_CCM_8);
}

/* RFC 7925 13: "Implementations conformant to this specification MUST use AEAD ciphers." RFC 6347 4.1.2.2:
 * "RC4 MUST NOT be used with DTLS." RFC 5246 A.4.4: TLS_NULL_WITH_NULL_NULL "MUST NOT be negotiated". */
static void no_suite_without_aead_is_agreed(void **state)
{
    static const uint16_t SUITES[] = {
        RAW_SUITE_NULL,
        0x0005 /* RSA_RC4_128_SHA */,
        0x002C /* PSK_NULL_SHA */,
        0x002F,
        /* RSA_AES_128_CBC_SHA */ 0x008A, /* PSK_RC4_128_SHA */
        0x008C,
        /* PSK_AES_128_CBC_SHA */ 0x00AE, /* PSK_AES_128_CBC_SHA256 */
        0x00B0,
        /* PSK_NULL_SHA256 */ 0xC007, /* ECDHE_ECDSA_RC4_128_SHA */
        0xC009,
        /* ECDHE_ECDSA_AES_128_CBC_SHA */ 0xC023, /* ECDHE_ECDSA_AES_128_CBC_SHA256 */
        0xC035,
        /* ECDHE_PSK_AES_128_CBC_SHA */ 0xC037, /* ECDHE_PSK_AES_128_CBC_SHA256 */
    };

    for (size_t i = 0; i < sizeof SUITES / sizeof SUITES[0]; i++) {
        struct raw_hello hello = raw_hello_psk();

        hello.suites[0] = SUITES[i];
        scene_expect_refused(*state, &hello, RAW_ALERT_HANDSHAKE_FAILURE);
        scene_renew(*state);
    }
}

/* ---- versions ---- */

/* RFC 7925 18: "Servers MUST fail the handshake by sending a protocol_version fatal alert if a TLS/DTLS
 * version >= 1.2 cannot be negotiated." RFC 6655 5 and RFC 7251 3: the suites "MUST NOT be negotiated in
 * older versions". */
static void a_version_below_1_2_gets_protocol_version(void **state)
{
    struct raw_hello hello = raw_hello_psk();

    hello.version = RAW_VERSION_DTLS10;
    scene_expect_refused(*state, &hello, RAW_ALERT_PROTOCOL_VERSION);
}

/* RFC 5246 E.1: "If a TLS server receives a ClientHello containing a version number greater than the highest
 * version supported by the server, it MUST reply according to the highest version supported by the server."
 * Mbed TLS 3.6 does not, and needs not for clients of DTLS 1.3, which say 1.2 there (RFC 9147 5.3). */
static void a_version_above_1_2_is_answered_with_1_2(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    hello.version = RAW_VERSION_DTLS13;
    if (scene_library_is_3()) {
        scene_expect_refused(s, &hello, RAW_ALERT_PROTOCOL_VERSION);
        return;
    }
    scene_expect_connected(s, &hello);
    assert_int_equal(raw_server_version(&s->client), RAW_VERSION_DTLS12);
}

/* RFC 5246 E.1: servers "MUST accept any value {03,XX} as the record layer version number for ClientHello";
 * in DTLS {254,XX}, and stock clients send 254.255. Mbed TLS 3.6 drops what is above DTLS 1.2, and nobody
 * sends that (RFC 9147 4). */
static void the_record_version_of_a_hello_does_not_matter(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    hello.record_version = RAW_VERSION_DTLS10;
    scene_expect_connected(s, &hello);
    scene_renew(s);
    hello.record_version = RAW_VERSION_DTLS13;
    if (!scene_library_is_3()) {
        scene_expect_connected(s, &hello);
        return;
    }
    scene_greet(s, &hello);
    assert_int_equal(s->client.record_count, 0);
}

/* ---- the form of a hello ---- */

/* RFC 5246 7.4.1.2: "A server MUST accept ClientHello messages both with and without the extensions field"
 * (the other tests send one), "and (as for all other messages) it MUST check that the amount of data in the
 * message precisely matches one of these formats; if not, then it MUST send a fatal "decode_error" alert." */
static void a_hello_that_does_not_fit_its_lengths_gets_decode_error(void **state)
{
    struct raw_hello hello = raw_hello_psk();

    hello.trailer_len = 1;
    scene_expect_refused(*state, &hello, RAW_ALERT_DECODE_ERROR);
    scene_renew(*state);
    raw_hello_add_extension(&hello, RAW_EXTENSION_EXTENDED_MASTER_SECRET, NULL, 0);
    scene_expect_refused(*state, &hello, RAW_ALERT_DECODE_ERROR);
}

/* RFC 5246 7.4.1.2: "This vector MUST contain, and all implementations MUST support, CompressionMethod.null."
 * RFC 7925 8: compression "is NOT RECOMMENDED". */
static void null_compression_is_chosen(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    hello.compressions[0] = 1; /* DEFLATE, RFC 3749 2 */
    hello.compressions[1] = 0;
    hello.compression_count = 2;
    scene_expect_connected(s, &hello);
    assert_int_equal(raw_server_compression(&s->client), 0);
}

/* RFC 7925 7 asks session resumption of constrained devices; RFC 5246 7.2.2: "any connection terminated with
 * a fatal alert MUST NOT be resumed"; 7.4.1.2: servers must not "let the contents of fake session identifiers
 * cause any breach of security". The gateway, which is not constrained, makes every handshake a full one. */
static void a_session_identifier_resumes_nothing(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    hello.session_id_len = sizeof hello.session_id;
    memset(hello.session_id, 0x5A, sizeof hello.session_id);
    scene_expect_connected(s, &hello);
    const struct raw_message *m = raw_find(&s->client, RAW_SERVER_HELLO);
    assert_true(m->body[34] != sizeof hello.session_id ||
                memcmp(m->body + 35, hello.session_id, sizeof hello.session_id) != 0);
}

/* RFC 5246 7.4.1.3: ServerHello.random "MUST be independently generated from the ClientHello.random". RFC
 * 7925 12: "Lacking sources of randomness in an embedded system may lead to the same keys generated again and
 * again." */
static void each_server_random_is_new(void **state)
{
    enum { COUNT = 16, TIME_LEN = 4 }; /* gmt_unix_time comes first */
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    uint8_t seen[COUNT][RAW_RANDOM_LEN];

    for (uint16_t i = 0; i < COUNT; i++) {
        scene_add_client(s, SCENE_PORT + i);
        scene_expect_greeted(s, &hello);
        memcpy(seen[i], s->client.server_random, RAW_RANDOM_LEN);
        for (uint16_t j = 0; j < i; j++)
            assert_memory_not_equal(seen[i] + TIME_LEN, seen[j] + TIME_LEN, RAW_RANDOM_LEN - TIME_LEN);
    }
}

/* RFC 7925 12: "it is RECOMMENDED that the receiver of a ClientHello or ServerHello does not assume that the
 * value in "Random.gmt_unix_time" is an accurate representation of the current time". */
static void the_time_in_a_client_random_does_not_matter(void **state)
{
    struct raw_hello hello = raw_hello_psk();

    memset(hello.random, 0xFF, sizeof hello.random);
    scene_expect_connected(*state, &hello);
}

/* ---- extensions ---- */

/* RFC 5746 3.6: "TLS servers implementing this specification MUST ignore any unknown extensions offered by
 * the client". */
static void unknown_extensions_are_ignored(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    raw_hello_add_extension(&hello, 0x0A0A, NULL, 0);
    raw_hello_add_extension(&hello, 0xFAFA, "unknown", 7);
    scene_expect_connected(s, &hello);
    assert_int_equal(raw_server_extension_count(&s->client), 0);
}

/* RFC 5246 7.4.1.4: "An extension type MUST NOT appear in the ServerHello unless the same extension type
 * appeared in the corresponding ClientHello." */
static void nothing_is_answered_that_was_not_offered(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_connected(s, &hello);
    assert_int_equal(raw_server_extension_count(&s->client), 0);
}

static void expect_unanswered(struct scene *s, uint16_t type, const void *data, size_t len)
{
    struct raw_hello hello = raw_hello_psk();
    size_t unused;

    raw_hello_add_extension(&hello, type, data, len);
    scene_expect_connected(s, &hello);
    assert_null(raw_server_extension(&s->client, type, &unused));
    scene_renew(s);
}

/* RFC 7925 13: "RFC 7366 ("encrypt-then-MAC") and RFC 6066 ("truncated MAC extension") are not applicable to
 * this specification and MUST NOT be used." RFC 7366 3: a server that selects an AEAD suite "MUST NOT send an
 * encrypt-then-MAC response extension back to the client." */
static void encrypt_then_mac_and_truncated_hmac_are_not_used(void **state)
{
    expect_unanswered(*state, RAW_EXTENSION_ENCRYPT_THEN_MAC, NULL, 0);
    expect_unanswered(*state, RAW_EXTENSION_TRUNCATED_HMAC, NULL, 0);
}

/* RFC 5246 7.4.1.4.1: "Servers MUST NOT send this extension. TLS servers MUST support receiving this
 * extension." RFC 7925 5: it "is not applicable to the PSK-based ciphersuite". */
static void signature_algorithms_are_received_and_not_sent(void **state)
{
    static const uint8_t ECDSA_SHA256[] = {0, 2, 4, 3};

    expect_unanswered(*state, RAW_EXTENSION_SIGNATURE_ALGORITHMS, ECDSA_SHA256, sizeof ECDSA_SHA256);
}

/* The same, when no pair in it is one that the gateway could use. Mbed TLS 3.6 refuses that for a PSK, too.
 */
static void signature_algorithms_do_not_matter_to_psk(void **state)
{
    static const uint8_t UNKNOWN[] = {0, 2, 0xEE, 0xEE};
    struct raw_hello hello = raw_hello_psk();

    if (!scene_library_is_3()) {
        expect_unanswered(*state, RAW_EXTENSION_SIGNATURE_ALGORITHMS, UNKNOWN, sizeof UNKNOWN);
        return;
    }
    raw_hello_add_extension(&hello, RAW_EXTENSION_SIGNATURE_ALGORITHMS, UNKNOWN, sizeof UNKNOWN);
    scene_expect_refused(*state, &hello, RAW_ALERT_HANDSHAKE_FAILURE);
}

/* RFC 7250 4.2: "The server does not support the extension defined in this document. In this case, the server
 * returns the server hello without the extensions defined in this document." Likewise RFC 7924, 5077, 6520
 * and the other extensions of RFC 6066: what is not answered is not agreed. */
static void what_the_library_lacks_is_not_agreed(void **state)
{
    static const uint8_t RAW_PUBLIC_KEY[] = {1, 2};
    static const uint8_t CACHED_CERTIFICATE[] = {0, 5, 1, 1, 2, 3, 4};
    static const uint8_t OCSP[] = {1, 0, 0, 0, 0};
    static const uint8_t PRE_AGREED[] = {0, 1, 0};
    static const uint8_t PEER_MAY_SEND[] = {1};

    expect_unanswered(*state, RAW_EXTENSION_CLIENT_CERTIFICATE_TYPE, RAW_PUBLIC_KEY, 2);
    expect_unanswered(*state, RAW_EXTENSION_SERVER_CERTIFICATE_TYPE, RAW_PUBLIC_KEY, 2);
    expect_unanswered(*state, RAW_EXTENSION_CACHED_INFO, CACHED_CERTIFICATE, sizeof CACHED_CERTIFICATE);
    expect_unanswered(*state, RAW_EXTENSION_STATUS_REQUEST, OCSP, sizeof OCSP);
    expect_unanswered(*state, RAW_EXTENSION_TRUSTED_CA_KEYS, PRE_AGREED, sizeof PRE_AGREED);
    expect_unanswered(*state, RAW_EXTENSION_HEARTBEAT, PEER_MAY_SEND, sizeof PEER_MAY_SEND);
    expect_unanswered(*state, RAW_EXTENSION_CLIENT_CERTIFICATE_URL, NULL, 0);
    expect_unanswered(*state, RAW_EXTENSION_SESSION_TICKET, NULL, 0);
}

/* ---- session hash ---- */

/* RFC 7627 5.2: "If a server implementing this document receives the "extended_master_secret" extension, it
 * MUST include the extension in its ServerHello message." 5.1: "both client and server MUST use the extended
 * master secret derivation algorithm"; the client's Finished proves it. */
static void extended_master_secret_is_used_when_it_is_offered(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    size_t len;

    raw_hello_add_extension(&hello, RAW_EXTENSION_EXTENDED_MASTER_SECRET, NULL, 0);
    scene_expect_connected(s, &hello);
    assert_non_null(raw_server_extension(&s->client, RAW_EXTENSION_EXTENDED_MASTER_SECRET, &len));
    assert_int_equal(len, 0);
}

/* RFC 7627 5.2: without it in the ClientHello, "If it chooses to continue the handshake, then it MUST NOT
 * include the extension in the ServerHello. If the client and server choose to continue a full handshake
 * without the extension, they MUST use the standard master secret derivation". */
static void extended_master_secret_is_not_demanded(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    size_t len;

    scene_expect_connected(s, &hello);
    assert_null(raw_server_extension(&s->client, RAW_EXTENSION_EXTENDED_MASTER_SECRET, &len));
}

/* ---- renegotiation ---- */

static void expect_renegotiation_info(struct scene *s, const struct raw_hello *hello)
{
    size_t len;

    scene_expect_connected(s, hello);
    const uint8_t *data = raw_server_extension(&s->client, RAW_EXTENSION_RENEGOTIATION_INFO, &len);
    assert_non_null(data);
    assert_int_equal(len, 1);
    assert_int_equal(data[0], 0);
    scene_renew(s);
}

/* RFC 5746 3.6: "When a ClientHello is received, the server MUST check if it includes the
 * TLS_EMPTY_RENEGOTIATION_INFO_SCSV SCSV." "The server MUST check if the "renegotiation_info" extension is
 * included in the ClientHello." "If the secure_renegotiation flag is set to TRUE, the server MUST include an
 * empty "renegotiation_info" extension in the ServerHello message." 4.3: so does a server that does not
 * renegotiate. */
static void secure_renegotiation_is_signalled(void **state)
{
    struct raw_hello with_suite = raw_hello_psk();
    struct raw_hello with_extension = raw_hello_psk();

    raw_hello_add_suite(&with_suite, RAW_SUITE_RENEGOTIATION);
    expect_renegotiation_info(*state, &with_suite);
    raw_hello_add_extension(&with_extension, RAW_EXTENSION_RENEGOTIATION_INFO, "", 1);
    expect_renegotiation_info(*state, &with_extension);
}

/* RFC 5746 3.6: "The server MUST then verify that the length of the "renegotiated_connection" field is zero,
 * and if it is not, MUST abort the handshake." */
static void renegotiation_info_of_another_connection_is_refused(void **state)
{
    static const uint8_t OTHER[] = {4, 1, 2, 3, 4};
    struct raw_hello hello = raw_hello_psk();

    raw_hello_add_extension(&hello, RAW_EXTENSION_RENEGOTIATION_INFO, OTHER, sizeof OTHER);
    scene_expect_refused(*state, &hello, RAW_ALERT_HANDSHAKE_FAILURE);
}

/* ---- maximum fragment length ---- */

/* RFC 6066 4: "The "extension_data" field of this extension SHALL contain a "MaxFragmentLength" whose value
 * is the same as the requested maximum fragment length." RFC 7925 15 wants it of clients. */
static void a_maximum_fragment_length_is_answered_with_the_same(void **state)
{
    struct scene *s = *state;
    size_t len;

    for (uint8_t code = 1; code <= 4; code++) {
        struct raw_hello hello = raw_hello_psk();

        raw_hello_add_extension(&hello, RAW_EXTENSION_MAX_FRAGMENT_LENGTH, &code, 1);
        scene_expect_connected(s, &hello);
        const uint8_t *data = raw_server_extension(&s->client, RAW_EXTENSION_MAX_FRAGMENT_LENGTH, &len);
        assert_non_null(data);
        assert_int_equal(len, 1);
        assert_int_equal(data[0], code);
        scene_renew(s);
    }
}

/* RFC 6066 4: "If a server receives a maximum fragment length negotiation request for a value other than the
 * allowed values, it MUST abort the handshake with an "illegal_parameter" alert." */
static void an_unknown_maximum_fragment_length_gets_illegal_parameter(void **state)
{
    static const uint8_t CODES[] = {5, 6, 255};

    for (size_t i = 0; i < sizeof CODES; i++) {
        struct raw_hello hello = raw_hello_psk();

        raw_hello_add_extension(&hello, RAW_EXTENSION_MAX_FRAGMENT_LENGTH, &CODES[i], 1);
        scene_expect_refused(*state, &hello, RAW_ALERT_ILLEGAL_PARAMETER);
        scene_renew(*state);
    }
}

/* The library takes the undefined value 0 for "none asked for": nothing is agreed, where RFC 6066 4 wants an
 * alert. */
static void a_maximum_fragment_length_of_0_is_not_agreed(void **state)
{
    expect_unanswered(*state, RAW_EXTENSION_MAX_FRAGMENT_LENGTH, "", 1);
}

/* ---- server name ---- */

/* RFC 7925 4.2: "A server implementation needs to guide the selection based on a received SNI value from the
 * client." 14: "Implementing the Server Name Indication extension is REQUIRED". */
static void a_server_name_selects_the_node(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    s->link.port_node = 0; /* the shared port */
    raw_hello_add_server_name(&hello, "thermo.example.org");
    scene_expect_greeted(s, &hello);
    scene_answer(s);
    assert_int_equal(world_expect(s->world, MSG_SESSION_PREPARE)->node, NODE_1);
}

/* RFC 6066 3: a server that uses the name "SHALL include an extension of type "server_name" in the (extended)
 * server hello", which the library does not; no client that we know asks for it. */
static void a_server_name_is_not_acknowledged(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    size_t unused;

    raw_hello_add_server_name(&hello, "thermo");
    scene_expect_connected(s, &hello);
    assert_null(raw_server_extension(&s->client, RAW_EXTENSION_SERVER_NAME, &unused));
}

/* RFC 6066 3: "If the server understood the ClientHello extension but does not recognize the server name, the
 * server SHOULD take one of two actions: either abort the handshake by sending a fatal-level
 * unrecognized_name(112) alert or continue the handshake." */
static void an_unknown_server_name_gets_unrecognized_name(void **state)
{
    struct raw_hello hello = raw_hello_psk();

    raw_hello_add_server_name(&hello, "elsewhere.example.org");
    scene_expect_refused(*state, &hello, RAW_ALERT_UNRECOGNIZED_NAME);
}

/* RFC 6066 11.1: "Implementations MUST ensure that a buffer overflow does not occur, whatever the values of
 * the length fields in server_name." */
static void no_length_in_a_server_name_is_believed(void **state)
{
    struct scene *s = *state;
    static const uint8_t LISTS[][8] = {
        {0xFF, 0xFF, 0, 0, 3, 'a', 'b', 'c'}, {0, 6, 0, 0xFF, 0xFF, 'a', 'b', 'c'},
        {0, 6, 0, 0, 4, 'a', 'b', 'c'},       {0, 5, 0, 0, 3, 'a', 'b', 'c'},
        {0, 7, 0, 0, 3, 'a', 'b', 'c'},       {0, 6, 0, 0xFF, 3, 'a', 'b', 'c'},
    };

    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        struct raw_hello hello = raw_hello_psk();

        raw_hello_add_extension(&hello, RAW_EXTENSION_SERVER_NAME, LISTS[i], sizeof LISTS[i]);
        scene_expect_refused(s, &hello, RAW_ALERT_DECODE_ERROR);
        scene_renew(s);
    }
}

/* RFC 7925 17: "To prevent the renegotiation attack [RFC5746], this specification REQUIRES the TLS
 * renegotiation feature to be disabled." Handshake records of a session reach neither the DTLS library nor
 * the node. */
static void a_protected_hello_is_not_answered(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    uint8_t message[RAW_HANDSHAKE_HEADER_LEN + 64] = {RAW_CLIENT_HELLO};

    scene_expect_connected(s, &hello);
    uint64_t started = delegator_counter(s->world->delegator, DELEGATOR_HANDSHAKES_STARTED);
    size_t heard = s->client.message_count;
    raw_send_record(&s->client, RECORD_HANDSHAKE, 1, message, sizeof message);
    scene_wait(s, SCENE_PATIENCE_MS);
    assert_int_equal(delegator_counter(s->world->delegator, DELEGATOR_HANDSHAKES_STARTED), started);
    assert_int_equal(s->client.message_count, heard);
    assert_int_equal(s->client.alert_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_mandatory_psk_suite_is_agreed),
        SCENE(unknown_suites_are_ignored),
        SCENE(no_suite_without_aead_is_agreed),
        SCENE(a_version_below_1_2_gets_protocol_version),
        SCENE(a_version_above_1_2_is_answered_with_1_2),
        SCENE(the_record_version_of_a_hello_does_not_matter),
        SCENE(a_hello_that_does_not_fit_its_lengths_gets_decode_error),
        SCENE(null_compression_is_chosen),
        SCENE(a_session_identifier_resumes_nothing),
        SCENE(each_server_random_is_new),
        SCENE(the_time_in_a_client_random_does_not_matter),
        SCENE(unknown_extensions_are_ignored),
        SCENE(nothing_is_answered_that_was_not_offered),
        SCENE(encrypt_then_mac_and_truncated_hmac_are_not_used),
        SCENE(signature_algorithms_are_received_and_not_sent),
        SCENE(signature_algorithms_do_not_matter_to_psk),
        SCENE(what_the_library_lacks_is_not_agreed),
        SCENE(extended_master_secret_is_used_when_it_is_offered),
        SCENE(extended_master_secret_is_not_demanded),
        SCENE(secure_renegotiation_is_signalled),
        SCENE(renegotiation_info_of_another_connection_is_refused),
        SCENE(a_maximum_fragment_length_is_answered_with_the_same),
        SCENE(an_unknown_maximum_fragment_length_gets_illegal_parameter),
        SCENE(a_maximum_fragment_length_of_0_is_not_agreed),
        SCENE(a_server_name_selects_the_node),
        SCENE(a_server_name_is_not_acknowledged),
        SCENE(an_unknown_server_name_gets_unrecognized_name),
        SCENE(no_length_in_a_server_name_is_believed),
        SCENE(a_protected_hello_is_not_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
