/*
 * Anything that can come from the node's link: forged datagrams from known and unknown addresses, and
 * authentic records with any content. Whatever it is: only an authentic record reaches a peer, once, and byte
 * for byte.
 *
 * The input is a row of steps: a byte with the kind in its top two bits and the length below, then as many
 * bytes. Of an authentic record the first four bytes are its sequence number.
 */
#include "fuzz.h"

#include "../unit/relay_world.h"

enum step { STEP_FORGED, STEP_STRANGER, STEP_AUTHENTIC, STEP_RESTART };
enum { LEN_MASK = 63, HANDLE = 300, PEER = 1, SEQ_LEN = 4 };

/* What an unknown address may be asked: to join, in one byte. */
static bool is_rejoin(const struct output *o)
{
    return o->kind == TO_NODE && o->len == 1 && o->bytes[0] == (LINK_ASSOCIATION << 5 | ASSOC_REJOIN);
}

static void forged(struct world *w, uint32_t node, const uint8_t *bytes, size_t len)
{
    world_from_node_at(w, world_node_at(node), bytes, len);
    FUZZ_CHECK(w->output_count <= 1);
    if (w->output_count == 1)
        FUZZ_CHECK((w->outputs[0].kind == TO_KEYS && w->outputs[0].m.type == MSG_NODE_CTRL_IN) ||
                   is_rejoin(&w->outputs[0]));
}

static void authentic(struct world *w, const uint8_t *bytes, size_t len)
{
    struct reader in = reader_over(bytes, len);
    uint32_t seq = reader_u32(&in);
    size_t body_len = RECORD_TAG_LEN + in.left;
    const struct bytes *record;

    if (in.status != SSM_OK)
        return;
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq, body_len));
    FUZZ_CHECK(w->output_count <= 1);
    record = world_record(RECORD_APPLICATION_DATA, 1, seq, body_len);
    if (w->output_count == 1)
        FUZZ_CHECK(w->outputs[0].kind == TO_PEER && w->outputs[0].len == record->len &&
                   bytes_equal(w->outputs[0].bytes, record->at, record->len));
    world_forget_outputs(w);
    world_from_node(w, NODE_A, world_frame(NODE_A, 1, HANDLE, seq, body_len));
    FUZZ_CHECK(w->output_count == 0); /* a replay */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct reader in = reader_over(data, size);

    world_init(&w);
    world_session(&w, PEER, NODE_A, HANDLE);
    while (in.left > 0) {
        uint8_t first = reader_u8(&in);
        size_t len = first & LEN_MASK;
        const uint8_t *bytes = reader_take(&in, len);

        if (bytes == NULL)
            break;
        world_forget_outputs(&w);
        switch (first >> 6) {
        case STEP_FORGED:
            forged(&w, NODE_A, bytes, len);
            break;
        case STEP_STRANGER:
            forged(&w, NODE_B + 1, bytes, len);
            break;
        case STEP_AUTHENTIC:
            authentic(&w, bytes, len);
            break;
        default:
            world_load(&w); /* windows start empty again */
        }
    }
    return 0;
}
