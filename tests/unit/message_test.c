#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "message.h"
#include "seeded.h"
#include "session.h"
#include "store.h"

static const struct endpoint PEER = {.addr = {0x20, 1, 0x0D, 0xB8, [15] = 7}, .port = 40001};
static const struct endpoint LOCAL = {.addr = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 1}, .port = 5684};

static struct message prepare(void)
{
    static const uint8_t KEY_BLOCK[67] = {1, 2, 3};
    static const uint8_t TOMBSTONE[TOMBSTONE_LEN] = {4, 5};
    static const uint8_t FLIGHT[70] = {6};

    return (struct message){
        .type = MSG_SESSION_PREPARE,
        .slot = 3,
        .handle = 0x1234,
        .request = 0x01020304,
        .connection = 0x05060708,
        .node = 0x090A0B0C,
        .subscriber = 0x0D0E0F10,
        .value = 0x1112131415161718,
        .peer = PEER,
        .local = LOCAL,
        .data = {{KEY_BLOCK, sizeof KEY_BLOCK}, {TOMBSTONE, sizeof TOMBSTONE}, {FLIGHT, sizeof FLIGHT}},
    };
}

static void every_field_comes_back(void **state)
{
    uint8_t buf[MESSAGE_BYTES_MAX];
    const struct message m = prepare();
    struct message got;
    size_t len = message_encode(&m, buf);

    (void)state;
    assert_int_equal(len, MESSAGE_HEADER_LEN + 67 + 31 + 70);
    assert_int_equal(message_decode(buf, len, &got), SSM_OK);
    assert_int_equal(got.type, m.type);
    assert_int_equal(got.kind, m.kind);
    assert_int_equal(got.slot, m.slot);
    assert_int_equal(got.handle, m.handle);
    assert_int_equal(got.request, m.request);
    assert_int_equal(got.connection, m.connection);
    assert_int_equal(got.node, m.node);
    assert_int_equal(got.subscriber, m.subscriber);
    assert_true(got.value == m.value);
    assert_true(endpoint_equal(&got.peer, &m.peer));
    assert_true(endpoint_equal(&got.local, &m.local));
    for (int i = 0; i < MESSAGE_DATA; i++) {
        assert_int_equal(got.data[i].len, m.data[i].len);
        assert_memory_equal(got.data[i].at, m.data[i].at, m.data[i].len);
    }
}

static void numbers_are_little_endian_at_fixed_places(void **state)
{
    uint8_t buf[MESSAGE_BYTES_MAX];
    const struct message m = prepare();
    static const uint8_t START[] = {
        MESSAGE_VERSION, MSG_SESSION_PREPARE, 0, 3, 0x34, 0x12, 0, 0, 4, 3, 2, 1, 8, 7, 6, 5};

    (void)state;
    (void)message_encode(&m, buf);
    assert_memory_equal(buf, START, sizeof START);
}

static void another_length_is_refused(void **state)
{
    uint8_t buf[MESSAGE_BYTES_MAX] = {0};
    const struct message m = prepare();
    struct message got;
    size_t len = message_encode(&m, buf);

    (void)state;
    for (size_t shorter = 0; shorter < len; shorter++)
        assert_int_equal(message_decode(buf, shorter, &got),
                         shorter < MESSAGE_HEADER_LEN ? SSM_TRUNCATED : SSM_MALFORMED);
    assert_int_equal(message_decode(buf, len + 1, &got), SSM_MALFORMED);
}

static void what_the_table_does_not_name_is_refused(void **state)
{
    enum { VERSION_AT = 0, TYPE_AT = 1, KIND_AT = 2, RESERVED_AT = 6 };
    uint8_t buf[MESSAGE_BYTES_MAX];
    const struct message m = {.type = MSG_SESSION_CLOSE, .kind = CLOSE_HANDSHAKE};
    struct message got;
    size_t len = message_encode(&m, buf);

    (void)state;
    assert_int_equal(message_decode(buf, len, &got), SSM_OK);
    buf[VERSION_AT] = MESSAGE_VERSION + 1;
    assert_int_equal(message_decode(buf, len, &got), SSM_UNSUPPORTED);
    buf[VERSION_AT] = MESSAGE_VERSION;
    buf[KIND_AT] = CLOSE_REASON_END;
    assert_int_equal(message_decode(buf, len, &got), SSM_MALFORMED);
    buf[KIND_AT] = 0;
    for (int i = 0; i < 2; i++) {
        buf[RESERVED_AT + i] = 1;
        assert_int_equal(message_decode(buf, len, &got), SSM_MALFORMED);
        buf[RESERVED_AT + i] = 0;
    }
    for (int type = 0; type < 256; type++) {
        bool is_known = type > 0 && type < MSG_TYPE_END;

        buf[TYPE_AT] = (uint8_t)type;
        assert_int_equal(strcmp(message_name((uint8_t)type), "?") != 0, is_known);
        if (!is_known)
            assert_int_equal(message_decode(buf, len, &got), SSM_MALFORMED);
    }
}

/* One byte more or less than a type may carry, made by hand because the encoder would stop. */
static void byte_strings_outside_their_bounds_are_refused(void **state)
{
    static const struct {
        uint8_t type;
        uint16_t min[MESSAGE_DATA];
        uint16_t max[MESSAGE_DATA];
    } BOUNDS[] = {
        {MSG_STOP, {0}, {0}},
        {MSG_DGRAM_IN, {1, 0, 0}, {MESSAGE_DGRAM_MAX, 0, 0}},
        {MSG_DGRAM_OUT, {1, 0, 0}, {MESSAGE_DGRAM_MAX, 0, 0}},
        {MSG_NODE_CTRL_IN, {1, 0, 0}, {128, 0, 0}},
        {MSG_NODE_CTRL_OUT, {1, 0, 0}, {128, 0, 0}},
        {MSG_NODE_KEYS, {16, 0, 0}, {16, 0, 0}},
        {MSG_SESSION_PREPARE, {1, 31, 0}, {128, 31, 256}},
        {MSG_SESSION_LIST, {0}, {200 * 65, 0, 0}},
        {MSG_LINK_LIST, {0}, {64 * 37, 0, 0}},
        {MSG_LINE_LOST, {0}, {0}},
        {MSG_RESOLVE, {1, 0, 0}, {64, 0, 0}},
        {MSG_RESOLVED, {0}, {4 * 32, 0, 0}},
    };
    enum { LENGTHS_AT = MESSAGE_HEADER_LEN - 2 * MESSAGE_DATA };
    static uint8_t buf[MESSAGE_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof BOUNDS / sizeof BOUNDS[0]; i++)
        for (int field = 0; field < MESSAGE_DATA; field++)
            for (int off = -1; off <= 2; off++) {
                /* min - 1, min, max, max + 1 */
                int wanted = off < 1 ? BOUNDS[i].min[field] + off : BOUNDS[i].max[field] + off - 1;
                size_t len = MESSAGE_HEADER_LEN;
                struct message got;

                if (wanted < 0)
                    continue;
                memset(buf, 0, sizeof buf);
                buf[0] = MESSAGE_VERSION;
                buf[1] = BOUNDS[i].type;
                for (int each = 0; each < MESSAGE_DATA; each++) {
                    size_t this_len = each == field ? (size_t)wanted : BOUNDS[i].min[each];

                    buf[LENGTHS_AT + 2 * each] = (uint8_t)this_len;
                    buf[LENGTHS_AT + 2 * each + 1] = (uint8_t)(this_len >> 8);
                    len += this_len;
                }
                assert_int_equal(message_decode(buf, len, &got),
                                 off == 0 || off == 1 ? SSM_OK : SSM_MALFORMED);
            }
}

static void random_bytes_decode_to_what_encodes_to_them(void **state)
{
    uint8_t buf[MESSAGE_HEADER_LEN + 300];
    static uint8_t again[MESSAGE_BYTES_MAX];
    unsigned decoded = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        size_t len = MESSAGE_HEADER_LEN + seeded_u32() % 3;
        struct message m;

        seeded_fill(buf, len);
        buf[0] = MESSAGE_VERSION;
        buf[1] %= MSG_TYPE_END;
        buf[2] %= 4;
        memset(buf + 6, 0, 2);
        for (size_t at = MESSAGE_HEADER_LEN - 6; at < MESSAGE_HEADER_LEN; at++)
            buf[at] = at % 2 == 0 ? buf[at] % 3 : 0;
        if (message_decode(buf, len, &m) != SSM_OK)
            continue;
        decoded++;
        assert_int_equal(message_encode(&m, again), len);
        assert_memory_equal(again, buf, len);
    }
    assert_in_range(decoded, 100, 200000);
}

static void link_rows_come_back(void **state)
{
    const struct link_row row = {.is_up = true,
                                 .since_s = 0x01020304,
                                 .to_node = UINT64_C(0x1112131415161718),
                                 .from_node = UINT64_C(0x2122232425262728),
                                 .dropped = UINT64_C(0x3132333435363738),
                                 .spoiled = UINT64_C(0x4142434445464748)};
    uint8_t buf[LINK_ROW_LEN];
    struct link_row got;

    (void)state;
    link_row_encode(&row, buf);
    assert_memory_equal(buf, "\x01\x04\x03\x02\x01\x18\x17", 7);
    assert_int_equal(buf[LINK_ROW_LEN - 1], 0x41);
    link_row_decode(buf, &got);
    assert_true(got.is_up);
    assert_int_equal(got.since_s, row.since_s);
    assert_int_equal(got.to_node, row.to_node);
    assert_int_equal(got.from_node, row.from_node);
    assert_int_equal(got.dropped, row.dropped);
    assert_int_equal(got.spoiled, row.spoiled);
}

static void resolved_addresses_come_back(void **state)
{
    const struct resolved resolved = {.peer.addr = {0x20, 1, [15] = 1},
                                      .local.addr = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 1}};
    uint8_t buf[RESOLVED_MAX * RESOLVED_LEN + 1];
    struct message m = {.type = MSG_RESOLVED, .data[0] = {.at = buf}};
    struct resolved got[RESOLVED_MAX];
    size_t count;

    (void)state;
    for (size_t i = 0; i < RESOLVED_MAX; i++) {
        resolved_encode(&resolved, buf + i * RESOLVED_LEN);
        m.data[0].len += RESOLVED_LEN;
        assert_int_equal(resolved_decode(&m, got, &count), SSM_OK);
        assert_int_equal(count, i + 1);
        assert_true(endpoint_equal(&got[i].peer, &resolved.peer));
        assert_true(endpoint_equal(&got[i].local, &resolved.local));
    }
    m.data[0].len++;
    assert_int_equal(resolved_decode(&m, got, &count), SSM_MALFORMED);
    m.data[0].len = 0;
    assert_int_equal(resolved_decode(&m, got, &count), SSM_MALFORMED);
    m.kind = RESOLVE_FAILED;
    assert_int_equal(resolved_decode(&m, got, &count), SSM_OK);
    assert_int_equal(count, 0);
    m.data[0].len = RESOLVED_LEN;
    assert_int_equal(resolved_decode(&m, got, &count), SSM_MALFORMED);
}

/* Above all what stands for a serial line. */
static void what_is_no_hosts_address_is_not_taken(void **state)
{
    static const uint8_t NO_HOSTS[][16] = {
        {0},
        {0xFF, 0},
        {0xFF, 2, [15] = 1},
        {[10] = 0xFF, [11] = 0xFF, 0, 0, 0, 1},
        {[10] = 0xFF, [11] = 0xFF, 224, 0, 0, 1},
        {[10] = 0xFF, [11] = 0xFF, 255, 255, 255, 255},
    };
    static const uint8_t HOST[16] = {[15] = 1};
    uint8_t buf[RESOLVED_LEN];
    const struct message m = {.type = MSG_RESOLVED, .data[0] = {.at = buf, .len = sizeof buf}};
    struct resolved got[RESOLVED_MAX];
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof NO_HOSTS / sizeof NO_HOSTS[0]; i++)
        for (size_t at = 0; at < 32; at += 16) {
            memcpy(buf, HOST, 16);
            memcpy(buf + 16, HOST, 16);
            assert_int_equal(resolved_decode(&m, got, &count), SSM_OK);
            memcpy(buf + at, NO_HOSTS[i], 16);
            assert_int_equal(resolved_decode(&m, got, &count), SSM_MALFORMED);
        }
}

static void session_rows_come_back(void **state)
{
    const struct session_row row = {.node = 1,
                                    .is_outbound = true,
                                    .subscriber = 2,
                                    .handle = 0x0304,
                                    .slot = 5,
                                    .state = SESSION_ACTIVE,
                                    .peer = PEER,
                                    .local = LOCAL,
                                    .age_s = 0x06070809,
                                    .idle_s = 10,
                                    .to_node = 11,
                                    .from_node = 12};
    uint8_t buf[SESSION_ROW_LEN];
    struct session_row got;

    (void)state;
    session_row_encode(&row, buf);
    assert_int_equal(session_row_decode(buf, &got), SSM_OK);
    assert_int_equal(got.node, row.node);
    assert_true(got.is_outbound);
    assert_int_equal(got.subscriber, row.subscriber);
    assert_int_equal(got.handle, row.handle);
    assert_int_equal(got.slot, row.slot);
    assert_int_equal(got.state, row.state);
    assert_true(endpoint_equal(&got.peer, &row.peer));
    assert_true(endpoint_equal(&got.local, &row.local));
    assert_int_equal(got.age_s, row.age_s);
    assert_int_equal(got.idle_s, row.idle_s);
    assert_int_equal(got.to_node, row.to_node);
    assert_int_equal(got.from_node, row.from_node);
    buf[11] = SESSION_STATES;
    assert_int_equal(session_row_decode(buf, &got), SSM_MALFORMED);
    memset(buf, 0, sizeof buf);
    assert_int_equal(session_row_decode(buf, &got), SSM_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(numbers_are_little_endian_at_fixed_places),
        cmocka_unit_test(another_length_is_refused),
        cmocka_unit_test(what_the_table_does_not_name_is_refused),
        cmocka_unit_test(byte_strings_outside_their_bounds_are_refused),
        cmocka_unit_test(random_bytes_decode_to_what_encodes_to_them),
        cmocka_unit_test(link_rows_come_back),
        cmocka_unit_test(resolved_addresses_come_back),
        cmocka_unit_test(what_is_no_hosts_address_is_not_taken),
        cmocka_unit_test(session_rows_come_back),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
