/* Which alerts a server sends and heeds (RFC 7925 6). */
#include "scene.h"

/* ---- what is sent ---- */

static void greet(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
}

static void name_nobody(struct scene *s)
{
    greet(s);
    scene_exchange_keys(s, "nobody", 6, ALICE_KEY);
}

/* RFC 7925 6: "For this profile, the TLS server MUST return the decrypt_error error message instead of the
 * unknown_psk_identity since the two mechanisms exist and provide the same functionality." */
static void an_unknown_psk_identity_gets_decrypt_error(void **state)
{
    struct scene *s = *state;

    name_nobody(s);
    scene_expect_alert(s, RAW_ALERT_DECRYPT_ERROR);
    world_expect(s->world, MSG_SESSION_ABORT);
}

static void have_no_grant(struct scene *s)
{
    greet(s);
    s->world->store.subscribers[0].node_count = 0;
    scene_answer(s);
}

/* RFC 7925 6: access_denied "MUST NOT be used with PSK and raw public key authentication". */
static void a_psk_without_a_grant_does_not_get_access_denied(void **state)
{
    struct scene *s = *state;

    have_no_grant(s);
    world_expect_none(s->world, MSG_SESSION_PREPARE);
    assert_int_equal(s->client.alert_count, 1);
    assert_int_not_equal(s->client.alerts[0].description, RAW_ALERT_ACCESS_DENIED);
}

/* Everything that can end a handshake with a PSK. */

static void offer_no_suite(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    hello.suites[0] = RAW_SUITE_NULL;
    scene_greet(s, &hello);
}

static void offer_an_old_version(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    hello.version = RAW_VERSION_DTLS10;
    scene_greet(s, &hello);
}

static void say_too_much(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    hello.trailer_len = 1;
    scene_greet(s, &hello);
}

static void offer_deflate_alone(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    hello.compressions[0] = 1;
    scene_greet(s, &hello);
    scene_answer(s);
}

static void ask_for_an_unknown_name(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    raw_hello_add_server_name(&hello, "elsewhere");
    scene_greet(s, &hello);
}

static void send_a_certificate(struct scene *s)
{
    static const uint8_t NO_CERTIFICATES[3];

    greet(s);
    raw_send_message(&s->client, RAW_CERTIFICATE, NO_CERTIFICATES, sizeof NO_CERTIFICATES);
}

static void send_half_a_key_exchange(struct scene *s)
{
    static const uint8_t EXCHANGE[] = {0, 5, 'a'};

    greet(s);
    raw_send_message(&s->client, RAW_CLIENT_KEY_EXCHANGE, EXCHANGE, sizeof EXCHANGE);
}

static void send_more_than_a_key_exchange(struct scene *s)
{
    static const uint8_t EXCHANGE[] = {0, 5, 'a', 'l', 'i', 'c', 'e', '!'};

    greet(s);
    raw_send_message(&s->client, RAW_CLIENT_KEY_EXCHANGE, EXCHANGE, sizeof EXCHANGE);
}

static void send_a_wrong_finished(struct scene *s)
{
    greet(s);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    raw_send_change_cipher_spec(&s->client);
    s->client.transcript[0] ^= 1;
    raw_send_finished(&s->client);
}

static void use_another_key(struct scene *s)
{
    greet(s);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY + 1);
    scene_finish(s);
    scene_wait(s, SCENE_PATIENCE_MS);
}

static void be_removed(struct scene *s)
{
    greet(s);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    delegator_remove_subscriber(s->world->delegator, 1, s->world->now_ms);
    scene_hear(s);
}

static void lose_the_node(struct scene *s)
{
    greet(s);
    delegator_remove_node(s->world->delegator, NODE_1, s->world->now_ms);
    scene_hear(s);
}

static void meet_a_node_that_is_silent(struct scene *s)
{
    enum { HANDOVER_MS = 20100 };

    greet(s);
    scene_answer(s);
    scene_wait(s, HANDOVER_MS);
}

static void (*const ENDS[])(struct scene *s) = {
    name_nobody,
    have_no_grant,
    offer_no_suite,
    offer_an_old_version,
    say_too_much,
    ask_for_an_unknown_name,
    send_a_certificate,
    send_half_a_key_exchange,
    send_more_than_a_key_exchange,
    send_a_wrong_finished,
    use_another_key,
    be_removed,
    lose_the_node,
    meet_a_node_that_is_silent,
};

enum { END_COUNT = sizeof ENDS / sizeof ENDS[0] };

static void expect_not_sent(struct scene *s, const uint8_t *forbidden, size_t count)
{
    for (size_t i = 0; i < END_COUNT; i++) {
        ENDS[i](s);
        assert_int_equal(s->client.alert_count, 1);
        for (size_t j = 0; j < count; j++)
            if (s->client.alerts[0].description == forbidden[j])
                fail_msg("end %zu: alert %u", i, forbidden[j]);
        scene_renew(s);
    }
}

/* RFC 7925 6: "the following error messages MUST NOT be used with PSK and raw public key authentication". */
static void no_alert_about_certificates_is_sent_with_psk(void **state)
{
    static const uint8_t FORBIDDEN[] = {
        RAW_ALERT_BAD_CERTIFICATE,     RAW_ALERT_UNSUPPORTED_CERTIFICATE, RAW_ALERT_CERTIFICATE_REVOKED,
        RAW_ALERT_CERTIFICATE_EXPIRED, RAW_ALERT_CERTIFICATE_UNKNOWN,     RAW_ALERT_UNKNOWN_CA,
        RAW_ALERT_ACCESS_DENIED,
    };

    expect_not_sent(*state, FORBIDDEN, sizeof FORBIDDEN);
}

/* RFC 7925 6: "All error messages marked as RESERVED [...] MUST NOT be used with this profile. Those include
 * decryption_failed_RESERVED, no_certificate_RESERVED, and export_restriction_RESERVED." */
static void no_reserved_alert_is_sent(void **state)
{
    static const uint8_t FORBIDDEN[] = {RAW_ALERT_DECRYPTION_FAILED, RAW_ALERT_NO_CERTIFICATE,
                                        RAW_ALERT_EXPORT_RESTRICTION};

    expect_not_sent(*state, FORBIDDEN, sizeof FORBIDDEN);
}

/* RFC 7925 6: "Since this profile does not make use of compression at the TLS layer, the
 * decompression_failure error message MUST NOT be used either." */
static void decompression_failure_is_not_sent(void **state)
{
    static const uint8_t FORBIDDEN[] = {RAW_ALERT_DECOMPRESSION_FAILURE};
    struct scene *s = *state;

    expect_not_sent(s, FORBIDDEN, sizeof FORBIDDEN);
    offer_deflate_alone(s);
    for (size_t i = 0; i < s->client.alert_count; i++)
        assert_int_not_equal(s->client.alerts[i].description, RAW_ALERT_DECOMPRESSION_FAILURE);
}

/* RFC 5246 7.2.2: "If the implementation chooses to send an alert but intends to close the connection
 * immediately afterwards, it MUST send that alert at the fatal alert level." "Whenever an implementation
 * encounters a condition which is defined as a fatal alert, it MUST send the appropriate alert prior to
 * closing the connection." None is ever sealed: the gateway keeps no keys to seal one with. */
static void every_end_is_one_fatal_alert(void **state)
{
    struct scene *s = *state;

    for (size_t i = 0; i < END_COUNT; i++) {
        ENDS[i](s);
        assert_int_equal(s->client.alert_count, 1);
        assert_int_equal(s->client.alerts[0].level, RAW_LEVEL_FATAL);
        assert_int_equal(s->client.alerts_sealed, 0);
        scene_renew(s);
    }
}

/* RFC 5246 7.2.2: decode_error: "A message could not be decoded because some field was out of the specified
 * range or the length of the message was incorrect. This message is always fatal." */
static void a_malformed_key_exchange_gets_decode_error(void **state)
{
    struct scene *s = *state;

    send_half_a_key_exchange(s);
    scene_expect_alert(s, RAW_ALERT_DECODE_ERROR);
    scene_renew(s);
    send_more_than_a_key_exchange(s);
    scene_expect_alert(s, RAW_ALERT_DECODE_ERROR);
}

/* ---- what is heeded ---- */

/* RFC 7925 6: "the following errors should not occur with devices and servers supporting this specification,
 * but implementations MUST be prepared to process these errors": protocol_version, insufficient_security,
 * user_canceled. RFC 5246 7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and secrets
 * associated with a failed connection." */
static void a_fatal_alert_ends_the_handshake_without_an_answer(void **state)
{
    static const uint8_t DESCRIPTIONS[] = {
        RAW_ALERT_PROTOCOL_VERSION,    RAW_ALERT_INSUFFICIENT_SECURITY, RAW_ALERT_USER_CANCELED,
        RAW_ALERT_UNEXPECTED_MESSAGE,  RAW_ALERT_HANDSHAKE_FAILURE,     RAW_ALERT_ILLEGAL_PARAMETER,
        RAW_ALERT_DECODE_ERROR,        RAW_ALERT_DECRYPT_ERROR,         RAW_ALERT_INTERNAL_ERROR,
        RAW_ALERT_DECRYPTION_FAILED,   RAW_ALERT_NO_CERTIFICATE,        RAW_ALERT_EXPORT_RESTRICTION,
        RAW_ALERT_UNKNOWN_PSK_IDENTITY};
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof DESCRIPTIONS; i++) {
        greet(s);
        size_t records = s->client.record_count;
        raw_send_alert(&s->client, RAW_LEVEL_FATAL, DESCRIPTIONS[i]);
        world_expect(s->world, MSG_SESSION_ABORT);
        scene_answer(s);
        world_expect_none(s->world, MSG_SESSION_PREPARE);
        assert_int_equal(s->client.record_count, records);
        scene_renew(s);
    }
}

/* RFC 7925 6: "Warnings may be ignored by the application"; user_canceled "is unlikely to occur". */
static void a_warning_ends_nothing(void **state)
{
    static const uint8_t DESCRIPTIONS[] = {RAW_ALERT_USER_CANCELED, RAW_ALERT_UNRECOGNIZED_NAME,
                                           RAW_ALERT_INSUFFICIENT_SECURITY};
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof DESCRIPTIONS; i++) {
        greet(s);
        raw_send_alert(&s->client, RAW_LEVEL_WARNING, DESCRIPTIONS[i]);
        scene_answer(s);
        scene_expect_done(s);
        scene_renew(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(an_unknown_psk_identity_gets_decrypt_error),
        SCENE(a_psk_without_a_grant_does_not_get_access_denied),
        SCENE(no_alert_about_certificates_is_sent_with_psk),
        SCENE(no_reserved_alert_is_sent),
        SCENE(decompression_failure_is_not_sent),
        SCENE(every_end_is_one_fatal_alert),
        SCENE(a_malformed_key_exchange_gets_decode_error),
        SCENE(a_fatal_alert_ends_the_handshake_without_an_answer),
        SCENE(a_warning_ends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
