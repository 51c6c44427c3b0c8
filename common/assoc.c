#include "assoc.h"

#include "ccm.h"
#include "linkframe.h"

enum {
    KIND_SHIFT = 5,
    REQUEST_BYTE = LINK_ASSOCIATION << KIND_SHIFT | ASSOC_REQUEST,
    ANSWER_BYTE = LINK_ASSOCIATION << KIND_SHIFT | ASSOC_ANSWER,
    CONFIRM_BYTE = LINK_ASSOCIATION << KIND_SHIFT | ASSOC_CONFIRM,
    BOOT_ID_LEN = 4,
    COUNTER_LEN = 4, /* of the association counter, at the front of the node's nonce */
    HINT_MASK = 0x0F,
    STEP_SHIFT = 4,
    LABEL_LEN = 19, /* both labels under the PSK */
    /* first byte, two names with their lengths, two nonces, boot id */
    TRANSCRIPT_MAX = 1 + 2 * (1 + ASSOC_NAME_MAX) + 2 * ASSOC_NONCE_LEN + BOOT_ID_LEN,
    CONTROL_NONCE_LEN = 12,
};

/* --- Names and nonces --- */

static bool is_name_character(uint8_t c)
{
    if (c >= '-' && c <= '9') /* - . / 0 to 9 */
        return c != '/';
    return c == '_' || (uint8_t)((c | 0x20) - 'a') <= 'z' - 'a';
}

enum status assoc_name_set(struct assoc_name *name, const char *text, size_t len)
{
    if (len == 0 || len > ASSOC_NAME_MAX)
        return SSM_MALFORMED;
    for (size_t i = 0; i < len; i++)
        if (!is_name_character((uint8_t)text[i]))
            return SSM_MALFORMED;
    name->len = (uint8_t)len;
    bytes_copy(name->text, text, len);
    return SSM_OK;
}

/* In memory a name looks as it does on the wire. */
static void name_write(struct writer *w, const struct assoc_name *name)
{
    writer_bytes(w, name, (size_t)1 + name->len);
}

static enum status name_read(struct reader *r, struct assoc_name *name)
{
    uint8_t len = reader_u8(r);
    const uint8_t *text = reader_take(r, len);

    return text != NULL ? assoc_name_set(name, (const char *)text, len) : SSM_MALFORMED;
}

uint32_t assoc_counter(const struct assoc_transcript *t)
{
    return bytes_u32(t->node_nonce);
}

void assoc_set_node_nonce(struct assoc_transcript *t, uint32_t counter, const uint8_t entropy[12])
{
    bytes_put_u32(t->node_nonce, counter);
    bytes_copy(t->node_nonce + COUNTER_LEN, entropy, ASSOC_NONCE_LEN - COUNTER_LEN);
}

/* --- The three messages --- */

/* The PSK only derives; its two keys differ in the label's last three letters. */
static void psk_derive(const uint8_t psk[ASSOC_PSK_LEN], const char label[LABEL_LEN + 1],
                       uint8_t key[AES_KEY_LEN])
{
    cmac(psk, (const uint8_t *)label, LABEL_LEN, key);
}

/*
 * The proof that closes a message. What its sender cannot know yet is covered as absent: the gateway's name
 * (empty) and nonce (zeros) in a request, the boot id (zero) before the confirmation. The first byte binds
 * direction and purpose.
 */
static void proof(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, uint8_t first,
                  uint8_t mac[CMAC_LEN])
{
    static const uint8_t ZEROS[ASSOC_NONCE_LEN];
    bool is_request = first == REQUEST_BYTE;
    uint8_t message[TRANSCRIPT_MAX];
    uint8_t key[AES_KEY_LEN];
    struct writer w = writer_over(message, sizeof message);

    writer_u8(&w, first);
    name_write(&w, &t->node);
    if (is_request)
        writer_u8(&w, 0);
    else
        name_write(&w, &t->gateway);
    writer_bytes(&w, t->node_nonce, ASSOC_NONCE_LEN);
    writer_bytes(&w, is_request ? ZEROS : t->gateway_nonce, ASSOC_NONCE_LEN);
    writer_u32(&w, first == CONFIRM_BYTE ? t->boot_id : 0);

    psk_derive(psk, "ssm association mac", key);
    cmac(key, message, w.len, mac);
    bytes_wipe(key, sizeof key);
}

/* Appends the proof and gives the finished message's length. */
static SSM_NOINLINE size_t proof_append(const struct writer *w, const uint8_t psk[ASSOC_PSK_LEN],
                                        const struct assoc_transcript *t)
{
    proof(psk, t, w->start[0], w->start + w->len);
    return w->len + CMAC_LEN;
}

/* What must be left when all fields are read: the proof, and nothing behind it. */
static enum status proof_expect(const struct reader *r)
{
    return r->status == SSM_OK && r->left == CMAC_LEN ? SSM_OK : SSM_MALFORMED;
}

static enum status name_and_proof_read(struct reader *r, struct assoc_name *name)
{
    enum status status = name_read(r, name);

    return status == SSM_OK ? proof_expect(r) : status;
}

size_t assoc_request_encode(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, uint8_t *out)
{
    struct writer w = writer_over(out, ASSOC_MESSAGE_MAX - CMAC_LEN);

    writer_u8(&w, REQUEST_BYTE);
    writer_bytes(&w, t->node_nonce, ASSOC_NONCE_LEN);
    name_write(&w, &t->node);
    return proof_append(&w, psk, t);
}

enum status assoc_request_decode(const uint8_t *buf, size_t len, struct assoc_transcript *t)
{
    struct reader r = reader_over(buf, len);

    if (reader_u8(&r) != REQUEST_BYTE)
        return SSM_MALFORMED;
    reader_copy(&r, t->node_nonce, ASSOC_NONCE_LEN);
    return name_and_proof_read(&r, &t->node);
}

size_t assoc_answer_encode(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, uint8_t *out)
{
    struct writer w = writer_over(out, ASSOC_MESSAGE_MAX - CMAC_LEN);

    writer_u8(&w, ANSWER_BYTE);
    writer_bytes(&w, t->gateway_nonce, ASSOC_NONCE_LEN);
    name_write(&w, &t->gateway);
    return proof_append(&w, psk, t);
}

enum status assoc_answer_decode(const uint8_t *buf, size_t len, struct assoc_transcript *t)
{
    struct reader r = reader_over(buf, len);

    if (reader_u8(&r) != ANSWER_BYTE)
        return SSM_MALFORMED;
    reader_copy(&r, t->gateway_nonce, ASSOC_NONCE_LEN);
    return name_and_proof_read(&r, &t->gateway);
}

size_t assoc_confirm_encode(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, uint8_t *out)
{
    struct writer w = writer_over(out, ASSOC_MESSAGE_MAX - CMAC_LEN);

    writer_u8(&w, CONFIRM_BYTE);
    name_write(&w, &t->node);
    writer_u32(&w, t->boot_id);
    return proof_append(&w, psk, t);
}

enum status assoc_confirm_decode(const uint8_t *buf, size_t len, struct assoc_transcript *t)
{
    struct reader r = reader_over(buf, len);
    enum status status;

    if (reader_u8(&r) != CONFIRM_BYTE)
        return SSM_MALFORMED;
    status = name_read(&r, &t->node);
    if (status != SSM_OK)
        return status;
    t->boot_id = reader_u32(&r);
    return proof_expect(&r);
}

uint8_t assoc_number_of(const uint8_t *buf, size_t len)
{
    uint8_t number;

    if (len == 0)
        return 0xFF;
    number = buf[0] ^ LINK_ASSOCIATION << KIND_SHIFT;
    if (number > ASSOC_CONFIRM || (number == ASSOC_REJOIN && len != 1))
        return 0xFF;
    return number;
}

enum status assoc_verify(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t,
                         const uint8_t *buf, size_t len)
{
    uint8_t mac[CMAC_LEN];
    bool authentic;

    if (len <= CMAC_LEN)
        return SSM_TRUNCATED;
    proof(psk, t, buf[0], mac);
    authentic = bytes_equal(mac, buf + len - CMAC_LEN, CMAC_LEN);
    bytes_wipe(mac, sizeof mac);
    return authentic ? SSM_OK : SSM_BAD_TAG;
}

/* --- Keys --- */

void assoc_derive(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, struct assoc *out)
{
    uint8_t message[1 + 2 * ASSOC_NONCE_LEN];
    uint8_t key[AES_KEY_LEN];

    assoc_wipe(out);
    psk_derive(psk, "ssm association key", key);
    bytes_copy(message + 1, t->node_nonce, ASSOC_NONCE_LEN);
    bytes_copy(message + 1 + ASSOC_NONCE_LEN, t->gateway_nonce, ASSOC_NONCE_LEN);
    message[0] = 'd';
    cmac(key, message, sizeof message, out->down_key);
    message[0] = 'u';
    cmac(key, message, sizeof message, out->up_key);
    message[0] = 't';
    cmac(key, message, sizeof message, out->tag_key);
    bytes_wipe(key, sizeof key);
    out->hint = t->node_nonce[COUNTER_LEN - 1] & HINT_MASK;
}

void assoc_wipe(struct assoc *a)
{
    bytes_wipe(a, sizeof *a);
}

static void before_wipe(struct assoc *a)
{
    bytes_wipe(a->down_key_before, AES_KEY_LEN);
    a->has_before = false;
}

void assoc_ratchet_node(struct assoc *a, uint8_t step_used)
{
    if (step_used != a->step)
        return;
    bytes_copy(a->down_key_before, a->down_key, AES_KEY_LEN);
    a->has_before = true;
    cmac(a->down_key_before, (const uint8_t *)"ratchet", 7, a->down_key);
    a->step++;
}

void assoc_ratchet_gateway(struct assoc *a)
{
    assoc_ratchet_node(a, a->step);
    before_wipe(a);
}

/* --- Control messages --- */

/* Seals or opens what follows the header: direction and counter make the nonce, the header is authenticated.
 */
static enum status control_crypt(const uint8_t *key, enum assoc_direction direction, bool seal,
                                 uint8_t *frame, uint16_t body_len)
{
    uint8_t nonce[CONTROL_NONCE_LEN];
    struct ccm ccm;

    bytes_fill(nonce, 0, sizeof nonce);
    nonce[0] = direction == ASSOC_UP;
    bytes_copy(nonce + CONTROL_NONCE_LEN - 3, frame + 1, 3);
    ccm.key = key;
    ccm.nonce = nonce;
    ccm.nonce_len = CONTROL_NONCE_LEN;
    ccm.tag_len = CONTROL_TAG_LEN;
    ccm.aad = frame;
    ccm.aad_len = CONTROL_HEADER_LEN;
    frame += CONTROL_HEADER_LEN;
    if (!seal)
        return ccm_open(&ccm, frame, body_len);
    ccm_seal(&ccm, frame, body_len);
    return SSM_OK;
}

/* Of the ratchet step the lowest bit goes on the wire; upwards there is no ratchet and the step is 0. */
static SSM_NOINLINE uint8_t control_first_byte(const struct assoc *a, uint8_t step)
{
    return (uint8_t)(LINK_CONTROL << KIND_SHIFT | (step & 1) << STEP_SHIFT | a->hint);
}

enum status assoc_seal(struct assoc *a, enum assoc_direction direction, uint8_t *frame, size_t body_len)
{
    const uint8_t *key = a->up_key;
    uint32_t counter = a->sent + 1;
    uint8_t step = 0;

    if (counter > CONTROL_COUNTER_MAX)
        return SSM_EXHAUSTED;
    a->sent = counter;
    if (direction == ASSOC_DOWN) {
        key = a->down_key;
        step = a->step;
    }
    frame[0] = control_first_byte(a, step);
    frame[1] = (uint8_t)(counter >> 16);
    bytes_put_u16(frame + 2, (uint16_t)counter);
    return control_crypt(key, direction, true, frame, (uint16_t)body_len);
}

enum status assoc_open(struct assoc *a, enum assoc_direction direction, uint8_t *frame, size_t len,
                       struct control *out)
{
    const uint8_t *key = a->up_key;
    uint8_t step = 0;

    if (len < CONTROL_OVERHEAD)
        return SSM_TRUNCATED;
    if (direction == ASSOC_DOWN) {
        key = a->down_key;
        step = a->step;
        if (a->has_before && frame[0] != control_first_byte(a, step)) {
            key = a->down_key_before;
            step--;
        }
    }
    out->counter = (uint32_t)frame[1] << 16 | bytes_u16(frame + 2);
    out->step = step;
    out->body = frame + CONTROL_HEADER_LEN;
    out->body_len = len - CONTROL_OVERHEAD;
    if (frame[0] != control_first_byte(a, step) ||
        control_crypt(key, direction, false, frame, (uint16_t)out->body_len) != SSM_OK)
        return SSM_BAD_TAG;
    /* The other side has moved on to the present step, so nothing under the step before can be wanted again.
     */
    if (key == a->down_key)
        before_wipe(a);
    return replay_accept(&a->received, seq48_make(0, out->counter)) ? SSM_OK : SSM_REPLAYED;
}
