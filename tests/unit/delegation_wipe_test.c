/*
 * Once the key block is sealed, no 8-byte window of either traffic key is left in the process that ran the
 * handshake; once it is acknowledged, none of the control key that sealed it. Of the master secret nothing is
 * left once the handshake is done, or with resumption, once the session is not to be resumed any more.
 *
 * Memory is copied before and after the sealing, and searched later, because only the opened key block tells
 * what to search for, and the test may leave copies of that. Not on an AddressSanitizer build, whose memory
 * cannot be walked.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* to the client's master secret */
#include "delegation_world.h"

#include <sys/mman.h>

enum { SNAPSHOT_MAX = 64 << 20, WINDOW = 8, RESUMPTION_S = 600, HANDOVER_MS = 20000 };

struct snapshot {
    uint8_t *bytes;
    size_t len;
};

static struct snapshot snapshots[2];

/* Copies all private writable memory of this process; the snapshots themselves are shared. */
static void snapshot_take(struct snapshot *s)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];

    assert_non_null(maps);
    s->len = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        void *from, *to;
        if (sscanf(line, "%p-%p rw", &from, &to) != 2 || strstr(line, " rw-p ") == NULL)
            continue;
        size_t len = (size_t)((uint8_t *)to - (uint8_t *)from);
        assert_true(len <= SNAPSHOT_MAX - s->len);
        memcpy(s->bytes + s->len, from, len);
        s->len += len;
    }
    assert_int_equal(fclose(maps), 0);
}

static bool has_window_of(const struct snapshot *s, const uint8_t key[RECORD_KEY_LEN])
{
    for (size_t at = 0; at <= RECORD_KEY_LEN - WINDOW; at++)
        if (memmem(s->bytes, s->len, key + at, WINDOW) != NULL)
            return true;
    return false;
}

static void no_traffic_key_is_left_once_it_is_sealed(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    struct keyblock k;

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    /* The second handshake waits behind the first one's key block, its keys still in the clear. */
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    uint16_t message_id = world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k);
    world_connect(w, "alice", ALICE_KEY, 4001, NODE_1);
    world_drop_clients(w);
    snapshot_take(&snapshots[0]);
    world_ack(w, n, message_id, COAP_CREATED);
    snapshot_take(&snapshots[1]);

    (void)world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k);
    assert_true(has_window_of(&snapshots[0], k.server.key));
    assert_true(has_window_of(&snapshots[0], k.client.key));
    assert_false(has_window_of(&snapshots[1], k.server.key));
    assert_false(has_window_of(&snapshots[1], k.client.key));
}

/* In the first snapshot, and not in the second. */
static void assert_gone(const uint8_t *secret)
{
    assert_true(has_window_of(&snapshots[0], secret));
    assert_false(has_window_of(&snapshots[1], secret));
}

/* What seals the next key block is not what sealed this one, and nothing here can open this one again. */
static void no_control_key_is_left_once_its_key_block_is_acknowledged(void **state)
{
    struct world *w = *state;
    struct world_node *n = &w->nodes[0];
    uint8_t *hidden = snapshots[0].bytes + SNAPSHOT_MAX; /* shared memory, which is not searched */
    struct keyblock k;

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    memcpy(hidden, n->assoc.down_key, AES_KEY_LEN);
    uint16_t message_id = world_open_keyblock(n, world_expect(w, MSG_SESSION_PREPARE), &k);
    bytes_wipe(n->assoc.down_key_before, AES_KEY_LEN); /* the node's */
    snapshot_take(&snapshots[0]);
    world_ack(w, n, message_id, COAP_CREATED);
    world_expect(w, MSG_SESSION_COMMIT);
    snapshot_take(&snapshots[1]);
    assert_gone(hidden);
}

/* A session and its hand-over; the client is gone, and its master secret is in `hidden`. */
static void session_of_alice(struct world *w, uint8_t *hidden)
{
    struct world_client *c = world_connect(w, "alice", ALICE_KEY, 4000, NODE_1);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    mbedtls_ssl_session session;
    struct message m;

    peer_deliver(c->peer, prepare->data[2].at, prepare->data[2].len);
    peer_mbedtls.run(c->peer, w->now_ms);
    assert_true(c->peer->is_up);
    mbedtls_ssl_session_init(&session);
    assert_int_equal(mbedtls_ssl_get_session(&((struct peer_of_mbedtls *)c->peer)->ssl, &session), 0);
    memcpy(hidden, session.master, RECORD_KEY_LEN);
    mbedtls_ssl_session_free(&session);
    world_drop_clients(w);
    struct keyblock k;
    world_ack(w, &w->nodes[0], world_open_keyblock(&w->nodes[0], prepare, &k), COAP_CREATED);
    m = *prepare;
    m.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &m, w->now_ms);
}

static void no_master_secret_is_left_behind_the_handshake(void **state)
{
    struct world *w = *state;
    uint8_t *hidden = snapshots[0].bytes + SNAPSHOT_MAX;

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    session_of_alice(w, hidden);
    snapshot_take(&snapshots[0]);
    assert_false(has_window_of(&snapshots[0], hidden));
}

static void a_master_secret_is_kept_for_resumption_and_no_longer(void **state)
{
    struct world *w = *state;
    uint8_t *hidden = snapshots[0].bytes + SNAPSHOT_MAX;

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    session_of_alice(w, hidden);
    snapshot_take(&snapshots[0]);
    delegator_remove_subscriber(w->delegator, 1, w->now_ms);
    snapshot_take(&snapshots[1]);
    assert_gone(hidden);

    session_of_alice(w, hidden);
    snapshot_take(&snapshots[0]);
    world_advance(w, RESUMPTION_S * 1000);
    snapshot_take(&snapshots[1]);
    assert_gone(hidden);
}

/* Nor of a hand-over that fails. */
static void no_master_secret_is_left_of_a_hand_over_that_fails(void **state)
{
    struct world *w = *state;
    uint8_t *hidden = snapshots[0].bytes + SNAPSHOT_MAX;

#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    w->nodes[0].id = NODE_2; /* what the node answers reaches another, which has no association */
    session_of_alice(w, hidden);
    snapshot_take(&snapshots[0]);
    world_advance(w, HANDOVER_MS);
    snapshot_take(&snapshots[1]);
    assert_gone(hidden);
}

static int setup_with_resumption(void **state)
{
    struct world *w = world_create();

    w->resumption_s = RESUMPTION_S;
    *state = w;
    return world_come_up(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_traffic_key_is_left_once_it_is_sealed, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(no_control_key_is_left_once_its_key_block_is_acknowledged,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(no_master_secret_is_left_behind_the_handshake, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_master_secret_is_kept_for_resumption_and_no_longer,
                                        setup_with_resumption, world_teardown),
        cmocka_unit_test_setup_teardown(no_master_secret_is_left_of_a_hand_over_that_fails,
                                        setup_with_resumption, world_teardown),
    };

    for (size_t i = 0; i < 2; i++) {
        snapshots[i].bytes =
            mmap(NULL, SNAPSHOT_MAX + AES_KEY_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(snapshots[i].bytes != MAP_FAILED);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
