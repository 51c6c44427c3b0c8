/*
 * The DTLS engine under fragments (RFC 6347 4.2.3): a real client's flight cut into other pieces, in other
 * order, among lies. Honest content completes; nothing crashes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "flow/peer_mbedtls.c"
#include "certificates.h"
#include "handshake_side.h"
#include "seeded.h"

#include <stdio.h>

enum {
    PORT = 4000,
    FRAGMENT_HEADER_LEN = 12, /* RFC 6347 4.2.2 */
    MESSAGES_MAX = 8,
    MESSAGE_MAX = 1024,
    PIECES_MAX = 4096,
    FIRST_SEQ = 100, /* of the records that are made here: above all of the client's */
    LIES = 3000,
};

/* A handshake message of the client. */
struct whole {
    uint8_t type;
    uint16_t number;
    size_t len;
    uint8_t body[MESSAGE_MAX];
};

/* One fragment, and what its header says of it. */
struct piece {
    const struct whole *message;
    uint32_t message_len;
    uint32_t offset;
    uint32_t len;
    uint16_t number;
};

struct world {
    struct handshake_mbedtls *library;
    struct test_certificate *gateway;
    struct test_certificate *alice;
    struct side side;
    struct whole messages[MESSAGES_MAX]; /* the client's flight in clear */
    unsigned count;
    struct peer_datagram rest; /* from its ChangeCipherSpec on */
    struct piece pieces[PIECES_MAX];
    unsigned piece_count;
    uint16_t seq;
};

/* ---- the flight ---- */

static uint32_t u24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | bytes_u16(p + 1);
}

static void put_u24(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 16);
    bytes_put_u16(p + 1, (uint16_t)value);
}

static void take_message(struct world *w, const uint8_t *at)
{
    const uint16_t number = bytes_u16(at + 4);
    struct whole *m = w->count > 0 && w->messages[w->count - 1].number == number ? &w->messages[w->count - 1]
                                                                                 : &w->messages[w->count++];

    assert_true(w->count <= MESSAGES_MAX && u24(at + 1) <= MESSAGE_MAX);
    m->type = at[0];
    m->number = number;
    m->len = u24(at + 1);
    memcpy(m->body + u24(at + 6), at + FRAGMENT_HEADER_LEN, u24(at + 9));
}

static void take_datagram(struct world *w, const struct peer_datagram *d)
{
    for (size_t at = 0; at < d->len; at += RECORD_HEADER_LEN + bytes_u16(d->bytes + at + 11)) {
        if (d->bytes[at] != RECORD_HANDSHAKE) {
            w->rest.len = d->len - at;
            memcpy(w->rest.bytes, d->bytes + at, w->rest.len);
            return;
        }
        take_message(w, d->bytes + at + RECORD_HEADER_LEN);
    }
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct side *s = &w->side;

    w->gateway = test_certificate_make(&(struct test_plan){.subject = "CN=gateway", .is_for_servers = true});
    w->alice = test_certificate_make(&(struct test_plan){.subject = "CN=alice"});
    w->library = handshake_mbedtls_create(1);
    assert_int_equal(
        handshake_mbedtls_set_credentials(
            w->library, &(struct credentials){.ecdsa = {{w->gateway->pem, strlen(w->gateway->pem) + 1},
                                                        {w->gateway->key, strlen(w->gateway->key) + 1}}}),
        SSM_OK);
    side_open(s, w->library, 0, PORT, &peer_mbedtls);
    s->is_pinned = true;
    side_connect(
        s, &(struct peer_config){.suites = PEER_ECDSA, .certificate = w->alice->pem, .key = w->alice->key});
    side_talk(s, 2);
    s->is_holding = true;
    side_talk(s, 1);
    for (unsigned i = 0; i < s->held_count; i++)
        take_datagram(w, &s->held[i]);
    s->is_holding = false;
    assert_int_equal(w->count, 3); /* Certificate, ClientKeyExchange, CertificateVerify */
    assert_true(w->rest.len > 0);
    w->seq = FIRST_SEQ;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    side_close(&w->side);
    handshake_mbedtls_destroy(w->library);
    test_certificate_free(w->alice);
    test_certificate_free(w->gateway);
    free(w);
    return 0;
}

/* ---- pieces ---- */

static void add_piece(struct world *w, const struct whole *m, uint32_t offset, uint32_t len)
{
    assert_true(w->piece_count < PIECES_MAX);
    w->pieces[w->piece_count++] = (struct piece){m, (uint32_t)m->len, offset, len, m->number};
}

/* Cuts all messages into pieces of `size`, each of which reaches `overlap` into the next. */
static void cut(struct world *w, uint32_t size, uint32_t overlap)
{
    for (unsigned i = 0; i < w->count; i++) {
        const uint32_t total = (uint32_t)w->messages[i].len;

        for (uint32_t at = 0; at < total; at += size) {
            const uint32_t left = total - at;
            add_piece(w, &w->messages[i], at, left < size + overlap ? left : size + overlap);
        }
    }
}

/* Feeds a record of epoch 0 over `body`. */
static void feed_body(struct world *w, uint8_t type, const uint8_t *body, size_t len)
{
    uint8_t record[RECORD_HEADER_LEN + FRAGMENT_HEADER_LEN + MESSAGE_MAX] = {type, 0xFE, 0xFD};

    assert_true(len <= sizeof record - RECORD_HEADER_LEN);
    bytes_put_u16(record + 9, w->seq++);
    bytes_put_u16(record + 11, (uint16_t)len);
    memcpy(record + RECORD_HEADER_LEN, body, len);
    if (!side_is_over(&w->side))
        side_feed_record(&w->side, record, RECORD_HEADER_LEN + len, 0);
}

/* As the header says, whether there are as many bytes or not. */
static void feed_piece(struct world *w, const struct piece *p)
{
    uint8_t body[FRAGMENT_HEADER_LEN + MESSAGE_MAX] = {p->message->type};
    const size_t there = p->offset < p->message->len ? p->message->len - p->offset : 0;
    const size_t len = p->len < there ? p->len : there;

    put_u24(body + 1, p->message_len);
    bytes_put_u16(body + 4, p->number);
    put_u24(body + 6, p->offset);
    put_u24(body + 9, p->len);
    memcpy(body + FRAGMENT_HEADER_LEN, p->message->body + (p->offset < MESSAGE_MAX ? p->offset : 0), len);
    feed_body(w, RECORD_HANDSHAKE, body, FRAGMENT_HEADER_LEN + len);
}

static void feed_pieces(struct world *w)
{
    for (unsigned i = 0; i < w->piece_count; i++)
        feed_piece(w, &w->pieces[i]);
}

static void assert_completes(struct world *w)
{
    struct side *s = &w->side;

    assert_int_equal(s->result, HANDSHAKE_CONTINUE);
    bytes_put_u16(w->rest.bytes + 9, w->seq); /* or it would be taken for an old record */
    side_feed(s, w->rest.bytes, w->rest.len);
    side_talk(s, 1);
    side_assert_same_keys(s);
}

static uint32_t below(uint32_t limit)
{
    return seeded_u32() % limit;
}

static void shuffle(struct world *w)
{
    for (unsigned i = w->piece_count; i > 1; i--) {
        const unsigned j = below(i);
        const struct piece swapped = w->pieces[j];

        w->pieces[j] = w->pieces[i - 1];
        w->pieces[i - 1] = swapped;
    }
}

/* ---- tests ---- */

static void one_byte_pieces_complete(void **state)
{
    struct world *w = *state;

    cut(w, 1, 0);
    feed_pieces(w);
    assert_completes(w);
}

static void pieces_in_reverse_complete(void **state)
{
    struct world *w = *state;

    cut(w, 1, 0);
    for (unsigned i = w->piece_count; i-- > 0;)
        feed_piece(w, &w->pieces[i]);
    assert_completes(w);
}

static void overlapping_pieces_complete(void **state)
{
    struct world *w = *state;

    cut(w, 7, 20);
    feed_pieces(w);
    assert_completes(w);
}

static void shuffled_and_repeated_pieces_complete(void **state)
{
    struct world *w = *state;

    cut(w, 1, 0);
    cut(w, 5, 3);
    cut(w, 64, 0);
    shuffle(w);
    feed_pieces(w);
    assert_completes(w);
}

/* Each lie about a message that has begun is passed over. */
static void pieces_with_lying_lengths_change_nothing(void **state)
{
    struct world *w = *state;

    cut(w, 16, 0);
    for (unsigned i = 0; i < w->piece_count; i++) {
        const struct piece honest = w->pieces[i];
        struct piece lies[] = {honest, honest, honest, honest, honest, honest};

        feed_piece(w, &honest);
        lies[0].message_len++;                             /* another length than before */
        lies[1].offset = (uint32_t)honest.message_len + 1; /* beyond the message */
        lies[2].len = 0xFFFFFF;                            /* more than the record holds, and than fits */
        lies[3].offset = lies[3].len = 0xFFFFFF;           /* whose sum wraps */
        lies[4].message_len = 0xFFFFFF;
        lies[5].number = (uint16_t)(honest.number + 1000); /* far ahead */
        for (size_t lie = 0; lie < sizeof lies / sizeof lies[0]; lie++)
            if (w->piece_count > i + 1) /* before the message that comes next is expected */
                feed_piece(w, &lies[lie]);
    }
    assert_completes(w);
}

static void records_without_sense_change_nothing(void **state)
{
    static const uint8_t ZEROS[32];
    struct world *w = *state;

    for (size_t len = 0; len < FRAGMENT_HEADER_LEN; len++)
        feed_body(w, RECORD_HANDSHAKE, ZEROS, len);
    feed_body(w, RECORD_CHANGE_CIPHER_SPEC, ZEROS, 0);
    feed_body(w, RECORD_CHANGE_CIPHER_SPEC, ZEROS, 1);
    feed_body(w, RECORD_CHANGE_CIPHER_SPEC, ZEROS, 2);
    feed_body(w, RECORD_ALERT, ZEROS, 1);
    feed_body(w, RECORD_ALERT, ZEROS, 3);
    feed_body(w, RECORD_APPLICATION_DATA, ZEROS, sizeof ZEROS);
    feed_body(w, 99, ZEROS, sizeof ZEROS);
    cut(w, MESSAGE_MAX, 0);
    feed_pieces(w);
    assert_completes(w);
}

/* The library stays alive whatever comes; a handshake may fail, with one alert. */
static void random_pieces_crash_nothing(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < LIES; i++) {
        const struct whole *m = &w->messages[below(w->count)];
        const struct piece p = {
            .message = m,
            .message_len = below(2) == 0 ? (uint32_t)m->len : below(1U << (1 + i % 24)),
            .offset = below((uint32_t)m->len + 2),
            .len = below((uint32_t)m->len + 2),
            .number = (uint16_t)(m->number + below(4)),
        };

        feed_piece(w, &p);
        assert_int_not_equal(w->side.result, HANDSHAKE_DONE);
    }
    assert_in_range(w->side.alerts, 0, 1);
}

int main(void)
{
#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WORLD(one_byte_pieces_complete),
        WORLD(pieces_in_reverse_complete),
        WORLD(overlapping_pieces_complete),
        WORLD(shuffled_and_repeated_pieces_complete),
        WORLD(pieces_with_lying_lengths_change_nothing),
        WORLD(records_without_sense_change_nothing),
        WORLD(random_pieces_crash_nothing),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
