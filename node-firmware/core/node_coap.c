#include "node_coap.h"

#include "coapmsg.h"
#include "node_session.h"
#include "node_timer.h"

enum {
    OBSERVE_REGISTER = 0, /* RFC 7641 2 */
    OBSERVE_DEREGISTER = 1,
    ACK_TIMEOUT = NODE_TICKS(2000),       /* RFC 7252 4.8 */
    ACK_TIMEOUT_LAST = NODE_TICKS(32768), /* of the fourth retransmission */
    UNCONFIRMED = 1875,                   /* a minute; see observer_rest */
    BLOCK_SZX = 1,                        /* RFC 7959 2.2: NODE_BLOCK_LEN is 2^(1 + 4) */
    BLOCK_SZX_RESERVED = 7,
    BLOCK_SZX_MASK = 7,
    BLOCK_MORE = 8,
    OPTION_SIZE1 = 60,     /* RFC 7959 4 */
    OPTION_ONE_MORE = 13,  /* RFC 7252 3.1: another byte of the delta follows */
    PAYLOAD_MARKER = 0xFF, /* RFC 7252 3 */
    REQUEST_CODE_MAX = COAP_CODE(0, 31),
    FIRST_BYTE_CON = 0x40, /* version 1, confirmable */
    /* The longest reply: Observe, Content-Format and Block2 with values of 3, 2 and 2 bytes, and a block. */
    REPLY_MAX = COAP_HEADER_LEN + COAP_TOKEN_MAX + (1 + 3) + (1 + 2) + (1 + 2) + 1 + NODE_BLOCK_LEN,
};
_Static_assert((int)REPLY_MAX <= (int)NODE_BODY_MAX, "every reply fits one frame at three hops");

/* No such option in the request; every value that we act on is smaller. */
static const uint16_t NONE = 0xFFFF;

/* Numbers of the options whose values are kept. */
static const uint8_t KEPT_NUMBER[NODE_KEPT] = {COAP_OPTION_OBSERVE, COAP_OPTION_CONTENT_FORMAT,
                                               COAP_OPTION_ACCEPT, COAP_OPTION_BLOCK2, COAP_OPTION_BLOCK1};

/* --- Replies: written straight into the frame; REPLY_MAX says why they fit --- */

static void reply_begin(struct node *n, uint8_t code)
{
    struct node_exchange *x = &n->exchange;
    uint8_t *at = n->frame + NODE_BODY_AT;

    *at++ = (uint8_t)(FIRST_BYTE_CON | x->m.type << 4 | x->m.token_len);
    *at++ = code;
    *at++ = (uint8_t)(x->m.message_id >> 8);
    *at++ = (uint8_t)x->m.message_id;
    bytes_copy(at, x->m.token, x->m.token_len);
    x->at = at + x->m.token_len;
    x->last_option = 0;
}

/* Adds an unsigned option, of whose value 24 bits go on the wire, without leading zero bytes (RFC 7252 3.2).
 */
static void reply_option(struct node *n, uint8_t number, uint32_t value)
{
    struct node_exchange *x = &n->exchange;
    uint8_t delta = (uint8_t)(number - x->last_option);
    uint8_t *first = x->at;
    uint8_t *at = first + 1;
    uint8_t high = (uint8_t)(value >> 16);
    uint16_t low = (uint16_t)value;

    x->last_option = number;
    if (delta >= OPTION_ONE_MORE) {
        *at++ = (uint8_t)(delta - OPTION_ONE_MORE);
        delta = OPTION_ONE_MORE;
    }
    uint8_t *start = at;
    if (high != 0)
        *at++ = high;
    if (high != 0 || low > 0xFF)
        *at++ = (uint8_t)(low >> 8);
    if (high != 0 || low != 0)
        *at++ = (uint8_t)low;
    *first = (uint8_t)(delta << 4 | (at - start));
    x->at = at;
}

static void reply_send(struct node *n)
{
    struct node_exchange *x = &n->exchange;

    node_session_send(n, x->session, (uint16_t)(x->at - (n->frame + NODE_BODY_AT)));
}

/*
 * Sends the block of the resource's representation that Block2 asks for, or the first one. A block larger
 * than ours is answered by the one of ours that begins there (RFC 7959 2.4). COAP_EMPTY, or the code with
 * which to refuse.
 */
static uint8_t content_send(struct node *n, bool is_observed)
{
    struct node_exchange *x = &n->exchange;
    uint8_t block[NODE_BLOCK_LEN];
    uint16_t block2 = x->option[NODE_BLOCK2] == NONE ? BLOCK_SZX : x->option[NODE_BLOCK2];
    uint16_t offset = block2 & 0xFFF0;
    uint8_t szx = block2 & BLOCK_SZX_MASK;

    if (szx == BLOCK_SZX_RESERVED)
        return COAP_BAD_REQUEST;
    for (uint8_t i = 0; i < szx; i++) {
        if ((offset & 0x8000) != 0)
            return COAP_BAD_OPTION;
        offset = (uint16_t)(offset << 1);
    }
    struct node_window w = {.at = block, .skip = offset, .room = 16};
    if (szx >= BLOCK_SZX) {
        szx = BLOCK_SZX;
        w.room = NODE_BLOCK_LEN;
    }
    x->resource->get(n, &w);
    uint16_t len = (uint16_t)(w.at - block);
    if (offset > 0 && len == 0)
        return COAP_BAD_OPTION; /* behind the end */

    reply_begin(n, COAP_CONTENT);
    if (is_observed)
        reply_option(n, COAP_OPTION_OBSERVE, n->observe_seq++);
    reply_option(n, COAP_OPTION_CONTENT_FORMAT, x->resource->format);
    if (w.more)
        offset |= (uint16_t)(BLOCK_MORE << szx);
    if (x->option[NODE_BLOCK2] != NONE || w.more)
        reply_option(n, COAP_OPTION_BLOCK2, (uint16_t)(offset >> szx | szx));
    if (len > 0)
        *x->at++ = PAYLOAD_MARKER;
    bytes_copy(x->at, block, len);
    x->at += len;
    reply_send(n);
    return COAP_EMPTY;
}

/* --- Observers --- */

/* The session's registration with the message's token (RFC 7641 4.1), otherwise a free entry if `is_new`, or
 * NULL. */
static struct node_observer *observer_find(struct node *n, bool is_new)
{
    struct node_exchange *x = &n->exchange;
    struct node_observer *found = NULL;

    for (struct node_observer *o = n->observers; o < n->observers + NODE_OBSERVERS; o++) {
        if (o->session == x->session->block.session && o->token_len == x->m.token_len &&
            bytes_equal(o->token, x->m.token, x->m.token_len))
            return o;
        if (is_new && node_session_find(n, o->session) == NULL)
            found = o;
    }
    return found;
}

/*
 * After a confirmed notification those of the next minute are not confirmable. So a peer that went away is
 * noticed, and RFC 7641 4.5's one confirmable notification in 24 hours holds for a resource that changes
 * rarely, too.
 */
static void observer_rest(struct node *n, struct node_observer *o)
{
    o->delay = 0;
    node_timer_set(n, &o->timer, UNCONFIRMED);
}

/* True if the request has registered. With the table full it is answered like any other (RFC 7641 4.1). */
static bool observer_update(struct node *n)
{
    struct node_exchange *x = &n->exchange;
    uint16_t observe = x->option[NODE_OBSERVE];
    struct node_observer *o = observer_find(n, observe == OBSERVE_REGISTER);

    if (o == NULL || observe > OBSERVE_DEREGISTER)
        return false;
    o->session = 0;
    if (observe == OBSERVE_DEREGISTER)
        return false;
    o->session = x->session->block.session;
    o->resource = x->resource;
    o->message_id = x->m.message_id;
    o->token_len = x->m.token_len;
    bytes_copy(o->token, x->m.token, COAP_TOKEN_MAX);
    observer_rest(n, o);
    return true;
}

static void observer_notify(struct node *n, struct node_observer *o)
{
    struct node_exchange *x = &n->exchange;

    x->session = node_session_find(n, o->session);
    x->resource = o->resource;
    if (x->session == NULL)
        return;
    x->m.type = COAP_NON;
    if (o->delay == 0 && !o->timer.armed)
        o->delay = ACK_TIMEOUT;
    if (o->delay != 0) {
        x->m.type = COAP_CON;
        node_timer_backoff(n, &o->timer, &o->delay);
    }
    o->is_changed = false;
    o->message_id = n->message_id++;
    x->m.message_id = o->message_id;
    x->m.token_len = o->token_len;
    bytes_copy(x->m.token, o->token, COAP_TOKEN_MAX);
    x->option[NODE_BLOCK2] = NONE;
    content_send(n, true);
}

/* An acknowledgement, or a Reset, which ends the registration (RFC 7641 3.6). */
static void observer_answered(struct node *n)
{
    struct node_exchange *x = &n->exchange;

    for (struct node_observer *o = n->observers; o < n->observers + NODE_OBSERVERS; o++) {
        if (o->session != x->session->block.session || o->message_id != x->m.message_id)
            continue;
        if (x->m.type == COAP_RST) {
            o->session = 0;
        } else if (o->delay != 0) {
            observer_rest(n, o);
            if (o->is_changed)
                observer_notify(n, o);
        }
        return;
    }
}

void node_coap_notify(struct node *n, const struct node_resource *resource)
{
    for (struct node_observer *o = n->observers; o < n->observers + NODE_OBSERVERS; o++) {
        if (o->resource != resource)
            continue;
        if (o->delay != 0)
            o->is_changed = true; /* told with the acknowledgement or the next repetition */
        else
            observer_notify(n, o);
    }
}

void node_coap_tick(struct node *n, struct node_observer *o)
{
    if (!node_timer_fired(n, &o->timer) || o->delay == 0)
        return;
    if (o->delay > ACK_TIMEOUT_LAST)
        o->session = 0;
    else
        observer_notify(n, o);
}

/* --- Requests --- */

/* An unsigned value of at most 16 bits, leading zero bytes aside; NONE if it is larger. */
static uint16_t option_value(const struct coap_option_walk *walk)
{
    uint16_t value = 0;

    for (uint16_t i = 0; i < walk->len; i++) {
        if (value > 0xFF)
            return NONE;
        value = (uint16_t)(value << 8 | walk->value[i]);
    }
    return value;
}

/* Keeps an option's value; false if the request must be refused for it (RFC 7252 5.4.1, 5.4.3, 5.4.5). */
static bool option_keep(struct node *n, const struct coap_option_walk *walk)
{
    struct node_exchange *x = &n->exchange;

    for (uint8_t i = 0; i < NODE_KEPT; i++)
        if (walk->number == KEPT_NUMBER[i] && x->option[i] == NONE) {
            x->option[i] = option_value(walk);
            if (x->option[i] != NONE)
                return true;
        }
    /*
     * Uri-Host 3, Uri-Port 7, Uri-Path 11 and Uri-Query 15 are no values to keep: which host was meant is the
     * session's matter, path_is reads the path, and queries are for nobody here (RFC 6690 4.1).
     */
    return !coap_option_is_critical(walk->number) || (walk->number & ~12u) == COAP_OPTION_URI_HOST;
}

static bool options_read(struct node *n)
{
    struct node_exchange *x = &n->exchange;
    struct coap_option_walk walk = coapmsg_options(&x->m);

    bytes_fill(x->option, 0xFF, sizeof x->option); /* NONE */
    while (coap_option_next(&walk))
        if (!option_keep(n, &walk))
            return false;
    return true;
}

static bool path_is(const struct coapmsg *m, const char *path)
{
    struct coap_option_walk walk = coapmsg_options(m);
    bool is_first = true;

    while (coap_option_next(&walk)) {
        if (walk.number != COAP_OPTION_URI_PATH)
            continue;
        if (!is_first && *path++ != '/')
            return false;
        is_first = false;
        for (uint16_t i = 0; i < walk.len; i++)
            if (*path == '\0' || (uint8_t)*path++ != walk.value[i])
                return false;
    }
    return *path == '\0';
}

static bool resource_find(struct node *n)
{
    struct node_exchange *x = &n->exchange;

    for (x->resource = n->resources; x->resource->path != NULL; x->resource++)
        if (path_is(&x->m, x->resource->path))
            return true;
    return false;
}

static uint8_t on_get(struct node *n)
{
    struct node_exchange *x = &n->exchange;
    bool is_observed = false;

    if (x->option[NODE_ACCEPT] != NONE && x->option[NODE_ACCEPT] != x->resource->format)
        return COAP_NOT_ACCEPTABLE;
    /* A later block of an observed representation is fetched without Observe (RFC 7959 2.6). */
    if (x->resource->is_observable &&
        (x->option[NODE_BLOCK2] == NONE || x->option[NODE_BLOCK2] < BLOCK_SZX_RESERVED))
        is_observed = observer_update(n);
    return content_send(n, is_observed);
}

static uint8_t on_put(struct node *n)
{
    struct node_exchange *x = &n->exchange;

    if (x->resource->put == NULL)
        return COAP_METHOD_NOT_ALLOWED;
    if (x->option[NODE_BLOCK1] != NONE && x->option[NODE_BLOCK1] > BLOCK_SZX_MASK)
        return COAP_TOO_LARGE; /* RFC 7959 2.9.3: a body of several blocks */
    if (x->option[NODE_FORMAT] != NONE && x->option[NODE_FORMAT] != x->resource->format)
        return COAP_UNSUPPORTED_FORMAT;
    return x->resource->put(n, x->m.payload, x->m.payload_len);
}

/* COAP_EMPTY if the reply is sent, otherwise its code. */
static uint8_t on_request(struct node *n)
{
    struct node_exchange *x = &n->exchange;

    if (!options_read(n))
        return COAP_BAD_OPTION;
    if (!resource_find(n))
        return COAP_NOT_FOUND;
    if (x->m.code == COAP_GET)
        return on_get(n);
    if (x->m.code == COAP_PUT)
        return on_put(n);
    return COAP_METHOD_NOT_ALLOWED;
}

static void request_answer(struct node *n)
{
    struct node_exchange *x = &n->exchange;

    x->m.type = x->m.type == COAP_NON ? COAP_NON : COAP_ACK;
    if (x->m.type == COAP_NON)
        x->m.message_id = n->message_id++;
    uint8_t code = on_request(n);
    if (code == COAP_EMPTY)
        return;
    reply_begin(n, code);
    if (code == COAP_CHANGED && x->option[NODE_BLOCK1] != NONE)
        reply_option(n, COAP_OPTION_BLOCK1, x->option[NODE_BLOCK1]); /* acknowledges the only block */
    if (code == COAP_TOO_LARGE)
        reply_option(n, OPTION_SIZE1, NODE_BLOCK_LEN); /* what would do: RFC 7252 5.9.2.9 */
    reply_send(n);
    if (code == COAP_CHANGED)
        node_coap_notify(n, x->resource);
}

enum status node_coap_input(struct node *n, struct node_session *s, const uint8_t *message, size_t len)
{
    struct node_exchange *x = &n->exchange;
    enum status status = coapmsg_decode(message, len, &x->m);

    x->session = s;
    if (status == SSM_OK && x->m.type >= COAP_ACK) {
        observer_answered(n);
    } else if (status == SSM_OK && x->m.code != COAP_EMPTY && x->m.code <= REQUEST_CODE_MAX) {
        request_answer(n);
    } else if (len >= COAP_HEADER_LEN && (message[0] & 0xF0) == FIRST_BYTE_CON) {
        /* What cannot be processed is rejected (RFC 7252 4.2), a ping answered (4.3). */
        x->m.type = COAP_RST;
        x->m.token_len = 0;
        reply_begin(n, COAP_EMPTY);
        reply_send(n);
    }
    return status;
}
