/* Turns of handshakes on threads of others: who gets one, what happens meanwhile, and who gives way. */
#include "fake_engine.h"

#include "delegation_pool.h"
#include "handshake_work.h"

enum { SUBMITTED_MAX = 16 };

static const uint8_t SERVER_HELLO[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2};

/* What the executor was given and has not run yet. */
static struct {
    struct handshake_work *turns[SUBMITTED_MAX];
    size_t count;
} submitted;

static void submit(void *ctx, struct handshake_work *w)
{
    (void)ctx;
    assert_true(submitted.count < SUBMITTED_MAX);
    submitted.turns[submitted.count++] = w;
}

/* Runs the oldest turn that was submitted, on behalf of a thread; returns its peer's port. */
static uint16_t run_turn(struct world *w)
{
    struct handshake_work *turn = submitted.turns[0];
    uint16_t port = ((const struct delegation *)turn->owner)->peer.port;

    assert_true(submitted.count > 0);
    submitted.count--;
    memmove(submitted.turns, submitted.turns + 1, submitted.count * sizeof submitted.turns[0]);
    handshake_work_run(turn);
    delegator_on_turn(w->delegator, turn, w->now_ms);
    return port;
}

static enum handshake_result answer(struct handshake *h)
{
    fake_send(h, SERVER_HELLO, sizeof SERVER_HELLO);
    return HANDSHAKE_CONTINUE;
}

static struct world_client client(struct world *w, uint8_t host, uint16_t port)
{
    return (struct world_client){.world = w, .endpoint = world_endpoint(host, port), .port_node = NODE_1};
}

/* One from another network than client(). */
static struct world_client distant_client(struct world *w, uint16_t port)
{
    struct world_client c = client(w, 1, port);

    c.endpoint.addr[13] = 99;
    return c;
}

static void hello_from(struct world *w, uint8_t host, uint16_t port)
{
    struct world_client c = client(w, host, port);

    fake_send_hello(&c);
}

static int setup_lanes(void **state, uint8_t lanes)
{
    struct world *w = world_create();

    memset(&fake, 0, sizeof fake);
    memset(&submitted, 0, sizeof submitted);
    fake.turn = answer;
    w->executor = (struct handshake_executor){.lanes = lanes, .submit = submit};
    *state = fake_world_start(w);
    return 0;
}

static int setup(void **state)
{
    return setup_lanes(state, 2);
}

static int setup_one_lane(void **state)
{
    return setup_lanes(state, 1);
}

static void no_lane_is_given_more_than_it_needs(void **state)
{
    struct world *w = *state;

    for (uint16_t i = 0; i < 5; i++)
        hello_from(w, 20, (uint16_t)(4000 + i));
    assert_int_equal(submitted.count, 4); /* two a lane: one runs, one waits */
    assert_int_equal(fake.fed, 0);        /* nothing of it on this thread */
    world_expect_none(w, MSG_DGRAM_OUT);
    run_turn(w);
    assert_int_equal(fake.fed, 1);
    assert_non_null(world_expect(w, MSG_DGRAM_OUT)->data[0].at);
    assert_int_equal(submitted.count, 4);
    while (submitted.count > 0)
        run_turn(w);
    assert_int_equal(fake.fed, 5);
}

static void a_peer_of_another_network_is_served_before_the_rest_of_a_flood(void **state)
{
    struct world *w = *state;
    struct world_client honest = distant_client(w, 5000);

    for (uint16_t i = 0; i < 4; i++)
        hello_from(w, (uint8_t)(20 + i), (uint16_t)(4000 + i));
    fake_send_hello(&honest);
    assert_int_equal(run_turn(w), 4000); /* two turns had been given away already */
    assert_int_equal(run_turn(w), 4001);
    assert_int_equal(run_turn(w), 5000);
    assert_int_equal(run_turn(w), 4002);
    assert_int_equal(run_turn(w), 4003);
}

static void a_peer_with_a_psk_takes_no_place_in_a_lane(void **state)
{
    struct world *w = *state;
    struct world_client c = client(w, 20, 4000);
    uint8_t hello[FAKE_HELLO_LEN];

    fake_hello(0xC0A8, 0, hello);
    world_send_record(&c, hello, sizeof hello);
    assert_int_equal(submitted.count, 0);
    assert_int_equal(fake.fed, 1);
    world_expect(w, MSG_DGRAM_OUT);
}

static void what_arrives_during_a_turn_makes_up_the_next(void **state)
{
    static const uint8_t CHANGE_CIPHER_SPEC[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 1};
    struct world *w = *state;
    struct world_client c = client(w, 20, 4000);

    fake_send_hello(&c);
    world_send_record(&c, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    world_send_record(&c, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    assert_int_equal(submitted.count, 1);
    run_turn(w);
    assert_int_equal(fake.fed, 1); /* the ClientHello alone */
    assert_int_equal(submitted.count, 1);
    run_turn(w);
    assert_int_equal(fake.fed, 3);
    assert_int_equal(submitted.count, 0);
}

static enum handshake_result finish(struct handshake *h)
{
    static const uint8_t FLIGHT[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1};
    static const struct handshake_keys KEYS = {.client = {.key = {1}}};

    fake_name_alice(h);
    h->callbacks->keys(h->owner, &KEYS);
    fake_send(h, FLIGHT, sizeof FLIGHT);
    return HANDSHAKE_DONE;
}

/* A peer may repeat its last flight, or the network may double it, while a slow turn brings the end. */
static void what_arrives_during_the_last_turn_makes_up_none(void **state)
{
    static const uint8_t CHANGE_CIPHER_SPEC[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 1};
    struct world *w = *state;
    struct world_client c = client(w, 20, 4000);

    fake.turn = finish;
    fake_send_hello(&c);
    world_send_record(&c, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    run_turn(w);
    assert_int_equal(fake.live, 0);
    assert_int_equal(submitted.count, 0);
    world_expect(w, MSG_SESSION_PREPARE);
}

static void records_beyond_the_inbox_are_left_to_be_repeated(void **state)
{
    struct world *w = *state;
    struct world_client c = client(w, 20, 4000);
    uint8_t record[13 + 1000] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 1000 >> 8, 1000 & 0xFF, 11};

    fake_send_hello(&c);
    for (int i = 0; i < 20; i++)
        world_send_record(&c, record, sizeof record);
    run_turn(w);
    run_turn(w);
    assert_int_equal(fake.fed, 1 + HANDSHAKE_INBOX_MAX / sizeof record);
}

static void a_handshake_that_ends_during_its_turn_is_freed_after_it(void **state)
{
    struct world *w = *state;

    hello_from(w, 20, 4000);
    delegator_remove_node(w->delegator, NODE_1, w->now_ms);
    world_expect_none(w, MSG_SESSION_ABORT);
    assert_int_equal(fake.live, 1);
    run_turn(w);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_REVOKED);
    assert_int_equal(world_expect(w, MSG_DGRAM_OUT)->data[0].at[14], 80); /* internal_error */
    world_expect_none(w, MSG_DGRAM_OUT);                                  /* and nothing of the turn */
    assert_int_equal(fake.live, 0);
}

static void a_new_handshake_of_the_same_peer_does_not_wait_for_the_olds_turn(void **state)
{
    struct world *w = *state;
    struct world_client c = client(w, 20, 4000);
    uint8_t again[FAKE_HELLO_LEN];

    fake_send_hello(&c);
    fake_hello(0xC0AE, 1, again);
    world_send_record(&c, again, sizeof again);
    assert_int_equal(submitted.count, 2);
    run_turn(w);
    assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_REPLACED);
    world_expect_none(w, MSG_DGRAM_OUT);
    run_turn(w);
    world_expect(w, MSG_DGRAM_OUT);
    world_expect_none(w, MSG_SESSION_ABORT);
}

static void of_a_full_pool_the_largest_networks_oldest_gives_way(void **state)
{
    struct world *w = *state;
    struct world_client first = distant_client(w, 5000);
    struct world_client second = distant_client(w, 5001);

    fake_send_hello(&first);
    run_turn(w);
    for (uint16_t i = 0; i < 20; i++) {
        hello_from(w, (uint8_t)(20 + i), (uint16_t)(4000 + i));
        run_turn(w);
    }
    fake_send_hello(&second);
    run_turn(w);
    /* Of six places one is kept for strangers. */
    for (uint16_t i = 0; i < 17; i++)
        assert_int_equal(world_expect(w, MSG_SESSION_ABORT)->kind, CLOSE_NO_ROOM);
    world_expect_none(w, MSG_SESSION_ABORT);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_BUSY), 17);
    /* Both of the small network are still served. */
    for (const struct message *m = world_take(w, MSG_DGRAM_OUT); m != NULL; m = world_take(w, MSG_DGRAM_OUT))
        if (m->data[0].at[0] == RECORD_ALERT)
            assert_in_range(m->peer.port, 4000, 4016);
}

static void a_delegator_that_is_destroyed_during_turns_frees_all(void **state)
{
    struct world *w = *state;

    hello_from(w, 20, 4000);
    hello_from(w, 20, 4001);
    delegator_destroy(w->delegator);
    assert_int_equal(fake.live, 0);
    world_start_over(w, &FAKE_ENGINE); /* for the teardown */
}

int main(void)
{
#define TURNS(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TURNS(no_lane_is_given_more_than_it_needs),
        cmocka_unit_test_setup_teardown(a_peer_of_another_network_is_served_before_the_rest_of_a_flood,
                                        setup_one_lane, world_teardown),
        TURNS(a_peer_with_a_psk_takes_no_place_in_a_lane),
        TURNS(what_arrives_during_a_turn_makes_up_the_next),
        TURNS(what_arrives_during_the_last_turn_makes_up_none),
        TURNS(records_beyond_the_inbox_are_left_to_be_repeated),
        TURNS(a_handshake_that_ends_during_its_turn_is_freed_after_it),
        TURNS(a_new_handshake_of_the_same_peer_does_not_wait_for_the_olds_turn),
        TURNS(of_a_full_pool_the_largest_networks_oldest_gives_way),
        TURNS(a_delegator_that_is_destroyed_during_turns_frees_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
