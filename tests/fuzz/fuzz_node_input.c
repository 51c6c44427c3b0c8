/*
 * Everything that can reach a node: forged datagrams, and authentic ones with any content, into an associated
 * node with one session. Whatever comes, one datagram in makes at most one datagram out, and a forged one
 * makes none but for one REJOIN.
 *
 * The input is a row of steps: a byte with the kind in its top two bits and the length below, then as many
 * bytes.
 */
#include "control.h"
#include "coapmsg.h"
#include "node.h"

enum step { STEP_FORGED, STEP_DATA, STEP_ALERT, STEP_CONTROL };
enum { LEN_MASK = 63, SESSION = 5 };

struct port {
    unsigned sent;
    uint32_t counter;
    uint8_t last[LINK_MTU_THREE_HOPS];
    size_t last_len;
};

uint32_t port_now_ms(struct port *port)
{
    (void)port;
    return 1000;
}

void port_random(struct port *port, uint8_t *out, size_t len)
{
    (void)port;
    bytes_fill(out, 7, len);
}

void port_send(struct port *port, const uint8_t *datagram, size_t len)
{
    SSM_ASSERT(len <= sizeof port->last);
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
    struct keyblock block;
    uint32_t record_seq;
};

static void feed(struct world *w, const uint8_t *datagram, size_t len)
{
    uint8_t copy[LINK_MTU_ONE_HOP];

    bytes_copy(copy, datagram, len);
    node_input(&w->node, copy, len);
}

static void control_feed(struct world *w, const uint8_t *body, size_t len)
{
    uint8_t frame[LINK_MTU_ONE_HOP];

    bytes_copy(frame + CONTROL_HEADER_LEN, body, len);
    SSM_ASSERT(assoc_seal(&w->gateway, ASSOC_DOWN, frame, len) == SSM_OK);
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
    record_seal(&w->block.client, &r);
    uint8_t *start = linkframe_put_header(SESSION, &r);
    feed(w, start, (size_t)(r.body + r.body_len - start));
}

static void world_start(struct world *w)
{
    struct assoc_transcript t;
    struct assoc_name name = {.len = 1, .text = "n"};
    uint8_t message[ASSOC_MESSAGE_MAX];
    uint8_t block[KEYBLOCK_LEN];
    uint8_t body[CONTROL_MESSAGE_MAX];

    bytes_fill(w, 0, sizeof *w);
    bytes_fill(&t, 0, sizeof t);
    node_init(&w->node, &name, PSK, &w->port, RESOURCES);
    SSM_ASSERT(node_start(&w->node) == SSM_OK);
    SSM_ASSERT(assoc_number_of(w->port.last, w->port.last_len) == ASSOC_REQUEST);
    assoc_decode(w->port.last, &t);
    t.gateway = name;
    feed(w, message, assoc_encode(ASSOC_ANSWER, PSK, &t, message));
    assoc_derive(PSK, &t, &w->gateway);

    w->block = (struct keyblock){.session = SESSION, .first_send_seq = KEYBLOCK_FIRST_SEND_SEQ};
    keyblock_encode(&w->block, block);
    control_feed(w, body, control_encode_request(CONTROL_KEYBLOCK, 1, block, sizeof block, body));
    assoc_ratchet_gateway(&w->gateway);
    SSM_ASSERT(w->node.counters.installed == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
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
        switch (first >> 6) {
        case STEP_FORGED:
            feed(&w, bytes, len);
            rejoins += w.port.sent - before;
            SSM_ASSERT(rejoins <= 1);
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
        SSM_ASSERT(w.port.sent <= before + 1);
    }
    return 0;
}
