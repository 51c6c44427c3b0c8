/*
 * When the sealed key block leaves, no plain copy of the traffic keys stands on the stack: neither in a frame
 * that is still open, nor in one that was just left. With a library in place of the real one, which would
 * leave traces of its own. Not on an AddressSanitizer build, which keeps variables elsewhere.
 */
#include "fake_engine.h"

enum { BELOW_LEN = 16 << 10, STACK_MAX = 1 << 20, WINDOW = 8 };

extern char **environ;

static struct handshake_keys keys; /* of no other memory's but this */
static uint8_t stack_seen[STACK_MAX];
static size_t stack_seen_len;

static enum handshake_result play(struct handshake *h)
{
    static const uint8_t SERVER_HELLO[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2};
    static const uint8_t CHANGE_CIPHER_SPEC[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 1};

    fake_send(h, SERVER_HELLO, sizeof SERVER_HELLO);
    fake_name_alice(h);
    h->callbacks->keys(h->owner, &keys);
    fake_send(h, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    return HANDSHAKE_DONE;
}

/* From a little below this frame up to the environment, where the stack begins. */
__attribute__((noinline)) static void stack_copy(void)
{
    const volatile uint8_t *from = (const uint8_t *)__builtin_frame_address(0) - BELOW_LEN;

    stack_seen_len = (size_t)((const uint8_t *)environ - from);
    if (stack_seen_len > sizeof stack_seen)
        stack_seen_len = sizeof stack_seen;
    for (size_t i = 0; i < stack_seen_len; i++)
        stack_seen[i] = from[i];
}

static bool has_window_of(const uint8_t key[RECORD_KEY_LEN])
{
    for (size_t at = 0; at <= RECORD_KEY_LEN - WINDOW; at++)
        if (memmem(stack_seen, stack_seen_len, key + at, WINDOW) != NULL)
            return true;
    return false;
}

static void on_message(void *ctx, const struct message *m)
{
    if (m->type == MSG_SESSION_PREPARE)
        stack_copy();
    world_on_message(ctx, m);
}

static int setup(void **state)
{
    struct world *w = world_create();
    const struct delegator_config config = {.gateway = memory_name("gateway"),
                                            .max_handshakes = 2,
                                            .max_nodes = MEMORY_NODES_MAX,
                                            .handshake_timeout_s = 60,
                                            .handover_timeout_s = 20,
                                            .node_silent_s = 60,
                                            .node_slots = 4};
    const struct delegator_io io = {
        .ctx = w, .to_relay = on_message, .random = world_on_random, .log = world_on_log};
    const struct keys_store store = memory_table(&w->store);

    fake.turn = play;
    w->delegator = delegator_create(&config, &io, &FAKE_ENGINE, &store);
    assert_non_null(w->delegator);
    assert_int_equal(delegator_start(w->delegator, w->now_ms), SSM_OK);
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], 1, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    for (uint8_t i = 0; i < RECORD_KEY_LEN; i++) {
        keys.client.key[i] = (uint8_t)(0x91 + 5 * i);
        keys.server.key[i] = (uint8_t)(0xE3 + 3 * i);
    }
    *state = w;
    return 0;
}

static void no_traffic_key_is_on_the_stack_when_the_key_block_leaves(void **state)
{
    struct world *w = *state;
    struct world_client c = {.world = w, .endpoint = world_endpoint(20, 4000), .port_node = NODE_1};

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    fake_send_hello(&c);
    world_expect(w, MSG_SESSION_PREPARE);
    assert_false(has_window_of(keys.client.key));
    assert_false(has_window_of(keys.server.key));

    volatile struct handshake_keys copy = keys; /* so that it is known to find one */
    stack_copy();
    assert_true(has_window_of(keys.client.key));
    assert_true(has_window_of(keys.server.key));
    (void)copy;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_traffic_key_is_on_the_stack_when_the_key_block_leaves, setup,
                                        world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
