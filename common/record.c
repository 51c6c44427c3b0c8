#include "record.h"

#include "ccm.h"

enum { VERSION_MAJOR_DTLS1 = 0xFE, AAD_LEN = 13 };
_Static_assert(offsetof(struct record, explicit_nonce) == AAD_LEN, "associated data without padding");

static bool is_protected(const struct record *r)
{
    return record_epoch(r) > 0;
}

enum status record_peek(uint8_t *datagram, size_t len, struct record *out, size_t *used)
{
    struct reader in = reader_over(datagram, len);
    uint16_t fragment_len;

    out->type = reader_u8(&in);
    reader_copy(&in, out->version, sizeof out->version);
    reader_copy(&in, out->epoch, sizeof out->epoch);
    reader_copy(&in, out->seq.bytes, SEQ48_LEN);
    fragment_len = reader_u16(&in);
    if (in.status != SSM_OK)
        return in.status;
    if (out->version[0] != VERSION_MAJOR_DTLS1 || fragment_len > RECORD_LEN_MAX)
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

/* Nonce and associated data of a record: RFC 6655 3, RFC 5246 6.2.3.3, RFC 6347 4.1.2.1. */
static enum status record_crypt(const struct record_key *key, struct record *r, uint16_t plaintext_len,
                                bool seal)
{
    uint8_t nonce[RECORD_IV_LEN + RECORD_EXPLICIT_LEN];
    struct ccm ccm;

    bytes_copy(nonce, key->iv, RECORD_IV_LEN);
    bytes_copy(nonce + RECORD_IV_LEN, r->explicit_nonce, RECORD_EXPLICIT_LEN);
    bytes_put_u16(r->plaintext_len, plaintext_len);
    ccm.key = key->key;
    ccm.nonce = nonce;
    ccm.nonce_len = sizeof nonce;
    ccm.tag_len = RECORD_TAG_LEN;
    ccm.aad = (const uint8_t *)r;
    ccm.aad_len = AAD_LEN;
    if (!seal)
        return ccm_open(&ccm, r->body, plaintext_len);
    ccm_seal(&ccm, r->body, plaintext_len);
    return SSM_OK;
}

void record_seal(const struct record_key *key, struct record *r)
{
    bytes_put_u16(r->version, RECORD_VERSION_DTLS12);
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
    writer_bytes(&out, r->version, sizeof r->version);
    writer_bytes(&out, record_number(r), RECORD_EXPLICIT_LEN);
    writer_u16(&out, (uint16_t)(explicit_len + r->body_len));
    writer_bytes(&out, r->explicit_nonce, explicit_len);
    return start;
}
