#include "played_node.h"

#include "control.h"
#include "linkframe.h"
#include "must.h"

#include <string.h>

enum { NODE_PORT = 61616, FIRST_LIFE = 1 };

static void datagram_send(const struct played_node *n, const uint8_t *datagram, size_t len)
{
    struct message m = {.type = MSG_NODE_CTRL_IN, .node = n->id, .peer = n->endpoint};

    m.data[0] = (struct span){.at = datagram, .len = len};
    mailbox_put(n->keys, &m);
}

static void association_send(const struct played_node *n, enum assoc_message_number number)
{
    uint8_t out[ASSOC_MESSAGE_MAX];

    datagram_send(n, out, assoc_encode(number, n->psk, &n->transcript, out));
}

void played_node_start(struct played_node *n, const struct node_row *row, struct mailbox *keys)
{
    *n = (struct played_node){.keys = keys, .id = row->id, .endpoint = {.port = NODE_PORT}};
    bytes_put_u16(n->endpoint.addr + 14, (uint16_t)row->id);
    n->endpoint.addr[0] = 0xFD; /* RFC 4193 3.1 */
    bytes_copy(n->psk, row->psk, sizeof n->psk);
    n->transcript.node = row->name;
    assoc_set_boot_id(&n->transcript, FIRST_LIFE);
    assoc_set_counter(&n->transcript, FIRST_LIFE);
    association_send(n, ASSOC_REQUEST);
}

static void on_association(struct played_node *n, struct span datagram)
{
    if (assoc_number_of(datagram.at, datagram.len) != ASSOC_ANSWER)
        return; /* a REJOIN, while the request is under way */
    assoc_decode(datagram.at, &n->transcript);
    must(assoc_verify(n->psk, &n->transcript, datagram.at) == SSM_OK, "an association does not verify");
    assoc_derive(n->psk, &n->transcript, &n->assoc);
    association_send(n, ASSOC_CONFIRM);
}

/* Opens a control message in `buf` (MESSAGE_CONTROL_MAX). */
static struct control_message control_open(struct played_node *n, struct span sealed, uint8_t *buf)
{
    struct control control;
    struct control_message m;

    bytes_copy(buf, sealed.at, sealed.len);
    must(assoc_open(&n->assoc, ASSOC_DOWN, buf, sealed.len, &control) == SSM_OK &&
             control_decode(control.body, control.body_len, &m) == SSM_OK,
         "a control message does not open");
    if (m.resource == CONTROL_KEYBLOCK)
        assoc_ratchet_node(&n->assoc, control.step);
    return m;
}

static void acknowledge(struct played_node *n, uint16_t message_id, uint8_t code)
{
    uint8_t frame[MESSAGE_CONTROL_MAX];
    const size_t len = control_encode_ack(message_id, code, frame + CONTROL_HEADER_LEN);

    must(assoc_seal(&n->assoc, ASSOC_UP, frame, len) == SSM_OK, "a node's counter is used up");
    datagram_send(n, frame, len + CONTROL_OVERHEAD);
}

void played_node_ask(struct played_node *n, const char *uri)
{
    uint8_t frame[MESSAGE_CONTROL_MAX];
    size_t len;

    n->asked = n->asked == UINT16_MAX ? 1 : (uint16_t)(n->asked + 1); /* never 0 */
    len = control_encode_request(CONTROL_OUTBOUND, n->asked, uri, strlen(uri), frame + CONTROL_HEADER_LEN);
    must(assoc_seal(&n->assoc, ASSOC_UP, frame, len) == SSM_OK, "a node's counter is used up");
    datagram_send(n, frame, len + CONTROL_OVERHEAD);
}

bool played_node_take(struct played_node *n, struct span datagram)
{
    uint8_t buf[MESSAGE_CONTROL_MAX];

    if (link_kind_of(datagram.at, datagram.len) == LINK_ASSOCIATION) {
        on_association(n, datagram);
        return false;
    }
    const struct control_message m = control_open(n, datagram, buf);
    if (m.is_ack) {
        must(m.code == COAP_CHANGED, "a node's wish is refused");
        return false;
    }
    must(m.resource == CONTROL_LIVE, "a node's wish has failed");
    acknowledge(n, m.message_id, COAP_CHANGED);
    return true;
}

struct keyblock played_node_install(struct played_node *n, struct span sealed)
{
    uint8_t buf[MESSAGE_CONTROL_MAX];
    const struct control_message m = control_open(n, sealed, buf);
    struct keyblock k = {0};

    must(m.resource == CONTROL_KEYBLOCK && keyblock_decode(m.payload, m.payload_len, &k) == SSM_OK,
         "a key block does not decode");
    acknowledge(n, m.message_id, COAP_CREATED);
    return k;
}
