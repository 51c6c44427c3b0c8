/*
 * A hand-made client in front of the delegator with the real DTLS library: what a test sends is answered
 * before the call returns.
 */
#ifndef SSM_TEST_SCENE_H
#define SSM_TEST_SCENE_H

#include "raw_client.h"
#include "unit/delegation_world.h"

#include <mbedtls/version.h>

enum {
    SCENE_PORT = 4000,
    SCENE_PATIENCE_MS = 2100, /* a Finished that does not authenticate is answered after two seconds */
};

struct scene {
    struct world *world;
    struct world_client link;
    struct raw_client client;
};

/* Mbed TLS 3.6, which refuses a few things that 2.28 takes. */
static inline bool scene_library_is_3(void)
{
    return mbedtls_version_get_number() >= 0x03000000;
}

static inline void scene_hear(struct scene *s)
{
    const struct message *m;

    while ((m = world_take(s->world, MSG_DGRAM_OUT)) != NULL) {
        if (!endpoint_equal(&m->peer, &s->link.endpoint))
            continue;
        if (m->connection != 0)
            s->link.connection = m->connection;
        raw_receive(&s->client, m->data[0].at, m->data[0].len);
    }
}

static inline void scene_on_output(void *ctx, const uint8_t *datagram, size_t len)
{
    struct scene *s = ctx;

    world_send_datagram(&s->link, datagram, len);
    scene_hear(s);
}

/* A client at `port` that has sent nothing yet. */
static inline void scene_add_client(struct scene *s, uint16_t port)
{
    s->client = (struct raw_client){.ctx = s};
    s->client.output = scene_on_output;
    s->link =
        (struct world_client){.world = s->world, .endpoint = world_endpoint(20, port), .port_node = NODE_1};
}

/* Another client, and a gateway that has heard of none. */
static inline void scene_renew(struct scene *s)
{
    void *world;

    if (s->world != NULL)
        world_destroy(s->world);
    assert_int_equal(world_setup(&world), 0);
    s->world = world;
    scene_add_client(s, SCENE_PORT);
}

static inline void scene_wait(struct scene *s, uint64_t ms)
{
    world_advance(s->world, ms);
    scene_hear(s);
}

/* Sends the hello, and again with the cookie that it is asked for. */
static inline void scene_greet(struct scene *s, const struct raw_hello *hello)
{
    raw_send_hello(&s->client, hello);
    if (raw_find(&s->client, RAW_HELLO_VERIFY_REQUEST) != NULL)
        raw_send_hello(&s->client, hello);
}

/* The flight up to ServerHelloDone is there, and no alert. */
static inline void scene_expect_flight(const struct scene *s)
{
    if (s->client.alert_count > 0)
        fail_msg("alert %u", s->client.alerts[0].description);
    assert_non_null(raw_find(&s->client, RAW_SERVER_HELLO_DONE));
}

static inline void scene_expect_greeted(struct scene *s, const struct raw_hello *hello)
{
    scene_greet(s, hello);
    scene_expect_flight(s);
}

/* The server has sent this one fatal alert, in clear. */
static inline void scene_expect_alert(const struct scene *s, uint8_t description)
{
    assert_int_equal(s->client.alert_count, 1);
    assert_int_equal(s->client.alerts[0].description, description);
    assert_int_equal(s->client.alerts[0].level, RAW_LEVEL_FATAL);
}

static inline void scene_expect_refused(struct scene *s, const struct raw_hello *hello, uint8_t description)
{
    scene_greet(s, hello);
    assert_null(raw_find(&s->client, RAW_SERVER_HELLO));
    scene_expect_alert(s, description);
}

static inline void scene_derive(struct scene *s, uint8_t key)
{
    uint8_t psk[SUBSCRIBER_PSK_MIN];

    memset(psk, key, sizeof psk);
    raw_derive_psk(&s->client, psk, sizeof psk);
}

static inline void scene_exchange_keys(struct scene *s, const void *identity, size_t len, uint8_t key)
{
    uint8_t exchange[256];

    raw_send_message(&s->client, RAW_CLIENT_KEY_EXCHANGE, exchange,
                     raw_psk_key_exchange(identity, len, exchange));
    scene_derive(s, key);
}

static inline void scene_finish(struct scene *s)
{
    raw_send_change_cipher_spec(&s->client);
    raw_send_finished(&s->client);
}

/* ClientKeyExchange, ChangeCipherSpec and Finished of alice. */
static inline void scene_answer(struct scene *s)
{
    scene_exchange_keys(s, "alice", 5, ALICE_KEY);
    scene_finish(s);
}

/* The client's Finished was accepted, and the withheld flight proves that the server has the same keys. */
static inline void scene_expect_done(struct scene *s)
{
    if (s->client.alert_count > 0)
        fail_msg("alert %u", s->client.alerts[0].description);
    const struct message *prepare = world_expect(s->world, MSG_SESSION_PREPARE);
    raw_receive(&s->client, prepare->data[2].at, prepare->data[2].len);
    assert_true(s->client.is_cipher_changed);
    assert_true(s->client.is_server_verified);
}

/* A whole handshake. */
static inline void scene_expect_connected(struct scene *s, const struct raw_hello *hello)
{
    scene_expect_greeted(s, hello);
    scene_answer(s);
    scene_expect_done(s);
}

static inline int scene_setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);

    assert_non_null(s);
    scene_renew(s);
    *state = s;
    return 0;
}

static inline int scene_teardown(void **state)
{
    struct scene *s = *state;

    world_destroy(s->world);
    free(s);
    return 0;
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

#endif
