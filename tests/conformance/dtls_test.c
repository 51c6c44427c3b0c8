/* The handshake over datagrams: cookies, fragments, order, what is invalid and what is repeated (RFC 6347).
 */
#include "scene.h"

/* ---- the cookie exchange ---- */

/* RFC 6347 4.2.1: "the server MUST use the record sequence number in the ClientHello as the record sequence
 * number in the HelloVerifyRequest", and "as the record sequence number in its initial ServerHello." */
static void answers_to_a_hello_have_its_record_number(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    const struct seq48 first = seq48_make(1, 0x23456789);
    const struct seq48 second = seq48_make(1, 0x2345678A);

    s->client.seq[0] = first;
    scene_expect_greeted(s, &hello);
    assert_memory_equal(&raw_find(&s->client, RAW_HELLO_VERIFY_REQUEST)->record_seq, &first, sizeof first);
    assert_memory_equal(&raw_find(&s->client, RAW_SERVER_HELLO)->record_seq, &second, sizeof second);
}

/* RFC 6347 4.2.1: "The server MUST use the same version number in the HelloVerifyRequest that it would use
 * when sending a ServerHello." */
static void hello_verify_request_has_the_version_of_the_server_hello(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    assert_int_equal(bytes_u16(raw_find(&s->client, RAW_HELLO_VERIFY_REQUEST)->body),
                     raw_server_version(&s->client));
}

/* RFC 6347 4.2.1: a cookie that does not verify is as good as none; the exchange begins again. */
static void a_wrong_cookie_is_answered_with_another(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    raw_send_hello(&s->client, &hello);
    s->client.cookie[s->client.cookie_len - 1] ^= 1;
    raw_send_hello(&s->client, &hello);
    assert_null(raw_find(&s->client, RAW_SERVER_HELLO));
    assert_int_equal(s->client.alert_count, 0);
    raw_send_hello(&s->client, &hello);
    scene_expect_flight(s);
}

/* RFC 6347 4.2.6: "the initial ClientHello and HelloVerifyRequest MUST NOT be included in the
 * CertificateVerify or Finished MAC computations." */
static void the_cookie_exchange_is_no_part_of_finished(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_connected(s, &hello);
    scene_renew(s);
    raw_send_hello(&s->client, &hello);
    size_t first_len = s->client.transcript_len;
    uint8_t first[RAW_HELLO_MAX];
    memcpy(first, s->client.transcript, first_len);
    raw_send_hello(&s->client, &hello);
    memmove(s->client.transcript + first_len, s->client.transcript, s->client.transcript_len);
    memcpy(s->client.transcript, first, first_len);
    s->client.transcript_len += first_len;
    scene_answer(s);
    scene_expect_alert(s, RAW_ALERT_DECRYPT_ERROR);
}

/* ---- fragments ---- */

enum { EXCHANGE_LEN = 7 };

static const uint8_t EXCHANGE[EXCHANGE_LEN] = {0, 5, 'a', 'l', 'i', 'c', 'e'};

/* Greets, and notes a ClientKeyExchange that is still to be sent. */
static uint16_t exchange_begin(struct scene *s)
{
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    uint16_t seq = raw_note_message(&s->client, RAW_CLIENT_KEY_EXCHANGE, EXCHANGE, EXCHANGE_LEN);
    scene_derive(s, ALICE_KEY);
    return seq;
}

static void exchange_send(struct scene *s, uint16_t seq, size_t offset, size_t len)
{
    raw_send_fragment(&s->client, RAW_CLIENT_KEY_EXCHANGE, seq, EXCHANGE, EXCHANGE_LEN, offset, len);
}

/* RFC 6347 4.2.3: "When a DTLS implementation receives a handshake message fragment, it MUST buffer it until
 * it has the entire handshake message." 4.2.6: "the Finished MAC MUST be computed as if each handshake
 * message had been sent as a single fragment." */
static void fragments_are_kept_until_the_message_is_whole(void **state)
{
    struct scene *s = *state;
    uint16_t seq = exchange_begin(s);

    for (size_t i = EXCHANGE_LEN; i-- > 0;)
        exchange_send(s, seq, i, 1);
    scene_finish(s);
    scene_expect_done(s);
}

/* RFC 6347 4.2.3: "DTLS implementations MUST be able to handle overlapping fragment ranges." */
static void overlapping_fragments_are_put_together(void **state)
{
    struct scene *s = *state;
    uint16_t seq = exchange_begin(s);

    exchange_send(s, seq, 0, 4);
    exchange_send(s, seq, 2, 3);
    exchange_send(s, seq, 0, 4);
    exchange_send(s, seq, 3, 4);
    scene_finish(s);
    scene_expect_done(s);
}

/* RFC 6347 4.2.3, which the library does for all messages but this one: a ClientHello has to come in one
 * piece, and is otherwise not answered with a ServerHello. */
static void a_hello_in_pieces_is_not_served(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    raw_send_hello(&s->client, &hello);
    raw_send_hello_in_two(&s->client, &hello);
    assert_null(raw_find(&s->client, RAW_SERVER_HELLO));
    scene_renew(s);
    scene_expect_connected(s, &hello);
}

/* ---- order ---- */

/* RFC 6347 4.2.2: "If the sequence number is less than next_receive_seq, the message MUST be discarded." */
static void a_message_that_was_there_before_is_discarded(void **state)
{
    static const uint8_t ANOTHER[EXCHANGE_LEN] = {0, 5, 'm', 'a', 'r', 'i', 'e'};
    struct scene *s = *state;
    uint16_t seq = exchange_begin(s);

    exchange_send(s, seq, 0, EXCHANGE_LEN);
    raw_send_fragment(&s->client, RAW_CLIENT_KEY_EXCHANGE, seq, ANOTHER, EXCHANGE_LEN, 0, EXCHANGE_LEN);
    scene_finish(s);
    scene_expect_done(s);
}

/* RFC 5246 7.4: "sending handshake messages in an unexpected order results in a fatal error"; 7.2.2:
 * unexpected_message "is always fatal". */
static void a_message_out_of_turn_gets_unexpected_message(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    const uint8_t body[RAW_VERIFY_LEN] = {0};

    scene_expect_greeted(s, &hello);
    raw_send_message(&s->client, RAW_CERTIFICATE_VERIFY, body, sizeof body);
    scene_expect_alert(s, RAW_ALERT_UNEXPECTED_MESSAGE);
    world_expect(s->world, MSG_SESSION_ABORT);
}

/* RFC 5246 7.4.9: "The Finished message is the first one protected". One in clear, even if it is right and
 * comes ahead of what precedes it, is none. */
static void a_finished_in_clear_is_discarded(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    uint8_t finished[RAW_VERIFY_LEN];

    scene_expect_greeted(s, &hello);
    uint16_t seq = raw_note_message(&s->client, RAW_CLIENT_KEY_EXCHANGE, EXCHANGE, EXCHANGE_LEN);
    scene_derive(s, ALICE_KEY);
    raw_verify_data(&s->client, "client finished", finished);
    raw_send_fragment(&s->client, RAW_FINISHED, (uint16_t)(seq + 1), finished, sizeof finished, 0,
                      sizeof finished);
    raw_send_fragment(&s->client, RAW_CLIENT_KEY_EXCHANGE, seq, EXCHANGE, EXCHANGE_LEN, 0, EXCHANGE_LEN);
    raw_send_change_cipher_spec(&s->client);
    world_expect_none(s->world, MSG_SESSION_PREPARE);
    raw_send_finished(&s->client);
    scene_expect_done(s);
}

/* RFC 6347 4.1: "Until the handshake has completed, implementations MUST accept packets from the old epoch."
 */
static void an_old_epoch_is_accepted_until_the_handshake_is_complete(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    raw_send_change_cipher_spec(&s->client);
    raw_send_fragment(&s->client, RAW_CLIENT_KEY_EXCHANGE, 0, EXCHANGE, EXCHANGE_LEN, 0, EXCHANGE_LEN);
    assert_int_equal(s->client.alert_count, 0);
    raw_send_finished(&s->client);
    scene_expect_done(s);
}

/* RFC 6347 4.2.4: "Implementations MUST either discard or buffer all application data packets for the new
 * epoch until they have received the Finished message for that epoch." */
static void application_data_before_finished_goes_nowhere(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    raw_send_record(&s->client, RECORD_APPLICATION_DATA, 1, "early", 5);
    raw_send_change_cipher_spec(&s->client);
    raw_send_record(&s->client, RECORD_APPLICATION_DATA, 1, "early", 5);
    world_expect_none(s->world, MSG_SESSION_PREPARE);
    raw_send_finished(&s->client);
    scene_expect_done(s);
}

/* ---- what does not verify ---- */

/* RFC 5246 7.4.9: "Recipients of Finished messages MUST verify that the contents are correct." 7.2.2:
 * decrypt_error for one that does not validate. */
static void a_finished_with_wrong_contents_gets_decrypt_error(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    raw_send_change_cipher_spec(&s->client);
    s->client.transcript[0] ^= 1;
    raw_send_finished(&s->client);
    scene_expect_alert(s, RAW_ALERT_DECRYPT_ERROR);
    world_expect_none(s->world, MSG_SESSION_PREPARE);
}

/* RFC 6347 4.1.2.6: "If the MAC validation fails, the receiver MUST discard the received record as invalid."
 */
static void a_record_that_does_not_authenticate_is_discarded(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    raw_send_change_cipher_spec(&s->client);
    s->client.client_key.key[0] ^= 1;
    raw_send_record(&s->client, RECORD_HANDSHAKE, 1, "forged", 6);
    s->client.client_key.key[0] ^= 1;
    assert_int_equal(s->client.alert_count, 0);
    raw_send_finished(&s->client);
    scene_expect_done(s);
}

/* RFC 6347 4.1.2.1: "If a DTLS implementation chooses to generate an alert when it receives a message with an
 * invalid MAC, it MUST generate a bad_record_mac alert with level fatal and terminate its connection state."
 */
static void a_finished_under_another_key_gets_bad_record_mac(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, "alice", 5, ALICE_KEY + 1);
    scene_finish(s);
    scene_wait(s, SCENE_PATIENCE_MS);
    scene_expect_alert(s, RAW_ALERT_BAD_RECORD_MAC);
    world_expect(s->world, MSG_SESSION_ABORT);
}

/* ---- what is repeated ---- */

/* RFC 6347 4.2.4: a flight that is not answered is sent again when its timer is due; 4.1: under numbers of
 * its own. */
static void an_unanswered_flight_is_sent_again_under_new_numbers(void **state)
{
    enum { LONGEST_MS = 61000 }; /* RFC 7925 11 */
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    size_t records = s->client.record_count;
    scene_wait(s, LONGEST_MS - 1500);
    assert_true(s->client.record_count > records);
    scene_answer(s);
    scene_expect_done(s);
}

/* RFC 6347 4.2.4.1: "the ChangeCipherSpec message is not technically a handshake message but MUST be treated
 * as part of the same flight as the associated Finished message". Relay keeps and repeats both as one. */
static void change_cipher_spec_and_finished_are_one_flight(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_answer(s);
    assert_false(s->client.is_cipher_changed);
    const struct message *prepare = world_expect(s->world, MSG_SESSION_PREPARE);
    assert_int_equal(prepare->data[2].at[0], RECORD_CHANGE_CIPHER_SPEC);
    raw_receive(&s->client, prepare->data[2].at, prepare->data[2].len);
    assert_true(s->client.is_server_verified);
}

/* ---- an association that exists ---- */

/* RFC 6347 4.2.8: when a server "receives an epoch=0 ClientHello, it SHOULD proceed with a new handshake but
 * MUST NOT destroy the existing association until the client has demonstrated reachability either by
 * completing a cookie exchange or by completing a complete handshake". */
static void a_hello_without_a_cookie_ends_nothing(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    struct raw_hello other = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    struct raw_client first = s->client;
    other.random[0] = 1;
    s->client = (struct raw_client){.ctx = s, .output = scene_on_output};
    raw_send_hello(&s->client, &other);
    assert_non_null(raw_find(&s->client, RAW_HELLO_VERIFY_REQUEST));
    world_expect_none(s->world, MSG_SESSION_ABORT);
    s->client = first;
    scene_answer(s);
    scene_expect_done(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(answers_to_a_hello_have_its_record_number),
        SCENE(hello_verify_request_has_the_version_of_the_server_hello),
        SCENE(a_wrong_cookie_is_answered_with_another),
        SCENE(the_cookie_exchange_is_no_part_of_finished),
        SCENE(fragments_are_kept_until_the_message_is_whole),
        SCENE(overlapping_fragments_are_put_together),
        SCENE(a_hello_in_pieces_is_not_served),
        SCENE(a_message_that_was_there_before_is_discarded),
        SCENE(a_message_out_of_turn_gets_unexpected_message),
        SCENE(a_finished_in_clear_is_discarded),
        SCENE(an_old_epoch_is_accepted_until_the_handshake_is_complete),
        SCENE(application_data_before_finished_goes_nowhere),
        SCENE(a_finished_with_wrong_contents_gets_decrypt_error),
        SCENE(a_record_that_does_not_authenticate_is_discarded),
        SCENE(a_finished_under_another_key_gets_bad_record_mac),
        SCENE(an_unanswered_flight_is_sent_again_under_new_numbers),
        SCENE(change_cipher_spec_and_finished_are_one_flight),
        SCENE(a_hello_without_a_cookie_ends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
