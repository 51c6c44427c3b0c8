/* What the delegator keeps of a session, and for whom it goes on, with the DTLS library played: its
 * context takes any record of the peer after the server's flight for a good Finished. */
#include "fake_engine.h"

enum {
    LIFETIME_S = 600,
    PSK_SUITE = 0xC0A8,
    ECDSA_SUITE = 0xC0AE,
    SECRET = 0x5E, /* every byte of what a session is resumed with */
    RETURNING_HELLO_MAX = 200,
    HANDSHAKE_FAILURE = 40, /* RFC 5246 7.2 */
};

/* What the library does, and what it has been asked. */
static struct {
    uint8_t next_id;                  /* of the next session, 32 times */
    const char *name;                 /* that the peer asks for; NULL: none */
    bool is_unsuitable;               /* the offered session */
    bool is_finished_wrong;           /* the peer's */
    struct handshake_session offered; /* the last one */
    unsigned offers;                  /* how often */
    unsigned rooms;                   /* how many sessions it was given room for */
    unsigned submitted;               /* turns, to threads */
    const struct handshake *resumed;  /* the context whose session goes on */
    bool has_answered;                /* its flight has left */
} library;

static const uint8_t SERVER_HELLO[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2};
static const uint8_t CHANGE_CIPHER_SPEC[] = {20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 1};
static const uint8_t FINISHED[53] = {22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40};

/* ---- the library ---- */

static void give_keys(struct handshake *h)
{
    const struct handshake_keys keys = {.server = {.key = {1}}};

    h->callbacks->keys(h->owner, &keys);
}

static enum handshake_result full(struct handshake *h)
{
    struct handshake_session *room = h->callbacks->session(h->owner);

    fake_send(h, SERVER_HELLO, sizeof SERVER_HELLO);
    fake_name_alice(h);
    give_keys(h);
    fake_send(h, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    fake_send(h, FINISHED, sizeof FINISHED);
    if (room != NULL) {
        library.rooms++;
        memset(room->id, library.next_id, sizeof room->id);
        memset(room->bytes, SECRET, sizeof room->bytes);
        room->len = sizeof room->bytes;
    }
    return HANDSHAKE_DONE;
}

static enum handshake_result turn(struct handshake *h)
{
    if (h != library.resumed)
        return full(h);
    if (library.has_answered) {
        library.resumed = NULL;
        return library.is_finished_wrong ? HANDSHAKE_FAILED : HANDSHAKE_DONE;
    }
    library.has_answered = true;
    fake_send(h, SERVER_HELLO, sizeof SERVER_HELLO);
    fake_send(h, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    fake_send(h, FINISHED, sizeof FINISHED);
    return HANDSHAKE_CONTINUE;
}

static enum handshake_result feed(struct handshake *h, const uint8_t *record, size_t len, uint64_t now_ms)
{
    if (!h->is_admitted && library.name != NULL)
        h->callbacks->name(h->owner, library.name, strlen(library.name));
    return fake_feed(h, record, len, now_ms);
}

static enum handshake_result resume(struct handshake *h, const struct handshake_session *session,
                                    uint64_t now_ms)
{
    (void)now_ms;
    library.offered = *session;
    library.offers++;
    if (library.is_unsuitable)
        return HANDSHAKE_ADMITTED;
    library.resumed = h;
    library.has_answered = false;
    give_keys(h);
    return HANDSHAKE_RESUMED;
}

static void on_submit(void *ctx, struct handshake_work *w)
{
    (void)ctx, (void)w;
    library.submitted++;
}

/* ---- the peer ---- */

struct hello {
    uint16_t suite;
    uint8_t session; /* its ID, 32 times; 0: none */
    bool is_without_extension;
};

/* RFC 5246 7.4.1.2 and RFC 6347 4.2.1. Each has a random of its own. */
static void send_hello(struct world_client *c, const struct hello *hello)
{
    static uint8_t random;
    uint8_t bytes[RETURNING_HELLO_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    const uint8_t session_len = hello->session != 0 ? HANDSHAKE_SESSION_ID_LEN : 0;
    const uint8_t extensions_len = hello->is_without_extension ? 0 : 4;
    const uint8_t body_len = (uint8_t)(2 + 32 + 1 + session_len + 1 + 4 + 2 + 2 + extensions_len);
    uint8_t filled[32];

    writer_bytes(&w, (const uint8_t[]){22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0}, 12);
    writer_u8(&w, (uint8_t)(12 + body_len));
    writer_bytes(&w, (const uint8_t[]){1, 0, 0, body_len, 0, 0, 0, 0, 0, 0, 0, body_len, 0xFE, 0xFD}, 14);
    memset(filled, ++random, sizeof filled);
    writer_bytes(&w, filled, sizeof filled);
    writer_u8(&w, session_len);
    memset(filled, hello->session, sizeof filled);
    writer_bytes(&w, filled, session_len);
    writer_u8(&w, 0); /* the cookie, which nobody needs */
    writer_u16(&w, 2);
    writer_u16(&w, hello->suite);
    writer_u16(&w, 0x0100); /* no compression */
    writer_u16(&w, extensions_len);
    writer_bytes(&w, (const uint8_t[]){0, 23, 0, 0}, extensions_len);
    assert_int_equal(w.status, SSM_OK);
    world_send_record(c, bytes, w.len);
}

static struct world_client *client_at(struct world *w, uint16_t port)
{
    static struct world_client client;

    client = (struct world_client){.world = w, .endpoint = world_endpoint(20, port), .port_node = NODE_1};
    return &client;
}

/* A full handshake and its hand-over; the session has this ID. Returns its handle. */
static uint16_t connect_as(struct world *w, uint16_t port, uint8_t id)
{
    library.next_id = id;
    send_hello(client_at(w, port), &(struct hello){.suite = ECDSA_SUITE});
    return world_accept(w, &w->nodes[0]).session;
}

static void return_as(struct world *w, uint16_t port, uint8_t id)
{
    world_forget_messages(w);
    send_hello(client_at(w, port), &(struct hello){.suite = ECDSA_SUITE, .session = id});
}

/* The peer's Finished, for the context that waits for it. */
static void finish_as(struct world *w, uint16_t port)
{
    struct world_client *c = client_at(w, port);

    c->connection = world_expect(w, MSG_DGRAM_OUT)->connection;
    world_send_record(c, CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
}

/* The node has acknowledged, and relay is making the row durable. Returns what it will say. */
static struct message acknowledge(struct world *w, struct keyblock *k)
{
    struct message m = *world_expect(w, MSG_SESSION_PREPARE);

    world_ack(w, &w->nodes[0], world_open_keyblock(&w->nodes[0], &m, k), COAP_CREATED);
    m.type = MSG_SESSION_DURABLE;
    return m;
}

static uint64_t counter(const struct world *w, enum delegator_counter which)
{
    return delegator_counter(w->delegator, which);
}

static void assert_kept(const struct world *w, uint32_t count)
{
    assert_int_equal(delegator_resumable_sessions(w->delegator), count);
}

/* ---- life ---- */

static struct world *start(void **state, uint32_t resumption_s)
{
    struct handshake_engine engine = FAKE_ENGINE;
    struct world *w = *state;

    engine.feed = feed;
    engine.resume = resume;
    w->resumption_s = resumption_s;
    world_start_over(w, &engine);
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], w->nodes[0].counter + 1, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    world_forget_messages(w);
    return w;
}

static int setup(void **state)
{
    memset(&library, 0, sizeof library);
    fake.turn = turn;
    *state = world_create();
    return 0;
}

/* ---- what is kept ---- */

static void off_it_keeps_and_offers_nothing(void **state)
{
    struct world *w = start(state, 0);

    connect_as(w, 4000, 1);
    assert_int_equal(library.rooms, 0);
    assert_kept(w, 0);
    return_as(w, 4001, 1);
    (void)world_accept(w, &w->nodes[0]);
    assert_int_equal(library.offers, 0);
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_MISSED), 0);
}

static void a_session_is_kept_once_its_hand_over_is_durable(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    struct keyblock k;

    library.next_id = 1;
    send_hello(client_at(w, 4000), &(struct hello){.suite = ECDSA_SUITE});
    assert_int_equal(library.rooms, 1);
    assert_kept(w, 0);
    const struct message durable = acknowledge(w, &k);
    assert_kept(w, 0);
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_kept(w, 1);
}

static void a_hand_over_that_fails_leaves_nothing(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    send_hello(client_at(w, 4000), &(struct hello){.suite = ECDSA_SUITE});
    world_advance(w, 20000); /* the node does not answer */
    world_expect(w, MSG_SESSION_ABORT);
    assert_kept(w, 0);
}

/* RFC 7627 5.3: a session that did not have the extension should not be resumed. */
static void without_the_extended_master_secret_nothing_is_kept(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    send_hello(client_at(w, 4000), &(struct hello){.suite = ECDSA_SUITE, .is_without_extension = true});
    (void)world_accept(w, &w->nodes[0]);
    assert_int_equal(library.rooms, 0);
    assert_kept(w, 0);
}

/* ---- who comes again ---- */

static void a_returning_peer_has_new_keys_and_no_withheld_flight(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    return_as(w, 4000, 1);
    assert_int_equal(library.offers, 1);
    assert_int_equal(library.offered.id[31], 1);
    assert_int_equal(library.offered.len, HANDSHAKE_SESSION_MAX);
    assert_int_equal(library.offered.bytes[HANDSHAKE_SESSION_MAX - 1], SECRET);
    for (int i = 0; i < 3; i++) { /* ServerHello, ChangeCipherSpec and Finished have left */
        const struct message *m = world_expect(w, MSG_DGRAM_OUT);

        assert_int_equal(m->kind, DIRECTION_IN_RESUMED);
        assert_int_equal(m->data[0].len, i == 0   ? sizeof SERVER_HELLO
                                         : i == 1 ? sizeof CHANGE_CIPHER_SPEC
                                                  : sizeof FINISHED);
    }
    world_expect_none(w, MSG_SESSION_PREPARE);
    world_send_record(client_at(w, 4000), CHANGE_CIPHER_SPEC, sizeof CHANGE_CIPHER_SPEC);
    const struct message *prepare = world_expect(w, MSG_SESSION_PREPARE);
    assert_int_equal(prepare->data[2].len, 0);
    assert_int_equal(prepare->subscriber, 1);
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_DONE), 0);
}

static void the_session_before_dies_at_the_node(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    uint16_t before = connect_as(w, 4000, 1);

    /* From the same address and port the key block takes its slot. */
    return_as(w, 4000, 1);
    finish_as(w, 4000);
    struct keyblock k = world_accept(w, &w->nodes[0]);
    assert_true(k.replaces);
    assert_int_equal(k.role, KEYBLOCK_SERVER);
    assert_true(k.session > before);
    world_expect_none(w, MSG_SESSION_CLOSE);

    /* From another it is ended, and so is that one by the next. */
    for (uint16_t port = 4001; port <= 4002; port++) {
        before = k.session;
        return_as(w, port, 1);
        finish_as(w, port);
        k = world_accept(w, &w->nodes[0]);
        const struct message *close = world_expect(w, MSG_SESSION_CLOSE);
        assert_int_equal(close->node, NODE_1);
        assert_int_equal(close->handle, before);
        assert_int_equal(close->kind, CLOSE_REPLACED);
    }
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_DONE), 3);
    assert_int_equal(counter(w, DELEGATOR_HANDSHAKES_DONE), 4);
    assert_kept(w, 1);
}

/* Even when the entry has gone while its peer came back. */
static void the_session_before_dies_though_it_is_forgotten(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    uint16_t before = connect_as(w, 4000, 1);

    world_advance(w, LIFETIME_S * 1000 - 1);
    return_as(w, 4001, 1);
    finish_as(w, 4001);
    world_advance(w, 1);
    assert_kept(w, 0);
    (void)world_accept(w, &w->nodes[0]);
    assert_int_equal(world_expect(w, MSG_SESSION_CLOSE)->handle, before);
    assert_kept(w, 0);
}

/* A resumption prolongs nothing. */
static void its_time_counts_from_the_full_handshake(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    world_advance(w, LIFETIME_S * 1000 - 1);
    return_as(w, 4000, 1);
    finish_as(w, 4000);
    (void)world_accept(w, &w->nodes[0]);
    assert_int_equal(library.offers, 1);
    world_advance(w, 1);
    assert_kept(w, 0);
    return_as(w, 4000, 1);
    (void)world_accept(w, &w->nodes[0]);
    assert_int_equal(library.offers, 1);
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_MISSED), 1);
}

/* Whatever its suite: no public key is computed with. What was in memory alone is gone with the process. */
static void an_abbreviated_handshake_runs_on_the_loop(void **state)
{
    struct world *w = *state;

    w->executor = (struct handshake_executor){NULL, 1, on_submit};
    start(state, LIFETIME_S);
    library.next_id = 1;
    send_hello(client_at(w, 4000), &(struct hello){.suite = PSK_SUITE});
    (void)world_accept(w, &w->nodes[0]);
    return_as(w, 4001, 1);
    finish_as(w, 4001);
    world_expect(w, MSG_SESSION_PREPARE);
    assert_int_equal(library.submitted, 0);
    return_as(w, 4002, 2); /* nobody's */
    assert_int_equal(library.submitted, 1);
    delegator_destroy(w->delegator);
    start(state, LIFETIME_S);
    assert_kept(w, 0);
}

/* ---- who does not ---- */

static void expect_full(struct world *w, unsigned offers)
{
    assert_int_equal(library.offers, offers);
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_MISSED), 1);
    world_expect(w, MSG_SESSION_PREPARE);
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_DONE), 0);
}

static void an_unknown_session_makes_a_full_handshake(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    return_as(w, 4001, 2);
    expect_full(w, 0);
}

static void one_that_does_not_suit_makes_a_full_handshake(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    library.is_unsuitable = true;
    return_as(w, 4001, 1);
    expect_full(w, 1);
}

static void whose_grant_is_gone_resumes_nothing(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    w->store.subscribers[0].node_count = 0;
    return_as(w, 4001, 1);
    assert_int_equal(library.offers, 0);
    world_expect_none(w, MSG_SESSION_PREPARE);
    assert_int_equal(counter(w, DELEGATOR_FAILED_GRANT), 1);
}

/* Nor when the peer may visit that one, too. */
static void a_session_stays_with_its_node(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    struct world_client *c;

    memory_grant(&w->store.subscribers[0], NODE_2);
    connect_as(w, 4000, 1);
    c = client_at(w, 4001);
    c->port_node = NODE_2;
    send_hello(c, &(struct hello){.suite = ECDSA_SUITE, .session = 1});
    assert_int_equal(library.offers, 0);
    assert_int_equal(counter(w, DELEGATOR_RESUMPTION_MISSED), 1);
}

/* RFC 6066 3. */
static void another_server_name_makes_a_full_handshake(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    library.name = "thermo";
    connect_as(w, 4000, 1);
    return_as(w, 4001, 1);
    assert_int_equal(library.offers, 1);
    library.name = "thermo.example";
    return_as(w, 4002, 1);
    expect_full(w, 1);
}

/* RFC 7627 5.3: "the server MUST abort the abbreviated handshake." */
static void a_hello_without_the_extension_is_refused(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    world_forget_messages(w);
    send_hello(client_at(w, 4001),
               &(struct hello){.suite = ECDSA_SUITE, .session = 1, .is_without_extension = true});
    const struct message *alert = world_expect(w, MSG_DGRAM_OUT);
    assert_int_equal(alert->data[0].at[0], RECORD_ALERT);
    assert_int_equal(alert->data[0].at[14], HANDSHAKE_FAILURE);
    assert_int_equal(library.offers, 0);
    assert_int_equal(counter(w, DELEGATOR_FAILED_HANDSHAKE), 1);
    assert_kept(w, 1); /* which anybody could otherwise end who has seen its ID */
}

/* RFC 5246 7.2.2. */
static void a_wrong_finished_ends_the_session(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    library.is_finished_wrong = true;
    return_as(w, 4001, 1);
    finish_as(w, 4001);
    world_expect(w, MSG_SESSION_ABORT);
    world_expect_none(w, MSG_SESSION_PREPARE);
    assert_non_null(strstr(w->log, "thermo/alice"));
    assert_kept(w, 0);
}

/* ---- what ends it ---- */

static void a_removed_subscriber_has_nothing_to_resume(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    delegator_remove_subscriber(w->delegator, 2, w->now_ms);
    assert_kept(w, 1);
    delegator_remove_subscriber(w->delegator, 1, w->now_ms);
    assert_kept(w, 0);
}

static void a_removed_node_has_nothing_to_resume(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    delegator_remove_node(w->delegator, NODE_2, w->now_ms);
    assert_kept(w, 1);
    delegator_remove_node(w->delegator, NODE_1, w->now_ms);
    assert_kept(w, 0);
}

static void a_closed_session_is_not_resumed(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    uint16_t first = connect_as(w, 4000, 1);
    uint16_t second = connect_as(w, 4001, 2);

    assert_int_equal(delegator_close_session(w->delegator, NODE_1, 99, w->now_ms), SSM_NOT_FOUND);
    assert_int_equal(delegator_close_session(w->delegator, NODE_2, first, w->now_ms), SSM_NOT_FOUND);
    assert_kept(w, 2);
    assert_int_equal(delegator_close_session(w->delegator, NODE_1, second, w->now_ms), SSM_OK);
    assert_kept(w, 1);
    return_as(w, 4002, 1);
    assert_int_equal(library.offers, 1);
}

static void what_ends_before_it_is_durable_is_not_kept(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    struct keyblock k;
    struct message durable;

    library.next_id = 1;
    send_hello(client_at(w, 4000), &(struct hello){.suite = ECDSA_SUITE});
    durable = acknowledge(w, &k);
    delegator_remove_subscriber(w->delegator, 1, w->now_ms);
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_kept(w, 0);

    send_hello(client_at(w, 4000), &(struct hello){.suite = ECDSA_SUITE});
    durable = acknowledge(w, &k);
    assert_int_equal(delegator_close_session(w->delegator, NODE_1, k.session, w->now_ms), SSM_OK);
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_kept(w, 0);
}

static void a_change_of_trust_leaves_nothing_to_resume(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    struct keyblock k;
    struct message durable;

    connect_as(w, 4000, 1);
    send_hello(client_at(w, 4001), &(struct hello){.suite = ECDSA_SUITE});
    delegator_on_trust_changed(w->delegator);
    assert_kept(w, 0);
    durable = acknowledge(w, &k); /* of whom a CA has vouched that is trusted no more */
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_kept(w, 0);
    world_forget_messages(w);
    connect_as(w, 4002, 2);
    assert_kept(w, 1);
}

static void a_resumed_session_that_is_closed_before_it_is_durable_is_the_last(void **state)
{
    struct world *w = start(state, LIFETIME_S);
    struct keyblock k;
    struct message durable;

    connect_as(w, 4000, 1);
    return_as(w, 4001, 1);
    finish_as(w, 4001);
    durable = acknowledge(w, &k);
    assert_int_equal(delegator_close_session(w->delegator, NODE_1, k.session, w->now_ms), SSM_OK);
    delegator_on_message(w->delegator, &durable, w->now_ms);
    assert_kept(w, 0);
}

/* ---- a hand-over that fails ---- */

/* The peer has believed in its session since its Finished. */
static void a_peer_that_is_up_already_gets_the_tombstone(void **state)
{
    struct world *w = start(state, LIFETIME_S);

    connect_as(w, 4000, 1);
    return_as(w, 4001, 1); /* whose key block occupies the node */
    finish_as(w, 4001);
    world_expect(w, MSG_SESSION_PREPARE);
    return_as(w, 4002, 1);
    finish_as(w, 4002);
    world_forget_messages(w);
    return_as(w, 4003, 1); /* of the two that wait, the newer */
    finish_as(w, 4003);
    for (;;) {
        const struct message *m = world_expect(w, MSG_DGRAM_OUT);

        if (m->data[0].len != TOMBSTONE_LEN)
            continue;
        assert_int_equal(m->peer.port, 4002);
        assert_int_equal(m->data[0].at[0], RECORD_ALERT);
        assert_int_equal(m->data[0].at[4], 1); /* epoch */
        break;
    }
    assert_kept(w, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(off_it_keeps_and_offers_nothing),
        CASE(a_session_is_kept_once_its_hand_over_is_durable),
        CASE(a_hand_over_that_fails_leaves_nothing),
        CASE(without_the_extended_master_secret_nothing_is_kept),
        CASE(a_returning_peer_has_new_keys_and_no_withheld_flight),
        CASE(the_session_before_dies_at_the_node),
        CASE(the_session_before_dies_though_it_is_forgotten),
        CASE(its_time_counts_from_the_full_handshake),
        CASE(an_abbreviated_handshake_runs_on_the_loop),
        CASE(an_unknown_session_makes_a_full_handshake),
        CASE(one_that_does_not_suit_makes_a_full_handshake),
        CASE(whose_grant_is_gone_resumes_nothing),
        CASE(a_session_stays_with_its_node),
        CASE(another_server_name_makes_a_full_handshake),
        CASE(a_hello_without_the_extension_is_refused),
        CASE(a_wrong_finished_ends_the_session),
        CASE(a_removed_subscriber_has_nothing_to_resume),
        CASE(a_removed_node_has_nothing_to_resume),
        CASE(a_change_of_trust_leaves_nothing_to_resume),
        CASE(a_closed_session_is_not_resumed),
        CASE(what_ends_before_it_is_durable_is_not_kept),
        CASE(a_resumed_session_that_is_closed_before_it_is_durable_is_the_last),
        CASE(a_peer_that_is_up_already_gets_the_tombstone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
