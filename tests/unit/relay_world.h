/*
 * A relay with everything around it played: peers and nodes make real records and tags, `keys` is played at
 * the level of messages, the store is two sets of rows in memory (gathered and durable), and all that the
 * relay does is noted in order. Time is virtual.
 */
#ifndef SSM_TEST_RELAY_WORLD_H
#define SSM_TEST_RELAY_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "relay.h"
#include "session.h"

enum {
    NODE_A = 1,
    NODE_B = 2,
    SUBSCRIBER = 70,
    WALL_S = 1800000000,
    WORLD_MTU = LINK_MTU_ONE_HOP,
    WORLD_ROWS = 32,
    WORLD_OUTPUTS = 64,
    KEYBLOCK_FRAME_LEN = 67,
    FLIGHT_LEN = 67,
    /* The longest body, record tag included, that fits one frame with a two-byte sequence number. */
    BODY_MAX = WORLD_MTU - LINK_RECORD_HEADER_MIN,
    HELLO = 1, /* handshake types, RFC 5246 7.4 */
    KEY_EXCHANGE = 16,
};

enum output_kind { TO_PEER, TO_NODE, TO_KEYS, FLUSHED };

struct output {
    enum output_kind kind;
    struct endpoint local;
    struct endpoint to;
    struct message m; /* its byte strings lie in bytes */
    size_t len;
    uint8_t bytes[MESSAGE_BYTES_MAX];
};

struct rows {
    struct relay_session_row sessions[WORLD_ROWS];
    struct relay_node_row nodes[WORLD_ROWS];
};

struct world {
    struct relay *relay;
    struct relay_io io;
    struct relay_store store;
    struct relay_config config;
    uint64_t now_ms;
    struct rows gathered;
    struct rows durable;
    bool is_store_failing; /* at flush */
    bool is_put_failing;
    unsigned heard;      /* MSG_NODE_HEARD, which are not among the outputs */
    size_t output_count; /* beyond WORLD_OUTPUTS they are counted, and only the last is kept, in `beyond` */
    struct output outputs[WORLD_OUTPUTS];
    struct output beyond;
};

/* ---- what the relay is given ---- */

static inline struct output *world_note(struct world *w, enum output_kind kind)
{
    struct output *o = w->output_count < WORLD_OUTPUTS ? &w->outputs[w->output_count] : &w->beyond;

    w->output_count++;
    o->kind = kind;
    o->len = 0;
    return o;
}

static inline void world_to_peer(void *ctx, const struct endpoint *local, const struct endpoint *peer,
                                 const uint8_t *datagram, size_t len)
{
    struct output *o = world_note(ctx, TO_PEER);

    o->local = *local;
    o->to = *peer;
    o->len = len;
    memcpy(o->bytes, datagram, len);
}

/* Whatever happens: one frame, and nothing that a node may not get. */
static inline void world_to_node(void *ctx, const struct endpoint *node, const uint8_t *datagram, size_t len)
{
    struct output *o = world_note(ctx, TO_NODE);
    struct record r;
    uint16_t handle;

    SSM_ASSERT(len > 0 && len <= ((struct world *)ctx)->config.link_mtu && node->port != 0);
    o->to = *node;
    o->len = len;
    memcpy(o->bytes, datagram, len);
    if (link_kind_of(o->bytes, len) == LINK_RECORD)
        SSM_ASSERT(linkframe_decode(o->bytes, len, &handle, &r) == SSM_OK);
}

static inline void world_to_keys(void *ctx, const struct message *m)
{
    struct world *w = ctx;
    struct output *o;

    if (m->type == MSG_NODE_HEARD) {
        w->heard++;
        return;
    }
    o = world_note(w, TO_KEYS);
    o->len = message_encode(m, o->bytes);
    SSM_ASSERT(message_decode(o->bytes, o->len, &o->m) == SSM_OK);
}

static inline void world_log(void *ctx, const char *event, uint32_t node, const struct endpoint *peer)
{
    (void)ctx;
    (void)node;
    (void)peer;
    SSM_ASSERT(event != NULL);
}

static inline enum status world_put_session(void *ctx, const struct relay_session_row *row)
{
    struct world *w = ctx;

    if (w->is_put_failing)
        return SSM_IO;
    for (size_t i = 0; i < WORLD_ROWS; i++)
        if (w->gathered.sessions[i].node == 0) {
            w->gathered.sessions[i] = *row;
            return SSM_OK;
        }
    return SSM_IO;
}

static inline enum status world_remove_session(void *ctx, uint32_t node, uint16_t handle)
{
    struct world *w = ctx;

    for (size_t i = 0; i < WORLD_ROWS; i++)
        if (w->gathered.sessions[i].node == node && w->gathered.sessions[i].handle == handle)
            w->gathered.sessions[i].node = 0;
    return SSM_OK;
}

static inline enum status world_replace_session(void *ctx, uint32_t node, uint16_t handle)
{
    return world_remove_session(ctx, node, handle);
}

static inline enum status world_put_node(void *ctx, const struct relay_node_row *row)
{
    ((struct world *)ctx)->gathered.nodes[row->node % WORLD_ROWS] = *row;
    return SSM_OK;
}

static inline enum status world_remove_node(void *ctx, uint32_t node)
{
    struct world *w = ctx;

    w->gathered.nodes[node % WORLD_ROWS].node = 0;
    for (size_t i = 0; i < WORLD_ROWS; i++)
        if (w->gathered.sessions[i].node == node)
            w->gathered.sessions[i].node = 0;
    return SSM_OK;
}

static inline enum status world_flush_store(void *ctx)
{
    struct world *w = ctx;

    if (w->is_store_failing) {
        w->gathered = w->durable;
        return SSM_IO;
    }
    w->durable = w->gathered;
    (void)world_note(w, FLUSHED);
    return SSM_OK;
}

static inline enum status
world_each_session(void *ctx, enum status (*row)(void *, const struct relay_session_row *), void *arg)
{
    struct world *w = ctx;
    enum status status = SSM_OK;

    for (size_t i = 0; i < WORLD_ROWS && status == SSM_OK; i++)
        if (w->durable.sessions[i].node != 0)
            status = row(arg, &w->durable.sessions[i]);
    return status;
}

static inline enum status
world_each_node(void *ctx, enum status (*row)(void *, const struct relay_node_row *), void *arg)
{
    struct world *w = ctx;
    enum status status = SSM_OK;

    for (size_t i = 0; i < WORLD_ROWS && status == SSM_OK; i++)
        if (w->durable.nodes[i].node != 0)
            status = row(arg, &w->durable.nodes[i]);
    return status;
}

/* ---- who is where ---- */

static inline struct endpoint world_endpoint(uint8_t host, uint16_t port)
{
    return (struct endpoint){.addr = {[10] = 0xFF, [11] = 0xFF, [12] = 10, [15] = host}, .port = port};
}

static inline struct endpoint world_peer(unsigned i)
{
    return world_endpoint((uint8_t)(10 + i), 40000);
}

static inline struct endpoint world_local(void)
{
    return world_endpoint(1, 5684);
}

static inline struct endpoint world_node_at(uint32_t node)
{
    return world_endpoint((uint8_t)(200 + node), 5690);
}

/* The relay-tag key of a node's n-th association; the 0th has the key zero, which no node ever has. */
static inline void world_tag_key(uint32_t node, uint64_t generation, uint8_t key[LINK_TAG_KEY_LEN])
{
    memset(key, generation > 0 ? (int)(0x40 + node) : 0, LINK_TAG_KEY_LEN);
    key[0] = (uint8_t)generation;
}

/* ---- life ---- */

static inline void world_forget_outputs(struct world *w)
{
    w->output_count = 0;
}

static inline void world_load(struct world *w)
{
    relay_destroy(w->relay);
    w->gathered = w->durable;
    w->relay = relay_create(&w->config, &w->io, &w->store);
    SSM_ASSERT(w->relay != NULL && relay_load(w->relay, w->now_ms, WALL_S + w->now_ms / 1000) == SSM_OK);
}

static inline void world_flush(struct world *w)
{
    relay_flush(w->relay, w->now_ms);
}

static inline void world_wait(struct world *w, uint64_t ms)
{
    uint64_t until = w->now_ms + ms;
    uint64_t next = relay_on_tick(w->relay, w->now_ms);

    while (next <= until) {
        SSM_ASSERT(next > w->now_ms);
        w->now_ms = next;
        next = relay_on_tick(w->relay, w->now_ms);
        world_flush(w);
    }
    w->now_ms = until;
}

static inline void world_message(struct world *w, const struct message *m)
{
    static uint8_t buf[MESSAGE_BYTES_MAX];
    struct message decoded;
    size_t len = message_encode(m, buf);

    SSM_ASSERT(message_decode(buf, len, &decoded) == SSM_OK);
    relay_on_message(w->relay, &decoded, w->now_ms, WALL_S + w->now_ms / 1000);
}

static inline void world_node_keys(struct world *w, uint32_t node, struct endpoint at, uint64_t generation)
{
    uint8_t key[LINK_TAG_KEY_LEN];
    struct message m = {
        .type = MSG_NODE_KEYS, .node = node, .peer = at, .value = generation, .data = {{key, sizeof key}}};

    world_tag_key(node, generation, key);
    world_message(w, &m);
    world_flush(w);
}

/* Both nodes are associated, no session is open. What the caller has changed in w->config stays. */
static inline void world_begin(struct world *w)
{
    w->io = (struct relay_io){w, world_to_peer, world_to_node, world_to_keys, world_log};
    w->store = (struct relay_store){w,
                                    world_put_session,
                                    world_replace_session,
                                    world_remove_session,
                                    world_put_node,
                                    world_remove_node,
                                    world_flush_store,
                                    world_each_session,
                                    world_each_node};
    w->now_ms = 1000000;
    world_load(w);
    world_node_keys(w, NODE_A, world_node_at(NODE_A), 1);
    world_node_keys(w, NODE_B, world_node_at(NODE_B), 1);
    world_forget_outputs(w);
}

/* A world of the usual size, begun anew; `w` is zero or has been initialised before. */
static inline void world_init(struct world *w)
{
    w->config = (struct relay_config){.max_sessions = 16,
                                      .max_nodes = 4,
                                      .max_handovers = 8,
                                      .link_mtu = WORLD_MTU,
                                      .idle_timeout_s = 3600,
                                      .unused_timeout_s = 35,
                                      .evict_idle_s = 60,
                                      .link_retry_ms = 500,
                                      .opening_timeout_s = 90,
                                      .hash_seed = 7};
    memset(&w->durable, 0, sizeof w->durable);
    world_begin(w);
}

static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    SSM_ASSERT(w != NULL);
    world_init(w);
    return w;
}

static inline void world_free(struct world *w)
{
    relay_destroy(w->relay);
    free(w);
}

/* Asks the relay something; what it did before stays in the outputs. */
static inline const struct message *world_ask(struct world *w, const struct message *question)
{
    size_t before = w->output_count;

    w->output_count = WORLD_OUTPUTS;
    world_message(w, question);
    w->output_count = before;
    SSM_ASSERT(w->beyond.m.type == question->type && w->beyond.m.request == question->request);
    return &w->beyond.m;
}

static inline uint64_t world_counter(struct world *w, enum relay_counter counter)
{
    const struct message ask = {.type = MSG_STATUS, .request = 9};
    const uint8_t *at = world_ask(w, &ask)->data[0].at + 8 * (size_t)counter;
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

/* The i-th of what the relay did, or of what it did of one kind. */
static inline const struct output *world_output(const struct world *w, size_t i)
{
    SSM_ASSERT(i < w->output_count && i < WORLD_OUTPUTS);
    return &w->outputs[i];
}

static inline size_t world_count(const struct world *w, enum output_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < w->output_count; i++)
        count += w->outputs[i].kind == kind;
    return count;
}

/* Of that kind, the first; NULL: none. */
static inline const struct output *world_first(const struct world *w, enum output_kind kind)
{
    for (size_t i = 0; i < w->output_count; i++)
        if (w->outputs[i].kind == kind)
            return &w->outputs[i];
    return NULL;
}

/* The first message of that type for `keys`; NULL: none. */
static inline const struct message *world_told(const struct world *w, enum message_type type)
{
    for (size_t i = 0; i < w->output_count; i++)
        if (w->outputs[i].kind == TO_KEYS && w->outputs[i].m.type == type)
            return &w->outputs[i].m;
    return NULL;
}

static inline bool world_has_row(const struct world *w, uint32_t node, uint16_t handle)
{
    for (size_t i = 0; i < WORLD_ROWS; i++)
        if (w->durable.sessions[i].node == node && w->durable.sessions[i].handle == handle)
            return true;
    return false;
}

/* ---- what peers send ---- */

struct bytes {
    size_t len;
    uint8_t at[MESSAGE_BYTES_MAX];
};

/* A record with body_len bytes behind its header (and explicit nonce); sealed if the epoch is not 0. */
static inline size_t world_add_record(struct bytes *out, uint8_t type, uint16_t epoch, uint32_t seq,
                                      size_t body_len)
{
    static const struct record_key KEY = {.key = {1, 2, 3}, .iv = {4}};
    uint8_t *start = out->at + out->len;
    size_t header_len = epoch > 0 ? RECORD_SEALED_HEADER_LEN : RECORD_HEADER_LEN;
    struct record r = {.type = type,
                       .version = RECORD_VERSION_DTLS12_BYTES,
                       .epoch = {(uint8_t)(epoch >> 8), (uint8_t)epoch},
                       .seq = seq48_make(0, seq),
                       .body = start + header_len,
                       .body_len = (uint16_t)body_len};

    memset(r.body, (int)seq, body_len);
    if (epoch > 0) {
        SSM_ASSERT(body_len >= RECORD_TAG_LEN);
        record_set_explicit_nonce(&r);
        r.body_len = (uint16_t)(body_len - RECORD_TAG_LEN);
        record_seal(&KEY, &r);
    }
    SSM_ASSERT(record_put_header(&r) == start);
    out->len += header_len + body_len;
    return header_len + body_len;
}

static inline void world_add_handshake(struct bytes *out, uint8_t handshake_type)
{
    size_t len = world_add_record(out, RECORD_HANDSHAKE, 0, 1, 60);

    out->at[out->len - len + RECORD_HEADER_LEN] = handshake_type;
}

static inline struct bytes *world_record(uint8_t type, uint16_t epoch, uint32_t seq, size_t body_len)
{
    static struct bytes record;

    record.len = 0;
    (void)world_add_record(&record, type, epoch, seq, body_len);
    return &record;
}

static inline struct bytes *world_handshake(uint8_t handshake_type)
{
    static struct bytes record;

    record.len = 0;
    world_add_handshake(&record, handshake_type);
    return &record;
}

/* The datagram stands at the end of memory of just its size and headroom, for AddressSanitizer. */
static inline void world_from_peer_to(struct world *w, uint32_t node, struct endpoint local,
                                      struct endpoint peer, const uint8_t *at, size_t len)
{
    uint8_t *block = malloc(RELAY_HEADROOM + len);

    SSM_ASSERT(block != NULL);
    memcpy(block + RELAY_HEADROOM, at, len);
    relay_from_peer(w->relay, node, &local, &peer, block + RELAY_HEADROOM, len, w->now_ms);
    free(block);
}

static inline void world_from_peer(struct world *w, unsigned peer, const struct bytes *datagram)
{
    world_from_peer_to(w, NODE_A, world_local(), world_peer(peer), datagram->at, datagram->len);
}

/* ---- what nodes send ---- */

/* A frame with a record of body_len bytes, tagged under the node's n-th association. */
static inline struct bytes *world_frame(uint32_t node, uint64_t generation, uint16_t handle, uint32_t seq,
                                        size_t body_len)
{
    static struct bytes frame;
    struct bytes *sealed = world_record(RECORD_APPLICATION_DATA, 1, seq, body_len);
    uint8_t key[LINK_TAG_KEY_LEN];
    uint8_t tag[LINK_TAG_LEN];
    struct record r;
    size_t used;
    uint8_t *start;

    world_tag_key(node, generation, key);
    SSM_ASSERT(record_peek(sealed->at, sealed->len, &r, &used) == SSM_OK);
    linkframe_tag(key, handle, &r, tag);
    start = linkframe_put_header(handle, &r);
    frame.len = (size_t)(r.body - start) + r.body_len;
    memcpy(frame.at, start, frame.len);
    memcpy(frame.at + frame.len, tag, sizeof tag);
    frame.len += sizeof tag;
    return &frame;
}

static inline void world_from_node_at(struct world *w, struct endpoint from, const uint8_t *at, size_t len)
{
    uint8_t *block = malloc(RELAY_HEADROOM + len);

    SSM_ASSERT(block != NULL);
    memcpy(block + RELAY_HEADROOM, at, len);
    relay_from_node(w->relay, &from, block + RELAY_HEADROOM, len, w->now_ms);
    free(block);
}

static inline void world_from_node(struct world *w, uint32_t node, const struct bytes *datagram)
{
    world_from_node_at(w, world_node_at(node), datagram->at, datagram->len);
}

/* ---- what `keys` does ---- */

static inline void world_open_as(struct world *w, enum message_direction kind, uint32_t connection,
                                 unsigned peer)
{
    static const uint8_t HELLO_START[] = {RECORD_HANDSHAKE, 0xFE, 0xFD};
    struct message m = {.type = MSG_DGRAM_OUT,
                        .kind = (uint8_t)kind,
                        .connection = connection,
                        .node = kind == DIRECTION_IN ? 0 : NODE_A,
                        .peer = world_peer(peer),
                        .local = world_local(),
                        .data = {{HELLO_START, sizeof HELLO_START}}};

    world_message(w, &m);
}

static inline void world_open(struct world *w, uint32_t connection, unsigned peer)
{
    world_open_as(w, DIRECTION_IN, connection, peer);
}

/* Made from the handle, so that each session's differ. */
static inline void world_fill(uint8_t *out, size_t len, uint16_t handle, uint8_t what)
{
    memset(out, what, len);
    out[0] = (uint8_t)handle;
}

static inline void world_tombstone(uint16_t handle, uint8_t out[TOMBSTONE_LEN])
{
    static const uint8_t HEADER[] = {21, 0xFE, 0xFD, 0, 1,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE,
                                     0,  18,   0,    1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE};

    memcpy(out, HEADER, sizeof HEADER);
    world_fill(out + sizeof HEADER, TOMBSTONE_LEN - sizeof HEADER, handle, 0xDD);
}

static inline void world_flight(uint16_t handle, uint8_t out[FLIGHT_LEN])
{
    world_fill(out, FLIGHT_LEN, handle, 0xF1);
}

static inline void world_prepare_with(struct world *w, uint32_t connection, uint32_t node, uint16_t handle,
                                      size_t flight_len)
{
    uint8_t block[KEYBLOCK_FRAME_LEN];
    uint8_t tombstone[TOMBSTONE_LEN];
    uint8_t flight[FLIGHT_LEN];
    struct message m = {.type = MSG_SESSION_PREPARE,
                        .connection = connection,
                        .node = node,
                        .handle = handle,
                        .slot = 2,
                        .subscriber = SUBSCRIBER,
                        .data = {{block, sizeof block}, {tombstone, sizeof tombstone}, {flight, flight_len}}};

    world_fill(block, sizeof block, handle, 0x4B);
    block[0] = LINK_CONTROL << 5;
    world_tombstone(handle, tombstone);
    world_flight(handle, flight);
    world_message(w, &m);
}

static inline void world_prepare(struct world *w, uint32_t connection, uint32_t node, uint16_t handle)
{
    world_prepare_with(w, connection, node, handle, FLIGHT_LEN);
}

static inline void world_commit(struct world *w, uint32_t connection, uint32_t node, uint16_t handle)
{
    struct message m = {.type = MSG_SESSION_COMMIT, .connection = connection, .node = node, .handle = handle};

    world_message(w, &m);
}

static inline void world_close(struct world *w, uint32_t node, uint16_t handle, enum close_reason reason)
{
    struct message m = {.type = MSG_SESSION_CLOSE, .node = node, .handle = handle, .kind = (uint8_t)reason};

    world_message(w, &m);
    world_flush(w);
}

/* A whole hand-over; the session number is also that of the connection. Nothing of it stays in the outputs.
 */
static inline void world_session(struct world *w, unsigned peer, uint32_t node, uint16_t handle)
{
    world_open(w, handle, peer);
    world_prepare(w, handle, node, handle);
    world_commit(w, handle, node, handle);
    world_flush(w);
    world_forget_outputs(w);
}

/* The live sessions, as a MSG_SESSION_LIST shows them. Up to `cap` rows; returns how many there are. */
static inline size_t world_list(struct world *w, struct session_row *rows, size_t cap)
{
    struct message ask = {.type = MSG_SESSION_LIST, .request = 3};
    size_t count = 0;

    do {
        const struct message *answer = world_ask(w, &ask);

        for (size_t at = 0; at < answer->data[0].len; at += SESSION_ROW_LEN, count++)
            if (count < cap)
                SSM_ASSERT(session_row_decode(answer->data[0].at + at, &rows[count]) == SSM_OK);
        ask.value = answer->value;
    } while (ask.value != 0);
    return count;
}

#endif
