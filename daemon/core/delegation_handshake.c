#include "delegation_handshake.h"

enum {
    FORGED_PATIENCE_MS = 2000, /* for an authentic Finished, from the first that is not */
    HANDSHAKE_TYPE_AT = RECORD_HEADER_LEN,
    CLIENT_RANDOM_AT = RECORD_HEADER_LEN + 12 + 2, /* handshake header (RFC 6347 4.2.2), client_version */
    ALERT_LEVEL_FATAL = 2,
    ALERT_LEN = 2,
};

enum handshake_type { CLIENT_HELLO = 1, HELLO_VERIFY_REQUEST = 3 }; /* RFC 6347 4.3.2 */

struct wire { /* the header of one record */
    uint8_t type;
    uint16_t epoch;
    struct seq48 seq;
    const uint8_t *body;
    size_t body_len;
    size_t len;
};

static enum status wire_read(struct reader *r, struct wire *out)
{
    size_t before = r->left;

    out->type = reader_u8(r);
    (void)reader_u16(r);
    out->epoch = reader_u16(r);
    reader_copy(r, out->seq.bytes, SEQ48_LEN);
    out->body_len = reader_u16(r);
    out->body = reader_take(r, out->body_len);
    out->len = before - r->left;
    return r->status;
}

/* ---- the pool ---- */

struct delegation *delegations_find(const struct delegations *all, uint32_t connection)
{
    for (uint32_t i = 0; i < all->env->config.max_handshakes; i++) {
        struct delegation *d = &all->pool[i];
        if (d->state > DELEGATION_SPARE && d->connection == connection)
            return d;
    }
    return NULL;
}

/* One that is COMMITTING is as good as a session: a ClientHello starts another handshake beside it (RFC
 * 6347 4.2.8). */
static struct delegation *find_by_endpoints(const struct delegations *all, const struct endpoint *peer,
                                            const struct endpoint *local)
{
    for (uint32_t i = 0; i < all->env->config.max_handshakes; i++) {
        struct delegation *d = &all->pool[i];
        if (d->state > DELEGATION_SPARE && d->state < DELEGATION_COMMITTING &&
            endpoint_equal(&d->peer, peer) && endpoint_equal(&d->local, local))
            return d;
    }
    return NULL;
}

static struct delegation *find_in_state(const struct delegations *all, enum delegation_state state)
{
    for (uint32_t i = 0; i < all->env->config.max_handshakes; i++)
        if (all->pool[i].state == state)
            return &all->pool[i];
    return NULL;
}

static uint32_t connection_take(struct delegations *all)
{
    do
        all->last_connection++;
    while (all->last_connection == 0 || delegations_find(all, all->last_connection) != NULL);
    return all->last_connection;
}

static void library_end(struct delegation *d)
{
    if (d->library != NULL)
        d->all->env->engine.destroy(d->library);
    d->library = NULL;
}

void delegation_free(struct delegation *d)
{
    struct node *node = nodes_find(d->all->nodes, d->node);

    if (node != NULL && node->exchange.kind != NODE_EXCHANGE_NONE &&
        node->exchange.connection == d->connection)
        nodes_exchange_end(d->all->nodes, node, false);
    d->all->nodes->is_work_due = true; /* the next in the queue */
    library_end(d);
    bytes_wipe(d, sizeof *d);
}

/* ---- towards the peer ---- */

static void dgram_send(const struct delegation *d, uint32_t connection, const uint8_t *datagram, size_t len)
{
    struct message m = {.type = MSG_DGRAM_OUT, .connection = connection, .node = d->port_node};

    m.peer = d->peer;
    m.local = d->local;
    m.data[0] = (struct span){.at = datagram, .len = len};
    delegation_env_send(d->all->env, &m);
}

static void alert_send(struct delegation *d, enum alert description)
{
    uint8_t datagram[RECORD_SEALED_HEADER_LEN + ALERT_LEN];
    struct record r = {.type = RECORD_ALERT, .version = RECORD_VERSION_DTLS12_BYTES, .body_len = ALERT_LEN};

    r.seq = d->next_plain_seq;
    r.body = datagram + RECORD_SEALED_HEADER_LEN;
    r.body[0] = ALERT_LEVEL_FATAL;
    r.body[1] = (uint8_t)description;
    seq48_increment(&d->next_plain_seq);
    dgram_send(d, 0, record_put_header(&r), RECORD_HEADER_LEN + ALERT_LEN);
}

static void log_failure(const struct delegation *d, const char *event)
{
    const struct delegation_env *env = d->all->env;
    static const struct assoc_name NOBODY;
    const struct node *node = nodes_find(d->all->nodes, d->node != 0 ? d->node : d->port_node);

    env->io.log(env->io.ctx, event, node != NULL ? &node->row.name : &NOBODY, &d->identity, &d->peer);
}

void delegation_drop(struct delegation *d, enum close_reason reason)
{
    struct message m = {.type = MSG_SESSION_ABORT, .connection = d->connection, .kind = (uint8_t)reason};

    if (d->state > DELEGATION_SPARE)
        delegation_env_send(d->all->env, &m);
    delegation_free(d);
}

void delegation_fail(struct delegation *d, const struct delegation_failure *failure)
{
    delegation_env_count(d->all->env, failure->counter);
    log_failure(d, failure->event);
    if (failure->alert != ALERT_NONE)
        alert_send(d, failure->alert);
    delegation_drop(d, failure->reason);
}

/* ---- what the library calls ---- */

/* A stranger has returned a valid cookie: its handshake takes the place of one that ran on the same 5-tuple.
 */
static void promote(struct delegation *d)
{
    struct delegation *old = find_by_endpoints(d->all, &d->peer, &d->local);

    if (old != NULL)
        delegation_drop(old, CLOSE_REPLACED);
    d->connection = connection_take(d->all);
    d->state = DELEGATION_HANDSHAKE;
    delegation_env_count(d->all->env, DELEGATOR_HANDSHAKES_STARTED);
}

/* Notes the numbers that leave, and whether one is beyond what the gateway owns. */
static void note_numbers(struct delegation *d, const uint8_t *records, size_t len)
{
    const struct seq48 limit = seq48_make(0, KEYBLOCK_FIRST_SEND_SEQ);
    struct reader r = reader_over(records, len);
    struct wire w;

    while (r.left > 0 && wire_read(&r, &w) == SSM_OK) {
        if (w.epoch != 0) {
            if (!seq48_is_after(&limit, &w.seq))
                d->is_overrun = true;
        } else if (!seq48_is_after(&d->next_plain_seq, &w.seq)) {
            d->next_plain_seq = w.seq;
            seq48_increment(&d->next_plain_seq);
        }
    }
}

static void withhold(struct delegation *d, const uint8_t *records, size_t len)
{
    if (len > sizeof d->flight - d->flight_len) {
        d->is_overrun = true;
        return;
    }
    bytes_copy(d->flight + d->flight_len, records, len);
    d->flight_len += len;
}

static void on_send(void *owner, const uint8_t *records, size_t len)
{
    struct delegation *d = owner;
    bool is_handshake = records[0] == RECORD_HANDSHAKE && len > HANDSHAKE_TYPE_AT;

    note_numbers(d, records, len);
    if (d->state == DELEGATION_SPARE && is_handshake && records[HANDSHAKE_TYPE_AT] == HELLO_VERIFY_REQUEST) {
        d->is_cookie_sent = true;
        delegation_env_count(d->all->env, DELEGATOR_COOKIES_SENT);
    } else if (d->state == DELEGATION_SPARE && is_handshake) {
        promote(d);
    }
    if (records[0] == RECORD_CHANGE_CIPHER_SPEC || d->flight_len > 0)
        withhold(d, records, len);
    else
        dgram_send(d, d->connection, records, len);
}

static bool on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len)
{
    struct delegation *d = owner;
    const struct keys_store *store = &d->all->env->store;
    struct subscriber_row row;

    d->is_identity_unknown = true;
    if (assoc_name_set(&d->identity, (const char *)identity, identity_len) != SSM_OK)
        return false;
    if (store->find_subscriber(store->ctx, d->identity.text, d->identity.len, &row) != SSM_OK)
        return false;
    d->is_identity_unknown = false;
    d->subscriber = row.id;
    bytes_copy(psk, row.psk, row.psk_len);
    *psk_len = row.psk_len;
    bytes_wipe(&row, sizeof row);
    return true;
}

static void on_keys(void *owner, const struct handshake_keys *keys)
{
    struct delegation *d = owner;

    d->keys = *keys;
    d->has_keys = true;
}

/* ---- a handshake's turn ---- */

static void fail_in_library(struct delegation *d)
{
    static const struct delegation_failure IDENTITY = {
        DELEGATOR_FAILED_IDENTITY, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake refused: unknown PSK identity; 'ssmctl subscriber "
        "list' shows the known ones"};
    static const struct delegation_failure OTHER = {
        DELEGATOR_FAILED_HANDSHAKE, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake failed: the peer needs DTLS 1.2 with TLS_PSK_WITH_AES_128_CCM_8"};

    delegation_fail(d, d->is_identity_unknown ? &IDENTITY : &OTHER);
}

static void finish(struct delegation *d)
{
    static const struct delegation_failure NO_FLIGHT = {DELEGATOR_FAILED_HANDSHAKE, ALERT_INTERNAL_ERROR,
                                                        CLOSE_HANDSHAKE,
                                                        "handshake failed: no keys or last flight"};

    library_end(d);
    d->state = DELEGATION_FINISHED;
    if (!d->has_keys || d->flight_len == 0)
        delegation_fail(d, &NO_FLIGHT);
}

static void on_result(struct delegation *d, enum handshake_result result)
{
    static const struct delegation_failure OVERRUN = {
        DELEGATOR_FAILED_HANDSHAKE, ALERT_INTERNAL_ERROR, CLOSE_HANDSHAKE,
        "handshake failed: it used up the gateway's record numbers"};

    if (result == HANDSHAKE_FAILED)
        fail_in_library(d);
    else if (d->is_overrun)
        delegation_fail(d, &OVERRUN);
    else if (result == HANDSHAKE_DONE)
        finish(d);
}

static enum handshake_result feed(struct delegation *d, const uint8_t *record, size_t len, uint64_t now_ms)
{
    return d->all->env->engine.feed(d->library, &d->peer, record, len, now_ms);
}

/* ---- strangers ---- */

static struct delegation *spare_find(struct delegations *all)
{
    static const struct handshake_callbacks CALLBACKS = {.send = on_send, .psk = on_psk, .keys = on_keys};
    struct delegation *d = find_in_state(all, DELEGATION_SPARE);

    if (d != NULL)
        return d;
    d = find_in_state(all, DELEGATION_FREE);
    if (d == NULL)
        return NULL;
    d->all = all;
    d->library = all->env->engine.create(all->env->engine.ctx, &CALLBACKS, d);
    if (d->library == NULL)
        return NULL;
    d->state = DELEGATION_SPARE;
    return d;
}

static void stranger_begin(struct delegation *d, const struct message *m, const uint8_t *random)
{
    d->port_node = m->node;
    d->peer = m->peer;
    d->local = m->local;
    d->next_plain_seq = seq48_make(0, 0);
    d->is_cookie_sent = false;
    bytes_copy(d->client_random, random, DELEGATION_RANDOM_LEN);
}

/* The stranger got no further than the cookie. Only a context that is as new may stay for the next one. */
static void stranger_end(struct delegation *d, enum handshake_result result)
{
    if (!d->is_cookie_sent) {
        delegation_env_count(d->all->env, DELEGATOR_FAILED_HANDSHAKE);
        log_failure(d, "handshake refused: the peer needs DTLS 1.2 with TLS_PSK_WITH_AES_128_CCM_8");
    }
    if (result != HANDSHAKE_COOKIE_ASKED)
        delegation_free(d);
}

/* Feeds a ClientHello to the one context that knows nobody; nothing is kept of it without a valid cookie. */
static struct delegation *on_stranger(struct delegations *all, const struct message *m, const uint8_t *random,
                                      uint64_t now_ms)
{
    struct delegation *d = spare_find(all);

    if (d == NULL) {
        delegation_env_count(all->env, DELEGATOR_FAILED_BUSY);
        return NULL;
    }
    stranger_begin(d, m, random);
    enum handshake_result result = feed(d, m->data[0].at, m->data[0].len, now_ms);
    if (d->state == DELEGATION_SPARE) {
        stranger_end(d, result);
    } else {
        d->deadline_ms = now_ms + (uint64_t)all->env->config.handshake_timeout_s * 1000;
        on_result(d, result);
    }
    return d;
}

/* ---- records of a handshake in flight ---- */

static bool is_authentic(const struct delegation *d, const uint8_t *record, size_t len)
{
    uint8_t copy[DELEGATION_FINISHED_MAX];
    struct record r;
    size_t used;

    bytes_copy(copy, record, len);
    bool ok = record_peek(copy, len, &r, &used) == SSM_OK && record_open(&d->keys.client, &r) == SSM_OK;
    bytes_wipe(copy, sizeof copy);
    return ok;
}

/*
 * May this protected record reach the library, to which a bad MAC is fatal while it waits for Finished? A
 * forged one is kept, because it may be the honest Finished of a peer with a wrong key, which then gets its
 * alert.
 */
static bool admit_protected(struct delegation *d, const struct wire *w, const uint8_t *record,
                            uint64_t now_ms)
{
    if (!d->has_keys || w->epoch != 1 || w->type != RECORD_HANDSHAKE)
        return false;
    if (w->len <= DELEGATION_FINISHED_MAX && is_authentic(d, record, w->len))
        return true;
    delegation_env_count(d->all->env, DELEGATOR_DROP_FORGED);
    if (w->len <= DELEGATION_FINISHED_MAX && d->is_cipher_changed) {
        if (d->forged_len == 0)
            d->forged_ms = now_ms + FORGED_PATIENCE_MS;
        bytes_copy(d->forged, record, w->len);
        d->forged_len = w->len;
    }
    return false;
}

static void on_record(struct delegation *d, const struct wire *w, const uint8_t *record, uint64_t now_ms)
{
    if (w->epoch > 0 && !admit_protected(d, w, record, now_ms))
        return;
    if (w->epoch == 0 && w->type == RECORD_CHANGE_CIPHER_SPEC && d->has_keys)
        d->is_cipher_changed = true;
    on_result(d, feed(d, record, w->len, now_ms));
}

/* The client's random, or NULL if the record is no ClientHello that starts a handshake. */
static const uint8_t *client_random_of(const struct wire *w, const uint8_t *record)
{
    bool is_hello = w->epoch == 0 && w->type == RECORD_HANDSHAKE &&
                    w->len >= CLIENT_RANDOM_AT + DELEGATION_RANDOM_LEN &&
                    record[HANDSHAKE_TYPE_AT] == CLIENT_HELLO;

    return is_hello ? record + CLIENT_RANDOM_AT : NULL;
}

struct delegation *delegations_on_record(struct delegations *all, const struct message *m, uint64_t now_ms)
{
    struct delegation *d = m->connection != 0 ? delegations_find(all, m->connection) : NULL;
    const uint8_t *record = m->data[0].at;
    struct reader r = reader_over(record, m->data[0].len);
    struct wire w;

    if (wire_read(&r, &w) != SSM_OK)
        return NULL;
    if (d == NULL)
        d = find_by_endpoints(all, &m->peer, &m->local);
    const uint8_t *random = client_random_of(&w, record);
    if (random != NULL && (d == NULL || !bytes_equal(random, d->client_random, DELEGATION_RANDOM_LEN)))
        d = on_stranger(all, m, random, now_ms);
    else if (d != NULL && d->state == DELEGATION_HANDSHAKE)
        on_record(d, &w, record, now_ms);
    /* Whatever arrives later is a retransmission, which the release of the withheld flight answers. */
    return d != NULL && d->state == DELEGATION_FINISHED ? d : NULL;
}

/* ---- time ---- */

static void give_forged(struct delegation *d, uint64_t now_ms)
{
    static const struct delegation_failure WRONG_KEY = {
        DELEGATOR_FAILED_KEY, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake refused: the peer's key for this identity is not the one that is stored"};
    size_t len = d->forged_len;

    d->forged_len = 0;
    if (feed(d, d->forged, len, now_ms) == HANDSHAKE_FAILED)
        delegation_fail(d, &WRONG_KEY);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t delegation_handshake_tick(struct delegation *d, uint64_t now_ms)
{
    static const struct delegation_failure TIMEOUT = {DELEGATOR_FAILED_TIMEOUT, ALERT_NONE, CLOSE_HANDSHAKE,
                                                      "handshake failed: the peer stopped answering"};

    if (d->state != DELEGATION_HANDSHAKE)
        return UINT64_MAX;
    const struct handshake_engine *engine = &d->all->env->engine;
    if (now_ms >= d->deadline_ms)
        delegation_fail(d, &TIMEOUT);
    else if (d->forged_len > 0 && now_ms >= d->forged_ms)
        give_forged(d, now_ms);
    else if (now_ms >= engine->deadline(d->library))
        on_result(d, engine->on_timer(d->library, now_ms));
    if (d->state != DELEGATION_HANDSHAKE)
        return UINT64_MAX;
    uint64_t next = earliest(d->deadline_ms, engine->deadline(d->library));
    return d->forged_len > 0 ? earliest(next, d->forged_ms) : next;
}
