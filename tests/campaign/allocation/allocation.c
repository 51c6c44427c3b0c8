/*
 * Lets each single allocation of the gateway's side of a handshake fail, once alone and once with all after
 * it: nothing crashes, no context is left, the next handshake works, and none is taken for complete whose
 * Finished was not verified.
 *
 * The delegator, its DTLS library, a played node and a client of Mbed TLS are those of the unit tests.
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
    FAULTS_SHOWN = 5,
    HEAP_GROWTH_MAX = 32768, /* a library context takes more */
};

static struct {
    struct world *world;
    struct test_certificate *ca;
    struct test_certificate *gateway;
    struct test_certificate *carol;
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
    counted.feed = on_feed;
    counted.on_timer = on_timer;
    counted.destroy = on_destroy;
    return counted;
}

/* ---- clients ---- */

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

static struct world_client *client_add(bool has_certificate, bool is_altered, uint16_t port)
{
    struct world *w = scene.world;
    struct world_client *c = &w->clients[w->client_count++];
    uint8_t psk[SUBSCRIBER_PSK_MIN];
    struct peer_config config = {.ctx = c, .output = is_altered ? on_altered_output : world_on_peer_output};

    memset(psk, ALICE_KEY, sizeof psk);
    if (has_certificate) {
        config.suites = PEER_ECDSA;
        config.ca = scene.ca->pem;
        config.certificate = scene.carol->pem;
        config.key = scene.carol->key;
    } else {
        config.identity = "alice";
        config.psk = psk;
        config.psk_len = sizeof psk;
    }
    *c = (struct world_client){.world = w, .endpoint = world_endpoint(20, port), .port_node = NODE_1};
    c->peer = peer_mbedtls.create(&config);
    return c;
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

/* True: it was taken for complete, and the node got its keys. */
static bool handshake_run(bool has_certificate, bool is_altered, uint16_t port)
{
    struct world *w = scene.world;
    bool is_complete;

    (void)client_add(has_certificate, is_altered, port);
    for (int turns = 0; turns < 3; turns++) {
        world_talk(w);
        world_advance(w, 3000); /* repetitions, and the feeding of what did not authenticate */
    }
    world_talk(w);
    is_complete = node_answers();
    world_advance(w, TIME_OUTS_MS);
    world_drop_clients(w);
    world_forget_messages(w);
    return is_complete;
}

static void say_wrong(struct outcome *o, unsigned long number, const char *what)
{
    if (o->wrong++ < FAULTS_SHOWN)
        fprintf(stderr, "FAILED: allocation %lu: %s\n", number, what);
}

/* False: the handshake has fewer allocations than that. */
static bool try_number(struct outcome *o, bool has_certificate, bool is_altered, unsigned long number,
                       bool and_all_after)
{
    bool is_complete;
    bool has_happened;

    fail_at(number, and_all_after);
    is_complete = handshake_run(has_certificate, is_altered, CLIENT_PORT);
    has_happened = fail_has_happened();
    fail_at(0, false);
    if (!has_happened)
        return false;
    o->tried++;
    o->complete += is_complete;
    o->refused += !is_complete;
    if (is_complete && is_altered)
        say_wrong(o, number, "complete, though Finished was not verified");
    if (scene.contexts != 0)
        say_wrong(o, number, "a context is left");
    if (!handshake_run(false, false, NEXT_PORT))
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

static bool try_all(const char *name, bool has_certificate, bool is_altered, bool and_all_after)
{
    struct outcome o = {0};
    unsigned long allocations;
    size_t heap;
    long growth;

    fail_at(0, false);
    if (handshake_run(has_certificate, is_altered, CLIENT_PORT) == is_altered)
        say_wrong(&o, 0, "without a failure it does not come out as it should");
    allocations = fail_allocations();
    (void)handshake_run(false, false, NEXT_PORT);
    heap = mallinfo2().uordblks;
    if (scene.samples == 0 || scene.samples >= allocations) {
        for (unsigned long number = 1; try_number(&o, has_certificate, is_altered, number, and_all_after);
             number++)
            continue;
    } else {
        for (unsigned i = 0; i < scene.samples; i++)
            (void)try_number(&o, has_certificate, is_altered, 1 + (unsigned long)(draw() % allocations),
                             and_all_after);
    }
    growth = (long)(mallinfo2().uordblks - heap);
    if (growth > HEAP_GROWTH_MAX)
        say_wrong(&o, 0, "memory is left");
    printf("%-28s %-10s %11lu %8lu %9lu %8lu %8ld %6lu\n", name, and_all_after ? "and after" : "one",
           allocations, o.tried, o.complete, o.refused, growth, o.wrong);
    return o.wrong == 0;
}

static struct credential credential_of(struct test_certificate *c)
{
    return (struct credential){{c->pem, strlen(c->pem) + 1}, {c->key, strlen(c->key) + 1}};
}

static void scene_open(void)
{
    struct world *w = world_create();
    struct memory_subscriber *carol;

    scene.world = w;
    scene.ca = test_certificate_make(&(struct test_plan){.subject = "CN=subscribers", .is_ca = true});
    scene.gateway = test_certificate_make(
        &(struct test_plan){.subject = "CN=gateway", .issuer = scene.ca, .is_for_servers = true});
    scene.carol = test_certificate_make(&(struct test_plan){.subject = "CN=carol", .issuer = scene.ca});
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
    bool is_well = true;

    parse(argc, argv);
    log_open("allocation", LOG_FOR_PEOPLE, LOG_CRIT);
    scene_open();
    printf("%-28s %-10s %11s %8s %9s %8s %8s %6s\n", "handshake", "fails", "allocations", "tried", "complete",
           "refused", "heap +", "wrong");
    for (int and_all_after = 0; and_all_after < 2; and_all_after++) {
        is_well = try_all("PSK", false, false, and_all_after) && is_well;
        is_well = try_all("PSK, Finished wrong", false, true, and_all_after) && is_well;
        is_well = try_all("ECDHE-ECDSA", true, false, and_all_after) && is_well;
        is_well = try_all("ECDHE-ECDSA, Finished wrong", true, true, and_all_after) && is_well;
    }
    scene_close();
    return is_well ? 0 : 1;
}
