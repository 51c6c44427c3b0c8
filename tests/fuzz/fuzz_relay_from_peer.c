/*
 * Anything that can come from the Internet's side, in every state that a 5-tuple can be in. Whatever it is: a
 * peer gets nothing but its own flight or tombstone, byte for byte; a node gets nothing but records, each in
 * one frame, and only those of a live session.
 *
 * The input: a byte that chooses the state, then datagrams, each behind its length in two bytes,
 * little-endian.
 */
#include "fuzz.h"

#include "../unit/relay_world.h"

enum { PEER = 1, OLD = 1, NEW = 2, GAP_MS = 1100 };

/* Bits of the first byte: what stands on the 5-tuple. */
enum { HAS_OLD = 1, IS_OLD_CLOSED = 2, HAS_NEW = 4, IS_NEW_PREPARED = 8 };

static bool is_live(uint8_t state)
{
    return (state & (HAS_OLD | IS_OLD_CLOSED)) == HAS_OLD;
}

static void set_up(struct world *w, uint8_t state)
{
    world_init(w);
    if ((state & HAS_OLD) != 0)
        world_session(w, PEER, NODE_A, OLD);
    if ((state & HAS_OLD) != 0 && (state & IS_OLD_CLOSED) != 0)
        world_close(w, NODE_A, OLD, CLOSE_IDLE);
    if ((state & HAS_NEW) != 0)
        world_open(w, NEW, PEER);
    if ((state & HAS_NEW) != 0 && (state & IS_NEW_PREPARED) != 0)
        world_prepare(w, NEW, NODE_A, NEW);
    world_forget_outputs(w);
}

static void check_to_peer(const struct output *o, uint8_t state)
{
    uint8_t flight[FLIGHT_LEN];
    uint8_t tombstone[TOMBSTONE_LEN];
    bool is_flight;

    world_flight(OLD, flight);
    world_tombstone(OLD, tombstone);
    is_flight = o->len == sizeof flight && bytes_equal(o->bytes, flight, sizeof flight);
    FUZZ_CHECK(is_flight ? is_live(state)
                         : o->len == sizeof tombstone && bytes_equal(o->bytes, tombstone, sizeof tombstone));
}

static void check_outputs(const struct world *w, uint8_t state)
{
    unsigned to_peer = 0;

    for (size_t i = 0; i < w->output_count && i < WORLD_OUTPUTS; i++) {
        const struct output *o = &w->outputs[i];

        if (o->kind == TO_PEER) {
            check_to_peer(o, state);
            to_peer++;
        }
        if (o->kind == TO_NODE)
            FUZZ_CHECK(is_live(state) && link_kind_of(o->bytes, o->len) == LINK_RECORD);
    }
    FUZZ_CHECK(to_peer <= 1); /* one datagram gets at most one answer */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct reader in = reader_over(data, size);
    uint8_t state = reader_u8(&in);

    set_up(&w, state);
    while (in.left > 0) {
        size_t len = reader_u8(&in);
        const uint8_t *datagram;
        struct bytes copy;

        len |= (size_t)reader_u8(&in) << 8;
        datagram = reader_take(&in, len < in.left ? len : in.left);
        if (datagram == NULL)
            break;
        copy.len = (size_t)(in.at - datagram);
        if (copy.len > sizeof copy.at)
            break;
        bytes_copy(copy.at, datagram, copy.len);
        world_forget_outputs(&w);
        world_from_peer(&w, PEER, &copy);
        check_outputs(&w, state);
        w.now_ms += GAP_MS;
    }
    FUZZ_CHECK(world_counter(&w, RELAY_FLIGHTS_REPLAYED) <= 8);
    return 0;
}
