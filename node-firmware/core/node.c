#include "node.h"

#include "node_coap.h"
#include "node_control.h"
#include "node_join.h"
#include "node_session.h"

enum { WAIT_MAX = 0x7FFF };

/* Out of line: shifting 32 bits is long on a 16-bit node. */
__attribute__((noinline)) static void node_wake(struct node *n)
{
    n->now = (uint16_t)(port_now_ms(n->port) >> NODE_TICK_SHIFT);
}

void node_init(struct node *n, const struct assoc_name *name, const uint8_t psk[ASSOC_PSK_LEN],
               struct port *port, const struct node_resource *resources)
{
    bytes_fill(n, 0, sizeof *n);
    n->port = port;
    n->resources = resources;
    n->on_control = node_control_handle;
    bytes_copy(&n->join.transcript.node, name, sizeof *name);
    bytes_copy(n->psk, psk, ASSOC_PSK_LEN);
}

enum status node_start(struct node *n)
{
    enum status status = port_load_counter(n->port, &n->join.counter);

    if (status != SSM_OK)
        return status;
    assoc_set_boot_id(&n->join.transcript, n->join.counter);
    node_wake(n);
    node_join_begin(n);
    return n->join.state == NODE_JOIN_REQUESTING ? SSM_OK : SSM_IO;
}

static enum status on_record(struct node *n, uint8_t *datagram, size_t len)
{
    struct node_session *from;
    enum status status = node_session_receive(n, datagram, len, &from);

    /* A record without content tells only that the peer is there. */
    return from != NULL && n->record.body_len > 0
               ? node_coap_input(n, from, n->record.body, n->record.body_len)
               : status;
}

static enum status on_datagram(struct node *n, uint8_t *datagram, size_t len)
{
    switch (link_kind_of(datagram, len)) {
    case LINK_ASSOCIATION:
        return node_join_input(n, datagram, len);
    case LINK_CONTROL:
        return node_control_input(n, datagram, len);
    case LINK_RECORD:
        return on_record(n, datagram, len);
    default:
        return SSM_MALFORMED;
    }
}

void node_input(struct node *n, uint8_t *datagram, size_t len)
{
    node_wake(n);
    n->counters.input[on_datagram(n, datagram, len)]++;
}

uint32_t node_tick(struct node *n)
{
    node_wake(n);
    n->wait = WAIT_MAX;
    node_join_tick(n);
    node_control_tick(n);
    for (uint8_t i = 0; i < NODE_SESSIONS; i++)
        node_session_tick(n, &n->sessions[i]);
    for (uint8_t i = 0; i < NODE_OBSERVERS; i++)
        node_coap_tick(n, &n->observers[i]);
    return (uint32_t)n->wait << NODE_TICK_SHIFT;
}

void node_resource_changed(struct node *n, const struct node_resource *resource)
{
    node_wake(n);
    node_coap_notify(n, resource);
}
