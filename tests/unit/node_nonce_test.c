/*
 * Random life of a node, as server and as client: whatever happens, no key seals twice under one number.
 * SSM_TEST_SEED repeats a run.
 */
#include "node_world.h"

#include <time.h>

enum { EVENTS = 1000, RUNS = 20, PEERS = 1024, RECENT = 32, NUMBERS_MAX = 8192 };

/* What the node has sealed: the key, and the number. */
struct sealed {
    uint8_t key[8]; /* enough of it to tell keys apart */
    uint8_t number[8];
};

struct life {
    struct world world;
    struct peer peers[PEERS];
    uint16_t next_session;
    uint32_t random;
    struct sealed sealed[NUMBERS_MAX];
    size_t sealed_len;
    bool is_gateway_waiting; /* the node has sent a confirm whose keys the gateway has taken */
    struct datagram old[8];
    struct node_client client;
    unsigned client_sessions;
};

static uint32_t dice(struct life *l, uint32_t sides)
{
    l->random = l->random * 1664525u + 1013904223u;
    return (l->random >> 8) % sides;
}

static void note(struct life *l, const uint8_t *key, const uint8_t *number, size_t number_len)
{
    struct sealed s = {{0}, {0}};

    memcpy(s.key, key, sizeof s.key);
    memcpy(s.number, number, number_len);
    for (size_t i = 0; i < l->sealed_len; i++)
        assert_memory_not_equal(&l->sealed[i], &s, sizeof s);
    assert_true(l->sealed_len < NUMBERS_MAX);
    l->sealed[l->sealed_len++] = s;
}

/* Reads what the node sent as a witness who knows all keys. */
static void witness_record(struct life *l, struct datagram *d)
{
    struct record r;
    uint16_t handle;

    assert_int_equal(linkframe_decode(d->bytes, d->len, &handle, &r), SSM_OK);
    r.body_len = (uint16_t)(r.body_len - LINK_TAG_LEN);
    const struct peer *p = &l->peers[handle % PEERS];
    assert_int_equal(p->block.session, handle);
    assert_int_equal(record_open(&p->block.server, &r), SSM_OK);
    assert_true(bytes_u16(r.seq.bytes) > 0 || bytes_u32(r.seq.bytes + 2) >= KEYBLOCK_FIRST_SEND_SEQ);
    note(l, p->block.server.key, r.explicit_nonce, RECORD_EXPLICIT_LEN);
}

static void witness_control(struct life *l, struct datagram *d)
{
    for (int i = 0; i < 2; i++) {
        struct assoc a = l->world.node.assoc[i];
        struct datagram copy = *d;
        struct control c;
        memset(&a.received, 0, sizeof a.received);
        if (assoc_open(&a, ASSOC_UP, copy.bytes, copy.len, &c) == SSM_OK) {
            note(l, a.up_key, d->bytes + 1, 3);
            return;
        }
    }
    fail_msg("a control message under no known key");
}

/* Takes everything that the node has sent; the gateway hears some of it. */
static void collect(struct life *l)
{
    struct world *w = &l->world;

    while (w->port.sent_len > 0) {
        struct datagram d = world_take(w);
        if (link_kind_of(d.bytes, d.len) == LINK_RECORD)
            witness_record(l, &d);
        else if (link_kind_of(d.bytes, d.len) == LINK_CONTROL)
            witness_control(l, &d);
        else if (dice(l, 4) > 0 && assoc_number_of(d.bytes, d.len) == ASSOC_REQUEST) {
            gateway_read_request(w, &d);
            world_feed(w, gateway_answer(w));
        } else if (dice(l, 4) > 0 && assoc_number_of(d.bytes, d.len) == ASSOC_CONFIRM) {
            struct assoc_transcript t = w->transcript;
            assoc_decode(d.bytes, &t);
            if (assoc_verify(w->psk, &t, d.bytes) == SSM_OK)
                gateway_read_confirm(w, &d);
        }
    }
}

static struct peer *recent_peer(struct life *l)
{
    return &l->peers[(l->next_session + PEERS - dice(l, RECENT)) % PEERS];
}

static void event_install(struct life *l)
{
    uint16_t session = ++l->next_session;
    struct peer *p = &l->peers[session % PEERS];
    uint8_t block[KEYBLOCK_LEN];

    *p = peer_make(session, (uint8_t)dice(l, NODE_SESSIONS));
    p->block.replaces = dice(l, 2) == 0;
    p->block.lifetime_min = (uint16_t)dice(l, 3);
    keyblock_encode(&p->block, block);
    l->old[dice(l, 8)] = gateway_seal_request(&l->world, CONTROL_KEYBLOCK, block, sizeof block);
    struct datagram d = l->world.request;
    unsigned installed = l->world.node.counters.installed;
    world_feed(&l->world, d);
    /* The gateway may or may not hear the acknowledgement. */
    if (l->world.node.counters.installed != installed && dice(l, 3) > 0)
        assoc_ratchet_gateway(&l->world.gateway);
}

static void on_answered(struct node_client *c, uint8_t code)
{
    (void)c;
    (void)code;
}

static void on_notified(struct node_client *c, uint8_t code, const uint8_t *value, uint16_t len)
{
    (void)c;
    (void)code;
    (void)value;
    (void)len;
}

/* The gateway answers the client's latest wish, or does so again, or with another attempt's block. */
static void event_attempt(struct life *l)
{
    struct world *w = &l->world;
    uint16_t attempt = (uint16_t)(l->client.attempt - dice(l, 8) / 7);
    uint8_t failure[CONTROL_FAILED_LEN] = {(uint8_t)(attempt >> 8), (uint8_t)attempt,
                                           CONTROL_OUTBOUND_REFUSED};
    uint8_t block[KEYBLOCK_LEN];

    if (dice(l, 8) == 0) {
        world_feed(w, gateway_seal_request(w, CONTROL_FAILED, failure, sizeof failure));
        return;
    }
    uint16_t session = ++l->next_session;
    struct peer *p = &l->peers[session % PEERS];
    *p = peer_make(session, (uint8_t)dice(l, NODE_SESSIONS));
    struct keyblock k = p->block;
    k.role = KEYBLOCK_CLIENT;
    k.scope = attempt;
    k.replaces = dice(l, 4) > 0;
    k.client = p->block.server; /* what the node seals with */
    k.server = p->block.client;
    keyblock_encode(&k, block);
    l->old[dice(l, 8)] = gateway_seal_request(w, CONTROL_KEYBLOCK, block, sizeof block);
    struct datagram d = w->request;
    unsigned installed = w->node.counters.installed;
    world_feed(w, d);
    if (w->node.counters.installed == installed)
        return;
    l->client_sessions++;
    if (dice(l, 3) > 0)
        assoc_ratchet_gateway(&w->gateway);
}

/* The application puts, and the server sends an empty message or a response, to this request or to none. */
static void event_client(struct life *l)
{
    const struct node_client *c = &l->client;
    const uint8_t *request = c->exchange.message;
    struct peer *p = &l->peers[c->session % PEERS];
    uint8_t message[4 + 2 + 2] = {0};
    uint8_t token_len = request[0] & 3;
    size_t len = 4;

    if (node_client_put(&l->world.node, &l->client, "r", "1", 1) == SSM_OK)
        world_settle(&l->world);
    if (p->block.session == 0 || p->block.session != c->session)
        return;
    message[0] = (uint8_t)(0x40 | dice(l, 4) << 4);
    memcpy(message + 2, request + 2, 2);
    if (dice(l, 3) > 0) {
        message[0] |= token_len;
        message[1] = COAP_CONTENT;
        memcpy(message + 4, request + 4, token_len);
        len += token_len;
        message[len++] = COAP_OPTION_OBSERVE << 4 | 1;
        message[len++] = (uint8_t)dice(l, 256);
    }
    peer_send(&l->world, p, RECORD_APPLICATION_DATA, message, len);
}

static void event_record(struct life *l)
{
    struct peer *p = recent_peer(l);
    static const uint8_t MESSAGES[][8] = {
        {0x40, 0, 0, 1}, {0x40, 1, 0, 2, 0x60, 0x5B, 't', 'e'}, {0x50, 1, 0, 3, 0xB5, 'l', 'i', 'g'}};

    if (p->block.session == 0)
        return;
    if (dice(l, 12) == 0)
        peer_send(&l->world, p, RECORD_ALERT, "\x01\x00", 2);
    else
        peer_send(&l->world, p, RECORD_APPLICATION_DATA, MESSAGES[dice(l, 3)], 4 + 4 * dice(l, 2));
}

static void event_observe(struct life *l)
{
    static const uint8_t OBSERVE[] = "\x41\x01\x00\x07T\x60\x5Btemperature";
    struct peer *p = recent_peer(l);

    if (p->block.session != 0)
        peer_send(&l->world, p, RECORD_APPLICATION_DATA, OBSERVE, sizeof OBSERVE - 1);
}

static void event(struct life *l)
{
    struct world *w = &l->world;

    switch (dice(l, 13)) {
    case 0:
        event_install(l);
        break;
    case 1:
        event_observe(l);
        break;
    case 2:
        node_resource_changed(&w->node, &w->resources[APP_TEMPERATURE]);
        break;
    case 3:
        world_pass(w, dice(l, 20000));
        break;
    case 4: /* replays of whatever the gateway once sent */
        world_feed(w, l->old[dice(l, 8)]);
        world_feed(w, w->request);
        break;
    case 5:
        if (dice(l, 4) == 0)
            world_feed(w, (struct datagram){1, {LINK_ASSOCIATION << 5}});
        else
            world_feed(w, gateway_seal_request(w, CONTROL_LIVE, NULL, 0));
        break;
    case 6:
        event_attempt(l);
        break;
    case 7:
    case 8:
        event_client(l);
        break;
    default:
        event_record(l);
        break;
    }
    collect(l);
}

static void test_no_key_seals_twice_under_one_number(void **state)
{
    const char *given = getenv("SSM_TEST_SEED");
    uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
    static struct life l;
    size_t sealed = 0;
    unsigned sessions = 0;

    (void)state;
    for (uint32_t run = 0; run < RUNS; run++) {
        print_message("SSM_TEST_SEED=%lu\n", (unsigned long)(seed + run));
        memset(&l, 0, sizeof l);
        l.random = seed + run;
        world_start(&l.world);
        assert_int_equal(node_client_open(&l.world.node, &l.client, "coaps://example.org", on_answered),
                         SSM_OK);
        assert_int_equal(node_client_observe(&l.world.node, &l.client, "t", on_notified), SSM_OK);
        for (int i = 0; i < EVENTS; i++)
            event(&l);
        sealed += l.sealed_len;
        assert_true(l.world.node.counters.installed > 10);
        sessions += l.client_sessions;
        if (given != NULL)
            break;
    }
    assert_true(sealed > (given != NULL ? 100 : 100 * RUNS));
    print_message("%u sessions as a client\n", sessions);
    assert_true(given != NULL || sessions > 5 * RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_key_seals_twice_under_one_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
