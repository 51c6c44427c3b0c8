/* An abbreviated handshake whose Finished is forged, with the DTLS library itself. */
#include "delegation_world.h"

enum { LIFETIME_S = 600 };

static const uint8_t CHANGE_CIPHER_SPEC[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 1};
static const uint8_t FINISHED[53] = {22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40};

static mbedtls_ssl_context *context_of(struct world_client *c)
{
    return &((struct peer_of_mbedtls *)c->peer)->ssl;
}

/* Alice has a session, and comes again up to her Finished, which is held back. */
static struct world_client *alice_returns(struct world *w)
{
    struct world_client *c = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    mbedtls_ssl_session session;
    struct message durable = *prepare;
    struct keyblock k;

    peer_deliver(c->peer, prepare->data[2].at, prepare->data[2].len);
    peer_mbedtls.run(c->peer, w->now_ms);
    mbedtls_ssl_session_init(&session);
    assert_int_equal(mbedtls_ssl_get_session(context_of(c), &session), 0);
    world_ack(w, &w->nodes[0], world_open_keyblock(&w->nodes[0], prepare, &k), COAP_CREATED);
    durable.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &durable, w->now_ms);
    world_forget_messages(w);

    c = world_add_client(w, "alice", ALICE_KEY, 4001, NODE_1);
    assert_int_equal(mbedtls_ssl_set_session(context_of(c), &session), 0);
    mbedtls_ssl_session_free(&session);
    for (int flights = 0; flights < 2; flights++) { /* each answers a ClientHello */
        peer_mbedtls.run(c->peer, w->now_ms);
        while (world_deliver_to_clients(w))
            continue;
    }
    c->is_holding = true;
    peer_mbedtls.run(c->peer, w->now_ms);
    assert_true(c->peer->is_up);
    world_expect_none(w, MSG_SESSION_PREPARE);
    return c;
}

/* Another Finished overtakes hers. */
static struct world_client *somebody_forges(struct world *w)
{
    struct world_client *c;

    w->resumption_s = LIFETIME_S;
    world_come_up(w);
    c = alice_returns(w);
    world_send_record(c, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    world_send_record(c, FINISHED, sizeof FINISHED);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_DROP_FORGED), 1);
    world_expect_none(w, MSG_SESSION_PREPARE);
    return c;
}

static int setup(void **state)
{
    *state = world_create();
    return 0;
}

static void a_forged_finished_does_no_harm(void **state)
{
    struct world *w = *state;

    world_release_held(somebody_forges(w));
    (void)world_accept(w, &w->nodes[0]);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_RESUMPTION_DONE), 1);
    assert_int_equal(delegator_resumable_sessions(w->delegator), 1);
}

/* Nothing authentic follows within two seconds: the forger gets his alert, and the session is forgotten. */
static void who_forges_finished_gets_nothing(void **state)
{
    struct world *w = *state;

    (void)somebody_forges(w);
    world_advance(w, 2000);
    world_expect(w, MSG_SESSION_ABORT);
    world_expect_none(w, MSG_SESSION_PREPARE);
    assert_int_equal(delegator_counter(w->delegator, DELEGATOR_FAILED_KEY), 1);
    assert_int_equal(delegator_resumable_sessions(w->delegator), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_forged_finished_does_no_harm, setup, world_teardown),
        cmocka_unit_test_setup_teardown(who_forges_finished_gets_nothing, setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
