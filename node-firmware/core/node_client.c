#include "node_client.h"

#include "coapmsg.h"
#include "node.h"
#include "node_control.h"
#include "node_join.h"
#include "node_session.h"
#include "node_timer.h"

enum {
    ASK_FIRST = NODE_TICKS(2000),
    ASK_LAST = NODE_TICKS(16384), /* four wishes: 2, 4, 8, 16 s */
    WAIT = NODE_TICKS(90000),     /* longer than the gateway tries */
    BACKOFF_FIRST = NODE_TICKS(2000),
    BACKOFF_LAST = 9375, /* 5 min */

    ACK_TIMEOUT = NODE_TICKS(2000), /* RFC 7252 4.8; ACK_RANDOM_FACTOR is 1.5 */
    MAX_RETRANSMIT = 4,
    RESPONSE_WAIT = NODE_TICKS(93000), /* MAX_TRANSMIT_WAIT, for a response that comes after the ACK */
    RESPONSE_CODE_MIN = COAP_CODE(2, 0),
    ERROR_CODE_MIN = COAP_CODE(4, 0),

    OBSERVE_REGISTER = 0,
    ORDER_WINDOW = NODE_TICKS(128000), /* RFC 7641 3.4 */
    MAX_AGE_DEFAULT_S = 60,            /* RFC 7252 5.10.5 */
    MAX_AGE_LONGEST_S = 900,
    REGISTER_AGAIN = NODE_TICKS(5000), /* after Max-Age and 5 to 15 s (RFC 7641 3.3.1) */
    REGISTER_SPREAD = NODE_TICKS(10000),
    WATCH_BUSY = NODE_TICKS(1000),   /* until a request under way is looked at again */
    WATCH_PAUSE = NODE_TICKS(60000), /* after a refusal */
    BLOCK2_32 = 1,                   /* RFC 7959 2.2: the first block, of 2^(1 + 4) bytes */

    TOKEN_AT = COAP_HEADER_LEN,
    PUT_TOKEN_LEN = 2, /* the message ID */
};

/* Of the registration, in every session the same (RFC 7641 3.3.1): another session is another endpoint. */
static const uint8_t WATCH_TOKEN[] = {'o'};

/* No such option; any value of it is smaller. */
static const uint32_t NONE = 0xFFFFFFFF;

/* 0 to `spread`. */
static uint16_t at_random(const struct node *n, uint16_t spread)
{
    uint16_t random;

    port_random(n->port, (uint8_t *)&random, sizeof random);
    return (uint16_t)(random % (spread + 1u));
}

/* --- Requests --- */

static void path_add(struct coap_builder *b, const char *path)
{
    while (*path != '\0') {
        const char *end = path;

        while (*end != '\0' && *end != '/')
            end++;
        coap_add_option(b, COAP_OPTION_URI_PATH, path, (uint16_t)(end - path));
        path = *end == '/' ? end + 1 : end;
    }
}

/* Both requests are built in the frame, where they stand when a record is sealed. */
static enum status put_build(struct node *n, const char *path, const void *value, uint16_t value_len,
                             size_t *len)
{
    uint16_t id = n->message_id++;
    uint8_t token[PUT_TOKEN_LEN];

    bytes_put_u16(token, id);
    struct coap_builder b =
        coap_build(n->frame + NODE_BODY_AT, NODE_BODY_MAX, COAP_CON, COAP_PUT, id, token, sizeof token);
    path_add(&b, path);
    coap_add_option_uint(&b, COAP_OPTION_CONTENT_FORMAT, COAP_FORMAT_TEXT);
    coap_add_payload(&b, value, value_len);
    return coap_finish(&b, len);
}

static enum status watch_build(struct node *n, const char *path, size_t *len)
{
    struct coap_builder b = coap_build(n->frame + NODE_BODY_AT, NODE_BODY_MAX, COAP_CON, COAP_GET,
                                       n->message_id++, WATCH_TOKEN, sizeof WATCH_TOKEN);

    coap_add_option_uint(&b, COAP_OPTION_OBSERVE, OBSERVE_REGISTER);
    path_add(&b, path);
    coap_add_option_uint(&b, COAP_OPTION_BLOCK2, BLOCK2_32);
    return coap_finish(&b, len);
}

/* Keeps the request that stands in the frame, for its repetitions too; the next tick sends it. */
static void exchange_begin(struct node *n, struct node_client *c, size_t len, bool is_watch)
{
    struct node_client_exchange *x = &c->exchange;

    bytes_copy(x->message, n->frame + NODE_BODY_AT, len);
    x->len = (uint8_t)len;
    x->is_watch = is_watch;
    x->is_acked = false;
    x->transmissions = 0;
    x->delay = (uint16_t)(ACK_TIMEOUT + at_random(n, ACK_TIMEOUT / 2));
    node_timer_set(n, &x->timer, 0);
}

/* `code`: that of the response, or COAP_EMPTY. */
static void exchange_end(struct node *n, struct node_client *c, uint8_t code)
{
    struct node_client_exchange *x = &c->exchange;

    if (x->len == 0)
        return;
    x->len = 0;
    x->timer.armed = false;
    if (!x->is_watch)
        c->answered(c, code);
    else if (code == COAP_EMPTY)
        node_timer_set(n, &c->watch_timer, WATCH_PAUSE);
}

static bool token_is(const struct coapmsg *m, const void *token, uint8_t len)
{
    return m->token_len == len && bytes_equal(m->token, token, len);
}

static bool exchange_has_token(const struct node_client_exchange *x, const struct coapmsg *m)
{
    return x->len > 0 && token_is(m, x->message + TOKEN_AT, x->is_watch ? sizeof WATCH_TOKEN : PUT_TOKEN_LEN);
}

/* --- Attempts --- */

/* There is no session, for this reason; the next attempt is made in a while. */
static void client_fail(struct node *n, struct node_client *c, uint8_t reason)
{
    c->reason = reason;
    c->state = NODE_CLIENT_BACKOFF;
    node_timer_set(n, &c->timer, (uint16_t)(c->backoff + at_random(n, c->backoff / 2)));
    c->backoff = (uint16_t)(c->backoff > BACKOFF_LAST / 2 ? BACKOFF_LAST : c->backoff << 1);
}

static void ask_send(struct node *n, struct node_client *c)
{
    size_t len = 0;

    while (c->uri[len] != '\0')
        len++;
    node_control_send(
        n, control_encode_request(CONTROL_OUTBOUND, c->attempt, c->uri, len, n->frame + CONTROL_HEADER_LEN));
    node_timer_backoff(n, &c->timer, &c->delay);
}

static bool is_trying(const struct node_client *c)
{
    return c->state == NODE_CLIENT_ASKING || c->state == NODE_CLIENT_WAITING;
}

/* The gateway tries for one client of a node at a time. */
static bool is_anyone_trying(const struct node *n)
{
    for (const struct node_client *c = n->clients; c != NULL; c = c->next)
        if (is_trying(c))
            return true;
    return false;
}

static bool is_session_number(const struct node *n, uint16_t number)
{
    for (const struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++)
        if (s->block.session == number)
            return true;
    return number == 0; /* as in free slots */
}

/* Reports have the numbers of their sessions for message IDs, from which that of a wish differs. */
static void ask_begin(struct node *n, struct node_client *c)
{
    do
        c->attempt = ++n->clients->attempts;
    while (is_session_number(n, c->attempt));
    c->state = NODE_CLIENT_ASKING;
    c->delay = ASK_FIRST;
    ask_send(n, c);
}

static void asking_tick(struct node *n, struct node_client *c)
{
    if (!node_timer_fired(n, &c->timer))
        return;
    if (c->delay <= ASK_LAST) {
        ask_send(n, c);
        return;
    }
    client_fail(n, c, NODE_CLIENT_UNHEARD);
    node_join_renew(n);
}

/* The client that makes this attempt, or NULL. */
static struct node_client *attempt_find(const struct node *n, uint16_t attempt)
{
    for (struct node_client *c = n->clients; c != NULL; c = c->next)
        if (is_trying(c) && c->attempt == attempt)
            return c;
    return NULL;
}

static void on_ack(struct node *n)
{
    struct node_client *c = attempt_find(n, n->message.message_id);

    if (c == NULL || c->state != NODE_CLIENT_ASKING)
        return;
    if (n->message.code != COAP_CHANGED) {
        client_fail(n, c, n->message.code);
        return;
    }
    c->state = NODE_CLIENT_WAITING;
    node_timer_set(n, &c->timer, WAIT);
}

static uint8_t on_failed(struct node *n)
{
    const uint8_t *payload = n->message.payload;

    if (n->message.payload_len != CONTROL_FAILED_LEN || payload[2] == 0 ||
        payload[2] >= CONTROL_OUTBOUND_REASONS)
        return COAP_BAD_REQUEST;
    struct node_client *c = attempt_find(n, bytes_u16(payload));
    if (c != NULL)
        client_fail(n, c, payload[2]);
    return COAP_CHANGED;
}

/* A slot's keys are named for a node that is the server (node_state.h). First number and window are those of
 * any session. */
static uint8_t keyblock_take(struct node *n, struct keyblock *k)
{
    struct node_client *c = attempt_find(n, k->scope);
    struct record_key server;

    if (c == NULL)
        return COAP_BAD_REQUEST;
    bytes_copy(&server, &k->server, sizeof server);
    bytes_copy(&k->server, &k->client, sizeof k->server);
    bytes_copy(&k->client, &server, sizeof k->client);
    bytes_wipe(&server, sizeof server);
    k->role = KEYBLOCK_SERVER;
    k->scope = KEYBLOCK_SCOPE_ALL;
    uint8_t code = node_control_install(n, k);
    if (code != COAP_CREATED)
        return code;
    c->session = k->session;
    c->state = NODE_CLIENT_UP;
    c->has_confirmed = false;
    node_timer_set(n, &c->watch_timer, 0);
    return code;
}

/* COAP_EMPTY: it is not of role client, or not one at all. */
static uint8_t on_keyblock(struct node *n)
{
    const struct control_message *m = &n->message;
    uint8_t code = COAP_EMPTY;
    struct keyblock k;

    if (keyblock_decode(m->payload, m->payload_len, &k) == SSM_OK && k.role == KEYBLOCK_CLIENT)
        code = keyblock_take(n, &k);
    bytes_wipe(&k, sizeof k);
    return code;
}

static uint8_t on_control(struct node *n)
{
    uint8_t code = COAP_EMPTY;

    if (n->message.is_ack)
        on_ack(n);
    else if (n->message.resource == CONTROL_FAILED)
        code = on_failed(n);
    else if (n->message.resource == CONTROL_KEYBLOCK)
        code = on_keyblock(n);
    return code != COAP_EMPTY ? code : node_control_handle(n);
}

/* --- A session --- */

/* What the slot says of a session that is not live any more. */
static uint8_t end_of(const struct node *n, uint16_t session)
{
    for (const struct node_session *s = n->sessions; s < n->sessions + NODE_SESSIONS; s++)
        if (s->block.session == session)
            return (uint8_t)(NODE_CLIENT_DROPPED + s->closed_reason);
    return NODE_CLIENT_DROPPED;
}

static void session_lost(struct node *n, struct node_client *c)
{
    client_fail(n, c, end_of(n, c->session));
    exchange_end(n, c, COAP_EMPTY);
}

/* The same message each time, after twice the time before (RFC 7252 4.2). */
static void exchange_send(struct node *n, struct node_client *c, struct node_session *s)
{
    struct node_client_exchange *x = &c->exchange;

    bytes_copy(n->frame + NODE_BODY_AT, x->message, x->len);
    node_timer_set(n, &x->timer, x->delay);
    x->delay = (uint16_t)(x->delay << 1);
    x->transmissions++;
    node_session_send(n, s, x->len);
}

static void exchange_tick(struct node *n, struct node_client *c, struct node_session *s)
{
    struct node_client_exchange *x = &c->exchange;

    if (!node_timer_fired(n, &x->timer))
        return;
    if (x->is_acked)
        exchange_end(n, c, COAP_EMPTY);
    else if (x->transmissions > MAX_RETRANSMIT)
        node_session_close(n, s, CONTROL_CLOSED_SILENT); /* seen by the next tick */
    else
        exchange_send(n, c, s);
}

static void watch_tick(struct node *n, struct node_client *c)
{
    size_t len;

    node_timer_fired(n, &c->order_timer);
    if (!node_timer_fired(n, &c->watch_timer) || c->watched == NULL)
        return;
    if (c->exchange.len > 0) {
        node_timer_set(n, &c->watch_timer, WATCH_BUSY);
    } else if (watch_build(n, c->watched, &len) == SSM_OK) {
        c->order_timer.armed = false; /* the response is newer than whatever came before */
        exchange_begin(n, c, len, true);
    }
}

static void up_tick(struct node *n, struct node_client *c)
{
    struct node_session *s = node_session_find(n, c->session);

    if (s == NULL) {
        session_lost(n, c);
        return;
    }
    node_session_mark_used(s); /* by us: the peer need not be the first */
    watch_tick(n, c);
    exchange_tick(n, c, s);
}

/* --- What the server sends --- */

static bool is_newer(const struct node_client *c, uint32_t order)
{
    return !c->order_timer.armed || ((order - c->order - 1) & 0xFFFFFF) < 0x7FFFFF;
}

/* The values that count here. False if the response must be rejected for an option (RFC 7252 5.4.1). */
static bool response_options(const struct coapmsg *m, uint32_t *observe, uint32_t *max_age_s)
{
    struct coap_option_walk walk = coapmsg_options(m);

    *observe = NONE;
    *max_age_s = MAX_AGE_DEFAULT_S;
    while (coap_option_next(&walk)) {
        if (walk.number == COAP_OPTION_OBSERVE)
            *observe = coap_option_uint(&walk) & 0xFFFFFF;
        else if (walk.number == COAP_OPTION_MAX_AGE)
            *max_age_s = coap_option_uint(&walk);
        else if (coap_option_is_critical(walk.number) && walk.number != COAP_OPTION_BLOCK1 &&
                 walk.number != COAP_OPTION_BLOCK2)
            return false;
    }
    if (*max_age_s > MAX_AGE_LONGEST_S)
        *max_age_s = MAX_AGE_LONGEST_S;
    return true;
}

/* A notification, or the response to the registration; without Observe there is none (any more). */
static void watch_take(struct node *n, struct node_client *c, uint32_t observe, uint32_t max_age_s)
{
    const struct coapmsg *m = &n->exchange.m;
    uint16_t pause = WATCH_PAUSE;

    if (m->code < ERROR_CODE_MIN && observe != NONE) {
        if (!is_newer(c, observe))
            return;
        c->order = observe;
        node_timer_set(n, &c->order_timer, ORDER_WINDOW);
        pause = (uint16_t)(NODE_TICKS(max_age_s * 1000) + REGISTER_AGAIN + at_random(n, REGISTER_SPREAD));
    }
    node_timer_set(n, &c->watch_timer, pause);
    c->notified(c, m->code, m->payload, m->payload_len);
}

/* False if nobody waits for it. */
static bool response_take(struct node *n, struct node_client *c)
{
    const struct coapmsg *m = &n->exchange.m;
    bool is_watch = c->watched != NULL && token_is(m, WATCH_TOKEN, sizeof WATCH_TOKEN);
    bool is_answer = exchange_has_token(&c->exchange, m);
    uint32_t observe;
    uint32_t max_age_s;

    if (m->code < RESPONSE_CODE_MIN || !(is_watch || is_answer) || !response_options(m, &observe, &max_age_s))
        return false;
    if (is_answer)
        exchange_end(n, c, m->code);
    if (is_watch)
        watch_take(n, c, observe, max_age_s);
    return true;
}

/* An acknowledgement or a reset. */
static void on_reply(struct node *n, struct node_client *c)
{
    struct node_client_exchange *x = &c->exchange;
    const struct coapmsg *m = &n->exchange.m;

    if (x->len == 0 || x->is_acked || m->message_id != bytes_u16(x->message + 2))
        return;
    if (m->type == COAP_RST) {
        exchange_end(n, c, COAP_EMPTY);
    } else if (m->code != COAP_EMPTY) {
        if (exchange_has_token(x, m))
            response_take(n, c);
    } else {
        x->is_acked = true;
        node_timer_set(n, &x->timer, RESPONSE_WAIT);
    }
}

/* Acknowledges a confirmable message or rejects it, in four bytes (RFC 7252 4.2). */
static void empty_send(struct node *n, uint8_t type)
{
    const struct node_exchange *x = &n->exchange;
    struct coap_builder b =
        coap_build(n->frame + NODE_BODY_AT, NODE_BODY_MAX, type, COAP_EMPTY, x->m.message_id, NULL, 0);

    node_session_send(n, x->session, (uint16_t)b.out.len);
}

/* A response apart from its acknowledgement, or something that a client does not take. */
static void on_other(struct node *n, struct node_client *c)
{
    const struct coapmsg *m = &n->exchange.m;
    bool is_copy = m->type == COAP_CON && c->has_confirmed && m->message_id == c->confirmed_id;
    bool is_taken = is_copy || response_take(n, c);

    if (m->type != COAP_CON)
        return;
    if (is_taken) {
        c->has_confirmed = true;
        c->confirmed_id = m->message_id;
    }
    empty_send(n, is_taken ? COAP_ACK : COAP_RST);
}

/* What is malformed stays for node_coap_input, which rejects it. */
static void on_record(struct node *n, struct node_session *from)
{
    struct node_exchange *x = &n->exchange;
    struct node_client *c = n->clients;

    while (c != NULL && (c->state != NODE_CLIENT_UP || c->session != from->block.session))
        c = c->next;
    if (c == NULL || coapmsg_decode(n->record.body, n->record.body_len, &x->m) != SSM_OK)
        return;
    x->session = from;
    c->backoff = BACKOFF_FIRST;
    if (x->m.type >= COAP_ACK)
        on_reply(n, c);
    else
        on_other(n, c);
    n->record.body_len = 0; /* at last: what is sent passes through the same struct */
}

/* --- Called from outside --- */

static void client_tick(struct node *n, struct node_client *c)
{
    switch (c->state) {
    case NODE_CLIENT_IDLE:
        if (n->present != NULL && !is_anyone_trying(n))
            ask_begin(n, c);
        break;
    case NODE_CLIENT_ASKING:
        asking_tick(n, c);
        break;
    case NODE_CLIENT_WAITING:
        if (node_timer_fired(n, &c->timer))
            client_fail(n, c, NODE_CLIENT_OVERDUE);
        break;
    case NODE_CLIENT_UP:
        up_tick(n, c);
        break;
    default:
        if (node_timer_fired(n, &c->timer))
            c->state = NODE_CLIENT_IDLE;
    }
}

uint32_t node_client_tick(struct node *n)
{
    node_tick(n);
    for (struct node_client *c = n->clients; c != NULL; c = c->next)
        client_tick(n, c);
    return (uint32_t)n->wait << NODE_TICK_SHIFT;
}

enum status node_client_open(struct node *n, struct node_client *c, const char *uri,
                             node_client_answered *answered)
{
    size_t len = 0;

    while (len <= CONTROL_URI_MAX && uri[len] != '\0')
        len++;
    if (len == 0 || len > CONTROL_URI_MAX)
        return SSM_MALFORMED;
    bytes_fill(c, 0, sizeof *c);
    c->uri = uri;
    c->answered = answered;
    c->backoff = BACKOFF_FIRST;
    c->on_record = on_record;
    c->next = n->clients;
    if (c->next != NULL)
        c->attempts = c->next->attempts;
    n->clients = c;
    n->on_control = on_control;
    return SSM_OK;
}

enum status node_client_put(struct node *n, struct node_client *c, const char *path, const void *value,
                            uint16_t len)
{
    size_t message_len;

    if (c->state != NODE_CLIENT_UP || c->exchange.len > 0)
        return SSM_REFUSED;
    enum status status = put_build(n, path, value, len, &message_len);
    if (status == SSM_OK)
        exchange_begin(n, c, message_len, false);
    return status;
}

enum status node_client_observe(struct node *n, struct node_client *c, const char *path,
                                node_client_notified *notified)
{
    size_t len;
    enum status status = watch_build(n, path, &len);

    if (status != SSM_OK)
        return status;
    c->watched = path;
    c->notified = notified;
    node_timer_set(n, &c->watch_timer, 0);
    return SSM_OK;
}
