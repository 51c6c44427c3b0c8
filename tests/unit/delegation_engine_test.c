/* What the delegator demands of a DTLS library, with one in its place that misbehaves. */
#include "fake_engine.h"

static const uint8_t SERVER_HELLO[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2};
static void (*behave)(struct handshake *h);

static enum handshake_result play(struct handshake *h)
{
    fake_send(h, SERVER_HELLO, sizeof SERVER_HELLO);
    fake_name_alice(h);
    behave(h);
    return HANDSHAKE_DONE;
}

static void give_keys(struct handshake *h)
{
    const struct handshake_keys keys = {.server = {.key = {1}}};

    h->callbacks->keys(h->owner, &keys);
}

static void send_change_cipher_spec(struct handshake *h)
{
    static const uint8_t RECORD[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 1};

    fake_send(h, RECORD, sizeof RECORD);
}

static void send_protected(struct handshake *h, uint8_t number_high, uint8_t number)
{
    uint8_t record[53] = {22, 0xFE, 0xFD, 0, 1, 0, 0, number_high, 0, 0, number, 0, 40};

    fake_send(h, record, sizeof record);
}

static void as_it_should(struct handshake *h)
{
    give_keys(h);
    send_change_cipher_spec(h);
    send_protected(h, 0, 63);
}

static void with_number_64(struct handshake *h)
{
    give_keys(h);
    send_change_cipher_spec(h);
    send_protected(h, 0, 64);
}

static void with_a_number_beyond_32_bits(struct handshake *h)
{
    give_keys(h);
    send_change_cipher_spec(h);
    send_protected(h, 1, 0);
}

static void with_a_flight_beyond_the_buffer(struct handshake *h)
{
    give_keys(h);
    send_change_cipher_spec(h);
    for (uint8_t i = 0; i < 5; i++)
        send_protected(h, 0, i);
}

static void without_keys(struct handshake *h)
{
    send_change_cipher_spec(h);
    send_protected(h, 0, 0);
}

static void without_a_last_flight(struct handshake *h)
{
    give_keys(h);
}

static void run(struct world *w, void (*behaviour)(struct handshake *h))
{
    struct world_client c = {.world = w, .endpoint = world_endpoint(20, 4000), .port_node = NODE_1};

    behave = behaviour;
    fake_send_hello(&c);
    assert_int_equal(fake.live, 0); /* the context is freed at once */
}

static void assert_refused(struct world *w)
{
    uint8_t last = 0;

    world_expect_none(w, MSG_SESSION_PREPARE);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_HANDSHAKE);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_HANDSHAKE), 1);
    for (const struct message *m = world_take(w, MSG_DGRAM_OUT); m != NULL;
         m = world_take(w, MSG_DGRAM_OUT)) {
        assert_int_equal(m->data[0].at[4], 0); /* nothing of epoch 1 leaves */
        last = m->data[0].at[m->data[0].len - 1];
    }
    assert_int_equal(last, 80);
}

static void a_proper_handshake_is_handed_over(void **state)
{
    run(*state, as_it_should);
    world_expect(*state, MSG_SESSION_PREPARE);
}

static void a_number_that_is_the_nodes_ends_the_handshake(void **state)
{
    run(*state, with_number_64);
    assert_refused(*state);
}

static void a_large_number_ends_the_handshake(void **state)
{
    run(*state, with_a_number_beyond_32_bits);
    assert_refused(*state);
}

static void a_flight_too_long_to_withhold_ends_the_handshake(void **state)
{
    run(*state, with_a_flight_beyond_the_buffer);
    assert_refused(*state);
}

static void a_handshake_without_keys_is_refused(void **state)
{
    run(*state, without_keys);
    assert_refused(*state);
}

static void a_handshake_without_last_flight_is_refused(void **state)
{
    run(*state, without_a_last_flight);
    assert_refused(*state);
}

static int setup(void **state)
{
    fake.live = 0;
    fake.turn = play;
    *state = fake_world_start(world_create());
    return 0;
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        WORLD(a_proper_handshake_is_handed_over),   WORLD(a_number_that_is_the_nodes_ends_the_handshake),
        WORLD(a_large_number_ends_the_handshake),   WORLD(a_flight_too_long_to_withhold_ends_the_handshake),
        WORLD(a_handshake_without_keys_is_refused), WORLD(a_handshake_without_last_flight_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
