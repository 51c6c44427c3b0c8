/* The DTLS engine alone, against the same library's client: one record a call, time as an argument. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/peer_mbedtls.c"
#include "handshake_side.h"

struct world {
    struct handshake_mbedtls *library;
    struct side side;
};

static void client_create(struct side *s, uint8_t key)
{
    const uint8_t known = s->key;

    s->key = key;
    side_connect(s, &(struct peer_config){.suites = PEER_PSK});
    s->key = known;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    w->library = handshake_mbedtls_create(1);
    assert_non_null(w->library);
    side_open(&w->side, w->library, 0, 4000, &peer_mbedtls);
    client_create(&w->side, SIDE_KEY);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    side_close(&w->side);
    handshake_mbedtls_destroy(w->library);
    free(w);
    return 0;
}

static void a_handshake_ends_with_keys_and_one_flight(void **state)
{
    struct side *s = &((struct world *)*state)->side;
    struct record r;
    size_t used;

    side_talk(s, 3);
    assert_int_equal(s->result, HANDSHAKE_DONE);
    assert_int_equal(s->keys_given, 1);
    assert_int_equal(s->sent_count, 1); /* ChangeCipherSpec and Finished in one datagram */
    assert_int_equal(s->sent[0].len, 67);
    uint8_t *finished = s->sent[0].bytes + 14;
    assert_int_equal(record_peek(finished, s->sent[0].len - 14, &r, &used), SSM_OK);
    assert_int_equal(record_epoch(&r), 1);
    assert_int_equal(bytes_u16(r.seq.bytes), 0);
    assert_int_equal(bytes_u32(r.seq.bytes + 2), 0);
    side_talk(s, 1);
    side_assert_same_keys(s);
}

static void keys_are_given_before_finished_is_verified(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    side_talk(s, 2);
    s->is_holding = true;
    side_talk(s, 1);
    const struct peer_datagram *last = &s->held[s->held_count - 1];
    for (unsigned i = 0; i + 1 < s->held_count; i++)
        side_feed(s, s->held[i].bytes, s->held[i].len);
    side_feed(s, last->bytes, last->len - 53); /* all but Finished */
    assert_int_equal(s->keys_given, 1);
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    assert_int_equal(s->sent_count, 0);
}

static void a_cookie_belongs_to_one_address(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    side_talk(s, 1);
    assert_null(s->handshake);
    assert_int_equal(s->cookies_asked, 1);
    assert_int_equal(s->sent_count, 1);
    assert_int_equal(s->sent[0].bytes[RECORD_HEADER_LEN], 3); /* HelloVerifyRequest */
    s->endpoint.port++;
    side_talk(s, 1);
    assert_int_equal(s->cookies_asked, 2);
    s->endpoint.addr[0]++;
    side_talk(s, 1);
    assert_int_equal(s->cookies_asked, 3);
    side_talk(s, 3);
    assert_int_equal(s->cookies_asked, 3);
    assert_int_equal(s->result, HANDSHAKE_DONE);
}

static void a_cookie_is_checked_to_its_last_byte(void **state)
{
    struct side *s = &((struct world *)*state)->side;
    uint8_t cookie[HANDSHAKE_COOKIE_LEN];

    assert_int_equal(s->engine.write_cookie(s->engine.ctx, &s->endpoint, cookie), SSM_OK);
    assert_true(s->engine.check_cookie(s->engine.ctx, &s->endpoint, cookie, sizeof cookie));
    for (size_t i = 0; i < sizeof cookie; i++) {
        cookie[i] ^= 1;
        assert_false(s->engine.check_cookie(s->engine.ctx, &s->endpoint, cookie, sizeof cookie));
        assert_false(s->engine.check_cookie(s->engine.ctx, &s->endpoint, cookie, i));
        cookie[i] ^= 1;
    }
}

static void an_unknown_identity_gets_its_alert(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    s->is_unknown = true;
    side_talk(s, 4);
    side_assert_refused(s, 51, HANDSHAKE_FAULT_OTHER);
    assert_int_equal(s->keys_given, 0);
}

static void a_finished_under_another_key_gets_bad_record_mac(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    peer_mbedtls.destroy(s->peer);
    client_create(s, SIDE_KEY + 1);
    side_talk(s, 4);
    side_assert_refused(s, 20, HANDSHAKE_FAULT_OTHER);
}

static void another_suite_or_version_is_refused(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    side_talk(s, 1);
    s->is_holding = true;
    side_talk(s, 1);
    s->is_holding = false;
    struct peer_datagram suite = s->held[0];
    struct peer_datagram version = s->held[0];
    for (size_t i = RECORD_HEADER_LEN; i + 1 < suite.len; i++)
        if (suite.bytes[i] == 0xC0 && suite.bytes[i + 1] == 0xA8)
            suite.bytes[i] = suite.bytes[i + 1] = 0;
    side_feed(s, suite.bytes, suite.len);
    assert_int_equal(s->result, HANDSHAKE_FAILED);
    assert_int_equal(s->alert, 40);
    side_forget(s);
    version.bytes[RECORD_HEADER_LEN + 12 + 1] = 0xFF; /* client_version FEFF: DTLS 1.0 */
    side_feed(s, version.bytes, version.len);
    assert_int_equal(s->result, HANDSHAKE_FAILED);
    assert_int_equal(s->alert, 70);
    assert_int_equal(s->alerts, 2);
}

static void a_lost_flight_is_sent_again_when_its_timer_is_due(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    side_talk(s, 2);
    unsigned flight = s->sent_count;
    assert_true(flight > 0);
    s->sent_count = 0;
    uint64_t due = s->engine.deadline(s->handshake);
    assert_int_not_equal(due, UINT64_MAX);
    assert_int_equal(s->engine.on_timer(s->handshake, due - 1), HANDSHAKE_CONTINUE);
    assert_int_equal(s->sent_count, 0);
    assert_int_equal(s->engine.on_timer(s->handshake, due), HANDSHAKE_CONTINUE);
    assert_int_equal(s->sent_count, flight);
    assert_true(s->engine.deadline(s->handshake) > due);
}

static void a_record_that_comes_when_a_timer_is_due_is_still_read(void **state)
{
    struct side *s = &((struct world *)*state)->side;

    side_talk(s, 2);
    s->is_holding = true;
    side_talk(s, 1);
    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    for (unsigned i = 0; i < s->held_count; i++)
        side_feed_at(s, s->held[i].bytes, s->held[i].len, 100000);
    assert_int_equal(s->result, HANDSHAKE_DONE);
}

int main(void)
{
#define SIDE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SIDE(a_handshake_ends_with_keys_and_one_flight),
        SIDE(keys_are_given_before_finished_is_verified),
        SIDE(a_cookie_belongs_to_one_address),
        SIDE(a_cookie_is_checked_to_its_last_byte),
        SIDE(an_unknown_identity_gets_its_alert),
        SIDE(a_finished_under_another_key_gets_bad_record_mac),
        SIDE(another_suite_or_version_is_refused),
        SIDE(a_lost_flight_is_sent_again_when_its_timer_is_due),
        SIDE(a_record_that_comes_when_a_timer_is_due_is_still_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
