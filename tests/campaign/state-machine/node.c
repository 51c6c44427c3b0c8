/*
 * Every sequence of datagrams that may reach a node on its link, before the firmware's core: associations,
 * control messages and records of all kinds, honest, repeated, altered, under other keys, out of place.
 *
 * What is not authentic changes nothing and is not answered, but for a REJOIN. Before it is associated a node
 * says nothing but that it would be; in a session it says nothing before it holds its keys and has opened a
 * record of its peer.
 */
#include "node_world.h"

#include "sequences.h"

enum {
    SESSIONS_MAX = SEQUENCE_MAX + 1,
    FIRST_SESSION = 1,
    SLOTS = 2,
    SECOND_MS = 1000,
    UNUSED_MS = 31000,
    NOBODY = 0x7777
};

/* One point of the walk. */
struct scene {
    struct world world;
    struct datagram request; /* of the node, the latest */
    struct datagram confirm;
    struct datagram answer_before; /* to the request before that, or to none */
    struct datagram keyblock;      /* the latest sealed */
    struct datagram record;        /* the latest of a peer */
    struct peer peers[SESSIONS_MAX];
    bool is_installed[SESSIONS_MAX]; /* its key block was delivered under the node's association */
    bool is_heard[SESSIONS_MAX];     /* and then an authentic record of its peer */
    uint16_t session;                /* the latest that was offered; 0: none */
    bool is_derived;                 /* the gateway holds keys with the node */
    bool is_confirmed;               /* and has said something under them, or under those before */
};

static struct scene scene;
static struct scene before[SEQUENCE_MAX + 1]; /* that many letters */

/* ---- letters ---- */

static struct datagram altered(struct datagram d)
{
    if (d.len > 0)
        d.bytes[d.len - 1] ^= 1;
    return d;
}

static struct datagram bytes_of(const void *bytes, size_t len)
{
    struct datagram d = {.len = len};

    memcpy(d.bytes, bytes, len);
    return d;
}

static struct datagram rejoin(void)
{
    return bytes_of("\x20", 1);
}

static struct datagram answer(void)
{
    return gateway_answer(&scene.world);
}

static struct datagram answer_altered(void)
{
    return altered(answer());
}

static struct datagram answer_before(void)
{
    return scene.answer_before;
}

static struct datagram request_reflected(void)
{
    return scene.request;
}

static struct datagram confirm_reflected(void)
{
    return scene.confirm;
}

/* Sealed by the gateway, or, as long as that has no keys with the node, by somebody else. */
static struct datagram control(uint8_t resource, const void *payload, size_t len)
{
    return gateway_seal_request(&scene.world, resource, payload, len);
}

static struct datagram live_list(void)
{
    uint8_t list[SESSIONS_MAX * 2];
    struct writer w = writer_over(list, sizeof list);

    for (uint16_t i = FIRST_SESSION; i < SESSIONS_MAX; i++)
        if (scene.is_installed[i] && w.len < CONTROL_LIVE_MAX * 2)
            writer_u16(&w, i);
    return control(CONTROL_LIVE, list, w.len);
}

static struct datagram live_list_altered(void)
{
    return altered(live_list());
}

static struct datagram live_list_empty(void)
{
    return control(CONTROL_LIVE, NULL, 0);
}

static struct datagram keyblock_of(uint16_t session)
{
    uint8_t block[KEYBLOCK_LEN];

    scene.peers[session] = peer_make(session, (uint8_t)(session % SLOTS));
    keyblock_encode(&scene.peers[session].block, block);
    scene.keyblock = control(CONTROL_KEYBLOCK, block, sizeof block);
    return scene.keyblock;
}

static struct datagram keyblock(void)
{
    return keyblock_of(++scene.session);
}

static struct datagram keyblock_altered(void)
{
    struct datagram again = scene.keyblock;
    struct datagram d = altered(keyblock_of(SESSIONS_MAX - 1));

    scene.keyblock = again;
    return d;
}

static struct datagram keyblock_again(void)
{
    return scene.keyblock;
}

static struct datagram keyblock_of_nonsense(void)
{
    uint8_t block[KEYBLOCK_LEN];

    memset(block, 0xFF, sizeof block);
    return control(CONTROL_KEYBLOCK, block, sizeof block);
}

static struct datagram unknown_resource(void)
{
    return control('x', NULL, 0);
}

static struct datagram malformed_control(void)
{
    struct datagram d = {.len = CONTROL_OVERHEAD + 2};

    assert_int_equal(assoc_seal(&scene.world.gateway, ASSOC_DOWN, d.bytes, 2), SSM_OK);
    return d;
}

static struct datagram acknowledgement(void)
{
    struct datagram d;
    size_t len = control_encode_ack(scene.session, COAP_CHANGED, d.bytes + CONTROL_HEADER_LEN);

    assert_int_equal(assoc_seal(&scene.world.gateway, ASSOC_DOWN, d.bytes, len), SSM_OK);
    d.len = len + CONTROL_OVERHEAD;
    return d;
}

static struct datagram control_of_a_stranger(void)
{
    struct assoc stranger = {.down_key = {7}, .hint = scene.world.gateway.hint};
    struct datagram d;
    size_t len = control_encode_request(CONTROL_LIVE, 1, NULL, 0, d.bytes + CONTROL_HEADER_LEN);

    assert_int_equal(assoc_seal(&stranger, ASSOC_DOWN, d.bytes, len), SSM_OK);
    d.len = len + CONTROL_OVERHEAD;
    return d;
}

static struct datagram record_of(struct peer *p, uint8_t type, const void *body, size_t len)
{
    struct datagram d = peer_seal(p, type, p->send_seq, NULL, body, len);

    seq48_increment(&p->send_seq);
    return d;
}

static struct peer *peer_now(void)
{
    return &scene.peers[scene.session];
}

/* GET /temperature, non-confirmable. */
static const uint8_t GET[] = "\x50\x01\x00\x01\xbbtemperature";

static struct datagram data(void)
{
    scene.record = record_of(peer_now(), RECORD_APPLICATION_DATA, GET, sizeof GET - 1);
    return scene.record;
}

static struct datagram data_altered(void)
{
    struct peer p = *peer_now();

    return altered(record_of(&p, RECORD_APPLICATION_DATA, GET, sizeof GET - 1));
}

static struct datagram data_again(void)
{
    return scene.record;
}

static struct datagram data_for_nobody(void)
{
    struct peer p = peer_make(NOBODY, 0);

    return record_of(&p, RECORD_APPLICATION_DATA, GET, sizeof GET - 1);
}

static struct datagram data_under_another_key(void)
{
    struct peer p = *peer_now();

    p.block.client.key[0] ^= 1;
    return record_of(&p, RECORD_APPLICATION_DATA, GET, sizeof GET - 1);
}

static struct datagram data_without_handle(void)
{
    struct datagram d = data_altered();

    d.bytes[1] = d.bytes[2] = 0;
    return d;
}

static struct datagram data_with_reserved_bit(void)
{
    struct datagram d = data_altered();

    d.bytes[0] |= 1;
    return d;
}

static struct datagram close_notify(void)
{
    return record_of(peer_now(), RECORD_ALERT, "\1\0", 2);
}

static struct datagram fatal_alert(void)
{
    return record_of(peer_now(), RECORD_ALERT, "\2\50", 2);
}

static struct datagram warning(void)
{
    return record_of(peer_now(), RECORD_ALERT, "\1\144", 2);
}

static struct datagram nothing(void)
{
    return (struct datagram){0};
}

static struct datagram reserved_kind_0(void)
{
    return bytes_of("\0abcdefghijklmnopqrstuvwxyz", 26);
}

static struct datagram reserved_kind_7(void)
{
    return bytes_of("\xE0"
                    "bcdefghijklmnopqrstuvwxyz",
                    26);
}

enum trust {
    FORGED,  /* or not for the node: changes nothing, and is not answered */
    ANYBODY, /* REJOIN */
    GATEWAY, /* authentic, once the gateway has keys with the node */
    PEER,    /* authentic, once the node has the session's keys */
    TIME,
};

static const struct letter {
    const char *name;
    struct datagram (*make)(void); /* NULL: `ms` pass */
    enum trust trust;
    uint32_t ms;
} LETTER[] = {
    {"REJOIN", rejoin, ANYBODY, 0},
    {"ANSWER", answer, GATEWAY, 0},
    {"ANSWER, altered", answer_altered, FORGED, 0},
    {"ANSWER to an earlier request", answer_before, FORGED, 0},
    {"the node's REQUEST", request_reflected, FORGED, 0},
    {"the node's CONFIRM", confirm_reflected, FORGED, 0},
    {"live list", live_list, GATEWAY, 0},
    {"live list, altered", live_list_altered, FORGED, 0},
    {"live list, empty", live_list_empty, GATEWAY, 0},
    {"key block", keyblock, GATEWAY, 0},
    {"key block, altered", keyblock_altered, FORGED, 0},
    {"the latest key block again", keyblock_again, GATEWAY, 0},
    {"key block of nonsense", keyblock_of_nonsense, GATEWAY, 0},
    {"unknown resource", unknown_resource, GATEWAY, 0},
    {"sealed nonsense", malformed_control, GATEWAY, 0},
    {"acknowledgement of a report", acknowledgement, GATEWAY, 0},
    {"live list of a stranger", control_of_a_stranger, FORGED, 0},
    {"request of the peer", data, PEER, 0},
    {"request, altered", data_altered, FORGED, 0},
    {"the latest request again", data_again, PEER, 0},
    {"request in no session", data_for_nobody, FORGED, 0},
    {"request under another key", data_under_another_key, FORGED, 0},
    {"request with handle 0", data_without_handle, FORGED, 0},
    {"request with the reserved bit", data_with_reserved_bit, FORGED, 0},
    {"close_notify", close_notify, PEER, 0},
    {"fatal alert", fatal_alert, PEER, 0},
    {"warning", warning, PEER, 0},
    {"empty datagram", nothing, FORGED, 0},
    {"datagram of kind 0", reserved_kind_0, FORGED, 0},
    {"datagram of kind 7", reserved_kind_7, FORGED, 0},
    {"a second", NULL, TIME, SECOND_MS},
    {"31 seconds", NULL, TIME, UNUSED_MS},
};

enum { LETTERS = sizeof LETTER / sizeof *LETTER };

static void letter_print(uint8_t letter)
{
    printf("%s", LETTER[letter].name);
}

/* ---- what the node says ---- */

/* With keys of the association before, too: it is the present one until the gateway has spoken under the new.
 */
static void judge_record(const struct datagram *said)
{
    struct datagram d = *said;
    struct record r;
    uint16_t handle;

    if (linkframe_decode(d.bytes, d.len, &handle, &r) != SSM_OK)
        sequence_fail("the node sent a malformed record");
    if (handle >= SESSIONS_MAX || !scene.is_installed[handle])
        sequence_fail("the node sent a record in session %u, whose keys it was not given", handle);
    if (!scene.is_heard[handle])
        sequence_fail("the node sent a record in session %u, whose peer it has not heard", handle);
    if (bytes_u16(r.seq.bytes) == 0 && bytes_u32(r.seq.bytes + 2) < KEYBLOCK_FIRST_SEND_SEQ)
        sequence_fail("the node used a number of the gateway's");
}

static void judge_association(const struct datagram *said)
{
    if (assoc_number_of(said->bytes, said->len) == ASSOC_REQUEST) {
        if (scene.request.len == 0 || memcmp(scene.request.bytes, said->bytes, said->len) != 0)
            scene.answer_before = gateway_answer(&scene.world); /* to the one before, or to none */
        scene.request = *said;
        gateway_read_request(&scene.world, said);
        return;
    }
    if (scene.confirm.len != said->len || memcmp(scene.confirm.bytes, said->bytes, said->len) != 0) {
        gateway_read_confirm(&scene.world, said);
        scene.is_derived = true;
        scene.world.message_id = 0;
    }
    scene.confirm = *said;
}

static void judge(const struct datagram *said)
{
    switch (link_kind_of(said->bytes, said->len)) {
    case LINK_ASSOCIATION:
        judge_association(said);
        break;
    case LINK_CONTROL:
        if (!scene.is_confirmed)
            sequence_fail("the node sent a control message before the gateway had spoken under its keys");
        break;
    case LINK_RECORD:
        judge_record(said);
        break;
    default:
        sequence_fail("the node sent a datagram of no kind");
    }
}

/* ---- a sequence ---- */

/* But for what is of no meaning between two calls, and for counters that only tell what was dropped. */
static struct node meaning_of(const struct node *n)
{
    struct node copy = *n;

    memset(&copy.counters, 0, sizeof copy.counters);
    memset(&copy.control, 0, sizeof copy.control);
    memset(&copy.message, 0, sizeof copy.message);
    memset(&copy.record, 0, sizeof copy.record);
    memset(&copy.exchange, 0, sizeof copy.exchange);
    memset(copy.frame, 0, sizeof copy.frame);
    for (size_t i = 0; i < NODE_SESSIONS; i++)
        copy.sessions[i].failures = copy.sessions[i].floods = 0;
    if (copy.join.state == NODE_JOIN_REQUESTING) { /* the next answer overwrites them */
        memset(copy.join.transcript.gateway_nonce, 0, ASSOC_NONCE_LEN);
        memset(&copy.join.transcript.gateway, 0, sizeof copy.join.transcript.gateway);
    }
    copy.now = copy.wait = 0;
    return copy;
}

/* Feeds the letter and notes what it entitles the node to. */
static void letter_give(const struct letter *l)
{
    uint16_t installed = scene.world.node.counters.installed;
    bool is_sealed_right = scene.is_derived;

    if (l->trust == TIME) {
        world_pass(&scene.world, l->ms);
        return;
    }
    struct datagram d = l->make();
    uint16_t accepted = scene.world.node.counters.input[SSM_OK];
    if (l->trust == GATEWAY && is_sealed_right && link_kind_of(d.bytes, d.len) == LINK_CONTROL)
        scene.is_confirmed = true;
    world_feed(&scene.world, d);
    bool is_accepted = scene.world.node.counters.input[SSM_OK] != accepted;
    if (scene.world.node.counters.installed != installed) {
        if (l->make != keyblock && l->make != keyblock_again)
            sequence_fail("'%s' installed a session", l->name);
        if (scene.is_installed[scene.session])
            sequence_fail("session %u was installed twice", scene.session);
        scene.is_installed[scene.session] = true;
        assoc_ratchet_gateway(&scene.world.gateway);
    }
    if (l->trust == PEER && is_accepted && !scene.is_installed[scene.session])
        sequence_fail("'%s' was accepted without keys", l->name);
    if (l->trust == PEER && is_accepted)
        scene.is_heard[scene.session] = true;
}

static enum sequence_end play(const uint8_t *sequence, unsigned len)
{
    const struct letter *l = &LETTER[sequence[len - 1]];

    scene = before[len - 1];
    const struct node node_before = meaning_of(&scene.world.node);
    letter_give(l);
    const struct node node_after = meaning_of(&scene.world.node);
    size_t said = scene.world.port.sent_len;
    bool is_unchanged = said == 0 && memcmp(&node_before, &node_after, sizeof node_before) == 0;
    if (l->trust == FORGED && !is_unchanged)
        sequence_fail("'%s' %s", l->name, said > 0 ? "was answered" : "changed the node");
    while (scene.world.port.sent_len > 0) {
        struct datagram d = world_take(&scene.world);
        judge(&d);
    }
    before[len] = scene;
    return is_unchanged && l->trust != TIME ? SEQUENCE_UNCHANGED : SEQUENCE_GOES_ON;
}

int main(int argc, char **argv)
{
    static const struct sequences SEQUENCES = {"node", LETTERS, play, letter_print};
    struct sequence_options o = sequence_options_parse(argc, argv);

    world_init(&scene.world);
    assert_int_equal(node_start(&scene.world.node), SSM_OK);
    struct datagram d = world_take(&scene.world);
    judge(&d);
    scene.peers[0] = peer_make(NOBODY, 0);
    before[0] = scene;
    sequences_walk(&SEQUENCES, o.length, o.only);
    return 0;
}
