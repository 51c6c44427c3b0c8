#include "handshake_work.h"

#include "record.h"

enum {
    FORGED_PATIENCE_MS = 2000, /* for an authentic Finished, from the first that is not */
    CHUNK_HEADER_LEN = 2,
};

enum status handshake_record_read(struct reader *r, struct handshake_record *out)
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

static uint32_t read_u24(struct reader *r)
{
    uint32_t high = reader_u8(r);

    return high << 16 | reader_u16(r);
}

enum status handshake_fragment_read(struct reader *r, struct handshake_fragment *out)
{
    out->type = reader_u8(r);
    out->message_len = read_u24(r);
    out->message_seq = reader_u16(r);
    out->offset = read_u24(r);
    out->len = read_u24(r);
    return r->status;
}

/* ---- what the library calls ---- */

/* Notes the numbers that leave, and whether one is beyond what the gateway owns. */
static void note_numbers(struct handshake_work *w, const uint8_t *records, size_t len)
{
    const struct seq48 limit = seq48_make(0, KEYBLOCK_FIRST_SEND_SEQ);
    struct reader r = reader_over(records, len);
    struct handshake_record record;

    while (r.left > 0 && handshake_record_read(&r, &record) == SSM_OK) {
        if (record.epoch != 0) {
            if (!seq48_is_after(&limit, &record.seq))
                w->is_overrun = true;
        } else if (!seq48_is_after(&w->next_plain_seq, &record.seq)) {
            w->next_plain_seq = record.seq;
            seq48_increment(&w->next_plain_seq);
        }
    }
}

static void withhold(struct handshake_work *w, const uint8_t *records, size_t len)
{
    if (len > sizeof w->flight - w->flight_len) {
        w->is_overrun = true;
        return;
    }
    bytes_copy(w->flight + w->flight_len, records, len);
    w->flight_len += len;
}

/* What does not fit is lost as on any network, and repeated like it. */
static void post(struct handshake_work *w, const uint8_t *records, size_t len)
{
    uint8_t *at = w->buffers->outbox + w->outbox_len;

    if (len > UINT16_MAX || CHUNK_HEADER_LEN + len > sizeof w->buffers->outbox - w->outbox_len)
        return;
    bytes_put_u16(at, (uint16_t)len);
    bytes_copy(at + CHUNK_HEADER_LEN, records, len);
    w->outbox_len += CHUNK_HEADER_LEN + len;
}

static void on_send(void *owner, const uint8_t *records, size_t len)
{
    struct handshake_work *w = owner;

    note_numbers(w, records, len);
    /* A client's last flight has to leave: the server's Finished answers it. So has that of a server that
     * resumes a session (RFC 5246 7.3): the client's does. */
    if (!w->is_client && !w->is_resumed && (records[0] == RECORD_CHANGE_CIPHER_SPEC || w->flight_len > 0))
        withhold(w, records, len);
    else
        post(w, records, len);
}

static void on_name(void *owner, const char *name, size_t len)
{
    struct handshake_work *w = owner;

    w->name_len = len;
    if (len <= sizeof w->name)
        bytes_copy(w->name, name, len);
}

/* RFC 7925 4.2: "a byte-by-byte comparison operation MUST be used by the server for any operation related to
 * the PSK identity." */
static bool on_psk(void *owner, const uint8_t *identity, size_t identity_len, uint8_t *psk, size_t *psk_len)
{
    struct handshake_work *w = owner;
    const struct keys_store *store = &w->env->store;
    struct handshake_claim *claim = &w->claim;
    struct subscriber_row row;

    *claim = (struct handshake_claim){.kind = CLAIM_UNKNOWN};
    if (assoc_name_set(&claim->identity, (const char *)identity, identity_len) == SSM_OK &&
        store->find_subscriber(store->ctx, claim->identity.text, claim->identity.len, &row) == SSM_OK) {
        if (row.credential == SUBSCRIBER_PSK) {
            claim->kind = CLAIM_KNOWN;
            claim->subscriber = row.id;
            bytes_copy(psk, row.psk, row.psk_len);
            *psk_len = row.psk_len;
        }
        bytes_wipe(&row, sizeof row);
    }
    return claim->kind == CLAIM_KNOWN;
}

/* A certificate counts as itself or, if a trusted CA issued it, by its common name. */
static bool on_certificate(void *owner, const struct handshake_certificate *certificate)
{
    struct handshake_work *w = owner;
    const struct keys_store *store = &w->env->store;
    struct subscriber_row row = {0};
    enum status status = store->find_certificate(store->ctx, certificate->fingerprint, &row);
    bool is_accepted = status == SSM_OK || certificate->is_trusted;

    if (status != SSM_OK && certificate->is_trusted && certificate->common_name != NULL)
        status =
            store->find_subject(store->ctx, certificate->common_name, certificate->common_name_len, &row);
    w->claim = (struct handshake_claim){.kind = CLAIM_UNKNOWN, .is_certificate = true};
    if (status == SSM_OK)
        w->claim = (struct handshake_claim){CLAIM_KNOWN, row.id, true, row.name};
    else if (certificate->common_name == NULL || assoc_name_set(&w->claim.identity, certificate->common_name,
                                                                certificate->common_name_len) != SSM_OK)
        w->claim.identity = (struct assoc_name){0}; /* what is no name stays out of the log */
    return is_accepted;
}

static void on_keys(void *owner, const struct handshake_keys *keys)
{
    struct handshake_work *w = owner;

    w->keys = *keys;
    w->has_keys = true;
}

static struct handshake_session *on_session(void *owner)
{
    const struct handshake_work *w = owner;

    return w->session;
}

const struct handshake_callbacks handshake_work_callbacks = {.send = on_send,
                                                             .name = on_name,
                                                             .psk = on_psk,
                                                             .certificate = on_certificate,
                                                             .keys = on_keys,
                                                             .session = on_session};

/* ---- records that come in ---- */

static bool is_authentic(const struct handshake_work *w, const uint8_t *record, size_t len)
{
    const struct record_key *key = w->is_client ? &w->keys.server : &w->keys.client;
    uint8_t copy[HANDSHAKE_FINISHED_MAX];
    struct record r;
    size_t used;

    bytes_copy(copy, record, len);
    bool ok = record_peek(copy, len, &r, &used) == SSM_OK && record_open(key, &r) == SSM_OK;
    bytes_wipe(copy, sizeof copy);
    return ok;
}

/*
 * RFC 6347 4.1.2.6: "If the MAC validation fails, the receiver MUST discard the received record as invalid."
 * May this protected record reach the library, to which a bad MAC is fatal while it waits for Finished? A
 * forged one is kept, because it may be the honest Finished of a peer with a wrong key, which then gets its
 * alert.
 */
static bool admit_protected(struct handshake_work *w, const struct handshake_record *record,
                            const uint8_t *bytes)
{
    if (record->epoch != 1 || record->type != RECORD_HANDSHAKE)
        return false;
    if (record->len <= HANDSHAKE_FINISHED_MAX && is_authentic(w, bytes, record->len))
        return true;
    w->forged_count++;
    if (record->len <= HANDSHAKE_FINISHED_MAX) {
        if (w->forged_len == 0)
            w->forged_ms = w->now_ms + FORGED_PATIENCE_MS;
        bytes_copy(w->forged, bytes, record->len);
        w->forged_len = record->len;
    }
    return false;
}

static enum handshake_result feed(struct handshake_work *w, const uint8_t *record, size_t len)
{
    return w->env->engine.feed(w->library, record, len, w->now_ms);
}

/* A Finished may overtake what precedes it. RFC 6347 4.1: "Implementations MAY either buffer or discard such
 * packets"; whether it is authentic is seen once there are keys, and the library gets it behind the
 * ChangeCipherSpec. */
static void keep_early(struct handshake_work *w, const struct handshake_record *record, const uint8_t *bytes)
{
    if (record->epoch != 1 || record->type != RECORD_HANDSHAKE || record->len > sizeof w->early)
        return;
    bytes_copy(w->early, bytes, record->len);
    w->early_len = record->len;
}

static void take_record(struct handshake_work *w, const struct handshake_record *record, const uint8_t *bytes)
{
    if (record->epoch > 0 && !(w->has_keys && w->is_cipher_changed)) {
        keep_early(w, record, bytes);
        return;
    }
    if (record->epoch > 0 && !admit_protected(w, record, bytes))
        return;
    if (record->epoch == 0 && record->type == RECORD_CHANGE_CIPHER_SPEC && record->body_len == 1 &&
        record->body[0] == 1) /* RFC 5246 7.1 */
        w->is_cipher_changed = true;
    w->result = feed(w, bytes, record->len);
}

static void take_early(struct handshake_work *w)
{
    struct reader r = reader_over(w->early, w->early_len);
    struct handshake_record record;

    if (!w->has_keys || !w->is_cipher_changed || w->result != HANDSHAKE_CONTINUE ||
        handshake_record_read(&r, &record) != SSM_OK)
        return;
    w->early_len = 0;
    take_record(w, &record, w->early);
}

static void take_inbox(struct handshake_work *w)
{
    struct reader r = reader_over(w->buffers->inbox, w->inbox_len);
    struct handshake_record record;

    while (w->result == HANDSHAKE_CONTINUE && r.left > 0) {
        const uint8_t *bytes = r.at;

        if (handshake_record_read(&r, &record) != SSM_OK)
            break;
        take_record(w, &record, bytes);
    }
    w->inbox_len = 0;
    take_early(w);
}

/* ---- time ---- */

static void take_time(struct handshake_work *w)
{
    const struct handshake_engine *engine = &w->env->engine;

    if (w->forged_len > 0 && w->now_ms >= w->forged_ms) {
        w->result = feed(w, w->forged, w->forged_len);
        w->forged_len = 0;
        w->is_key_wrong = w->result == HANDSHAKE_FAILED;
    } else if (w->now_ms >= engine->deadline(w->library)) {
        w->result = engine->on_timer(w->library, w->now_ms);
    }
}

void handshake_work_run(struct handshake_work *w)
{
    const struct handshake_engine *engine = &w->env->engine;

    w->outbox_len = 0;
    w->result = HANDSHAKE_CONTINUE;
    if (!w->is_begun)
        w->result = feed(w, NULL, 0);
    w->is_begun = true;
    take_inbox(w);
    if (w->result == HANDSHAKE_CONTINUE)
        take_time(w);
    w->wake_ms = engine->deadline(w->library);
    if (w->forged_len > 0 && w->forged_ms < w->wake_ms)
        w->wake_ms = w->forged_ms;
    if (w->result == HANDSHAKE_FAILED)
        w->fault = engine->fault(w->library);
    if (w->result == HANDSHAKE_CONTINUE)
        return;
    engine->destroy(w->library); /* which wipes what it knows of the keys, at once */
    w->library = NULL;
}
