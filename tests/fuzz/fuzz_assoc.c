/*
 * Association messages and sealed control datagrams, on both sides. What a decoder accepts, the encoder
 * writes back byte for byte; the proof comes out the same exactly if it verifies.
 */
#include "fuzz.h"

#include "assoc.h"

static const uint8_t PSK[ASSOC_PSK_LEN] = "0123456789abcdef";

static struct assoc_transcript transcript(void)
{
    struct assoc_transcript t = {.node = {1, "n"}, .gateway = {1, "g"}, .node_nonce = {0, 0, 0, 5}};

    return t;
}

static enum status decode(uint8_t number, const uint8_t *data, size_t len, struct assoc_transcript *t)
{
    if (number == ASSOC_REQUEST)
        return assoc_request_decode(data, len, t);
    return number == ASSOC_ANSWER ? assoc_answer_decode(data, len, t) : assoc_confirm_decode(data, len, t);
}

static size_t encode(uint8_t number, const struct assoc_transcript *t, uint8_t *out)
{
    if (number == ASSOC_REQUEST)
        return assoc_request_encode(PSK, t, out);
    return number == ASSOC_ANSWER ? assoc_answer_encode(PSK, t, out) : assoc_confirm_encode(PSK, t, out);
}

static void try_message(const uint8_t *data, size_t len)
{
    struct assoc_transcript t = transcript();
    uint8_t again[ASSOC_MESSAGE_MAX];
    uint8_t number = assoc_number_of(data, len);

    if (number == 0xFF || number == ASSOC_REJOIN || decode(number, data, len, &t) != SSM_OK)
        return;
    FUZZ_CHECK(len <= sizeof again && encode(number, &t, again) == len);
    FUZZ_CHECK(memcmp(again, data, len - CMAC_LEN) == 0);
    FUZZ_CHECK((assoc_verify(PSK, &t, data, len) == SSM_OK) == (memcmp(again, data, len) == 0));
}

static void try_control(const uint8_t *data, size_t len, enum assoc_direction direction, bool has_ratcheted)
{
    struct assoc_transcript t = transcript();
    uint8_t *frame = fuzz_copy(data, len);
    struct control c;
    struct assoc a;

    assoc_derive(PSK, &t, &a);
    if (has_ratcheted)
        assoc_ratchet_node(&a, 0);
    if (assoc_open(&a, direction, frame, len, &c) == SSM_OK) {
        FUZZ_CHECK(c.body_len == len - CONTROL_OVERHEAD && c.counter <= CONTROL_COUNTER_MAX);
        FUZZ_CHECK(a.has_before == (has_ratcheted && (direction == ASSOC_UP || c.step == 0)));
        memcpy(frame, data, len);
        FUZZ_CHECK(assoc_open(&a, direction, frame, len, &c) == SSM_REPLAYED);
    }
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    try_message(data, len);
    try_control(data, len, ASSOC_DOWN, false);
    try_control(data, len, ASSOC_DOWN, true);
    try_control(data, len, ASSOC_UP, false);
    return 0;
}
