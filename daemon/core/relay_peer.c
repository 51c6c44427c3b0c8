#include "relay_peer.h"

#include "relay_close.h"

enum { /* RFC 5246 7.4, RFC 6347 4.2.2 */
       HANDSHAKE_HEADER_LEN = 12,
       HANDSHAKE_CLIENT_HELLO = 1,
       HANDSHAKE_CLIENT_KEY_EXCHANGE = 16,
};

/* Does this record carry a plaintext handshake message of that type? */
static bool is_plain_handshake(const struct record *record, uint8_t type)
{
    return record_epoch(record) == 0 && record->type == RECORD_HANDSHAKE &&
           record->body_len >= HANDSHAKE_HEADER_LEN && record->body[0] == type;
}

/* A client that repeats its last flight has not seen the gateway's (RFC 6347 4.2.4). */
static bool is_of_last_flight(const struct record *record)
{
    if (record_epoch(record) == 0 && record->type == RECORD_CHANGE_CIPHER_SPEC)
        return true;
    return is_plain_handshake(record, HANDSHAKE_CLIENT_KEY_EXCHANGE) ||
           (record_epoch(record) == 1 && record->type == RECORD_HANDSHAKE);
}

static bool is_for_handshake(const struct record *record)
{
    if (record->type == RECORD_HANDSHAKE)
        return record_epoch(record) <= 1;
    return record_epoch(record) == 0 &&
           (record->type == RECORD_CHANGE_CIPHER_SPEC || record->type == RECORD_ALERT);
}

static enum relay_counter to_keys(const struct relay *r, const struct peer_record *p, uint32_t connection)
{
    const struct message m = {.type = MSG_DGRAM_IN,
                              .connection = connection,
                              .node = p->node,
                              .peer = *p->peer,
                              .local = *p->local,
                              .data = {{.at = p->bytes, .len = p->len}}};

    r->io->to_keys(r->io->ctx, &m);
    return connection != 0 ? RELAY_TO_KEYS : RELAY_HELLOS;
}

/* ---- one function for each state ---- */

static enum relay_counter on_stranger(const struct relay *r, const struct peer_record *p)
{
    return is_plain_handshake(&p->record, HANDSHAKE_CLIENT_HELLO) ? to_keys(r, p, 0)
                                                                  : RELAY_DROP_PEER_UNKNOWN;
}

static enum relay_counter on_closing(struct relay *r, struct session *s, const struct peer_record *p)
{
    if (!is_plain_handshake(&p->record, HANDSHAKE_CLIENT_HELLO))
        (void)relay_tombstone_answer(r, s, p->now_ms);
    return on_stranger(r, p);
}

static enum relay_counter on_handshaking(const struct relay *r, const struct session *s,
                                         const struct peer_record *p)
{
    return is_for_handshake(&p->record) ? to_keys(r, p, relay_flight_of(r, s)->connection)
                                        : RELAY_DROP_PEER_TYPE;
}

/* Whatever the peer repeats is answered by the release of a flight that is withheld, or needs no answer. */
static enum relay_counter on_keying(const struct peer_record *p)
{
    bool is_repeated = p->record.type == RECORD_HANDSHAKE || p->record.type == RECORD_CHANGE_CIPHER_SPEC;

    return is_repeated && record_epoch(&p->record) <= 1 ? RELAY_DROP_PEER_HELD : RELAY_DROP_PEER_TYPE;
}

static enum relay_counter on_active(struct relay *r, struct session *s, const struct peer_record *p)
{
    struct flight *flight = relay_flight_of(r, s);

    /* No server begins a handshake with its client. */
    if (is_plain_handshake(&p->record, HANDSHAKE_CLIENT_HELLO))
        return s->is_outbound ? RELAY_DROP_PEER_TYPE : to_keys(r, p, 0);
    if (!is_of_last_flight(&p->record))
        return RELAY_DROP_PEER_TYPE;
    if (flight != NULL && flight_take_replay(flight, p->now_ms)) {
        r->counters[RELAY_FLIGHTS_REPLAYED]++;
        r->io->to_peer(r->io->ctx, &s->local, &s->peer, flight->bytes, flight->len);
    }
    return RELAY_DROP_PEER_HELD;
}

/* ---- data ---- */

/* How the session in negotiation keeps a record that the node cannot have yet; *is_queued: it is not to be
 * counted yet. */
static enum relay_counter queue_early(struct relay *r, const struct session *s, const struct peer_record *p,
                                      bool *is_queued)
{
    /* Who sends the last Finished may end the session in the very datagram that brings it. */
    if (p->record.type != RECORD_APPLICATION_DATA && !relay_flight_of(r, s)->ends_with_peer)
        return RELAY_DROP_PEER_TYPE;
    if (p->len > r->flights.early_cap)
        return RELAY_DROP_PEER_TOO_LONG;
    *is_queued = flight_queue(&r->flights, relay_flight_of(r, s), p->bytes, p->len);
    return RELAY_DROP_EARLY;
}

void relay_peer_on_record(struct relay *r, const struct peer_record *p)
{
    struct session_pair at = session_find_by_peer(&r->sessions, p->local, p->peer);
    bool is_active = at.settled != NULL && at.settled->state == SESSION_ACTIVE;
    /* Whose Finished is the last has the new keys before the node has them. */
    bool is_early = at.opening != NULL && (!is_active || relay_flight_of(r, at.opening)->ends_with_peer);
    bool is_queued = false;
    enum relay_counter counter;

    if (is_active && !is_early && relay_is_for_node(&p->record))
        counter = relay_to_node(r, at.settled, &p->record, p->now_ms);
    else if (is_early && relay_is_for_node(&p->record))
        counter = queue_early(r, at.opening, p, &is_queued);
    else if (at.opening != NULL && at.opening->state == SESSION_KEYING)
        counter = on_keying(p);
    else if (at.opening != NULL)
        counter = on_handshaking(r, at.opening, p);
    else if (is_active)
        counter = on_active(r, at.settled, p);
    else if (at.settled != NULL)
        counter = on_closing(r, at.settled, p);
    else
        counter = on_stranger(r, p);
    if (!is_queued)
        r->counters[counter]++;
}
