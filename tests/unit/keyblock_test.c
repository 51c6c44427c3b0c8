#include "keyblock.h"

#include "seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void assert_same(const struct keyblock *a, const struct keyblock *b)
{
    assert_int_equal(a->session, b->session);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->suite, b->suite);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->replaces, b->replaces);
    assert_int_equal(a->first_send_seq, b->first_send_seq);
    assert_int_equal(a->scope, b->scope);
    assert_int_equal(a->lifetime_min, b->lifetime_min);
    assert_memory_equal(a->client.key, b->client.key, RECORD_KEY_LEN);
    assert_memory_equal(a->client.iv, b->client.iv, RECORD_IV_LEN);
    assert_memory_equal(a->server.key, b->server.key, RECORD_KEY_LEN);
    assert_memory_equal(a->server.iv, b->server.iv, RECORD_IV_LEN);
}

static void known_bytes(void **state)
{
    struct keyblock k = {.session = 0x0102,
                         .role = KEYBLOCK_CLIENT,
                         .slot = 5,
                         .replaces = true,
                         .first_send_seq = 64,
                         .scope = 0x0304,
                         .lifetime_min = 0x0506};
    uint8_t expected[KEYBLOCK_LEN] = {1, 2, 0x80 | 5 << 1 | 1, 64, 3, 4, 5, 6};
    uint8_t wire[KEYBLOCK_LEN];

    (void)state;
    memset(k.client.key, 0xC0, RECORD_KEY_LEN);
    memset(k.server.key, 0x50, RECORD_KEY_LEN);
    memset(k.client.iv, 0xC1, RECORD_IV_LEN);
    memset(k.server.iv, 0x51, RECORD_IV_LEN);
    memset(expected + 8, 0xC0, 16);
    memset(expected + 24, 0xC1, 4);
    memset(expected + 28, 0x50, 16);
    memset(expected + 44, 0x51, 4);
    keyblock_encode(&k, wire);
    assert_memory_equal(wire, expected, sizeof wire);
}

static void random_round_trips(void **state)
{
    uint8_t wire[KEYBLOCK_LEN];
    struct keyblock decoded;

    (void)state;
    seeded_start();
    for (int i = 0; i < 1000; i++) {
        struct keyblock k = {
            .session = (uint16_t)(1 + seeded_u32() % 0xFFFF),
            .role = seeded_u32() % 2 == 0 ? KEYBLOCK_SERVER : KEYBLOCK_CLIENT,
            .slot = (uint8_t)(seeded_u32() % KEYBLOCK_SLOTS),
            .replaces = seeded_u32() % 2 == 0,
            .first_send_seq = (uint8_t)(64 + seeded_u32() % 192),
            .scope = (uint16_t)seeded_u32(),
            .lifetime_min = (uint16_t)seeded_u32(),
        };
        seeded_fill((uint8_t *)&k.client, sizeof k.client);
        seeded_fill((uint8_t *)&k.server, sizeof k.server);
        keyblock_encode(&k, wire);
        assert_int_equal(keyblock_decode(wire, sizeof wire, &decoded), SSM_OK);
        assert_same(&k, &decoded);
    }
}

static void refusals(void **state)
{
    uint8_t wire[KEYBLOCK_LEN + 1] = {0, 1, 0, 64};
    struct keyblock out;

    (void)state;
    assert_int_equal(keyblock_decode(wire, KEYBLOCK_LEN, &out), SSM_OK);
    for (size_t len = 0; len < KEYBLOCK_LEN; len++)
        assert_int_equal(keyblock_decode(wire, len, &out), SSM_MALFORMED);
    assert_int_equal(keyblock_decode(wire, KEYBLOCK_LEN + 1, &out), SSM_MALFORMED);
    for (uint8_t suite = 1; suite < 8; suite++) {
        wire[2] = (uint8_t)(suite << 4);
        assert_int_equal(keyblock_decode(wire, KEYBLOCK_LEN, &out), SSM_UNSUPPORTED);
    }
    wire[2] = 0;
    for (uint8_t first = 0; first < KEYBLOCK_FIRST_SEND_SEQ; first++) {
        wire[3] = first; /* would repeat a nonce of the gateway's */
        assert_int_equal(keyblock_decode(wire, KEYBLOCK_LEN, &out), SSM_MALFORMED);
    }
    wire[3] = 64;
    wire[1] = 0; /* session 0 */
    assert_int_equal(keyblock_decode(wire, KEYBLOCK_LEN, &out), SSM_MALFORMED);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(known_bytes),
        cmocka_unit_test(random_round_trips),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests_name("keyblock", TESTS, NULL, NULL);
}
