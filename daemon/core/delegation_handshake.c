#include "delegation_handshake.h"

#include "delegation_resumption.h"
#include "outbound_result.h"
#include "tombstone.h"

enum {
    LANE_TURNS = 2, /* in one lane at a time: one runs, one waits, so that no thread is idle in between */
    ALERT_LEVEL_FATAL = 2,
    ALERT_LEN = 2,
    CHUNK_HEADER_LEN = 2,
};

/* ---- towards the peer ---- */

static void dgram_send(const struct delegation *d, uint32_t connection, const uint8_t *datagram, size_t len)
{
    struct message m = {.type = MSG_DGRAM_OUT,
                        .kind = d->is_outbound       ? DIRECTION_OUT
                                : d->work.is_resumed ? DIRECTION_IN_RESUMED
                                                     : DIRECTION_IN,
                        .connection = connection,
                        .node = d->port_node};

    m.peer = d->peer;
    m.local = d->local;
    m.data[0] = (struct span){.at = datagram, .len = len};
    delegation_env_send(d->all->env, &m);
}

/* What the last turn has put out. */
static void send_outbox(const struct delegation *d, uint32_t connection)
{
    struct reader r = reader_over(d->work.buffers->outbox, d->work.outbox_len);

    while (r.left > 0) {
        size_t len = reader_u16(&r);
        dgram_send(d, connection, reader_take(&r, len), len);
    }
}

static void alert_send(struct delegation *d, enum alert description)
{
    uint8_t datagram[RECORD_SEALED_HEADER_LEN + ALERT_LEN];
    struct record r = {.type = RECORD_ALERT, .version = RECORD_VERSION_DTLS12_BYTES, .body_len = ALERT_LEN};

    r.seq = d->work.next_plain_seq;
    r.body = datagram + RECORD_SEALED_HEADER_LEN;
    r.body[0] = ALERT_LEVEL_FATAL;
    r.body[1] = (uint8_t)description;
    seq48_increment(&d->work.next_plain_seq);
    dgram_send(d, 0, record_put_header(&r), RECORD_HEADER_LEN + ALERT_LEN);
}

/* For a peer that has believed in its session from its Finished on. Once the key block is sealed, relay has
 * the tombstone. */
static void tombstone_send(const struct delegation *d)
{
    uint8_t tombstone[TOMBSTONE_LEN];

    if (!d->work.has_keys)
        return;
    tombstone_seal(delegation_own_key(d), tombstone);
    dgram_send(d, d->connection, tombstone, sizeof tombstone);
}

static void farewell_send(struct delegation *d, enum alert alert)
{
    if (delegation_ends_with_peer(d) && d->work.result == HANDSHAKE_DONE)
        tombstone_send(d);
    else if (alert != ALERT_NONE)
        alert_send(d, alert);
}

static void log_failure(const struct delegation *d, const char *event)
{
    const struct delegation_env *env = d->all->env;
    static const struct assoc_name NOBODY;
    const struct node *node = nodes_find(d->all->nodes, d->node != 0 ? d->node : d->port_node);

    env->io.log(env->io.ctx, event, node != NULL ? &node->row.name : &NOBODY, &d->identity, &d->peer);
}

/* ---- ends ---- */

void delegation_fail(struct delegation *d, const struct delegation_failure *failure)
{
    const struct message m = {
        .type = MSG_SESSION_ABORT, .connection = d->connection, .kind = (uint8_t)failure->reason};

    if (d->is_busy) {
        d->ending = *failure;
        d->state = DELEGATION_ENDING;
        return;
    }
    if (d->is_outbound) {
        outbound_result_of(d, failure);
    } else if (failure->event != NULL) {
        delegation_env_count(d->all->env, failure->counter);
        log_failure(d, failure->event);
    }
    farewell_send(d, failure->alert);
    if (d->connection != 0)
        delegation_env_send(d->all->env, &m);
    delegation_free(d);
}

void delegation_drop(struct delegation *d, enum close_reason reason)
{
    const struct delegation_failure silent = {.alert = ALERT_NONE, .reason = reason};

    delegation_fail(d, &silent);
}

/* ---- what a turn came to ---- */

static const struct delegation_failure FAULTS[HANDSHAKE_FAULTS] = {
    [HANDSHAKE_FAULT_OTHER] = {DELEGATOR_FAILED_HANDSHAKE, ALERT_NONE, CLOSE_HANDSHAKE,
                               "handshake failed: the peer needs DTLS 1.2 with AES_128_CCM_8, and PSK or a "
                               "certificate"},
    [HANDSHAKE_FAULT_NO_CERTIFICATE] = {DELEGATOR_FAILED_CERTIFICATE, ALERT_NONE, CLOSE_HANDSHAKE,
                                        "handshake refused: the peer has shown no certificate"},
    [HANDSHAKE_FAULT_CERTIFICATE_EXPIRED] = {DELEGATOR_FAILED_CERTIFICATE, ALERT_NONE, CLOSE_HANDSHAKE,
                                             "handshake refused: the peer's certificate has expired, or is "
                                             "not valid yet"},
    [HANDSHAKE_FAULT_CERTIFICATE_FOREIGN] = {DELEGATOR_FAILED_CERTIFICATE, ALERT_NONE, CLOSE_HANDSHAKE,
                                             "handshake refused: the peer's certificate is neither a "
                                             "subscriber's nor of a trusted CA"},
    [HANDSHAKE_FAULT_CERTIFICATE_UNFIT] = {DELEGATOR_FAILED_CERTIFICATE, ALERT_NONE, CLOSE_HANDSHAKE,
                                           "handshake refused: the peer's certificate is not fit: wrong "
                                           "usage, curve or signature"},
};

static void fail_in_library(struct delegation *d)
{
    static const struct delegation_failure IDENTITY = {
        DELEGATOR_FAILED_IDENTITY, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake refused: unknown PSK identity; 'ssmctl subscriber list' shows the known ones"};
    static const struct delegation_failure WRONG_KEY = {
        DELEGATOR_FAILED_KEY, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake refused: the peer's key for this identity is not the one that is stored"};
    const struct handshake_work *w = &d->work;

    if (w->is_resumed)
        delegation_fail(d, delegation_resumption_failed(d));
    else if (w->is_key_wrong)
        delegation_fail(d, &WRONG_KEY);
    else if (w->fault == HANDSHAKE_FAULT_OTHER && w->claim.kind == CLAIM_UNKNOWN)
        delegation_fail(d, &IDENTITY);
    else
        delegation_fail(d, &FAULTS[w->fault]);
}

static void finish(struct delegation *d)
{
    static const struct delegation_failure NO_FLIGHT = {DELEGATOR_FAILED_HANDSHAKE, ALERT_INTERNAL_ERROR,
                                                        CLOSE_HANDSHAKE,
                                                        "handshake failed: no keys or last flight"};
    static const struct delegation_failure NOBODY = {
        DELEGATOR_FAILED_IDENTITY, ALERT_ACCESS_DENIED, CLOSE_HANDSHAKE,
        "handshake refused: the certificate is of a trusted CA, but no subscriber has its common name; see "
        "'ssmctl subscriber add NAME --subject'"};

    if (!d->work.has_keys || (d->work.flight_len == 0) != delegation_ends_with_peer(d)) {
        delegation_fail(d, &NO_FLIGHT);
    } else if (d->work.claim.kind != CLAIM_KNOWN) {
        delegation_fail(d, &NOBODY);
    } else {
        d->state = DELEGATION_FINISHED;
        d->all->is_finished = true;
    }
}

static void on_result(struct delegation *d)
{
    static const struct delegation_failure OVERRUN = {
        DELEGATOR_FAILED_HANDSHAKE, ALERT_INTERNAL_ERROR, CLOSE_HANDSHAKE,
        "handshake failed: it used up the gateway's record numbers"};

    if (d->work.result == HANDSHAKE_FAILED)
        fail_in_library(d);
    else if (d->work.is_overrun)
        delegation_fail(d, &OVERRUN);
    else if (d->work.result == HANDSHAKE_DONE)
        finish(d);
}

/* ---- turns ---- */

static void turn_request(struct delegation *d)
{
    d->is_due = true;
    d->all->is_turn_due = true;
}

static void turn_start(struct delegation *d, uint64_t now_ms)
{
    struct handshake_work *w = &d->work;

    bytes_copy(w->buffers->inbox, w->buffers->waiting, d->waiting_len);
    w->inbox_len = d->waiting_len;
    w->now_ms = now_ms;
    d->waiting_len = 0;
    d->is_due = false;
    d->is_busy = true;
    d->all->turns[d->lane]++;
    d->all->served[d->bucket] = ++d->all->last_turn;
}

void delegations_on_turn(struct delegations *all, struct handshake_work *w)
{
    struct delegation *d = w->owner;

    all->turns[d->lane]--;
    all->is_turn_due = true; /* there is room in the lane */
    all->env->counters[DELEGATOR_DROP_FORGED] += w->forged_count;
    w->forged_count = 0;
    d->is_busy = false;
    d->subscriber = w->claim.subscriber;
    d->identity = w->claim.identity;
    d->is_certified = w->claim.is_certificate;
    if (d->state == DELEGATION_ENDING) {
        delegation_fail(d, &d->ending);
        return;
    }
    send_outbox(d, d->connection);
    /* What has arrived since the last turn began is a repetition, and there is no context for another. */
    if (w->result != HANDSHAKE_CONTINUE)
        d->is_due = false;
    on_result(d);
}

static void turn_run(struct delegations *all, struct delegation *d)
{
    const struct handshake_executor *executor = &all->env->io.executor;

    if (d->lane != DELEGATION_LOOP_LANE) {
        executor->submit(executor->ctx, &d->work);
    } else {
        handshake_work_run(&d->work);
        delegations_on_turn(all, &d->work);
    }
}

static void lane_run_turns(struct delegations *all, uint8_t lane, uint64_t now_ms)
{
    struct delegation *d;

    while (all->turns[lane] < LANE_TURNS && (d = delegations_choose_turn(all, lane)) != NULL) {
        turn_start(d, now_ms);
        turn_run(all, d);
    }
}

void delegations_run_turns(struct delegations *all, uint64_t now_ms)
{
    if (!all->is_turn_due)
        return;
    all->is_turn_due = false;
    for (uint8_t lane = 0; lane < all->env->io.executor.lanes; lane++)
        lane_run_turns(all, lane, now_ms);
    lane_run_turns(all, DELEGATION_LOOP_LANE, now_ms);
}

/* ---- strangers ---- */

/* Nothing is kept of a stranger: the cookie that comes back says it all. */
static void ask_cookie(const struct delegations *all, const struct message *m,
                       const struct client_hello *hello)
{
    const struct handshake_engine *engine = &all->env->engine;
    struct message answer = {.type = MSG_DGRAM_OUT, .node = m->node};
    uint8_t cookie[HANDSHAKE_COOKIE_LEN];
    uint8_t datagram[HELLO_VERIFY_REQUEST_LEN];

    if (engine->write_cookie(engine->ctx, &m->peer, cookie) != SSM_OK)
        return;
    client_hello_ask_cookie(hello, cookie, datagram);
    answer.peer = m->peer;
    answer.local = m->local;
    answer.data[0] = (struct span){.at = datagram, .len = sizeof datagram};
    delegation_env_count(all->env, DELEGATOR_COOKIES_SENT);
    delegation_env_send(all->env, &answer);
}

/* Of a peer that has shown a valid cookie. NULL: no room. */
static struct delegation *arrive(struct delegations *all, const struct message *m,
                                 const struct client_hello *hello)
{
    const struct handshake_engine *engine = &all->env->engine;
    bool has_threads = all->env->io.executor.lanes > 0;
    struct delegation *d = delegations_take(all);

    if (d == NULL)
        return NULL;
    d->work.lane = delegations_take_lane(all);
    d->lane = has_threads && !hello->offers_psk ? d->work.lane : DELEGATION_LOOP_LANE;
    d->port_node = m->node;
    d->peer = m->peer;
    d->local = m->local;
    bytes_copy(d->client_random, hello->random, CLIENT_HELLO_RANDOM_LEN);
    d->work.next_plain_seq = hello->seq;
    d->work.session = delegation_resumption_room(d, hello);
    d->trust = all->trust;
    d->work.library = engine->create(engine->ctx, d->work.lane, &handshake_work_callbacks, &d->work);
    if (d->work.library != NULL)
        return d;
    delegation_free(d);
    return NULL;
}

/* There must be room for the next one that arrives. */
static void make_room(struct delegations *all, const struct delegation *newcomer)
{
    static const struct delegation_failure GAVE_WAY = {
        DELEGATOR_FAILED_BUSY, ALERT_INTERNAL_ERROR, CLOSE_NO_ROOM,
        "handshake ended: there are too many, and most are of the peer's network; see max_handshakes"};
    struct delegation *victim;

    if (all->count < all->env->config.max_handshakes)
        return;
    victim = delegations_choose_victim(all, newcomer);
    if (victim != NULL)
        delegation_fail(victim, &GAVE_WAY);
}

void delegation_begin(struct delegation *d, uint64_t deadline_ms)
{
    struct delegations *all = d->all;

    d->connection = delegations_take_connection(all);
    d->bucket = delegations_bucket_of(all, &d->peer);
    d->order = ++all->last_order;
    d->state = DELEGATION_HANDSHAKE;
    d->deadline_ms = deadline_ms;
    delegation_env_count(all->env, DELEGATOR_HANDSHAKES);
    turn_request(d);
    make_room(all, d);
}

/* RFC 7925 4.2: "A server implementation needs to guide the selection based on a received SNI value". The
 * name chooses a node, as a port does; the gateway's own names choose none. */
static bool take_name(struct delegation *d)
{
    const struct handshake_work *w = &d->work;
    const struct node *node;

    if (w->name_len == 0)
        return true;
    if (w->name_len > sizeof w->name)
        return false;
    if (server_name_is_own(&d->all->env->config.names, w->name, w->name_len))
        return true;
    node = nodes_find_server_name(d->all->nodes, w->name, w->name_len);
    if (node == NULL || (d->port_node != 0 && d->port_node != node->row.id))
        return false;
    d->named_node = node->row.id;
    return true;
}

/* The handshake takes the place of one that ran on the same 5-tuple. RFC 6347 4.2.8: a server "MUST NOT
 * destroy the existing association until the client has demonstrated reachability". */
static void admit(struct delegation *d, uint64_t now_ms)
{
    struct delegations *all = d->all;
    struct delegation *old = delegations_find_by_endpoints(all, &d->peer, &d->local);

    if (old != NULL)
        delegation_drop(old, CLOSE_REPLACED);
    delegation_env_count(all->env, DELEGATOR_HANDSHAKES_STARTED);
    delegation_begin(d, now_ms + (uint64_t)all->env->config.handshake_timeout_s * 1000);
}

/* The first record of a handshake, up to where nothing has been computed yet. */
static void take_hello(struct delegation *d, const struct message *m, const struct client_hello *hello,
                       uint64_t now_ms)
{
    static const struct delegation_failure NAME = {
        DELEGATOR_FAILED_NAME, ALERT_UNRECOGNIZED_NAME, CLOSE_HANDSHAKE,
        "handshake refused: the peer asks for a server name that is neither this node's nor the gateway's; "
        "see server_names"};
    enum handshake_result result =
        d->all->env->engine.feed(d->work.library, m->data[0].at, m->data[0].len, now_ms);
    const struct delegation_failure *failure;

    if (result != HANDSHAKE_ADMITTED)
        failure = &FAULTS[HANDSHAKE_FAULT_OTHER];
    else
        failure = take_name(d) ? delegation_resume(d, hello, now_ms) : &NAME;
    send_outbox(d, 0);
    if (failure != NULL)
        delegation_fail(d, failure);
    else
        admit(d, now_ms);
}

static void on_stranger(struct delegations *all, const struct message *m, const struct client_hello *hello,
                        uint64_t now_ms)
{
    const struct handshake_engine *engine = &all->env->engine;
    struct delegation *d;

    if (!engine->check_cookie(engine->ctx, &m->peer, hello->cookie, hello->cookie_len)) {
        ask_cookie(all, m, hello);
        return;
    }
    d = arrive(all, m, hello);
    if (d != NULL)
        take_hello(d, m, hello, now_ms);
    else
        delegation_env_count(all->env, DELEGATOR_FAILED_BUSY);
}

/* ---- records of a handshake in flight ---- */

/* What does not fit is repeated by the peer. */
static void record_wait(struct delegation *d, const uint8_t *bytes, size_t len)
{
    uint8_t *waiting = d->work.buffers->waiting;

    if (len > HANDSHAKE_INBOX_MAX - d->waiting_len)
        return;
    bytes_copy(waiting + d->waiting_len, bytes, len);
    d->waiting_len += len;
    turn_request(d);
}

void delegations_on_record(struct delegations *all, const struct message *m, uint64_t now_ms)
{
    struct delegation *d = m->connection != 0 ? delegations_find(all, m->connection) : NULL;
    const uint8_t *bytes = m->data[0].at;
    struct reader r = reader_over(bytes, m->data[0].len);
    struct handshake_record record;
    struct client_hello hello;

    if (handshake_record_read(&r, &record) != SSM_OK)
        return;
    if (d == NULL)
        d = delegations_find_by_endpoints(all, &m->peer, &m->local);
    if ((d == NULL || !d->is_outbound) && client_hello_read(&record, &hello) &&
        (d == NULL || !bytes_equal(hello.random, d->client_random, CLIENT_HELLO_RANDOM_LEN)))
        on_stranger(all, m, &hello, now_ms);
    else if (d != NULL && d->state == DELEGATION_HANDSHAKE)
        record_wait(d, bytes, record.len);
    /* Whatever arrives later is a retransmission, which the release of the withheld flight answers. */
}

/* ---- time ---- */

void delegation_handshake_tick(struct delegation *d, uint64_t now_ms)
{
    static const struct delegation_failure TIMEOUT = {DELEGATOR_FAILED_TIMEOUT, ALERT_NONE, CLOSE_HANDSHAKE,
                                                      "handshake failed: the peer stopped answering"};

    if (d->state != DELEGATION_HANDSHAKE)
        return;
    if (now_ms >= d->deadline_ms)
        delegation_fail(d, &TIMEOUT);
    else if (!d->is_busy && now_ms >= d->work.wake_ms)
        turn_request(d);
}

uint64_t delegation_handshake_wake_ms(const struct delegation *d)
{
    if (d->state != DELEGATION_HANDSHAKE)
        return UINT64_MAX;
    /* The end of a turn is an event of its own. */
    bool is_waiting = !d->is_busy && !d->is_due;

    return is_waiting && d->work.wake_ms < d->deadline_ms ? d->work.wake_ms : d->deadline_ms;
}
