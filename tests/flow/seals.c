#include "seals.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assoc.h"
#include "ccm.h"
#include "handshake_work.h"
#include "record.h"
#include "tombstone.h"

enum { PAIR_LEN = AES_KEY_LEN + 1 + ASSOC_NONCE_LEN, FIRST_CAP = 1 << 16 };

struct pair {
    bool is_used;
    uint8_t bytes[PAIR_LEN]; /* key, purpose, nonce */
    uint64_t message;        /* hash of what it stands over */
};

static struct pair *table;
static size_t table_cap; /* a power of two */
static size_t table_count;
static struct seal_counts counts;

const struct seal_counts *seals_count(void)
{
    return &counts;
}

void seals_forget(void)
{
    free(table);
    table = NULL;
    table_cap = 0;
    table_count = 0;
    counts = (struct seal_counts){0};
}

/* FNV-1a */
static uint64_t hash_of(const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t hash = 0xCBF29CE484222325u;

    while (len-- > 0)
        hash = (hash ^ *at++) * 0x100000001B3u;
    return hash;
}

/* Where the pair stands, or would stand. */
static struct pair *table_find(const uint8_t bytes[PAIR_LEN])
{
    size_t at = hash_of(bytes, PAIR_LEN) & (table_cap - 1);

    while (table[at].is_used && memcmp(table[at].bytes, bytes, PAIR_LEN) != 0)
        at = (at + 1) & (table_cap - 1);
    return &table[at];
}

static void table_grow(void)
{
    struct pair *old = table;
    size_t old_cap = table_cap;

    table_cap = old_cap == 0 ? FIRST_CAP : 2 * old_cap;
    table = calloc(table_cap, sizeof *table);
    assert_non_null(table);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].is_used)
            *table_find(old[i].bytes) = old[i];
    free(old);
}

static void note(enum seal_kind kind, const uint8_t *key, uint8_t purpose, const uint8_t *nonce,
                 size_t nonce_len, const void *message, size_t message_len)
{
    uint8_t bytes[PAIR_LEN] = {0};
    uint64_t hash = hash_of(message, message_len);

    memcpy(bytes, key, AES_KEY_LEN);
    bytes[AES_KEY_LEN] = purpose;
    memcpy(bytes + AES_KEY_LEN + 1, nonce, nonce_len);
    if (2 * table_count >= table_cap)
        table_grow();
    struct pair *pair = table_find(bytes);
    if (!pair->is_used) {
        *pair = (struct pair){.is_used = true, .message = hash};
        memcpy(pair->bytes, bytes, PAIR_LEN);
        table_count++;
        counts.pairs[kind]++;
    } else if (kind != SEAL_ASSOCIATION || pair->message != hash) {
        counts.repeats++;
        fprintf(stderr, "a (key, nonce) pair of kind %d was used twice\n", (int)kind);
    }
}

/* ---- our own cipher ---- */

void __real_ccm_seal(const struct ccm *ccm, uint8_t *data, uint16_t len);
void __wrap_ccm_seal(const struct ccm *ccm, uint8_t *data, uint16_t len);

static enum seal_kind kind_of(const struct ccm *ccm)
{
    const struct record tombstone = tombstone_record(NULL, 0);

    if (ccm->aad_len == CONTROL_HEADER_LEN)
        return ccm->nonce[0] == ASSOC_DOWN ? SEAL_CONTROL_DOWN : SEAL_CONTROL_UP;
    if (memcmp(ccm->nonce + RECORD_IV_LEN, tombstone.explicit_nonce, RECORD_EXPLICIT_LEN) == 0)
        return SEAL_TOMBSTONE;
    return SEAL_RECORD;
}

void __wrap_ccm_seal(const struct ccm *ccm, uint8_t *data, uint16_t len)
{
    note(kind_of(ccm), ccm->key, 0, ccm->nonce, ccm->nonce_len, data, len);
    __real_ccm_seal(ccm, data, len);
}

/* ---- the library's ---- */

void __real_handshake_work_run(struct handshake_work *w);
void __wrap_handshake_work_run(struct handshake_work *w);

static void note_protected(const struct handshake_work *w, const uint8_t *records, size_t len)
{
    const struct record_key *key = w->is_client ? &w->keys.client : &w->keys.server;
    uint8_t nonce[RECORD_IV_LEN + RECORD_EXPLICIT_LEN];
    uint8_t copy[HANDSHAKE_OUTBOX_MAX];
    struct record r;
    size_t used;

    memcpy(copy, records, len);
    for (size_t at = 0; at < len; at += used) {
        assert_int_equal(record_peek(copy + at, len - at, &r, &used), SSM_OK);
        if (record_epoch(&r) == 0)
            continue;
        memcpy(nonce, key->iv, RECORD_IV_LEN);
        memcpy(nonce + RECORD_IV_LEN, r.explicit_nonce, RECORD_EXPLICIT_LEN);
        note(w->is_client ? SEAL_CLIENT_FINISHED : SEAL_FINISHED, key->key, 0, nonce, sizeof nonce, r.body,
             r.body_len);
    }
}

/* All that the library has sealed in this turn is in the withheld flight, which is complete when a server is
 * done, or among what the turn sends, each chunk behind its length. */
void __wrap_handshake_work_run(struct handshake_work *w)
{
    __real_handshake_work_run(w);
    if (!w->has_keys)
        return;
    if (w->result == HANDSHAKE_DONE)
        note_protected(w, w->flight, w->flight_len);
    struct reader r = reader_over(w->buffers->outbox, w->outbox_len);
    while (r.left > 0) {
        const size_t len = reader_u16(&r);
        note_protected(w, reader_take(&r, len), len);
    }
}

/* ---- association ---- */

size_t __real_assoc_encode(enum assoc_message_number number, const uint8_t psk[ASSOC_PSK_LEN],
                           const struct assoc_transcript *t, uint8_t *out);
size_t __wrap_assoc_encode(enum assoc_message_number number, const uint8_t psk[ASSOC_PSK_LEN],
                           const struct assoc_transcript *t, uint8_t *out);

size_t __wrap_assoc_encode(enum assoc_message_number number, const uint8_t psk[ASSOC_PSK_LEN],
                           const struct assoc_transcript *t, uint8_t *out)
{
    size_t len = __real_assoc_encode(number, psk, t, out);

    note(SEAL_ASSOCIATION, psk, (uint8_t)number, number == ASSOC_ANSWER ? t->gateway_nonce : t->node_nonce,
         ASSOC_NONCE_LEN, out, len);
    return len;
}
