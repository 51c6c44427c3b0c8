/* Where a peer's records go: by content type, epoch and state. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum { CONNECTION = 21, HANDLE = 300, PEER = 1 };

static void assert_counted(struct world *w, enum relay_counter counter, uint64_t expected)
{
    assert_int_equal(world_counter(w, counter), expected);
}

/* What the records of a test lead to, one at a time. */
struct route {
    uint8_t type;
    uint8_t epoch;
    enum output_kind goes; /* TO_PEER here stands for "nowhere" */
    enum relay_counter counter;
};

static void assert_routes(struct world *w, const struct route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before = world_counter(w, routes[i].counter);

        world_forget_outputs(w);
        world_from_peer(w, PEER, world_record(routes[i].type, routes[i].epoch, 100 + (uint32_t)i, 20));
        if (routes[i].goes == TO_PEER)
            assert_int_equal(w->output_count, 0);
        else
            assert_int_equal(world_output(w, 0)->kind, routes[i].goes);
        assert_counted(w, routes[i].counter, before + 1);
    }
}

/* ---- strangers ---- */

static void only_a_strangers_client_hello_is_heard(void **state)
{
    struct world *w = world_new();
    static const uint8_t TYPES[] = {0,  19, RECORD_CHANGE_CIPHER_SPEC, RECORD_ALERT, RECORD_APPLICATION_DATA,
                                    24, 25};

    (void)state;
    for (size_t i = 0; i < sizeof TYPES; i++)
        for (uint16_t epoch = 0; epoch < 3; epoch++)
            world_from_peer(w, PEER, world_record(TYPES[i], epoch, HELLO, 60));
    for (uint16_t epoch = 1; epoch < 3; epoch++) {
        struct bytes *record = world_record(RECORD_HANDSHAKE, epoch, 1, 60);

        record->at[RECORD_SEALED_HEADER_LEN] = HELLO; /* by chance, what it is not */
        world_from_peer(w, PEER, record);
    }
    for (int type = 0; type < 256; type++)
        if (type != HELLO)
            world_from_peer(w, PEER, world_handshake((uint8_t)type));
    world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 0, HELLO, 11)); /* shorter than its header */
    assert_int_equal(w->output_count, 0);
    assert_counted(w, RELAY_DROP_PEER_UNKNOWN, 7 * 3 + 2 + 255 + 1);
    assert_counted(w, RELAY_HELLOS, 0);
    world_free(w);
}

static void a_client_hello_reaches_keys_whole(void **state)
{
    struct world *w = world_new();
    const struct bytes *hello = world_handshake(HELLO);
    const struct endpoint peer = world_peer(PEER);
    const struct endpoint local = world_local();
    const struct message *m;

    (void)state;
    world_from_peer(w, PEER, hello);
    m = world_told(w, MSG_DGRAM_IN);
    assert_non_null(m);
    assert_int_equal(m->connection, 0);
    assert_int_equal(m->node, NODE_A);
    assert_true(endpoint_equal(&m->peer, &peer));
    assert_true(endpoint_equal(&m->local, &local));
    assert_int_equal(m->data[0].len, hello->len);
    assert_memory_equal(m->data[0].at, hello->at, hello->len);
    assert_counted(w, RELAY_HELLOS, 1);
    world_free(w);
}

/* ---- a handshake in flight ---- */

static void a_handshake_gets_its_records_one_a_message(void **state)
{
    struct world *w = world_new();
    static const uint8_t ORDER[] = {RECORD_HANDSHAKE, RECORD_CHANGE_CIPHER_SPEC, RECORD_HANDSHAKE};
    struct bytes flight = {.len = 0};

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_forget_outputs(w);
    world_add_handshake(&flight, KEY_EXCHANGE);
    (void)world_add_record(&flight, RECORD_CHANGE_CIPHER_SPEC, 0, 2, 1);
    (void)world_add_record(&flight, RECORD_HANDSHAKE, 1, 0, 32);
    (void)world_add_record(&flight, RECORD_APPLICATION_DATA, 1, 1, 20);
    world_from_peer(w, PEER, &flight);
    assert_int_equal(w->output_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_output(w, i)->m.type, MSG_DGRAM_IN);
        assert_int_equal(world_output(w, i)->m.connection, CONNECTION);
        assert_int_equal(world_output(w, i)->m.data[0].at[0], ORDER[i]);
    }
    assert_int_equal(world_output(w, 1)->m.data[0].len, RECORD_HEADER_LEN + 1);
    world_free(w);
}

static void a_handshake_takes_only_what_belongs_to_it(void **state)
{
    struct world *w = world_new();
    static const struct route ROUTES[] = {
        {RECORD_HANDSHAKE, 0, TO_KEYS, RELAY_TO_KEYS},
        {RECORD_CHANGE_CIPHER_SPEC, 0, TO_KEYS, RELAY_TO_KEYS},
        {RECORD_ALERT, 0, TO_KEYS, RELAY_TO_KEYS},
        {RECORD_HANDSHAKE, 1, TO_KEYS, RELAY_TO_KEYS},
        {RECORD_CHANGE_CIPHER_SPEC, 1, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_ALERT, 1, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_APPLICATION_DATA, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_APPLICATION_DATA, 2, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_HANDSHAKE, 2, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_HEARTBEAT, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
        {25, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
    };

    (void)state;
    world_open(w, CONNECTION, PEER);
    assert_routes(w, ROUTES, sizeof ROUTES / sizeof ROUTES[0]);
    world_free(w);
}

/* While the flight is held the peer's retransmissions are ignored: the release answers them. */
static void retransmissions_are_ignored_while_the_flight_is_held(void **state)
{
    struct world *w = world_new();
    static const struct route ROUTES[] = {
        {RECORD_HANDSHAKE, 0, TO_PEER, RELAY_DROP_PEER_HELD},
        {RECORD_CHANGE_CIPHER_SPEC, 0, TO_PEER, RELAY_DROP_PEER_HELD},
        {RECORD_HANDSHAKE, 1, TO_PEER, RELAY_DROP_PEER_HELD},
        {RECORD_ALERT, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_ALERT, 1, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_HANDSHAKE, 2, TO_PEER, RELAY_DROP_PEER_TYPE},
    };

    (void)state;
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_A, HANDLE);
    assert_routes(w, ROUTES, sizeof ROUTES / sizeof ROUTES[0]);
    world_from_peer(w, PEER, world_handshake(HELLO));
    assert_int_equal(w->output_count, 0);
    world_free(w);
}

/* ---- a live session ---- */

/* What the node's link carries is the record: rebuilt, it is the peer's, byte for byte. */
static void records_are_forwarded_byte_for_byte(void **state)
{
    struct world *w = world_new();
    static const uint32_t NUMBERS[] = {0, 1, 0xFFFF, 0x10000, 0xFFFFFF, 0x1000000, 0xFFFFFFFF};
    static const uint8_t TYPES[] = {RECORD_APPLICATION_DATA, RECORD_ALERT};
    const struct endpoint at = world_node_at(NODE_A);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        for (int variant = 0; variant < 4; variant++) {
            struct bytes *sent = world_record(TYPES[variant % 2], 1, NUMBERS[i], 8 + i);
            uint8_t back[256];
            struct record r;
            uint16_t handle;
            const struct output *o;
            const uint8_t *start;

            if (variant >= 2) /* a stack whose explicit nonce is random */
                memset(sent->at + RECORD_HEADER_LEN, 0xA5, RECORD_EXPLICIT_LEN);
            world_forget_outputs(w);
            world_from_peer(w, PEER, sent);
            assert_int_equal(w->output_count, 1);
            o = world_output(w, 0);
            assert_int_equal(o->kind, TO_NODE);
            assert_true(endpoint_equal(&o->to, &at));
            memcpy(back + RELAY_HEADROOM, o->bytes, o->len);
            assert_int_equal(linkframe_decode(back + RELAY_HEADROOM, o->len, &handle, &r), SSM_OK);
            assert_int_equal(handle, HANDLE);
            start = record_put_header(&r);
            assert_int_equal(r.body + r.body_len - start, sent->len);
            assert_memory_equal(start, sent->at, sent->len);
        }
    assert_counted(w, RELAY_TO_NODE, 4 * sizeof NUMBERS / sizeof NUMBERS[0]);
    world_free(w);
}

static void a_live_session_passes_nothing_else(void **state)
{
    struct world *w = world_new();
    static const struct route ROUTES[] = {
        {RECORD_APPLICATION_DATA, 1, TO_NODE, RELAY_TO_NODE},
        {RECORD_ALERT, 1, TO_NODE, RELAY_TO_NODE},
        {RECORD_ALERT, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_APPLICATION_DATA, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_APPLICATION_DATA, 2, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_ALERT, 2, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_HANDSHAKE, 0, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_HANDSHAKE, 1, TO_PEER, RELAY_DROP_PEER_HELD},
        {RECORD_HANDSHAKE, 2, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_CHANGE_CIPHER_SPEC, 0, TO_PEER, RELAY_DROP_PEER_HELD},
        {RECORD_CHANGE_CIPHER_SPEC, 1, TO_PEER, RELAY_DROP_PEER_TYPE},
        {RECORD_HEARTBEAT, 1, TO_PEER, RELAY_DROP_PEER_TYPE},
        {25, 1, TO_PEER, RELAY_DROP_PEER_TYPE},
    };

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    assert_routes(w, ROUTES, sizeof ROUTES / sizeof ROUTES[0]);
    world_free(w);
}

static void only_dtls_1_2_crosses_the_link(void **state)
{
    struct world *w = world_new();
    struct bytes *record = world_record(RECORD_APPLICATION_DATA, 1, 1, 20);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    record->at[2] = 0xFF;
    world_from_peer(w, PEER, record);
    assert_int_equal(w->output_count, 0);
    assert_counted(w, RELAY_DROP_PEER_TYPE, 1);
    world_free(w);
}

static void one_record_a_link_datagram(void **state)
{
    struct world *w = world_new();
    struct bytes three = {.len = 0};

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (uint32_t seq = 1; seq <= 3; seq++)
        (void)world_add_record(&three, RECORD_APPLICATION_DATA, 1, seq, 20);
    world_from_peer(w, PEER, &three);
    assert_int_equal(w->output_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct output o = *world_output(w, i);
        struct record r;
        uint16_t handle;

        assert_int_equal(o.kind, TO_NODE);
        assert_int_equal(o.len, LINK_RECORD_HEADER_MIN + 20);
        assert_int_equal(linkframe_decode(o.bytes, o.len, &handle, &r), SSM_OK);
        assert_int_equal(bytes_u32(r.seq.bytes + 2), i + 1);
    }
    world_free(w);
}

static void a_record_longer_than_one_frame_is_dropped(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, BODY_MAX));
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_output(w, 0)->len, WORLD_MTU);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 2, BODY_MAX + 1));
    world_from_peer(
        w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 0x10000, BODY_MAX)); /* one byte of number more */
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 3, 16000));
    assert_int_equal(w->output_count, 1);
    assert_counted(w, RELAY_DROP_PEER_TOO_LONG, 3);
    world_free(w);
}

/* RFC 6347 4.1.2.7: what is broken is dropped; what stood before it has been used. */
static void broken_records_are_dropped(void **state)
{
    struct world *w = world_new();
    struct bytes two = {.len = 0};
    size_t first = world_add_record(&two, RECORD_APPLICATION_DATA, 1, 1, 20);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    (void)world_add_record(&two, RECORD_APPLICATION_DATA, 1, 2, 20);
    for (size_t cut = 1; cut < two.len - first; cut++) {
        struct bytes shortened = two;

        world_forget_outputs(w);
        shortened.len -= cut;
        world_from_peer(w, PEER, &shortened);
        assert_int_equal(w->output_count, 1);
        assert_counted(w, RELAY_DROP_PEER_MALFORMED, cut);
    }
    world_from_peer(w, PEER, &(struct bytes){.len = 0});
    assert_counted(w, RELAY_DROP_PEER_MALFORMED, two.len - first);
    world_free(w);
}

/* ---- 5-tuples ---- */

/* No rebinding: a record from elsewhere changes nothing, however authentic it is, and answers stay where they
 * were. */
static void no_address_is_learnt_from_a_record(void **state)
{
    struct world *w = world_new();
    const struct endpoint peer = world_peer(PEER);
    struct endpoint elsewhere[3] = {peer, peer, world_peer(PEER + 1)};

    (void)state;
    elsewhere[0].port++;
    elsewhere[1].addr[0] = 1;
    world_session(w, PEER, NODE_A, HANDLE);
    for (uint32_t i = 0; i < 3; i++) {
        struct bytes *record = world_record(RECORD_APPLICATION_DATA, 1, i, 20);

        world_from_peer_to(w, NODE_A, world_local(), elsewhere[i], record->at, record->len);
    }
    {
        struct bytes *record = world_record(RECORD_APPLICATION_DATA, 1, 3, 20);

        world_from_peer_to(w, NODE_A, world_endpoint(1, 5685), peer, record->at, record->len);
    }
    assert_int_equal(w->output_count, 0);
    assert_counted(w, RELAY_DROP_PEER_UNKNOWN, 4);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
    assert_true(endpoint_equal(&world_output(w, 0)->to, &peer));
    world_free(w);
}

static void sessions_of_two_nodes_do_not_mix(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, 1, NODE_A, HANDLE);
    world_session(w, 2, NODE_B, HANDLE);
    for (unsigned peer = 1; peer <= 2; peer++) {
        const struct endpoint to_node = world_node_at(peer);
        const struct endpoint to_peer = world_peer(peer);

        world_forget_outputs(w);
        world_from_peer(w, peer, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
        assert_true(endpoint_equal(&world_output(w, 0)->to, &to_node));
        world_from_node(w, peer, world_frame(peer, 1, HANDLE, 64, 20));
        assert_true(endpoint_equal(&world_output(w, 1)->to, &to_peer));
    }
    world_free(w);
}

/* ---- a successor on a known 5-tuple (RFC 6347 4.2.8) ---- */

static void a_client_hello_in_a_live_session_begins_another(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_from_peer(w, PEER, world_handshake(HELLO));
    assert_int_equal(world_told(w, MSG_DGRAM_IN)->connection, 0);
    world_open(w, CONNECTION, PEER);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_handshake(HELLO));
    world_from_peer(w, PEER, world_handshake(KEY_EXCHANGE));
    world_from_peer(w, PEER, world_record(RECORD_CHANGE_CIPHER_SPEC, 0, 1, 1));
    world_from_peer(w, PEER, world_record(RECORD_HANDSHAKE, 1, 0, 32));
    assert_int_equal(w->output_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(world_output(w, i)->m.connection, CONNECTION);
    world_free(w);
}

/* Both use epoch 1: until the new keys are on the node, data is the old session's. */
static void the_old_session_lives_until_the_new_one_is_committed(void **state)
{
    struct world *w = world_new();
    struct output o;
    struct record r;
    uint16_t handle;

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_open(w, CONNECTION, PEER);
    for (int i = 0; i < 2; i++) {
        world_forget_outputs(w);
        world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
        world_from_peer(w, PEER, world_record(RECORD_ALERT, 1, 2, 10));
        assert_int_equal(world_count(w, TO_NODE), 2);
        o = *world_output(w, 1);
        assert_int_equal(linkframe_decode(o.bytes, o.len, &handle, &r), SSM_OK);
        assert_int_equal(handle, HANDLE);
        world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64 + (uint32_t)i, 20));
        assert_int_equal(world_count(w, TO_PEER), 1);
        if (i == 0)
            world_prepare(w, CONNECTION, NODE_A, HANDLE + 1);
    }
    world_forget_outputs(w);
    world_commit(w, CONNECTION, NODE_A, HANDLE + 1);
    world_flush(w);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->handle, HANDLE);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, CLOSE_REPLACED);
    assert_int_equal(world_count(w, TO_PEER), 1); /* the flight, and no tombstone */
    assert_int_equal(world_first(w, TO_PEER)->len, FLIGHT_LEN);
    assert_false(world_has_row(w, NODE_A, HANDLE));
    assert_true(world_has_row(w, NODE_A, HANDLE + 1));
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    o = *world_output(w, 0);
    assert_int_equal(linkframe_decode(o.bytes, o.len, &handle, &r), SSM_OK);
    assert_int_equal(handle, HANDLE + 1);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 70, 20));
    assert_int_equal(world_count(w, TO_PEER), 0);
    world_free(w);
}

static void a_failed_successor_leaves_the_old_session_alone(void **state)
{
    struct world *w = world_new();
    const struct message abort = {
        .type = MSG_SESSION_ABORT, .connection = CONNECTION, .kind = CLOSE_NODE_SILENT};

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_B, HANDLE);
    world_message(w, &abort);
    world_flush(w);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(world_count(w, TO_NODE), 1);
    assert_true(world_has_row(w, NODE_A, HANDLE));
    world_free(w);
}

static void another_node_may_be_chosen_on_the_same_5_tuple(void **state)
{
    struct world *w = world_new();
    const struct endpoint at = world_node_at(NODE_B);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_open(w, CONNECTION, PEER);
    world_prepare(w, CONNECTION, NODE_B, HANDLE);
    world_commit(w, CONNECTION, NODE_B, HANDLE);
    world_flush(w);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->node, NODE_A);
    assert_false(world_has_row(w, NODE_A, HANDLE));
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_true(endpoint_equal(&world_output(w, 0)->to, &at));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_strangers_client_hello_is_heard),
        cmocka_unit_test(a_client_hello_reaches_keys_whole),
        cmocka_unit_test(a_handshake_gets_its_records_one_a_message),
        cmocka_unit_test(a_handshake_takes_only_what_belongs_to_it),
        cmocka_unit_test(retransmissions_are_ignored_while_the_flight_is_held),
        cmocka_unit_test(records_are_forwarded_byte_for_byte),
        cmocka_unit_test(a_live_session_passes_nothing_else),
        cmocka_unit_test(only_dtls_1_2_crosses_the_link),
        cmocka_unit_test(one_record_a_link_datagram),
        cmocka_unit_test(a_record_longer_than_one_frame_is_dropped),
        cmocka_unit_test(broken_records_are_dropped),
        cmocka_unit_test(no_address_is_learnt_from_a_record),
        cmocka_unit_test(sessions_of_two_nodes_do_not_mix),
        cmocka_unit_test(a_client_hello_in_a_live_session_begins_another),
        cmocka_unit_test(the_old_session_lives_until_the_new_one_is_committed),
        cmocka_unit_test(a_failed_successor_leaves_the_old_session_alone),
        cmocka_unit_test(another_node_may_be_chosen_on_the_same_5_tuple),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
