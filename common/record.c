#include "record.h"

#include "ccm.h"

enum { VERSION_MAJOR_DTLS1 = 0xFE, AAD_LEN = 13 };

static bool is_protected(const struct record *r)
{
    return r->epoch > 0;
}

enum status record_peek(uint8_t *datagram, size_t len, struct record *out, size_t *used)
{
    struct reader in = reader_over(datagram, len);
    uint16_t fragment_len;

    out->type = reader_u8(&in);
    out->version = reader_u16(&in);
    out->epoch = reader_u16(&in);
    out->seq = reader_seq48(&in);
    fragment_len = reader_u16(&in);
    if (in.status != SSM_OK)
        return in.status;
    if (out->version >> 8 != VERSION_MAJOR_DTLS1 || fragment_len > RECORD_LEN_MAX)
        return SSM_MALFORMED;
    if (in.left < fragment_len)
        return SSM_TRUNCATED;

    *used = (size_t)RECORD_HEADER_LEN + fragment_len;
    bytes_fill(out->explicit_nonce, 0, sizeof out->explicit_nonce);
    if (is_protected(out)) {
        if (fragment_len < RECORD_EXPLICIT_LEN + RECORD_TAG_LEN)
            return SSM_MALFORMED;
        reader_copy(&in, out->explicit_nonce, sizeof out->explicit_nonce);
        fragment_len = (uint16_t)(fragment_len - RECORD_EXPLICIT_LEN);
    }
    out->body = datagram + (in.at - datagram);
    out->body_len = fragment_len;
    return SSM_OK;
}

SSM_NOINLINE void record_number_encode(const struct record *r, uint8_t out[RECORD_EXPLICIT_LEN])
{
    bytes_put_u16(out, r->epoch);
    seq48_encode(&r->seq, out + 2);
}

void record_set_explicit_nonce(struct record *r)
{
    record_number_encode(r, r->explicit_nonce);
}

bool record_explicit_nonce_is_implied(const struct record *r)
{
    uint8_t implied[RECORD_EXPLICIT_LEN];

    record_number_encode(r, implied);
    return bytes_equal(implied, r->explicit_nonce, sizeof implied);
}

/* Nonce and associated data of a record: RFC 6655 3, RFC 5246 6.2.3.3, RFC 6347 4.1.2.1. */
static enum status record_crypt(const struct record_key *key, const struct record *r, uint16_t plaintext_len,
                                bool seal)
{
    uint8_t nonce[RECORD_IV_LEN + RECORD_EXPLICIT_LEN];
    uint8_t aad[AAD_LEN];
    struct ccm ccm;

    bytes_copy(nonce, key->iv, RECORD_IV_LEN);
    bytes_copy(nonce + RECORD_IV_LEN, r->explicit_nonce, RECORD_EXPLICIT_LEN);
    record_number_encode(r, aad);
    aad[8] = r->type;
    bytes_put_u16(aad + 9, r->version);
    bytes_put_u16(aad + 11, plaintext_len);
    ccm.key = key->key;
    ccm.nonce = nonce;
    ccm.nonce_len = sizeof nonce;
    ccm.tag_len = RECORD_TAG_LEN;
    ccm.aad = aad;
    ccm.aad_len = sizeof aad;
    if (!seal)
        return ccm_open(&ccm, r->body, plaintext_len);
    ccm_seal(&ccm, r->body, plaintext_len);
    return SSM_OK;
}

void record_seal(const struct record_key *key, struct record *r)
{
    r->version = RECORD_VERSION_DTLS12;
    (void)record_crypt(key, r, r->body_len, true);
    r->body_len = (uint16_t)(r->body_len + RECORD_TAG_LEN);
}

enum status record_open(const struct record_key *key, struct record *r)
{
    uint16_t plaintext_len = (uint16_t)(r->body_len - RECORD_TAG_LEN);

    if (r->body_len < RECORD_TAG_LEN || record_crypt(key, r, plaintext_len, false) != SSM_OK)
        return SSM_BAD_TAG;
    r->body_len = plaintext_len;
    return SSM_OK;
}

uint8_t *record_put_header(const struct record *r)
{
    uint16_t explicit_len = is_protected(r) ? RECORD_EXPLICIT_LEN : 0;
    uint8_t *start = r->body - RECORD_HEADER_LEN - explicit_len;
    struct writer out = writer_over(start, (size_t)RECORD_HEADER_LEN + explicit_len);

    writer_u8(&out, r->type);
    writer_u16(&out, r->version);
    writer_u16(&out, r->epoch);
    writer_seq48(&out, r->seq);
    writer_u16(&out, (uint16_t)(explicit_len + r->body_len));
    writer_bytes(&out, r->explicit_nonce, explicit_len);
    return start;
}
