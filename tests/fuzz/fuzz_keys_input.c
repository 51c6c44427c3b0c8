/*
 * What relay, taken over, could send to keys: any messages in any order, on a virtual clock. The DTLS library
 * comes to no end here, so no key block and no session may leave, whatever the messages say.
 *
 * The input: messages, each behind its length in two bytes, little-endian.
 */
#include "fuzz.h"

#include "../flow/keys_store_memory.h"
#include "delegation.h"

enum { GAP_MS = 700 };

static const struct handshake *const CONTEXT = (const void *)"context"; /* never looked into */

static enum status write_cookie(void *ctx, const struct endpoint *peer, uint8_t cookie[HANDSHAKE_COOKIE_LEN])
{
    (void)ctx, (void)peer;
    memset(cookie, 7, HANDSHAKE_COOKIE_LEN);
    return SSM_OK;
}

static bool check_cookie(void *ctx, const struct endpoint *peer, const uint8_t *cookie, size_t len)
{
    (void)ctx, (void)peer;
    return len > 0 && cookie[0] == 7;
}

static struct handshake *create(void *ctx, uint8_t lane, const struct handshake_callbacks *callbacks,
                                void *owner)
{
    (void)ctx, (void)lane, (void)callbacks, (void)owner;
    return (struct handshake *)(uintptr_t)CONTEXT;
}

static struct handshake *create_client(void *ctx, uint8_t lane, const struct handshake_destination *to,
                                       const struct handshake_callbacks *callbacks, void *owner)
{
    (void)to;
    return create(ctx, lane, callbacks, owner);
}

static enum handshake_result feed(struct handshake *h, const uint8_t *record, size_t len, uint64_t now_ms)
{
    (void)h, (void)len, (void)now_ms;
    return record != NULL ? HANDSHAKE_ADMITTED : HANDSHAKE_CONTINUE;
}

static enum handshake_result on_timer(struct handshake *h, uint64_t now_ms)
{
    (void)h, (void)now_ms;
    return HANDSHAKE_CONTINUE;
}

static uint64_t deadline(const struct handshake *h)
{
    (void)h;
    return UINT64_MAX;
}

static enum handshake_fault fault(const struct handshake *h)
{
    (void)h;
    return HANDSHAKE_FAULT_OTHER;
}

static void destroy(struct handshake *h)
{
    (void)h;
}

static const struct handshake_engine ENGINE = {.write_cookie = write_cookie,
                                               .check_cookie = check_cookie,
                                               .create = create,
                                               .create_client = create_client,
                                               .feed = feed,
                                               .on_timer = on_timer,
                                               .deadline = deadline,
                                               .fault = fault,
                                               .destroy = destroy};

static void to_relay(void *ctx, const struct message *m)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];

    (void)ctx;
    FUZZ_CHECK(m->type != MSG_SESSION_PREPARE && m->type != MSG_SESSION_COMMIT);
    FUZZ_CHECK(message_encode(m, bytes) >= MESSAGE_HEADER_LEN); /* which asserts that the message is sound */
}

static void random_fill(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 5, len);
}

static void log_nothing(void *ctx, const char *event, const struct assoc_name *node,
                        const struct assoc_name *subscriber, const struct endpoint *peer)
{
    (void)ctx, (void)event, (void)node, (void)subscriber, (void)peer;
}

static struct delegator *start(struct keys_memory *memory)
{
    const struct delegator_config config = {.gateway = memory_name("gateway"),
                                            .names = {{{"gateway", 7}}, 1},
                                            .max_handshakes = 3,
                                            .max_nodes = MEMORY_NODES_MAX,
                                            .handshake_timeout_s = 60,
                                            .handover_timeout_s = 20,
                                            .node_silent_s = 60,
                                            .node_slots = 4,
                                            .outbound_sessions = 1};
    const struct delegator_io io = {.to_relay = to_relay, .random = random_fill, .log = log_nothing};
    struct keys_store store;
    struct delegator *d;

    memset(memory, 0, sizeof *memory);
    (void)memory_add_node(memory, "thermo", 1);
    (void)memory_add_node(memory, "lamp", 2);
    memory_grant(memory_add_subscriber(memory, "alice", 3), 1);
    store = memory_table(memory);
    d = delegator_create(&config, &io, &ENGINE, &store);
    FUZZ_CHECK(d != NULL && delegator_start(d, 0) == SSM_OK);
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct keys_memory memory;
    struct reader in = reader_over(data, size);
    struct delegator *d = start(&memory);
    uint64_t now_ms = 0;

    while (in.left > 1) {
        size_t len = reader_u8(&in);
        struct message m;

        len |= (size_t)reader_u8(&in) << 8;
        len = len < in.left ? len : in.left;
        const uint8_t *bytes = reader_take(&in, len);
        if (message_decode(bytes, len, &m) == SSM_OK)
            delegator_on_message(d, &m, now_ms);
        now_ms += GAP_MS;
        (void)delegator_on_tick(d, now_ms);
    }
    delegator_destroy(d);
    return 0;
}
