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

static void try_message(const uint8_t *data, size_t len)
{
    struct assoc_transcript t = transcript();
    uint8_t again[ASSOC_MESSAGE_MAX];
    uint8_t number = assoc_number_of(data, len);

    if (number == 0xFF || number == ASSOC_REJOIN)
        return;
    assoc_decode(data, &t);
    FUZZ_CHECK(t.node.len <= ASSOC_NAME_MAX && t.gateway.len <= ASSOC_NAME_MAX);
    FUZZ_CHECK(assoc_encode((enum assoc_message_number)number, PSK, &t, again) == len);
    FUZZ_CHECK(memcmp(again, data, len - CMAC_LEN) == 0);
    FUZZ_CHECK((assoc_verify(PSK, &t, data) == SSM_OK) == (memcmp(again, data, len) == 0));
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
        FUZZ_CHECK(c.body_len == len - CONTROL_OVERHEAD &&
                   bytes_u32(c.counter.bytes + 2) <= CONTROL_COUNTER_MAX);
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
