#include "outbound.h"

#include "board.h"
#include "coapmsg.h"
#include "port.h"
#include "resources.h"

#include <stdio.h>
#include <string.h>

enum { BUSY_MS = 500, READING_MAX = 8 };

static void client_print(const struct node_client *c)
{
    const struct assoc_name *name = &((const struct outbound_client *)c)->node->join.transcript.node;

    printf("ssm-node: %.*s: %s: ", name->len, name->text, c->uri);
}

/* ---- why there is no session ---- */

static const char *const REASONS[NODE_CLIENT_REASON_END] = {
    [CONTROL_OUTBOUND_NO_NAME] = "its name does not resolve",
    [CONTROL_OUTBOUND_NO_ANSWER] = "it does not answer",
    [CONTROL_OUTBOUND_REFUSED] = "it refuses",
    [CONTROL_OUTBOUND_PROTOCOL] = "it does not speak DTLS 1.2 as a server",
    [CONTROL_OUTBOUND_WRONG_PSK] = "it has another PSK",
    [CONTROL_OUTBOUND_EXPIRED] = "its certificate has expired or is not yet valid",
    [CONTROL_OUTBOUND_OTHER_NAME] = "its certificate is for another name",
    [CONTROL_OUTBOUND_FOREIGN_CA] = "its certificate is of a foreign CA",
    [CONTROL_OUTBOUND_SELF_SIGNED] = "its certificate is self-signed",
    [CONTROL_OUTBOUND_UNFIT] = "its certificate is unfit",
    [CONTROL_OUTBOUND_NO_ROOM] = "no room for its session",
    [CONTROL_OUTBOUND_BROKEN] = "the gateway has failed",
    [NODE_CLIENT_UNHEARD] = "the gateway does not acknowledge",
    [NODE_CLIENT_OVERDUE] = "the gateway has said nothing more",
    [NODE_CLIENT_DROPPED] = "the gateway has ended the session",
    [NODE_CLIENT_DROPPED + (int) CONTROL_CLOSED_BY_PEER] = "it has closed the session",
    [NODE_CLIENT_DROPPED + (int) CONTROL_CLOSED_EXPIRED] = "the session has expired",
    [NODE_CLIENT_DROPPED + (int) CONTROL_CLOSED_FORGED] = "too many forged records",
    [NODE_CLIENT_DROPPED + (int) CONTROL_CLOSED_SILENT] = "it has stopped answering",
};

static void reason_print(uint8_t reason)
{
    if (reason >= NODE_CLIENT_REASON_END)
        printf("no session: the gateway refuses with %u.%02u\n", reason >> 5, reason & 31);
    else
        printf("no session: %s\n", REASONS[reason] != NULL ? REASONS[reason] : "unknown reason");
}

static void state_print(const struct node_client *c, bool verbose)
{
    bool is_step = c->state != NODE_CLIENT_UP && c->state != NODE_CLIENT_BACKOFF;

    if (is_step && !verbose)
        return;
    client_print(c);
    switch (c->state) {
    case NODE_CLIENT_ASKING:
        puts("asking the gateway");
        break;
    case NODE_CLIENT_WAITING:
        puts("the gateway is trying");
        break;
    case NODE_CLIENT_UP:
        printf("session %u\n", c->session);
        break;
    case NODE_CLIENT_BACKOFF:
        reason_print(c->reason);
        break;
    default:
        puts("waiting");
    }
}

void outbound_print(struct outbound *o, bool verbose)
{
    for (struct outbound_client *c = o->clients; c < o->clients + OUTBOUND_CLIENTS; c++) {
        if (c->node == NULL || c->shown == c->client.state)
            continue;
        c->shown = c->client.state;
        o->is_due |= c == o->pushing && c->shown == NODE_CLIENT_UP;
        state_print(&c->client, verbose);
    }
}

/* ---- what servers say ---- */

static void on_answered(struct node_client *c, uint8_t code)
{
    client_print(c);
    if (code == COAP_EMPTY)
        puts("pushed, not answered");
    else
        printf("pushed, answered %u.%02u\n", code >> 5, code & 31);
}

static void on_notified(struct node_client *c, uint8_t code, const uint8_t *value, uint16_t len)
{
    client_print(c);
    printf("%s %u.%02u ", c->watched, code >> 5, code & 31);
    for (uint16_t i = 0; i < len; i++)
        putchar(value[i] >= ' ' && value[i] <= '~' ? value[i] : '.');
    putchar('\n');
}

/* ---- what we want of them ---- */

static enum status client_open(struct outbound_client *c, struct node *n, const char *uri)
{
    c->node = n;
    enum status status = node_client_open(n, &c->client, uri, on_answered);
    if (status != SSM_OK)
        fprintf(stderr, "ssm-node: a URI has 1 to %d characters: %s\n", CONTROL_URI_MAX, uri);
    return status;
}

enum status outbound_open(struct outbound *o, struct node *n, const struct options *options)
{
    struct outbound_client *watching = &o->clients[1];

    memset(o, 0, sizeof *o);
    o->options = options;
    if (options->push_uri != NULL) {
        o->pushing = &o->clients[0];
        if (client_open(o->pushing, n, options->push_uri) != SSM_OK)
            return SSM_MALFORMED;
    }
    if (options->watch_uri == NULL)
        return SSM_OK;
    if (o->pushing != NULL && strcmp(options->push_uri, options->watch_uri) == 0)
        watching = o->pushing;
    else if (client_open(watching, n, options->watch_uri) != SSM_OK)
        return SSM_MALFORMED;
    enum status status = node_client_observe(n, &watching->client, options->watch_path, on_notified);
    if (status != SSM_OK)
        fprintf(stderr, "ssm-node: does not fit a frame: %s\n", options->watch_path);
    return status;
}

static enum status push(struct outbound *o, struct node *n)
{
    uint8_t reading[READING_MAX];
    struct node_window w = {.at = reading, .room = sizeof reading};

    app_add_reading(&w, board_temperature(n->port));
    return node_client_put(n, &o->pushing->client, o->options->push_path, reading,
                           (uint16_t)(w.at - reading));
}

uint32_t outbound_tick(struct outbound *o, struct node *n)
{
    uint32_t now_ms = port_now_ms(n->port);
    uint32_t interval_ms = o->options->push_interval_s * (uint32_t)1000;
    uint32_t since_ms = now_ms - o->pushed_ms;

    if (o->pushing == NULL || o->pushing->client.state != NODE_CLIENT_UP)
        return UINT32_MAX;
    if (!o->is_due && since_ms < interval_ms)
        return interval_ms - since_ms;
    enum status status = push(o, n);
    if (status == SSM_REFUSED)
        return BUSY_MS;
    if (status != SSM_OK) {
        fprintf(stderr, "ssm-node: does not fit a frame: %s\n", o->options->push_path);
        o->pushing = NULL;
        return UINT32_MAX;
    }
    o->pushed_ms = now_ms;
    o->is_due = false;
    return interval_ms;
}
