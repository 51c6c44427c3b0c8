/*
 * Lets each single allocation of the gateway's side of a handshake, as server and as client, fail, once alone
 * and once with all after it: nothing crashes, no context is left, the next handshake works, none is taken
 * for complete whose Finished was not verified, and a node that asked for one is told.
 *
 * The delegator, its DTLS library, a played node and a peer of Mbed TLS are those of the unit tests.
 */
#include <malloc.h>

#include "certificates.h"
#include "delegation_world.h"
#include "fail.h"
#include "log.h"

#include <getopt.h>

enum {
    EMS_TYPE = 0x17, /* RFC 7627 5.1 */
    TIME_OUTS_MS = 200000,
    CLIENT_PORT = 4000,
    NEXT_PORT = 4001,
    SERVER_HOST = 9,
    FAULTS_SHOWN = 5,
    HEAP_GROWTH_MAX = 32768, /* a library context takes more */
};

#define SERVER_URI "coaps://10.0.0.9"

/* A handshake of the gateway's. */
struct way {
    const char *name;
    bool is_outbound; /* the gateway is the client */
    bool has_certificate;
    bool is_altered; /* on the way, so that Finished does not verify */
};

static struct {
    struct world *world;
    struct test_certificate *ca;
    struct test_certificate *gateway;
    struct test_certificate *carol;
    struct destination_row destination;
    uint16_t asked; /* message ids of the node's wishes so far */
    uint64_t seed;
    unsigned samples; /* of the allocations of a handshake; 0: all */
    struct handshake_engine engine;
    long contexts; /* that live */
} scene;

struct outcome {
    unsigned long tried, complete, refused, wrong;
};

/* ---- the engine: inside it allocations count ---- */

struct handshake_engine __real_handshake_mbedtls_engine(struct handshake_mbedtls *library);
struct handshake_engine __wrap_handshake_mbedtls_engine(struct handshake_mbedtls *library);

static struct handshake *on_create(void *ctx, uint8_t lane, const struct handshake_callbacks *callbacks,
                                   void *owner)
{
    struct handshake *h;

    fail_enter();
    h = scene.engine.create(ctx, lane, callbacks, owner);
    fail_leave();
    scene.contexts += h != NULL;
    return h;
}

static struct handshake *on_create_client(void *ctx, uint8_t lane, const struct handshake_destination *to,
                                          const struct handshake_callbacks *callbacks, void *owner)
{
    struct handshake *h;

    fail_enter();
    h = scene.engine.create_client(ctx, lane, to, callbacks, owner);
    fail_leave();
    scene.contexts += h != NULL;
    return h;
}

static enum handshake_result on_feed(struct handshake *h, const uint8_t *record, size_t len, uint64_t now_ms)
{
    enum handshake_result result;

    fail_enter();
    result = scene.engine.feed(h, record, len, now_ms);
    fail_leave();
    return result;
}

static enum handshake_result on_timer(struct handshake *h, uint64_t now_ms)
{
    enum handshake_result result;

    fail_enter();
    result = scene.engine.on_timer(h, now_ms);
    fail_leave();
    return result;
}

static void on_destroy(struct handshake *h)
{
    scene.contexts -= h != NULL;
    scene.engine.destroy(h);
}

struct handshake_engine __wrap_handshake_mbedtls_engine(struct handshake_mbedtls *library)
{
    struct handshake_engine counted;

    scene.engine = __real_handshake_mbedtls_engine(library);
    counted = scene.engine;
    counted.create = on_create;
    counted.create_client = on_create_client;
    counted.feed = on_feed;
    counted.on_timer = on_timer;
    counted.destroy = on_destroy;
    return counted;
}

/* ---- peers ---- */

/*
 * Somebody on the way makes the extended_master_secret of a ClientHello unknown. Then both sides derive the
 * same keys but have not seen the same messages: the Finished authenticates as a record, and does not verify.
 */
static void on_altered_output(void *ctx, const uint8_t *datagram, size_t len)
{
    static const uint8_t extension[4] = {0, EMS_TYPE, 0, 0};
    uint8_t copy[PEER_DATAGRAM_MAX];
    uint8_t *at;

    memcpy(copy, datagram, len);
    at = memmem(copy, len, extension, sizeof extension);
    if (at != NULL)
        at[0] = 0xFF;
    world_on_peer_output(ctx, copy, len);
}

static void add_peer(const struct way *way, const struct endpoint *endpoint)
{
    struct world *w = scene.world;
    struct world_client *c = &w->clients[w->client_count++];
    uint8_t psk[SUBSCRIBER_PSK_MIN];
    struct peer_config config = {.is_server = way->is_outbound, .ctx = c};

    memset(psk, ALICE_KEY, sizeof psk);
    config.output = way->is_altered ? on_altered_output : world_on_peer_output;
    if (way->has_certificate) {
        const struct test_certificate *own = way->is_outbound ? scene.gateway : scene.carol;

        config.suites = PEER_ECDSA;
        config.ca = scene.ca->pem;
        config.certificate = own->pem;
        config.key = own->key;
    } else {
        config.identity = "alice";
        config.psk = psk;
        config.psk_len = sizeof psk;
    }
    *c = (struct world_client){.world = w, .endpoint = *endpoint, .port_node = NODE_1};
    c->peer = peer_mbedtls.create(&config);
}

static void add_client(const struct way *way, uint16_t port)
{
    const struct endpoint client = world_endpoint(20, port);

    add_peer(way, &client);
}

/* ---- the node's wish ---- */

static void node_asks(const struct way *way)
{
    const struct endpoint server = world_endpoint(SERVER_HOST, URI_PORT);
    struct world *w = scene.world;

    scene.destination.kind = way->has_certificate ? DESTINATION_CERTIFICATE : DESTINATION_PSK;
    w->store.destination = &scene.destination;
    add_peer(way, &server);
    world_wish(w, ++scene.asked, SERVER_URI);
    world_resolve(w, RESOLVE_FOUND, 1);
}

/* True: the node has been told why its latest wish came to nothing; it acknowledges that. */
static bool is_node_told(void)
{
    struct world *w = scene.world;
    const struct message *m;
    bool is_told = false;

    while ((m = world_take(w, MSG_NODE_CTRL_OUT)) != NULL) {
        uint8_t buf[FRAME_MAX];
        struct control_message said;

        world_open(&w->nodes[0], m->data[0], buf, &said);
        if (said.is_ack || said.resource != CONTROL_FAILED)
            continue;
        is_told = bytes_u16(said.payload) == scene.asked;
        world_ack(w, &w->nodes[0], said.message_id, COAP_CHANGED);
    }
    return is_told;
}

/* ---- one handshake ---- */

/* What the node has to say to what reached it: it takes the key block, if there is one. True: there was one.
 */
static bool node_answers(void)
{
    struct world *w = scene.world;
    struct world_node *n = &w->nodes[0];
    const struct message *m = world_take(w, MSG_SESSION_PREPARE);
    struct message durable;
    struct keyblock k;

    if (m == NULL)
        return false;
    durable = *m;
    world_ack(w, n, world_open_keyblock(n, m, &k), COAP_CREATED);
    (void)world_expect(w, MSG_SESSION_COMMIT);
    durable.type = MSG_SESSION_DURABLE;
    delegator_on_message(w->delegator, &durable, w->now_ms);
    return true;
}

enum end { END_COMPLETE, END_REFUSED, END_UNTOLD };

/* Complete: it was taken for that, and the node got its keys. */
static enum end handshake_run(const struct way *way, uint16_t port)
{
    struct world *w = scene.world;
    enum end end = END_REFUSED;

    if (way->is_outbound)
        node_asks(way);
    else
        add_client(way, port);
    for (int turns = 0; turns < 3; turns++) {
        world_talk(w);
        world_advance(w, 3000); /* repetitions, and the feeding of what did not authenticate */
    }
    world_talk(w);
    if (node_answers())
        end = END_COMPLETE;
    world_advance(w, TIME_OUTS_MS);
    if (end != END_COMPLETE && way->is_outbound && !is_node_told())
        end = END_UNTOLD;
    world_drop_clients(w);
    world_forget_messages(w);
    return end;
}

static bool next_works(const struct way *way)
{
    const struct way next = {.is_outbound = way->is_outbound};

    return handshake_run(&next, NEXT_PORT) == END_COMPLETE;
}

static void say_wrong(struct outcome *o, unsigned long number, const char *what)
{
    if (o->wrong++ < FAULTS_SHOWN)
        fprintf(stderr, "FAILED: allocation %lu: %s\n", number, what);
}

/* False: the handshake has fewer allocations than that. */
static bool try_number(struct outcome *o, const struct way *way, unsigned long number, bool and_all_after)
{
    enum end end;
    bool has_happened;

    fail_at(number, and_all_after);
    end = handshake_run(way, CLIENT_PORT);
    has_happened = fail_has_happened();
    fail_at(0, false);
    if (!has_happened)
        return false;
    o->tried++;
    o->complete += end == END_COMPLETE;
    o->refused += end != END_COMPLETE;
    if (end == END_COMPLETE && way->is_altered)
        say_wrong(o, number, "complete, though Finished was not verified");
    if (end == END_UNTOLD)
        say_wrong(o, number, "the node has not been told");
    if (scene.contexts != 0)
        say_wrong(o, number, "a context is left");
    if (!next_works(way))
        say_wrong(o, number, "the next handshake does not work");
    return true;
}

/* ---- all of them ---- */

static uint64_t draw(void)
{
    scene.seed ^= scene.seed >> 12;
    scene.seed ^= scene.seed << 25;
    scene.seed ^= scene.seed >> 27;
    return scene.seed * UINT64_C(0x2545F4914F6CDD1D);
}

static bool try_all(const struct way *way, bool and_all_after)
{
    struct outcome o = {0};
    unsigned long allocations;
    size_t heap;
    long growth;

    fail_at(0, false);
    if ((handshake_run(way, CLIENT_PORT) == END_COMPLETE) == way->is_altered)
        say_wrong(&o, 0, "without a failure it does not come out as it should");
    allocations = fail_allocations();
    (void)next_works(way);
    heap = mallinfo2().uordblks;
    if (scene.samples == 0 || scene.samples >= allocations) {
        for (unsigned long number = 1; try_number(&o, way, number, and_all_after); number++)
            continue;
    } else {
        for (unsigned i = 0; i < scene.samples; i++)
            (void)try_number(&o, way, 1 + (unsigned long)(draw() % allocations), and_all_after);
    }
    growth = (long)(mallinfo2().uordblks - heap);
    if (growth > HEAP_GROWTH_MAX)
        say_wrong(&o, 0, "memory is left");
    printf("%-28s %-10s %11lu %8lu %9lu %8lu %8ld %6lu\n", way->name, and_all_after ? "and after" : "one",
           allocations, o.tried, o.complete, o.refused, growth, o.wrong);
    return o.wrong == 0;
}

static struct credential credential_of(struct test_certificate *c)
{
    return (struct credential){{c->pem, strlen(c->pem) + 1}, {c->key, strlen(c->key) + 1}};
}

static void copy_text(char *to, size_t cap, const char *text)
{
    assert_true(strlen(text) < cap);
    strcpy(to, text);
}

/* What both kinds of credentials for the server are. */
static void fill_destination(void)
{
    struct destination_row *row = &scene.destination;

    *row =
        (struct destination_row){.id = 1, .node = NODE_1, .identity_len = 5, .psk_len = SUBSCRIBER_PSK_MIN};
    assert_int_equal(uri_parse(SERVER_URI, strlen(SERVER_URI), &row->server, NULL), SSM_OK);
    memcpy(row->identity, "alice", 5);
    memset(row->psk, ALICE_KEY, row->psk_len);
    copy_text(row->anchors, sizeof row->anchors, scene.ca->pem);
    copy_text(row->chain, sizeof row->chain, scene.carol->pem);
    copy_text(row->key, sizeof row->key, scene.carol->key);
}

static void scene_open(void)
{
    static const uint8_t ADDRESS[] = {0x30, 6, 0x87, 4, 10, 0, 0, SERVER_HOST}; /* IP:10.0.0.9 */
    struct world *w = world_create();
    struct memory_subscriber *carol;

    scene.world = w;
    scene.ca = test_certificate_make(&(struct test_plan){.subject = "CN=subscribers", .is_ca = true});
    scene.gateway = test_certificate_make(&(struct test_plan){.subject = "CN=gateway",
                                                              .issuer = scene.ca,
                                                              .is_for_servers = true,
                                                              .alt_names = ADDRESS,
                                                              .alt_names_len = sizeof ADDRESS});
    scene.carol = test_certificate_make(&(struct test_plan){.subject = "CN=carol", .issuer = scene.ca});
    fill_destination();
    carol = memory_add_subscriber(&w->store, "carol", 0);
    carol->row.credential = SUBSCRIBER_SUBJECT;
    carol->row.subject_len = 5;
    memcpy(carol->row.subject, "carol", 5);
    memory_grant(carol, NODE_1);
    const struct credentials credentials = {.ecdsa = credential_of(scene.gateway),
                                            .client_ca = {scene.ca->pem, strlen(scene.ca->pem) + 1}};
    assert_int_equal(handshake_mbedtls_set_credentials(w->library, &credentials), SSM_OK);
    world_start(w);
    world_list_sessions(w, NULL, 0, 0);
    world_associate(w, &w->nodes[0], 1, 1);
    world_expect_no_sessions(w, &w->nodes[0]);
    world_forget_messages(w);
}

static void scene_close(void)
{
    world_destroy(scene.world);
    test_certificate_free(scene.carol);
    test_certificate_free(scene.gateway);
    test_certificate_free(scene.ca);
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"samples", required_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            scene.seed = strtoull(optarg, NULL, 10);
        else if (option == 'n')
            scene.samples = (unsigned)strtoul(optarg, NULL, 10);
        else
            exit(2);
    }
    scene.seed = scene.seed * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

int main(int argc, char **argv)
{
    static const struct way WAYS[] = {
        {"PSK", false, false, false},           {"PSK, Finished wrong", false, false, true},
        {"ECDHE-ECDSA", false, true, false},    {"ECDHE-ECDSA, Finished wrong", false, true, true},
        {"PSK, as client", true, false, false}, {"ECDHE-ECDSA, as client", true, true, false},
    };
    bool is_well = true;

    parse(argc, argv);
    log_open("allocation", LOG_FOR_PEOPLE, LOG_CRIT);
    scene_open();
    printf("%-28s %-10s %11s %8s %9s %8s %8s %6s\n", "handshake", "fails", "allocations", "tried", "complete",
           "refused", "heap +", "wrong");
    for (int and_all_after = 0; and_all_after < 2; and_all_after++)
        for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++)
            is_well = try_all(&WAYS[i], and_all_after) && is_well;
    scene_close();
    return is_well ? 0 : 1;
}
