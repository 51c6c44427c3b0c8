/* The node's link: relay tags, addresses, control datagrams and their repetition. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_world.h"

enum { HANDLE = 300, PEER = 1 };

static const uint8_t ASSOCIATION[] = {LINK_ASSOCIATION << 5 | 1, 2, 3};
static const uint8_t CONTROL[] = {LINK_CONTROL << 5, 0, 0, 1};

static void assert_counted(struct world *w, enum relay_counter counter, uint64_t expected)
{
    assert_int_equal(world_counter(w, counter), expected);
}

/* ---- records ---- */

static void a_tagged_record_reaches_its_peer_byte_for_byte(void **state)
{
    struct world *w = world_new();
    const struct endpoint peer = world_peer(PEER);
    const struct endpoint local = world_local();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t seq = 64 + (i << 4 * i);
        struct bytes *frame;
        const struct bytes *expected;

        world_forget_outputs(w);
        frame = world_frame(NODE_A, 1, HANDLE, seq, 8 + i);
        world_from_node(w, NODE_A, frame);
        expected = world_record(RECORD_APPLICATION_DATA, 1, seq, 8 + i);
        assert_int_equal(w->output_count, 1);
        assert_int_equal(world_output(w, 0)->kind, TO_PEER);
        assert_true(endpoint_equal(&world_output(w, 0)->to, &peer));
        assert_true(endpoint_equal(&world_output(w, 0)->local, &local));
        assert_int_equal(world_output(w, 0)->len, expected->len);
        assert_memory_equal(world_output(w, 0)->bytes, expected->at, expected->len);
    }
    assert_counted(w, RELAY_FROM_NODE, 6);
    world_free(w);
}

/* Every byte that the tag covers: handle, number, record tag, and the tag itself. */
static void a_forged_record_is_dropped(void **state)
{
    struct world *w = world_new();
    const struct bytes frame = *world_frame(NODE_A, 1, HANDLE, 0x4141, 20);
    size_t covered_from = frame.len - LINK_TAG_LEN - RECORD_TAG_LEN;

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_session(w, PEER + 1, NODE_A, HANDLE ^ 1);
    for (size_t at = 0; at < frame.len; at++) {
        struct bytes forged = frame;

        if (at == LINK_RECORD_HEADER_MIN)
            at = covered_from; /* an altered body dies at the peer */
        forged.at[at] ^= at == 0 ? 0x08 : 1;
        world_from_node(w, NODE_A, &forged);
    }
    assert_int_equal(w->output_count, 0);
    assert_int_equal(world_counter(w, RELAY_DROP_NODE_FORGED) + world_counter(w, RELAY_DROP_NODE_UNKNOWN) +
                         world_counter(w, RELAY_DROP_NODE_MALFORMED),
                     LINK_RECORD_HEADER_MIN + RECORD_TAG_LEN + LINK_TAG_LEN);
    assert_in_range(world_counter(w, RELAY_DROP_NODE_FORGED), RECORD_TAG_LEN + LINK_TAG_LEN + 3, 20);
    world_from_node(w, NODE_A, &frame); /* no forgery has closed the window for it */
    assert_int_equal(w->output_count, 1);
    world_free(w);
}

static void a_replayed_record_is_dropped(void **state)
{
    struct world *w = world_new();
    static const struct {
        uint32_t seq;
        bool passes;
    } ORDER[] = {{70, true},  {70, false},  {64, true},   {200, true},
                 {137, true}, {136, false}, {200, false}, {137, false}};

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++) {
        world_forget_outputs(w);
        world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, ORDER[i].seq, 20));
        assert_int_equal(w->output_count, ORDER[i].passes);
    }
    assert_counted(w, RELAY_DROP_NODE_REPLAYED, 4);
    world_free(w);
}

/* Nothing has happened but that a stranger was asked to join. */
static void assert_asked_to_join(struct world *w, struct endpoint stranger)
{
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_output(w, 0)->kind, TO_NODE);
    assert_true(endpoint_equal(&world_output(w, 0)->to, &stranger));
    assert_int_equal(world_output(w, 0)->len, 1);
    assert_int_equal(world_output(w, 0)->bytes[0], LINK_ASSOCIATION << 5 | ASSOC_REJOIN);
}

static void a_record_of_no_live_session_is_dropped(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_open(w, 21, PEER + 1);
    world_prepare(w, 21, NODE_A, HANDLE + 1);
    world_forget_outputs(w);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE + 1, 64, 20)); /* still being keyed */
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE + 2, 64, 20)); /* never heard of */
    world_from_node(w, NODE_B, world_frame(NODE_A, 1, HANDLE, 64, 20));     /* another node's number */
    assert_int_equal(w->output_count, 0);
    world_from_node(w, NODE_B + 1, world_frame(NODE_A, 1, HANDLE, 64, 20)); /* an unknown address */
    assert_asked_to_join(w, world_node_at(NODE_B + 1));
    assert_counted(w, RELAY_DROP_NODE_UNKNOWN, 4);
    world_free(w);
}

static void broken_frames_are_dropped(void **state)
{
    struct world *w = world_new();
    const struct bytes whole = *world_frame(NODE_A, 1, HANDLE, 64, 8);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (size_t len = 0; len < whole.len; len++) {
        struct bytes cut = whole;

        cut.len = len;
        world_from_node(w, NODE_A, &cut);
    }
    assert_int_equal(w->output_count, 0);
    /* Nothing shorter holds a record tag and a relay tag; what is a little longer has the wrong bytes for
     * them. */
    assert_counted(w, RELAY_DROP_NODE_MALFORMED, whole.len);
    for (uint8_t kind = 0; kind < 8; kind++)
        if (kind != LINK_ASSOCIATION && kind != LINK_CONTROL && kind != LINK_RECORD) {
            uint8_t other[20] = {(uint8_t)(kind << 5)};

            world_from_node_at(w, world_node_at(NODE_A), other, sizeof other);
        }
    assert_counted(w, RELAY_DROP_NODE_MALFORMED, whole.len + 5);
    world_free(w);
}

/* ---- tag keys and addresses ---- */

static void the_old_tag_key_serves_until_the_first_tag_under_the_new(void **state)
{
    struct world *w = world_new();
    uint32_t seq = 64;

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_from_node(w, NODE_A,
                    world_frame(NODE_A, 0, HANDLE, seq++, 20)); /* there is none before the first */
    assert_int_equal(w->output_count, 0);
    world_node_keys(w, NODE_A, world_node_at(NODE_A), 2);
    world_node_keys(w, NODE_A, world_node_at(NODE_A), 2); /* said twice */
    world_forget_outputs(w);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq++, 20));
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq++, 20));
    assert_int_equal(w->output_count, 2);
    world_from_node(w, NODE_A, world_frame(NODE_A, 2, HANDLE, seq++, 20));
    assert_int_equal(w->output_count, 3);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq++, 20));
    world_from_node(w, NODE_A, world_frame(NODE_A, 0, HANDLE, seq++, 20)); /* wiped is not zero */
    assert_int_equal(w->output_count, 3);
    assert_counted(w, RELAY_DROP_NODE_FORGED, 3);
    world_free(w);
}

/* `relay` may end before the message leaves with which the node would have taken the new key. */
static void the_old_tag_key_serves_after_a_restart(void **state)
{
    struct world *w = world_new();
    uint32_t seq = 64;

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_node_keys(w, NODE_A, world_node_at(NODE_A), 2);
    world_load(w);
    world_forget_outputs(w);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq++, 20));
    assert_int_equal(w->output_count, 1);
    world_from_node(w, NODE_A, world_frame(NODE_A, 2, HANDLE, seq++, 20));
    assert_int_equal(w->output_count, 2);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq++, 20));
    assert_int_equal(w->output_count, 2);
    world_free(w);
}

/* Associations that were cut short each time: the node uses the first key, or one of the latest. */
static void the_tag_key_that_was_used_last_serves_over_many_associations(void **state)
{
    (void)state;
    for (uint64_t used = 1; used <= 5; used++) {
        bool serves = used == 1 || used >= 4;
        struct world *w = world_new();

        world_session(w, PEER, NODE_A, HANDLE);
        world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
        for (uint64_t generation = 2; generation <= 5; generation++)
            world_node_keys(w, NODE_A, world_node_at(NODE_A), generation);
        world_load(w);
        world_forget_outputs(w);
        world_from_node(w, NODE_A, world_frame(NODE_A, used, HANDLE, 65, 20));
        assert_int_equal(w->output_count, serves ? 1 : 0);
        world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 66, 20));
        assert_int_equal(w->output_count, serves + (used == 1 || !serves ? 1 : 0));
        world_free(w);
    }
}

static void the_same_keys_again_only_move_the_node(void **state)
{
    struct world *w = world_new();
    const struct endpoint elsewhere = world_endpoint(99, 1);

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_node_keys(w, NODE_A, elsewhere, 1);
    world_forget_outputs(w);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20)); /* from where it was */
    assert_asked_to_join(w, world_node_at(NODE_A));
    world_forget_outputs(w);
    {
        struct bytes *frame = world_frame(NODE_A, 1, HANDLE, 64, 20);

        world_from_node_at(w, elsewhere, frame->at, frame->len);
    }
    assert_int_equal(w->output_count, 1);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_true(endpoint_equal(&world_output(w, 1)->to, &elsewhere));
    world_free(w);
}

/* Keys came with associations 1, 2 and 3; the node's present life began after the first. */
static void keys_of_a_new_life_end_the_sessions_of_earlier_ones(void **state)
{
    static const uint8_t KEY[LINK_TAG_KEY_LEN] = {7};
    struct world *w = world_new();
    struct message keys = {.type = MSG_NODE_KEYS,
                           .node = NODE_A,
                           .peer = world_node_at(NODE_A),
                           .value = 2,
                           .request = 1,
                           .data = {{KEY, sizeof KEY}}};

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_forget_outputs(w);
    world_message(w, &keys);
    assert_int_equal(world_told(w, MSG_SESSION_CLOSED)->kind, CLOSE_NODE_REBOOT);
    assert_counted(w, RELAY_TOMBSTONES_SENT, 1);
    world_wait(w, 1000);
    world_session(w, PEER, NODE_A, HANDLE + 1);
    world_forget_outputs(w);
    keys.value = 3;
    world_message(w, &keys); /* the gateway was restarted, not the node */
    assert_int_equal(w->output_count, 0);
    world_free(w);
}

static void two_nodes_never_share_an_address(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    world_node_keys(w, NODE_B, world_node_at(NODE_A), 2);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20)); /* not to the other node */
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, 64, 20));
    assert_int_equal(w->output_count, 0);
    world_load(w); /* nor after a restart */
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(w->output_count, 0);
    world_node_keys(w, NODE_A, world_endpoint(99, 1), 2);
    world_forget_outputs(w);
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, 1, 20));
    assert_int_equal(world_count(w, TO_NODE), 1);
    world_free(w);
}

static void more_nodes_than_there_is_room_for_are_refused(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (uint32_t node = 3; node <= 5; node++)
        world_node_keys(w, node, world_node_at(node), 1);
    assert_counted(w, RELAY_DROP_NO_ROOM, 1);
    assert_int_equal(w->durable.nodes[4].node, 4);
    assert_int_equal(w->durable.nodes[5].node, 0);
    world_free(w);
}

/* ---- control ---- */

static void association_and_control_datagrams_reach_keys(void **state)
{
    struct world *w = world_new();
    static const struct span BOTH[] = {{ASSOCIATION, sizeof ASSOCIATION}, {CONTROL, sizeof CONTROL}};

    (void)state;
    for (uint32_t node = NODE_A; node <= NODE_B + 1; node++)
        for (int i = 0; i < 2; i++) {
            const struct endpoint from = world_node_at(node);
            bool is_known = node <= NODE_B;

            world_forget_outputs(w);
            world_from_node_at(w, from, BOTH[i].at, BOTH[i].len);
            if (!is_known && i == 1) {
                assert_asked_to_join(w, from);
                continue;
            }
            assert_int_equal(w->output_count, 1);
            assert_int_equal(world_output(w, 0)->m.type, MSG_NODE_CTRL_IN);
            assert_int_equal(world_output(w, 0)->m.node, is_known ? node : 0);
            assert_true(endpoint_equal(&world_output(w, 0)->m.peer, &from));
            assert_int_equal(world_output(w, 0)->m.data[0].len, BOTH[i].len);
            assert_memory_equal(world_output(w, 0)->m.data[0].at, BOTH[i].at, BOTH[i].len);
        }
    assert_counted(w, RELAY_CONTROL_IN, 5);
    assert_counted(w, RELAY_DROP_NODE_UNKNOWN, 1);
    world_free(w);
}

static void strangers_are_not_all_asked_to_join(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        const struct endpoint stranger = world_endpoint(99, (uint16_t)(1 + i));

        world_forget_outputs(w);
        world_from_node_at(w, stranger, CONTROL, sizeof CONTROL);
        if (i == 0)
            assert_asked_to_join(w, stranger);
    }
    assert_int_equal(w->output_count, 0);
    world_wait(w, 1000);
    world_from_node_at(w, world_endpoint(99, 1), CONTROL, sizeof CONTROL);
    assert_asked_to_join(w, world_endpoint(99, 1));
    world_free(w);
}

static void a_flood_of_control_datagrams_is_bounded(void **state)
{
    struct world *w = world_new();

    (void)state;
    for (int i = 0; i < 100; i++) {
        world_from_node_at(w, world_endpoint((uint8_t)i, 7), ASSOCIATION, sizeof ASSOCIATION);
        world_from_node_at(w, world_node_at(NODE_A), CONTROL, sizeof CONTROL);
    }
    assert_int_equal(w->output_count, 40);
    world_from_node_at(w, world_node_at(NODE_B), CONTROL, sizeof CONTROL); /* who floods silences no other */
    assert_int_equal(w->output_count, 41);
    assert_counted(w, RELAY_DROP_NODE_FLOOD, 160);
    world_wait(w, 1000);
    world_from_node_at(w, world_node_at(NODE_A), CONTROL, sizeof CONTROL);
    assert_int_equal(w->output_count, 42);
    world_free(w);
}

static void a_control_datagram_longer_than_a_frame_is_dropped(void **state)
{
    struct world *w = world_new();
    static const uint8_t LONG[MESSAGE_CONTROL_MAX + 1] = {LINK_CONTROL << 5};

    (void)state;
    world_from_node_at(w, world_node_at(NODE_A), LONG, MESSAGE_CONTROL_MAX);
    assert_int_equal(w->output_count, 1);
    world_from_node_at(w, world_node_at(NODE_A), LONG, MESSAGE_CONTROL_MAX + 1);
    assert_int_equal(w->output_count, 1);
    assert_counted(w, RELAY_DROP_NODE_MALFORMED, 1);
    {
        const struct message out = {
            .type = MSG_NODE_CTRL_OUT, .node = NODE_A, .data = {{LONG, WORLD_MTU + 1}}};

        world_message(w, &out);
    }
    assert_int_equal(w->output_count, 1);
    world_free(w);
}

static void control_goes_where_keys_says_or_where_the_node_is(void **state)
{
    struct world *w = world_new();
    const struct endpoint elsewhere = world_endpoint(99, 1);
    const struct endpoint known = world_node_at(NODE_A);
    struct message m = {.type = MSG_NODE_CTRL_OUT, .node = NODE_A, .data = {{CONTROL, sizeof CONTROL}}};

    (void)state;
    world_message(w, &m);
    assert_true(endpoint_equal(&world_output(w, 0)->to, &known));
    assert_memory_equal(world_output(w, 0)->bytes, CONTROL, sizeof CONTROL);
    m.peer = elsewhere;
    world_message(w, &m);
    assert_true(endpoint_equal(&world_output(w, 1)->to, &elsewhere));
    m.node = 77; /* not associated yet: the answer to its first message */
    world_message(w, &m);
    assert_true(endpoint_equal(&world_output(w, 2)->to, &elsewhere));
    world_wait(w, 10000);
    assert_int_equal(w->output_count, 3);
    world_free(w);
}

static void repetition_follows_a_node_that_moves_and_ends_when_done(void **state)
{
    struct world *w = world_new();
    const struct endpoint elsewhere = world_endpoint(99, 1);
    const struct message m = {.type = MSG_NODE_CTRL_OUT,
                              .kind = REPEAT_UNTIL_DONE,
                              .node = NODE_A,
                              .data = {{CONTROL, sizeof CONTROL}}};
    const struct message done = {.type = MSG_NODE_CTRL_DONE, .node = NODE_A};

    (void)state;
    world_message(w, &m);
    world_node_keys(w, NODE_A, elsewhere, 1);
    world_forget_outputs(w);
    world_wait(w, 1500);
    assert_int_equal(w->output_count, 2);
    assert_true(endpoint_equal(&world_output(w, 1)->to, &elsewhere));
    world_message(w, &done);
    world_wait(w, 20000);
    assert_int_equal(w->output_count, 2);
    world_free(w);
}

static void a_newer_repetition_takes_the_place_of_the_older(void **state)
{
    struct world *w = world_new();
    static const uint8_t NEWER[] = {LINK_CONTROL << 5, 9, 9};
    struct message m = {.type = MSG_NODE_CTRL_OUT,
                        .kind = REPEAT_UNTIL_DONE,
                        .node = NODE_A,
                        .data = {{CONTROL, sizeof CONTROL}}};

    (void)state;
    world_message(w, &m);
    m.data[0] = (struct span){NEWER, sizeof NEWER};
    world_message(w, &m);
    world_forget_outputs(w);
    world_wait(w, 600);
    assert_int_equal(w->output_count, 1);
    assert_int_equal(world_output(w, 0)->len, sizeof NEWER);
    assert_memory_equal(world_output(w, 0)->bytes, NEWER, sizeof NEWER);
    world_free(w);
}

/* ---- is the node there? ---- */

static void answer(struct world *w, uint32_t seq)
{
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq, 20));
}

static void ask(struct world *w, uint32_t seq)
{
    world_from_peer(w, PEER, world_record(RECORD_APPLICATION_DATA, 1, seq, 20));
}

static void a_node_that_answers_no_record_is_reported(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    ask(w, 1);
    world_wait(w, 29000);
    ask(w, 2);
    assert_null(world_told(w, MSG_NODE_QUIET));
    world_wait(w, 2000);
    assert_int_equal(world_told(w, MSG_NODE_QUIET)->node, NODE_A);
    world_forget_outputs(w);
    world_wait(w, 600000); /* nothing more was sent to it */
    assert_null(world_told(w, MSG_NODE_QUIET));
    ask(w, 3);
    world_wait(w, 32000);
    assert_non_null(world_told(w, MSG_NODE_QUIET));
    world_free(w);
}

static void a_node_that_answers_or_is_not_asked_is_not_reported(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (uint32_t i = 0; i < 10; i++) {
        ask(w, 1 + i);
        world_wait(w, 29000);
        answer(w, 64 + i);
        world_wait(w, 100000);
    }
    assert_null(world_told(w, MSG_NODE_QUIET));
    world_free(w);
}

static void a_node_is_reported_as_heard_once_in_ten_seconds(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    for (uint32_t i = 0; i < 600; i++) { /* a minute */
        world_forget_outputs(w);
        answer(w, 64 + i);
        world_wait(w, 100);
    }
    assert_int_equal(w->heard, 6);
    /* but at once if it was thought to be quiet */
    ask(w, 1);
    world_wait(w, 2000);
    answer(w, 1000);
    ask(w, 2);
    world_wait(w, 32000);
    assert_non_null(world_told(w, MSG_NODE_QUIET));
    w->heard = 0;
    answer(w, 1001);
    assert_int_equal(w->heard, 1);
    world_free(w);
}

static void forged_and_replayed_records_are_no_sign_of_life(void **state)
{
    struct world *w = world_new();

    (void)state;
    world_session(w, PEER, NODE_A, HANDLE);
    answer(w, 64);
    w->heard = 0;
    world_wait(w, 20000);
    ask(w, 1);
    for (uint32_t i = 0; i < 31; i++) {
        answer(w, 64);
        world_from_node(w, NODE_A, world_frame(NODE_A, 7, HANDLE, 70 + i, 20)); /* another key */
        world_wait(w, 1000);
    }
    assert_int_equal(w->heard, 0);
    assert_non_null(world_told(w, MSG_NODE_QUIET));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_answers_no_record_is_reported),
        cmocka_unit_test(a_node_that_answers_or_is_not_asked_is_not_reported),
        cmocka_unit_test(a_node_is_reported_as_heard_once_in_ten_seconds),
        cmocka_unit_test(forged_and_replayed_records_are_no_sign_of_life),
        cmocka_unit_test(a_tagged_record_reaches_its_peer_byte_for_byte),
        cmocka_unit_test(a_forged_record_is_dropped),
        cmocka_unit_test(a_replayed_record_is_dropped),
        cmocka_unit_test(a_record_of_no_live_session_is_dropped),
        cmocka_unit_test(broken_frames_are_dropped),
        cmocka_unit_test(the_old_tag_key_serves_until_the_first_tag_under_the_new),
        cmocka_unit_test(the_old_tag_key_serves_after_a_restart),
        cmocka_unit_test(the_tag_key_that_was_used_last_serves_over_many_associations),
        cmocka_unit_test(the_same_keys_again_only_move_the_node),
        cmocka_unit_test(keys_of_a_new_life_end_the_sessions_of_earlier_ones),
        cmocka_unit_test(two_nodes_never_share_an_address),
        cmocka_unit_test(more_nodes_than_there_is_room_for_are_refused),
        cmocka_unit_test(association_and_control_datagrams_reach_keys),
        cmocka_unit_test(a_flood_of_control_datagrams_is_bounded),
        cmocka_unit_test(strangers_are_not_all_asked_to_join),
        cmocka_unit_test(a_control_datagram_longer_than_a_frame_is_dropped),
        cmocka_unit_test(control_goes_where_keys_says_or_where_the_node_is),
        cmocka_unit_test(repetition_follows_a_node_that_moves_and_ends_when_done),
        cmocka_unit_test(a_newer_repetition_takes_the_place_of_the_older),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
