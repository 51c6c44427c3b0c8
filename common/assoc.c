#include "assoc.h"

#include "ccm.h"
#include "linkframe.h"

enum {
    KIND_SHIFT = 5,
    ASSOCIATION_BYTE = LINK_ASSOCIATION << KIND_SHIFT,
    NUMBER_MASK = 3,
    FIELDS_AT = 1,
    HINT_MASK = 0x0F,
    STEP_SHIFT = 4,
    CONTROL_NONCE_LEN = 12,
    COUNTER_LEN = 3, /* of a control message */
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
    bytes_fill(name, 0, sizeof *name);
    name->len = (uint8_t)len;
    bytes_copy(name->text, text, len);
    return SSM_OK;
}

uint32_t assoc_counter(const struct assoc_transcript *t)
{
    return bytes_u32(t->node_nonce);
}

void assoc_set_counter(struct assoc_transcript *t, uint32_t counter)
{
    bytes_put_u32(t->node_nonce, counter);
}

uint32_t assoc_boot_id(const struct assoc_transcript *t)
{
    return bytes_u32(t->boot_id);
}

void assoc_set_boot_id(struct assoc_transcript *t, uint32_t boot_id)
{
    bytes_put_u32(t->boot_id, boot_id);
}

/* --- The three messages --- */

/* A part of the transcript. */
struct part {
    uint8_t at;
    uint8_t len;
};

enum {
    GATEWAY_AT = offsetof(struct assoc_transcript, gateway_nonce),
    NODE_AT = offsetof(struct assoc_transcript, node_nonce),
    BOOT_ID_AT = offsetof(struct assoc_transcript, boot_id),
    NAME_AT = ASSOC_NONCE_LEN, /* in the part that a message carries */
    KEYS = 0,                  /* in place of a message number: for the keys of the association */
};
_Static_assert(sizeof(struct assoc_transcript) == BOOT_ID_AT + ASSOC_COUNTER_LEN, "bytes without padding");

static const struct part CARRIED[] = {
    [ASSOC_REQUEST] = {NODE_AT, BOOT_ID_AT - NODE_AT},
    [ASSOC_ANSWER] = {GATEWAY_AT, NODE_AT - GATEWAY_AT},
    [ASSOC_CONFIRM] = {NODE_AT, sizeof(struct assoc_transcript) - NODE_AT},
};
/* All that the sender can know by then. */
static const struct part COVERED[] = {
    [KEYS] = {0, BOOT_ID_AT},
    [ASSOC_REQUEST] = {NODE_AT, BOOT_ID_AT - NODE_AT},
    [ASSOC_ANSWER] = {0, BOOT_ID_AT},
    [ASSOC_CONFIRM] = {0, sizeof(struct assoc_transcript)},
};

/* Keys come from keys by labels of one byte. */
static SSM_NOINLINE void key_derive(const uint8_t from[AES_KEY_LEN], uint8_t label, uint8_t key[AES_KEY_LEN])
{
    cmac(from, &label, 1, key);
}

/* The PSK only derives: a key for each purpose, so that no message, and no key, is good as another. */
static SSM_NOINLINE void transcript_mac(const uint8_t psk[ASSOC_PSK_LEN], uint8_t purpose,
                                        const struct assoc_transcript *t, uint8_t mac[CMAC_LEN])
{
    uint8_t key[AES_KEY_LEN];

    key_derive(psk, purpose, key);
    cmac(key, (const uint8_t *)t + COVERED[purpose].at, COVERED[purpose].len, mac);
    bytes_wipe(key, sizeof key);
}

uint8_t assoc_number_of(const uint8_t *buf, size_t len)
{
    uint8_t number;

    if (len == 0)
        return 0xFF;
    number = buf[0] ^ ASSOCIATION_BYTE;
    if (number == ASSOC_REJOIN)
        return len == 1 ? number : 0xFF;
    if (number > ASSOC_CONFIRM || len != (size_t)FIELDS_AT + CARRIED[number].len + CMAC_LEN ||
        buf[FIELDS_AT + NAME_AT] > ASSOC_NAME_MAX)
        return 0xFF;
    return number;
}

size_t assoc_encode(enum assoc_message_number number, const uint8_t psk[ASSOC_PSK_LEN],
                    const struct assoc_transcript *t, uint8_t *out)
{
    const struct part *carried = &CARRIED[number];
    uint8_t *proof = out + FIELDS_AT + carried->len;

    out[0] = (uint8_t)(ASSOCIATION_BYTE | number);
    bytes_copy(out + FIELDS_AT, (const uint8_t *)t + carried->at, carried->len);
    transcript_mac(psk, (uint8_t)number, t, proof);
    return (size_t)(proof - out) + CMAC_LEN;
}

void assoc_decode(const uint8_t *buf, struct assoc_transcript *t)
{
    const struct part *carried = &CARRIED[buf[0] & NUMBER_MASK];

    bytes_copy((uint8_t *)t + carried->at, buf + FIELDS_AT, carried->len);
}

enum status assoc_verify(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t,
                         const uint8_t *buf)
{
    uint8_t number = buf[0] & NUMBER_MASK;
    uint8_t mac[CMAC_LEN];
    bool authentic;

    transcript_mac(psk, number, t, mac);
    authentic = bytes_equal(mac, buf + FIELDS_AT + CARRIED[number].len, CMAC_LEN);
    bytes_wipe(mac, sizeof mac);
    return authentic ? SSM_OK : SSM_BAD_TAG;
}

/* --- Keys --- */

void assoc_derive(const uint8_t psk[ASSOC_PSK_LEN], const struct assoc_transcript *t, struct assoc *out)
{
    uint8_t key[AES_KEY_LEN];

    assoc_wipe(out);
    transcript_mac(psk, KEYS, t, key);
    key_derive(key, 'd', out->down_key);
    key_derive(key, 'u', out->up_key);
    key_derive(key, 't', out->tag_key);
    bytes_wipe(key, sizeof key);
    out->hint = t->node_nonce[ASSOC_COUNTER_LEN - 1] & HINT_MASK;
}

void assoc_wipe(struct assoc *a)
{
    bytes_wipe(a, sizeof *a);
}

static void key_before_wipe(struct assoc *a)
{
    bytes_wipe(a->down_key_before, AES_KEY_LEN);
    a->has_before = false;
}

void assoc_ratchet_node(struct assoc *a, uint8_t step_used)
{
    if (step_used != a->step)
        return;
    bytes_copy(a->down_key_before, a->down_key, AES_KEY_LEN);
    cmac(a->down_key_before, (const uint8_t *)"ratchet", 7, a->down_key);
    a->has_before = true;
    a->step++;
}

void assoc_ratchet_gateway(struct assoc *a)
{
    assoc_ratchet_node(a, a->step);
    key_before_wipe(a);
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
    bytes_copy(nonce + CONTROL_NONCE_LEN - COUNTER_LEN, frame + 1, COUNTER_LEN);
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
    const uint8_t *overflow = &a->sent.bytes[SEQ48_LEN - COUNTER_LEN - 1];
    const uint8_t *key = a->up_key;
    uint8_t step = 0;

    /* Stays on the first number that does not fit, so that no later call starts again. */
    if (*overflow == 0)
        seq48_increment(&a->sent);
    if (*overflow != 0)
        return SSM_EXHAUSTED;
    if (direction == ASSOC_DOWN) {
        key = a->down_key;
        step = a->step;
    }
    frame[0] = control_first_byte(a, step);
    bytes_copy(frame + 1, a->sent.bytes + SEQ48_LEN - COUNTER_LEN, COUNTER_LEN);
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
    bytes_fill(&out->counter, 0, sizeof out->counter);
    bytes_copy(out->counter.bytes + SEQ48_LEN - COUNTER_LEN, frame + 1, COUNTER_LEN);
    out->step = step;
    out->body = frame + CONTROL_HEADER_LEN;
    out->body_len = len - CONTROL_OVERHEAD;
    if (frame[0] != control_first_byte(a, step) ||
        control_crypt(key, direction, false, frame, (uint16_t)out->body_len) != SSM_OK)
        return SSM_BAD_TAG;
    /* The other side has moved on to the present step, so nothing under the step before can be wanted again.
     */
    if (key == a->down_key)
        key_before_wipe(a);
    return replay_accept(&a->received, &out->counter) ? SSM_OK : SSM_REPLAYED;
}
