/*
 * Every sequence of records that a client might send, before the delegator with the real DTLS library: a key
 * block is shipped exactly when the handshake of RFC 5246 7.3 and RFC 6347 4.2 has been completed, and never
 * otherwise.
 *
 * A letter is a record: a message type, its epoch, and whether it is as an honest client would send it at
 * this point, or altered (in epoch 1: under another key). Datagrams overtake each other, so
 * ClientKeyExchange, ChangeCipherSpec and Finished may come in any order; but each of them must come, and
 * Finished must be protected and right.
 */
#include "scene.h"

#include "handshake_filter.h"
#include "sequences.h"

enum kind { /* of handshake messages, RFC 5246 7.4, and of other records */
            KIND_HELLO_REQUEST,
            KIND_CLIENT_HELLO,
            KIND_SERVER_HELLO,
            KIND_HELLO_VERIFY_REQUEST,
            KIND_NEW_SESSION_TICKET,
            KIND_CERTIFICATE,
            KIND_SERVER_KEY_EXCHANGE,
            KIND_CERTIFICATE_REQUEST,
            KIND_SERVER_HELLO_DONE,
            KIND_CERTIFICATE_VERIFY,
            KIND_CLIENT_KEY_EXCHANGE,
            KIND_FINISHED,
            KIND_CHANGE_CIPHER_SPEC,
            KIND_WARNING,
            KIND_FATAL_ALERT,
            KIND_APPLICATION_DATA,
            KIND_HEARTBEAT,
            KIND_UNKNOWN,
            KINDS
};

enum {
    EPOCHS = 2,
    VARIANTS = 2, /* as it should be, altered */
    LETTERS = KINDS * EPOCHS * VARIANTS,
    HELLO_SEQ = 1, /* message_seq of the hello with the cookie, and so on */
    KEY_EXCHANGE_SEQ = 2,
    FINISHED_SEQ = 3,
    BODY_MAX = 64,
    ALERT_NO_RENEGOTIATION = 100,
    CONTENT_UNKNOWN = 99,
    HANDSHAKE_MS = 60000, /* an unfinished one is given up */
};

static const struct {
    const char *name;
    uint8_t content;
    uint8_t type; /* of a handshake message */
} KIND[KINDS] = {
    [KIND_HELLO_REQUEST] = {"HelloRequest", RECORD_HANDSHAKE, RAW_HELLO_REQUEST},
    [KIND_CLIENT_HELLO] = {"ClientHello", RECORD_HANDSHAKE, RAW_CLIENT_HELLO},
    [KIND_SERVER_HELLO] = {"ServerHello", RECORD_HANDSHAKE, RAW_SERVER_HELLO},
    [KIND_HELLO_VERIFY_REQUEST] = {"HelloVerifyRequest", RECORD_HANDSHAKE, RAW_HELLO_VERIFY_REQUEST},
    [KIND_NEW_SESSION_TICKET] = {"NewSessionTicket", RECORD_HANDSHAKE, 4},
    [KIND_CERTIFICATE] = {"Certificate", RECORD_HANDSHAKE, RAW_CERTIFICATE},
    [KIND_SERVER_KEY_EXCHANGE] = {"ServerKeyExchange", RECORD_HANDSHAKE, RAW_SERVER_KEY_EXCHANGE},
    [KIND_CERTIFICATE_REQUEST] = {"CertificateRequest", RECORD_HANDSHAKE, RAW_CERTIFICATE_REQUEST},
    [KIND_SERVER_HELLO_DONE] = {"ServerHelloDone", RECORD_HANDSHAKE, RAW_SERVER_HELLO_DONE},
    [KIND_CERTIFICATE_VERIFY] = {"CertificateVerify", RECORD_HANDSHAKE, RAW_CERTIFICATE_VERIFY},
    [KIND_CLIENT_KEY_EXCHANGE] = {"ClientKeyExchange", RECORD_HANDSHAKE, RAW_CLIENT_KEY_EXCHANGE},
    [KIND_FINISHED] = {"Finished", RECORD_HANDSHAKE, RAW_FINISHED},
    [KIND_CHANGE_CIPHER_SPEC] = {"ChangeCipherSpec", RECORD_CHANGE_CIPHER_SPEC, 0},
    [KIND_WARNING] = {"Alert, warning", RECORD_ALERT, 0},
    [KIND_FATAL_ALERT] = {"Alert, fatal", RECORD_ALERT, 0},
    [KIND_APPLICATION_DATA] = {"ApplicationData", RECORD_APPLICATION_DATA, 0},
    [KIND_HEARTBEAT] = {"Heartbeat", RECORD_HEARTBEAT, 0},
    [KIND_UNKNOWN] = {"unknown content type", CONTENT_UNKNOWN, 0},
};

struct letter {
    enum kind kind;
    uint16_t epoch;
    bool is_altered;
};

static struct letter letter_of(uint8_t number)
{
    return (struct letter){.kind = number / (EPOCHS * VARIANTS),
                           .epoch = number / VARIANTS % EPOCHS,
                           .is_altered = number % 2 != 0};
}

static void letter_print(uint8_t number)
{
    struct letter l = letter_of(number);

    printf("%s, epoch %u%s", KIND[l.kind].name, l.epoch,
           !l.is_altered ? ""
           : l.epoch > 0 ? ", under another key"
                         : ", altered");
}

/* ---- the delegator ---- */

static struct world *world;
static struct handshake_engine engine;
static unsigned fed; /* records that have reached the library */

static enum handshake_result count_feed(struct handshake *h, const uint8_t *record, size_t len,
                                        uint64_t now_ms)
{
    fed += record == NULL || handshake_filter_pass(record, len);
    return engine.feed(h, record, len, now_ms);
}

static void world_begin(void)
{
    world = world_create();
    engine = handshake_mbedtls_engine(world->library);
    struct handshake_engine counting = engine;
    counting.feed = count_feed;
    world_start_over(world, &counting);
    world_list_sessions(world, NULL, 0, 0);
    world_associate(world, &world->nodes[0], 1, 1);
    world_expect_no_sessions(world, &world->nodes[0]);
    world_forget_messages(world);
}

/* ---- the client ---- */

/* The client as it will be once it has sent its ClientKeyExchange, whatever it has sent so far. */
static struct raw_client client_ahead(const struct raw_client *c)
{
    struct raw_client ahead = *c;
    uint8_t psk[SUBSCRIBER_PSK_MIN];
    uint8_t exchange[BODY_MAX];

    if (raw_find(c, RAW_SERVER_HELLO_DONE) == NULL)
        return ahead;
    memset(psk, ALICE_KEY, sizeof psk);
    ahead.message_seq = KEY_EXCHANGE_SEQ;
    (void)raw_note_message(&ahead, RAW_CLIENT_KEY_EXCHANGE, exchange,
                           raw_psk_key_exchange("alice", 5, exchange));
    raw_derive_psk(&ahead, psk, sizeof psk);
    return ahead;
}

/* The body of a handshake message; of those that no client sends, something of the kind. */
static size_t body_make(const struct raw_client *ahead, enum kind kind, uint8_t *out)
{
    memset(out, 0, BODY_MAX);
    switch (kind) {
    case KIND_HELLO_REQUEST:
    case KIND_SERVER_HELLO_DONE:
        return 0;
    case KIND_CLIENT_KEY_EXCHANGE:
        return raw_psk_key_exchange("alice", 5, out);
    case KIND_FINISHED:
        raw_verify_data(ahead, "client finished", out);
        return RAW_VERIFY_LEN;
    case KIND_SERVER_HELLO:
        bytes_put_u16(out, RAW_VERSION_DTLS12);
        return 2 + RAW_RANDOM_LEN + 1 + 2 + 1;
    default:
        return 4;
    }
}

static uint16_t message_seq_of(const struct raw_client *c, enum kind kind)
{
    if (kind == KIND_CLIENT_HELLO)
        return c->cookie_len > 0 ? HELLO_SEQ : 0;
    return kind == KIND_FINISHED ? FINISHED_SEQ : KEY_EXCHANGE_SEQ;
}

/* A handshake message with its header; returns the length. */
static size_t message_make(const struct raw_client *ahead, const struct letter *l, uint8_t *out)
{
    struct writer w = writer_over(out, RAW_HANDSHAKE_HEADER_LEN + BODY_MAX);
    uint8_t body[BODY_MAX];
    size_t len = body_make(ahead, l->kind, body);

    if (l->is_altered && l->epoch == 0) {
        len += len == 0;
        body[len - 1] ^= 1;
    }
    writer_u8(&w, KIND[l->kind].type);
    writer_u8(&w, 0);
    writer_u16(&w, (uint16_t)len);
    writer_u16(&w, message_seq_of(ahead, l->kind));
    writer_u8(&w, 0);
    writer_u16(&w, 0);
    writer_u8(&w, 0);
    writer_u16(&w, (uint16_t)len);
    writer_bytes(&w, body, len);
    return w.len;
}

/* A record that is no handshake message. */
static size_t content_make(const struct letter *l, uint8_t *out)
{
    size_t len = 1;

    out[0] = 1;
    if (KIND[l->kind].content == RECORD_ALERT) {
        out[0] = l->kind == KIND_WARNING ? RAW_LEVEL_WARNING : RAW_LEVEL_FATAL;
        out[1] = l->kind == KIND_WARNING ? ALERT_NO_RENEGOTIATION : RAW_ALERT_INTERNAL_ERROR;
        len = 2;
    }
    if (l->is_altered && l->epoch == 0)
        out[len++] = 2; /* and so too long */
    return len;
}

/* The first hello, or the one with the cookie: never a third. */
static void hello_send(struct scene *s, bool is_altered)
{
    struct raw_hello hello = raw_hello_psk();
    struct raw_client *c = &s->client;

    hello.random[0] = is_altered;
    c->message_seq = message_seq_of(c, KIND_CLIENT_HELLO);
    if (raw_find(c, RAW_SERVER_HELLO_DONE) == NULL && !is_altered) {
        raw_send_hello(c, &hello);
        return;
    }
    struct raw_client other = *c; /* the handshake of `c` is not changed by it */
    raw_send_hello(&other, &hello);
    c->seq[0] = other.seq[0];
}

static void letter_send(struct scene *s, const struct letter *l)
{
    struct raw_client ahead = client_ahead(&s->client);
    uint8_t buf[RAW_HANDSHAKE_HEADER_LEN + BODY_MAX];
    size_t len;

    if (l->kind == KIND_CLIENT_HELLO && l->epoch == 0) {
        hello_send(s, l->is_altered);
        return;
    }
    if (KIND[l->kind].content == RECORD_HANDSHAKE)
        len = message_make(&ahead, l, buf);
    else
        len = content_make(l, buf);
    if (l->is_altered && l->epoch > 0)
        ahead.client_key.key[0] ^= 1;
    s->client.server_key = ahead.server_key;
    raw_send_record(&ahead, KIND[l->kind].content, l->epoch, buf, len);
    s->client.seq[0] = ahead.seq[0];
    s->client.seq[1] = ahead.seq[1];
}

/* ---- a sequence ---- */

/* Does it hold all that a handshake consists of? The cookie is bound to the address, so that it may have been
 * asked for with another hello (RFC 6347 4.2.1: the server "SHOULD" compare them). */
static bool is_complete(const uint8_t *sequence, unsigned len)
{
    unsigned hellos = 0;
    bool has_hello = false;
    bool has_exchange = false;
    bool has_change = false;
    bool has_finished = false;

    for (unsigned i = 0; i < len; i++) {
        struct letter l = letter_of(sequence[i]);
        hellos += l.kind == KIND_CLIENT_HELLO && l.epoch == 0;
        has_hello |= l.kind == KIND_CLIENT_HELLO && l.epoch == 0 && !l.is_altered && hellos > 1;
        if (!has_hello || l.is_altered)
            continue;
        has_exchange |= l.kind == KIND_CLIENT_KEY_EXCHANGE && l.epoch == 0;
        has_change |= l.kind == KIND_CHANGE_CIPHER_SPEC && l.epoch == 0;
        has_finished |= l.kind == KIND_FINISHED && l.epoch == 1;
    }
    return has_exchange && has_change && has_finished;
}

/* The handshake of the RFCs, and nothing else. */
#define LETTER(kind, epoch) ((kind) * EPOCHS * VARIANTS + (epoch) * VARIANTS)
static const uint8_t LEGAL[] = {LETTER(KIND_CLIENT_HELLO, 0), LETTER(KIND_CLIENT_HELLO, 0),
                                LETTER(KIND_CLIENT_KEY_EXCHANGE, 0), LETTER(KIND_CHANGE_CIPHER_SPEC, 0),
                                LETTER(KIND_FINISHED, 1)};

static bool has_fatal_alert(const struct raw_client *c)
{
    for (size_t i = 0; i < c->alert_count; i++)
        if (c->alerts[i].level == RAW_LEVEL_FATAL)
            return true;
    return false;
}

/* The key block was shipped: rightly? Then the hand-over is called off, for the sake of the next sequence. */
static void judge_prepare(struct scene *s, const struct message *prepare, const uint8_t *sequence,
                          unsigned len)
{
    struct message abort_it = {.type = MSG_SESSION_ABORT, .connection = prepare->connection};

    if (!is_complete(sequence, len))
        sequence_fail("a key block was shipped");
    raw_receive(&s->client, prepare->data[2].at, prepare->data[2].len);
    if (s->client.alerts_sealed > 0)
        sequence_fail("the gateway sealed an alert");
    delegator_on_message(world->delegator, &abort_it, world->now_ms);
    world_expect_no_sessions(world, &world->nodes[0]);
}

static enum sequence_end play(const uint8_t *sequence, unsigned len)
{
    static uint16_t port;
    struct scene s = {.world = world};
    size_t messages = 0;
    unsigned fed_before = 0;

    scene_add_client(&s, ++port);
    s.client.ctx = &s;
    world_forget_messages(world);
    for (unsigned i = 0; i < len; i++) {
        struct letter l = letter_of(sequence[i]);
        s.client.record_count = 0; /* what is said to strangers has numbers of its own */
        messages = world->message_count;
        fed_before = fed;
        letter_send(&s, &l);
    }
    struct letter last = letter_of(sequence[len - 1]);
    /* A protected handshake record may be kept until there are keys, or for two seconds. */
    bool is_kept = last.epoch == 1 && KIND[last.kind].content == RECORD_HANDSHAKE &&
                   raw_find(&s.client, RAW_SERVER_HELLO_DONE) != NULL;
    bool is_unchanged = world->message_count == messages && fed == fed_before && !is_kept;
    bool is_closed = has_fatal_alert(&s.client) || world_take(world, MSG_SESSION_ABORT) != NULL;
    scene_wait(&s, SCENE_PATIENCE_MS);
    const struct message *prepare = world_take(world, MSG_SESSION_PREPARE);
    if (prepare != NULL)
        judge_prepare(&s, prepare, sequence, len);
    else if (len == sizeof LEGAL && memcmp(sequence, LEGAL, len) == 0)
        sequence_fail("the handshake was not completed");
    scene_wait(&s, HANDSHAKE_MS); /* until nothing is left of it */
    if (prepare != NULL || is_closed)
        return SEQUENCE_CLOSED;
    return is_unchanged ? SEQUENCE_UNCHANGED : SEQUENCE_GOES_ON;
}

int main(int argc, char **argv)
{
    static const struct sequences SEQUENCES = {"delegator", LETTERS, play, letter_print};
    struct sequence_options o = sequence_options_parse(argc, argv);

    world_begin();
    (void)play(LEGAL, sizeof LEGAL); /* also where the walk is shorter */
    sequences_walk(&SEQUENCES, o.length, o.only);
    world_destroy(world);
    return 0;
}
