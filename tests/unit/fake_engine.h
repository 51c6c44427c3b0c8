/* A DTLS library that does what a test wants: it admits every stranger at once, and `turn` plays the rest. */
#ifndef SSM_TEST_FAKE_ENGINE_H
#define SSM_TEST_FAKE_ENGINE_H

#include "delegation_world.h"

struct handshake {
    const struct handshake_callbacks *callbacks;
    void *owner;
    bool is_admitted;
};

static struct {
    enum handshake_result (*turn)(struct handshake *h); /* one feed after HANDSHAKE_ADMITTED */
    unsigned fed;                                       /* how often, in all */
    unsigned live;                                      /* contexts that exist */
} fake;

static inline struct handshake *fake_create(void *ctx, uint8_t lane,
                                            const struct handshake_callbacks *callbacks, void *owner)
{
    struct handshake *h = malloc(sizeof *h);

    (void)ctx;
    (void)lane;
    fake.live++;
    *h = (struct handshake){.callbacks = callbacks, .owner = owner};
    return h;
}

/* Nobody needs one. */
static inline bool fake_check_cookie(void *ctx, const struct endpoint *peer, const uint8_t *cookie,
                                     size_t len)
{
    (void)ctx, (void)peer, (void)cookie, (void)len;
    return true;
}

static inline enum handshake_result fake_feed(struct handshake *h, const uint8_t *record, size_t len,
                                              uint64_t now_ms)
{
    (void)len, (void)now_ms;
    if (!h->is_admitted) {
        assert_non_null(record);
        h->is_admitted = true;
        return HANDSHAKE_ADMITTED;
    }
    fake.fed++;
    return fake.turn(h);
}

static inline uint64_t fake_deadline(const struct handshake *h)
{
    (void)h;
    return UINT64_MAX;
}

static inline enum handshake_fault fake_fault(const struct handshake *h)
{
    (void)h;
    return HANDSHAKE_FAULT_OTHER;
}

static inline void fake_destroy(struct handshake *h)
{
    fake.live--;
    free(h);
}

static const struct handshake_engine FAKE_ENGINE = {.check_cookie = fake_check_cookie,
                                                    .create = fake_create,
                                                    .feed = fake_feed,
                                                    .deadline = fake_deadline,
                                                    .fault = fake_fault,
                                                    .destroy = fake_destroy};

/* The identity that every test's peer proves. */
static inline void fake_name_alice(struct handshake *h)
{
    uint8_t psk[SUBSCRIBER_PSK_MAX];
    size_t psk_len;

    assert_true(h->callbacks->psk(h->owner, (const uint8_t *)"alice", 5, psk, &psk_len));
}

static inline void fake_send(struct handshake *h, const void *record, size_t len)
{
    h->callbacks->send(h->owner, record, len);
}

enum { FAKE_HELLO_LEN = 13 + 12 + 42, FAKE_HELLO_RANDOM_AT = 13 + 12 + 2 };

/* A ClientHello that offers TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, or with `suite` 0xC0A8 a PSK. */
static inline void fake_hello(uint16_t suite, uint8_t random, uint8_t out[FAKE_HELLO_LEN])
{
    static const uint8_t HEADERS[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1,  0,    54,  1,
                                      0,  0,    42,   0, 0, 0, 0, 0, 0, 0, 42, 0xFE, 0xFD};
    const uint8_t rest[] = {0, 0, 0, 2, (uint8_t)(suite >> 8), (uint8_t)suite, 1, 0};

    memcpy(out, HEADERS, sizeof HEADERS);
    memset(out + FAKE_HELLO_RANDOM_AT, random, 32);
    memcpy(out + FAKE_HELLO_LEN - sizeof rest, rest, sizeof rest);
}

static inline void fake_send_hello(struct world_client *c)
{
    uint8_t hello[FAKE_HELLO_LEN];

    fake_hello(0xC0AE, 0, hello);
    world_send_record(c, hello, sizeof hello);
}

/* A world over it: no sessions, the first node associated. */
static inline struct world *fake_world_start(struct world *w)
{
    world_start_over(w, &FAKE_ENGINE);
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], 1, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    return w;
}

#endif
