/*
 * Everything that can reach a node: forged datagrams, and authentic ones with any content, into an associated
 * node with two sessions: in one it is the server, in the other a client that observes. Whatever comes, one
 * datagram in makes at most one datagram out, and a forged one makes none but for two REJOINs.
 *
 * The input is a row of steps: a byte with the kind in its top two bits and the length below, then as many
 * bytes. A forged datagram without a byte lets ten seconds pass, and has records come from the other of the
 * two peers from then on.
 */
#include "fuzz.h"

#include "control.h"
#include "coapmsg.h"
#include "node.h"
#include "node_client.h"

enum step { STEP_FORGED, STEP_DATA, STEP_ALERT, STEP_CONTROL };
enum { LEN_MASK = 63, SESSION = 5, SERVER_SESSION = 6, PAUSE_MS = 10000, TICKS_MAX = 50 };

struct port {
    unsigned sent;
    uint32_t now_ms;
    uint32_t counter;
    uint8_t last[LINK_MTU_THREE_HOPS];
    size_t last_len;
};

uint32_t port_now_ms(struct port *port)
{
    return port->now_ms;
}

void port_random(struct port *port, uint8_t *out, size_t len)
{
    (void)port;
    bytes_fill(out, 7, len);
}

void port_send(struct port *port, const uint8_t *datagram, size_t len)
{
    FUZZ_CHECK(len <= sizeof port->last);
    port->sent++;
    bytes_copy(port->last, datagram, len);
    port->last_len = len;
}

enum status port_load_counter(struct port *port, uint32_t *counter)
{
    *counter = port->counter;
    return SSM_OK;
}

enum status port_save_counter(struct port *port, uint32_t counter)
{
    port->counter = counter;
    return SSM_OK;
}

static void text_get(const struct node *n, struct node_window *out)
{
    (void)n;
    for (int i = 0; i < 20; i++)
        node_window_add(out, "a line of text\n");
}

static uint8_t text_put(struct node *n, const uint8_t *value, uint16_t len)
{
    uint8_t sum = 0;

    (void)n;
    for (uint16_t i = 0; i < len; i++)
        sum ^= value[i]; /* reads all of it, for the sanitizers */
    return sum == 1 ? COAP_BAD_REQUEST : COAP_CHANGED;
}

static const struct node_resource RESOURCES[] = {
    {.path = ".well-known/core", .format = COAP_FORMAT_LINK, .get = node_resource_list},
    {.path = "t", .attributes = ";obs", .get = text_get, .put = text_put, .is_observable = true},
    {.path = NULL},
};

static const uint8_t PSK[ASSOC_PSK_LEN] = {1, 2, 3};

struct world {
    struct port port;
    struct node node;
    struct assoc gateway;
    struct node_client client;
    struct keyblock blocks[2]; /* by which the peer seals with `client` */
    const struct keyblock *from;
    uint32_t record_seq;
};

static void feed(struct world *w, const uint8_t *datagram, size_t len)
{
    uint8_t *copy = fuzz_copy(datagram, len);

    node_input(&w->node, copy, len);
    free(copy);
}

static void control_feed(struct world *w, const uint8_t *body, size_t len)
{
    uint8_t frame[LINK_MTU_ONE_HOP];

    bytes_copy(frame + CONTROL_HEADER_LEN, body, len);
    FUZZ_CHECK(assoc_seal(&w->gateway, ASSOC_DOWN, frame, len) == SSM_OK);
    feed(w, frame, len + CONTROL_OVERHEAD);
}

static void record_feed(struct world *w, uint8_t type, const uint8_t *data, size_t len)
{
    uint8_t buf[LINK_RECORD_HEADER_MAX + LEN_MASK + RECORD_TAG_LEN];
    struct record r = {.type = type,
                       .epoch = {0, 1},
                       .seq = seq48_make(0, ++w->record_seq),
                       .body = buf + LINK_RECORD_HEADER_MAX};

    r.body_len = (uint16_t)len;
    bytes_copy(r.body, data, len);
    record_set_explicit_nonce(&r);
    record_seal(&w->from->client, &r);
    uint8_t *start = linkframe_put_header(w->from->session, &r);
    feed(w, start, (size_t)(r.body + r.body_len - start));
}

/* What a board does after every input. It may take some calls: a timer set in one is looked at in the next.
 */
static void settle(struct world *w)
{
    unsigned calls = 0;

    while (node_client_tick(&w->node) == 0)
        FUZZ_CHECK(++calls < TICKS_MAX);
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
    text_put(NULL, value, len);
}

static void keyblock_feed(struct world *w, uint16_t message_id, const struct keyblock *k)
{
    uint8_t block[KEYBLOCK_LEN];
    uint8_t body[CONTROL_MESSAGE_MAX];

    keyblock_encode(k, block);
    control_feed(w, body, control_encode_request(CONTROL_KEYBLOCK, message_id, block, sizeof block, body));
    assoc_ratchet_gateway(&w->gateway);
}

static void sessions_start(struct world *w)
{
    struct keyblock k;

    w->blocks[0] = (struct keyblock){.session = SESSION, .first_send_seq = KEYBLOCK_FIRST_SEND_SEQ};
    keyblock_feed(w, 1, &w->blocks[0]);
    settle(w);
    FUZZ_CHECK(w->client.state == NODE_CLIENT_ASKING);
    w->blocks[1] = (struct keyblock){.session = SERVER_SESSION,
                                     .slot = 1,
                                     .first_send_seq = KEYBLOCK_FIRST_SEND_SEQ,
                                     .client = {.key = {1}}};
    k = w->blocks[1];
    k.role = KEYBLOCK_CLIENT;
    k.scope = w->client.attempt;
    k.client = w->blocks[1].server;
    k.server = w->blocks[1].client;
    keyblock_feed(w, 2, &k);
    settle(w);
    FUZZ_CHECK(w->client.state == NODE_CLIENT_UP && w->node.counters.installed == 2);
}

static void world_start(struct world *w)
{
    struct assoc_transcript t;
    struct assoc_name name = {.len = 1, .text = "n"};
    uint8_t message[ASSOC_MESSAGE_MAX];

    bytes_fill(w, 0, sizeof *w);
    bytes_fill(&t, 0, sizeof t);
    w->port.now_ms = 1000;
    node_init(&w->node, &name, PSK, &w->port, RESOURCES);
    FUZZ_CHECK(node_client_open(&w->node, &w->client, "coaps://s", on_answered) == SSM_OK);
    FUZZ_CHECK(node_client_observe(&w->node, &w->client, "t", on_notified) == SSM_OK);
    FUZZ_CHECK(node_start(&w->node) == SSM_OK);
    FUZZ_CHECK(assoc_number_of(w->port.last, w->port.last_len) == ASSOC_REQUEST);
    assoc_decode(w->port.last, &t);
    t.gateway = name;
    feed(w, message, assoc_encode(ASSOC_ANSWER, PSK, &t, message));
    assoc_derive(PSK, &t, &w->gateway);
    sessions_start(w);
    w->from = w->blocks;
}

static void pass(struct world *w)
{
    w->from = w->from == w->blocks ? w->blocks + 1 : w->blocks;
    w->port.now_ms += PAUSE_MS;
    if (w->client.state == NODE_CLIENT_UP && w->client.exchange.len == 0)
        FUZZ_CHECK(node_client_put(&w->node, &w->client, "r", "1", 1) == SSM_OK);
    settle(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct reader in = reader_over(data, size);
    unsigned rejoins = 0;

    world_start(&w);
    while (in.left > 0) {
        uint8_t first = reader_u8(&in);
        size_t len = first & LEN_MASK;
        const uint8_t *bytes = reader_take(&in, len);
        unsigned before = w.port.sent;
        if (bytes == NULL)
            break;
        if (first == 0) {
            pass(&w);
            rejoins = 0;
            continue;
        }
        switch (first >> 6) {
        case STEP_FORGED:
            feed(&w, bytes, len);
            rejoins += w.port.sent - before;
            FUZZ_CHECK(rejoins <= 2);
            break;
        case STEP_DATA:
            record_feed(&w, RECORD_APPLICATION_DATA, bytes, len);
            break;
        case STEP_ALERT:
            record_feed(&w, RECORD_ALERT, bytes, len);
            break;
        default:
            control_feed(&w, bytes, len);
            break;
        }
        FUZZ_CHECK(w.port.sent <= before + 1);
        settle(&w);
    }
    return 0;
}
