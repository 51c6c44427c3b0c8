#include "assoc.h"

#include "control.h"
#include "../vectors/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static const uint8_t PSK[ASSOC_PSK_LEN] = "0123456789abcdef";
static const uint8_t OTHER_PSK[ASSOC_PSK_LEN] = "0123456789abcdeg";

static void name_set(struct assoc_name *name, const char *text)
{
    assert_int_equal(assoc_name_set(name, text, strlen(text)), SSM_OK);
}

static struct assoc_transcript transcript_of(const char *node, const char *gateway)
{
    struct assoc_transcript t = {.boot_id = {1, 2, 3, 4}};

    name_set(&t.node, node);
    name_set(&t.gateway, gateway);
    assoc_set_counter(&t, 0x00000A05);
    memcpy(t.node_nonce + ASSOC_COUNTER_LEN, "twelve bytes", 12);
    for (uint8_t i = 0; i < ASSOC_NONCE_LEN; i++)
        t.gateway_nonce[i] = (uint8_t)(0xF0 + i);
    return t;
}

static const enum assoc_message_number NUMBERS[] = {ASSOC_REQUEST, ASSOC_ANSWER, ASSOC_CONFIRM};

/* --- The three messages --- */

/* The exchange as both sides run it: each knows at first only its own half. */
static void full_exchange(void **state)
{
    struct assoc_transcript whole = transcript_of("sensor-1", "gw.example");
    struct assoc_transcript node = {.boot_id = {1, 2, 3, 4}, .node = whole.node};
    struct assoc_transcript gateway = {.gateway = whole.gateway};
    uint8_t message[ASSOC_MESSAGE_MAX];

    (void)state;
    memcpy(node.node_nonce, whole.node_nonce, ASSOC_NONCE_LEN);
    size_t len = assoc_encode(ASSOC_REQUEST, PSK, &node, message);
    assert_int_equal(assoc_number_of(message, len), ASSOC_REQUEST);
    assoc_decode(message, &gateway);
    assert_int_equal(assoc_verify(PSK, &gateway, message), SSM_OK);
    assert_int_equal(assoc_counter(&gateway), 0x0A05);
    assert_int_equal(gateway.node.len, 8);
    assert_memory_equal(gateway.node.text, "sensor-1", 8);

    memcpy(gateway.gateway_nonce, whole.gateway_nonce, ASSOC_NONCE_LEN);
    len = assoc_encode(ASSOC_ANSWER, PSK, &gateway, message);
    assert_int_equal(assoc_number_of(message, len), ASSOC_ANSWER);
    assoc_decode(message, &node);
    assert_int_equal(assoc_verify(PSK, &node, message), SSM_OK);
    assert_memory_equal(node.gateway.text, "gw.example", 10);

    len = assoc_encode(ASSOC_CONFIRM, PSK, &node, message);
    assert_int_equal(assoc_number_of(message, len), ASSOC_CONFIRM);
    assoc_decode(message, &gateway);
    assert_int_equal(assoc_verify(PSK, &gateway, message), SSM_OK);
    assert_int_equal(assoc_boot_id(&gateway), 0x01020304);

    struct assoc a, b;
    assoc_derive(PSK, &node, &a);
    assoc_derive(PSK, &gateway, &b);
    assert_memory_equal(a.down_key, b.down_key, AES_KEY_LEN);
    assert_memory_equal(a.up_key, b.up_key, AES_KEY_LEN);
    assert_memory_equal(a.tag_key, b.tag_key, AES_KEY_LEN);
    assert_int_equal(a.hint, 5);
    assert_int_equal(b.hint, 5);
}

/* Computed from PROTOCOL.md by another implementation (Python, OpenSSL's AES). */
static void known_answers(void **state)
{
    static const char *const MESSAGES[] = {
        "2100000a057477656c76652062797465730873656e736f722d3100000000000000000000000000000000000000"
        "0000000000370996c1a04693e65deca8a5f1090457",
        "22f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0a67772e6578616d706c650000000000000000000000000000000000"
        "0000000000041316b95976e690e018dc31bc61b630",
        "2300000a057477656c76652062797465730873656e736f722d3100000000000000000000000000000000000000"
        "000000000001020304b0f2fb6248797944708e1f3985da775f",
    };
    static const char *const KEYS[] = {"3871558f5e8b77681de1b7847a127a7a", "1df84c74300c35c0f099696ad2b35fb1",
                                       "1ab3b36cd8f29de17a69e9359ff4ee6c",
                                       "d78fae589e066a65c8ab3c9e9122b92f"};
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    uint8_t message[ASSOC_MESSAGE_MAX];
    uint8_t expected[ASSOC_MESSAGE_MAX];
    struct assoc a;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t len = hex_read(MESSAGES[i], expected);
        assert_int_equal(assoc_encode(NUMBERS[i], PSK, &t, message), len);
        assert_memory_equal(message, expected, len);
    }
    assoc_derive(PSK, &t, &a);
    hex_read(KEYS[0], expected);
    assert_memory_equal(a.down_key, expected, AES_KEY_LEN);
    hex_read(KEYS[1], expected);
    assert_memory_equal(a.up_key, expected, AES_KEY_LEN);
    hex_read(KEYS[2], expected);
    assert_memory_equal(a.tag_key, expected, AES_KEY_LEN);
    assoc_ratchet_gateway(&a);
    hex_read(KEYS[3], expected);
    assert_memory_equal(a.down_key, expected, AES_KEY_LEN);
}

/* Decodes into a copy of the completed transcript and verifies there, as each side does. */
static bool is_accepted(enum assoc_message_number number, const uint8_t *psk,
                        const struct assoc_transcript *known, const uint8_t *message, size_t len)
{
    struct assoc_transcript t = *known;

    if (assoc_number_of(message, len) != number)
        return false;
    assoc_decode(message, &t);
    return assoc_verify(psk, &t, message) == SSM_OK;
}

static void each_flipped_bit_is_refused(void **state)
{
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    uint8_t message[ASSOC_MESSAGE_MAX];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t len = assoc_encode(NUMBERS[i], PSK, &t, message);
        assert_true(is_accepted(NUMBERS[i], PSK, &t, message, len));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_false(is_accepted(NUMBERS[i], PSK, &t, message, len));
            message[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

static void wrong_psk_is_refused(void **state)
{
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    uint8_t message[ASSOC_MESSAGE_MAX];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t len = assoc_encode(NUMBERS[i], OTHER_PSK, &t, message);
        assert_true(is_accepted(NUMBERS[i], OTHER_PSK, &t, message, len));
        assert_false(is_accepted(NUMBERS[i], PSK, &t, message, len));
    }
}

/* What a message does not carry itself its proof covers all the same. */
static void proof_covers_the_whole_transcript(void **state)
{
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    uint8_t message[ASSOC_MESSAGE_MAX];

    (void)state;
    for (size_t i = 1; i < 3; i++) { /* the answer, then the confirmation */
        size_t len = assoc_encode(NUMBERS[i], PSK, &t, message);
        struct assoc_transcript other = t;
        name_set(&other.node, "sensor-2");
        if (NUMBERS[i] == ASSOC_ANSWER)
            assert_false(is_accepted(NUMBERS[i], PSK, &other, message, len));
        other = t;
        name_set(&other.gateway, "gw.example2");
        if (NUMBERS[i] == ASSOC_CONFIRM)
            assert_false(is_accepted(NUMBERS[i], PSK, &other, message, len));
        other = t;
        other.node_nonce[15] ^= 1;
        if (NUMBERS[i] == ASSOC_ANSWER)
            assert_false(is_accepted(NUMBERS[i], PSK, &other, message, len));
        other = t;
        other.gateway_nonce[15] ^= 1;
        if (NUMBERS[i] == ASSOC_CONFIRM)
            assert_false(is_accepted(NUMBERS[i], PSK, &other, message, len));
    }
}

/* "ab" + "c" is not "a" + "bc": names enter the proof at their full length. */
static void names_cannot_be_shifted(void **state)
{
    struct assoc_transcript t = transcript_of("ab", "c");
    struct assoc_transcript shifted = transcript_of("a", "bc");
    uint8_t one[ASSOC_MESSAGE_MAX];
    uint8_t two[ASSOC_MESSAGE_MAX];

    (void)state;
    size_t len = assoc_encode(ASSOC_ANSWER, PSK, &t, one);
    assert_int_equal(assoc_encode(ASSOC_ANSWER, PSK, &shifted, two), len);
    assert_memory_not_equal(one + len - CMAC_LEN, two + len - CMAC_LEN, CMAC_LEN);
}

/* The first byte binds direction and purpose: no message is good as another. */
static void a_message_is_not_good_as_another(void **state)
{
    struct assoc_transcript t = transcript_of("same", "same");
    uint8_t message[ASSOC_MESSAGE_MAX];

    (void)state;
    memcpy(t.gateway_nonce, t.node_nonce, ASSOC_NONCE_LEN);
    for (size_t i = 0; i < 3; i++) {
        size_t len = assoc_encode(NUMBERS[i], PSK, &t, message);
        for (uint8_t number = ASSOC_REQUEST; number <= ASSOC_CONFIRM; number++) {
            message[0] = (uint8_t)(0x20 | number);
            for (size_t j = 0; j < 3; j++)
                assert_int_equal(is_accepted(NUMBERS[j], PSK, &t, message, len),
                                 i == j && number == NUMBERS[i]);
        }
    }
}

static void lengths_are_exact(void **state)
{
    struct assoc_transcript t = transcript_of("n", "12345678901234567890123456789012");
    uint8_t message[ASSOC_MESSAGE_MAX + 1] = {0};

    (void)state;
    assert_int_equal(assoc_encode(ASSOC_CONFIRM, PSK, &t, message), ASSOC_MESSAGE_MAX);
    for (size_t i = 0; i < 3; i++) {
        size_t len = assoc_encode(NUMBERS[i], PSK, &t, message);
        for (size_t cut = 0; cut <= sizeof message; cut++)
            assert_int_equal(assoc_number_of(message, cut), cut == len ? NUMBERS[i] : 0xFF);
        message[1 + ASSOC_NONCE_LEN] = ASSOC_NAME_MAX + 1; /* a name longer than its field */
        assert_int_equal(assoc_number_of(message, len), 0xFF);
    }
}

/* The request is made before the gateway is known: what is left of an association before changes nothing. */
static void request_covers_the_node_alone(void **state)
{
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    struct assoc_transcript fresh = transcript_of("sensor-1", "g");
    uint8_t message[ASSOC_MESSAGE_MAX];

    (void)state;
    memset(fresh.gateway_nonce, 0, ASSOC_NONCE_LEN);
    size_t len = assoc_encode(ASSOC_REQUEST, PSK, &t, message);
    assert_true(is_accepted(ASSOC_REQUEST, PSK, &fresh, message, len));
}

static void names(void **state)
{
    struct assoc_name name;

    (void)state;
    assert_int_equal(assoc_name_set(&name, "", 0), SSM_MALFORMED);
    assert_int_equal(assoc_name_set(&name, "123456789012345678901234567890123", 33), SSM_MALFORMED);
    assert_int_equal(assoc_name_set(&name, "12345678901234567890123456789012", 32), SSM_OK);
    assert_int_equal(name.len, 32);
    assert_int_equal(assoc_name_set(&name, "a", 1), SSM_OK); /* and zero behind */
    assert_memory_equal(&name, (&(struct assoc_name){1, "a"}), sizeof name);
    for (int c = 0; c < 256; c++) {
        char text = (char)c;
        bool allowed = c != 0 && c < 128 &&
                       strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", c) != NULL;
        assert_int_equal(assoc_name_set(&name, &text, 1), allowed ? SSM_OK : SSM_MALFORMED);
    }
}

/* Request and answer have one length, the confirmation another. */
static void numbers(void **state)
{
    uint8_t message[ASSOC_MESSAGE_MAX] = {0x20};

    (void)state;
    assert_int_equal(assoc_number_of(message, 1), ASSOC_REJOIN);
    assert_int_equal(assoc_number_of(message, 2), 0xFF);
    assert_int_equal(assoc_number_of(message, 0), 0xFF);
    assert_int_equal(assoc_number_of(message, 1 + CMAC_LEN), 0xFF);
    for (int first = 0; first < 0x100; first++) {
        message[0] = (uint8_t)first;
        assert_int_equal(assoc_number_of(message, ASSOC_MESSAGE_MAX), first == 0x23 ? ASSOC_CONFIRM : 0xFF);
        assert_int_equal(assoc_number_of(message, ASSOC_MESSAGE_MAX - ASSOC_COUNTER_LEN),
                         first == 0x21 || first == 0x22 ? first & 3 : 0xFF);
    }
}

static void derived_keys_differ(void **state)
{
    struct assoc_transcript t = transcript_of("n", "g");
    struct assoc a, b;

    (void)state;
    assoc_derive(PSK, &t, &a);
    assert_memory_not_equal(a.down_key, a.up_key, AES_KEY_LEN);
    assert_memory_not_equal(a.down_key, a.tag_key, AES_KEY_LEN);
    assert_memory_not_equal(a.up_key, a.tag_key, AES_KEY_LEN);
    assert_memory_equal(&a.sent, (&(struct seq48){{0}}), sizeof a.sent);
    assert_memory_equal(&a.received, (&(struct replay){.seen = {0}}), sizeof a.received);
    t.node_nonce[15] ^= 1;
    assoc_derive(PSK, &t, &b);
    assert_memory_not_equal(a.down_key, b.down_key, AES_KEY_LEN);
    t.node_nonce[15] ^= 1;
    t.gateway_nonce[0] ^= 1;
    assoc_derive(PSK, &t, &b);
    assert_memory_not_equal(a.up_key, b.up_key, AES_KEY_LEN);
}

/* --- Control messages --- */

struct pair {
    struct assoc gateway, node;
};

static struct pair paired(void)
{
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    struct pair p;

    assoc_derive(PSK, &t, &p.gateway);
    assoc_derive(PSK, &t, &p.node);
    return p;
}

enum { BODY_LEN = 12, FRAME_LEN = BODY_LEN + CONTROL_OVERHEAD };

struct datagram {
    uint8_t bytes[FRAME_LEN];
};

static struct datagram sealed(struct assoc *from, enum assoc_direction direction, const char *body)
{
    struct datagram d;

    memcpy(d.bytes + CONTROL_HEADER_LEN, body, BODY_LEN);
    assert_int_equal(assoc_seal(from, direction, d.bytes, BODY_LEN), SSM_OK);
    return d;
}

/* Opens a copy, so that the same datagram can be tried again. */
static enum status opened(struct assoc *to, enum assoc_direction direction, struct datagram d, uint8_t *step)
{
    struct control c = {0};
    enum status status = assoc_open(to, direction, d.bytes, FRAME_LEN, &c);

    if (status == SSM_OK || status == SSM_REPLAYED) {
        assert_int_equal(c.body_len, BODY_LEN);
        assert_memory_equal(c.body, "hello, node!", BODY_LEN);
    }
    if (step != NULL)
        *step = c.step;
    return status;
}

static void control_round_trip(void **state)
{
    struct pair p = paired();

    (void)state;
    for (int i = 1; i <= 100; i++) {
        struct datagram down = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
        struct datagram up = sealed(&p.node, ASSOC_UP, "hello, node!");
        assert_int_equal(down.bytes[0], 0x45); /* kind 2, step 0, association 0x...5 */
        assert_int_equal(down.bytes[3], i);
        assert_memory_not_equal(down.bytes + CONTROL_HEADER_LEN, up.bytes + CONTROL_HEADER_LEN, BODY_LEN);
        assert_int_equal(opened(&p.node, ASSOC_DOWN, down, NULL), SSM_OK);
        assert_int_equal(opened(&p.gateway, ASSOC_UP, up, NULL), SSM_OK);
    }
}

static void control_known_answer(void **state)
{
    struct pair p = paired();
    struct datagram expected;

    (void)state;
    hex_read("45000001e77ffa894cf61f0c2aaf4facf5b5a304c6caba18", expected.bytes);
    struct datagram down = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    assert_memory_equal(down.bytes, expected.bytes, FRAME_LEN);
    hex_read("450200007590c3d0c3f75d55105951ea07f99d5e377ded41", expected.bytes);
    p.node.sent = seq48_make(0, 0x01FFFF);
    struct datagram up = sealed(&p.node, ASSOC_UP, "hello, node!");
    assert_memory_equal(up.bytes, expected.bytes, FRAME_LEN);
}

static void replayed_control_message(void **state)
{
    struct pair p = paired();
    struct datagram first = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    struct datagram second = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");

    (void)state;
    assert_int_equal(opened(&p.node, ASSOC_DOWN, second, NULL), SSM_OK);
    assert_int_equal(opened(&p.node, ASSOC_DOWN, second, NULL), SSM_REPLAYED);
    assert_int_equal(opened(&p.node, ASSOC_DOWN, first, NULL), SSM_OK); /* late, not replayed */
    assert_int_equal(opened(&p.node, ASSOC_DOWN, first, NULL), SSM_REPLAYED);
}

static void each_flipped_bit_of_a_control_message(void **state)
{
    struct pair p = paired();
    struct datagram good = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");

    (void)state;
    for (size_t bit = 0; bit < 8 * FRAME_LEN; bit++) {
        struct datagram bad = good;
        bad.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(opened(&p.node, ASSOC_DOWN, bad, NULL), SSM_BAD_TAG);
    }
    assert_int_equal(opened(&p.node, ASSOC_DOWN, good, NULL),
                     SSM_OK); /* the forgeries have used up nothing */
    struct datagram up = sealed(&p.node, ASSOC_UP, "hello, node!");
    up.bytes[0] |= 0x10; /* there is no ratchet upwards */
    assert_int_equal(opened(&p.gateway, ASSOC_UP, up, NULL), SSM_BAD_TAG);
}

static void wrong_direction_is_refused(void **state)
{
    struct pair p = paired();
    struct datagram down = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    struct datagram up = sealed(&p.node, ASSOC_UP, "hello, node!");

    (void)state;
    assert_int_equal(opened(&p.gateway, ASSOC_UP, down, NULL), SSM_BAD_TAG); /* reflected */
    assert_int_equal(opened(&p.node, ASSOC_DOWN, up, NULL), SSM_BAD_TAG);
    /* Even were both directions' keys the same, the nonce keeps them apart. */
    memcpy(p.node.down_key, p.node.up_key, AES_KEY_LEN);
    assert_int_equal(opened(&p.node, ASSOC_DOWN, up, NULL), SSM_BAD_TAG);
}

static void other_association_is_refused(void **state)
{
    struct pair p = paired();
    struct assoc_transcript t = transcript_of("sensor-1", "gw.example");
    struct assoc other;

    (void)state;
    struct datagram down = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    t.node_nonce[3]++; /* the next association: another hint */
    assoc_derive(PSK, &t, &other);
    assert_int_equal(opened(&other, ASSOC_DOWN, down, NULL), SSM_BAD_TAG);
    t.node_nonce[3] = (uint8_t)(t.node_nonce[3] + 15); /* sixteen on: the same hint, other keys */
    assoc_derive(PSK, &t, &other);
    assert_int_equal(other.hint, p.node.hint);
    assert_int_equal(opened(&other, ASSOC_DOWN, down, NULL), SSM_BAD_TAG);
}

static void truncated_control_message(void **state)
{
    struct pair p = paired();
    struct datagram d = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    struct control c;

    (void)state;
    for (size_t len = 0; len < FRAME_LEN; len++) {
        struct datagram cut = d;
        assert_int_equal(assoc_open(&p.node, ASSOC_DOWN, cut.bytes, len, &c),
                         len < CONTROL_OVERHEAD ? SSM_TRUNCATED : SSM_BAD_TAG);
    }
}

/* A counter is never used twice: at its end the association is. */
static void counter_exhaustion(void **state)
{
    struct pair p = paired();
    uint8_t frame[FRAME_LEN] = {0};

    (void)state;
    p.gateway.sent = seq48_make(0, CONTROL_COUNTER_MAX - 1);
    struct datagram last = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    assert_int_equal(last.bytes[1] & last.bytes[2] & last.bytes[3], 0xFF);
    assert_int_equal(opened(&p.node, ASSOC_DOWN, last, NULL), SSM_OK);
    assert_int_equal(assoc_seal(&p.gateway, ASSOC_DOWN, frame, BODY_LEN), SSM_EXHAUSTED);
    assert_int_equal(assoc_seal(&p.gateway, ASSOC_DOWN, frame, BODY_LEN), SSM_EXHAUSTED);
}

/* --- The ratchet --- */

/* The ordinary course: block, acknowledgement, both move on; the old step's recorded block opens nowhere any
 * more. */
static void ratchet_in_step(void **state)
{
    struct pair p = paired();
    uint8_t step;

    (void)state;
    for (int i = 0; i < 300; i++) { /* the step itself wraps */
        struct datagram block = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
        assert_int_equal(opened(&p.node, ASSOC_DOWN, block, &step), SSM_OK);
        assert_int_equal(step, (uint8_t)i);
        assoc_ratchet_node(&p.node, step);
        assert_int_equal(opened(&p.gateway, ASSOC_UP, sealed(&p.node, ASSOC_UP, "hello, node!"), NULL),
                         SSM_OK);
        assoc_ratchet_gateway(&p.gateway);
        assert_memory_equal(p.gateway.down_key, p.node.down_key, AES_KEY_LEN);
        struct assoc stolen = p.gateway;
        assert_int_equal(opened(&stolen, ASSOC_DOWN, block, NULL), SSM_BAD_TAG);
    }
}

/* The acknowledgement is lost and the same datagram comes again: nothing changes, the node can acknowledge
 * again. */
static void ratchet_repeated_block(void **state)
{
    struct pair p = paired();
    struct datagram block = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    struct assoc before;
    uint8_t step;

    (void)state;
    assert_int_equal(opened(&p.node, ASSOC_DOWN, block, &step), SSM_OK);
    assoc_ratchet_node(&p.node, step);
    before = p.node;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(opened(&p.node, ASSOC_DOWN, block, &step), SSM_REPLAYED);
        assert_int_equal(step, 0);
        assoc_ratchet_node(&p.node, step);
        assert_memory_equal(&p.node, &before, sizeof before);
    }
}

/*
 * The gateway gave the first block up without an acknowledgement, so it did not ratchet, and sends another
 * under the same step with a fresh counter. The node takes it with the key that it kept, and both end up at
 * the same next step.
 */
static void ratchet_gateway_gave_up_a_block(void **state)
{
    struct pair p = paired();
    uint8_t step;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct datagram block = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
        assert_int_equal(opened(&p.node, ASSOC_DOWN, block, &step), SSM_OK);
        assert_int_equal(step, 0);
        assoc_ratchet_node(&p.node, step);
        assert_int_equal(p.node.step, 1);
        assert_true(p.node.has_before);
    }
    assoc_ratchet_gateway(&p.gateway);
    assert_memory_equal(p.gateway.down_key, p.node.down_key, AES_KEY_LEN);
}

/* The first message under the present step wipes the key of the step before, and what that sealed opens no
 * more. */
static void ratchet_wipes_the_step_before(void **state)
{
    static const uint8_t ZEROS[AES_KEY_LEN];
    struct pair p = paired();
    struct datagram block = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    struct datagram late = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    uint8_t step;

    (void)state;
    assert_int_equal(opened(&p.node, ASSOC_DOWN, block, &step), SSM_OK);
    assoc_ratchet_node(&p.node, step);
    assoc_ratchet_gateway(&p.gateway);
    struct datagram next = sealed(&p.gateway, ASSOC_DOWN, "hello, node!");
    assert_int_equal(next.bytes[0] & 0x10, 0x10);
    struct datagram forged = next;
    forged.bytes[FRAME_LEN - 1] ^= 1;
    assert_int_equal(opened(&p.node, ASSOC_DOWN, forged, NULL), SSM_BAD_TAG);
    assert_true(p.node.has_before); /* a forgery wipes nothing */
    assert_int_equal(opened(&p.node, ASSOC_DOWN, next, &step), SSM_OK);
    assert_int_equal(step, 1);
    assert_false(p.node.has_before);
    assert_memory_equal(p.node.down_key_before, ZEROS, AES_KEY_LEN);
    assert_int_equal(opened(&p.node, ASSOC_DOWN, late, NULL), SSM_BAD_TAG);
    assert_int_equal(opened(&p.node, ASSOC_DOWN, block, NULL), SSM_BAD_TAG);
}

static void wipe_leaves_nothing(void **state)
{
    static const struct assoc EMPTY;
    struct pair p = paired();

    (void)state;
    assoc_wipe(&p.node);
    assert_memory_equal(&p.node, &EMPTY, sizeof EMPTY);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(full_exchange),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(each_flipped_bit_is_refused),
        cmocka_unit_test(wrong_psk_is_refused),
        cmocka_unit_test(proof_covers_the_whole_transcript),
        cmocka_unit_test(names_cannot_be_shifted),
        cmocka_unit_test(a_message_is_not_good_as_another),
        cmocka_unit_test(lengths_are_exact),
        cmocka_unit_test(request_covers_the_node_alone),
        cmocka_unit_test(names),
        cmocka_unit_test(numbers),
        cmocka_unit_test(derived_keys_differ),
        cmocka_unit_test(control_round_trip),
        cmocka_unit_test(control_known_answer),
        cmocka_unit_test(replayed_control_message),
        cmocka_unit_test(each_flipped_bit_of_a_control_message),
        cmocka_unit_test(wrong_direction_is_refused),
        cmocka_unit_test(other_association_is_refused),
        cmocka_unit_test(truncated_control_message),
        cmocka_unit_test(counter_exhaustion),
        cmocka_unit_test(ratchet_in_step),
        cmocka_unit_test(ratchet_repeated_block),
        cmocka_unit_test(ratchet_gateway_gave_up_a_block),
        cmocka_unit_test(ratchet_wipes_the_step_before),
        cmocka_unit_test(wipe_leaves_nothing),
    };

    return cmocka_run_group_tests_name("assoc", TESTS, NULL, NULL);
}
