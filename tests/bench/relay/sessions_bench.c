/*
 * Sessions at rest in the real relay: what one takes in memory, all included, and what it costs to find it.
 * Every session is found and compared; a session of more than 128 bytes is a failure, a slow one is not.
 */
#include "../machine.h"
#include "must.h"
#include "relay.h"
#include "relay_state.h"

#include <malloc.h>
#include <time.h>

enum {
    SESSIONS_EACH = 1000, /* of each node */
    BYTES_MAX = 128,
    LOOKUPS = 2000000,
    SHORT_LOOKUPS = 20000,
    WARM = 16, /* sessions that are looked up again and again */
};

static const struct endpoint gateway = {.addr = {[10] = 0xFF, [11] = 0xFF, 10, 0, 0, 1}, .port = 5684};

/* ---- the sessions ---- */

static struct endpoint peer_of(uint32_t i)
{
    struct endpoint e = {.addr = {[10] = 0xFF, [11] = 0xFF, 11}, .port = 40000};

    e.addr[13] = (uint8_t)(i >> 16);
    e.addr[14] = (uint8_t)(i >> 8);
    e.addr[15] = (uint8_t)i;
    return e;
}

static uint32_t node_of(uint32_t i)
{
    return 1 + i / SESSIONS_EACH;
}

static uint16_t handle_of(uint32_t i)
{
    return (uint16_t)(1 + i % SESSIONS_EACH);
}

static enum status each_session(void *ctx, enum status (*row)(void *arg, const struct relay_session_row *),
                                void *arg)
{
    const uint32_t count = *(const uint32_t *)ctx;

    for (uint32_t i = 0; i < count; i++) {
        const struct relay_session_row session = {
            .node = node_of(i), .handle = handle_of(i), .peer = peer_of(i), .local = gateway};

        must(row(arg, &session) == SSM_OK, "a session does not load");
    }
    return SSM_OK;
}

static enum status each_node(void *ctx, enum status (*row)(void *arg, const struct relay_node_row *),
                             void *arg)
{
    const uint32_t count = *(const uint32_t *)ctx;

    for (uint32_t i = 1; i <= count / SESSIONS_EACH; i++) {
        struct endpoint at = peer_of(i);

        at.addr[12] = 12;
        must(row(arg, &(struct relay_node_row){.node = i, .endpoint = at, .generation = 1}) == SSM_OK,
             "a node does not load");
    }
    return SSM_OK;
}

static struct relay *relay_with(uint32_t *sessions)
{
    static const struct relay_io io;
    static struct relay_store store;
    const struct relay_config config = {.max_sessions = *sessions,
                                        .max_nodes = *sessions / SESSIONS_EACH,
                                        .max_handovers = 1,
                                        .link_mtu = LINK_MTU_ONE_HOP,
                                        .hash_seed = 0x5EED};
    struct relay *r;

    store = (struct relay_store){.ctx = sessions, .each_session = each_session, .each_node = each_node};
    r = relay_create(&config, &io, &store);
    must(r != NULL && relay_load(r, 1000000, 1000) == SSM_OK, "the sessions do not load");
    must(r->counters[RELAY_SESSIONS] == *sessions, "a session is missing");
    return r;
}

/* ---- finding them ---- */

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void find_by_peer(const struct relay *r, uint32_t i)
{
    const struct endpoint peer = peer_of(i);
    const struct session *s = session_find_by_peer(&r->sessions, &gateway, &peer).settled;

    must(s != NULL && s->node == node_of(i) && s->handle == handle_of(i), "a peer has another's session");
}

static void find_by_handle(const struct relay *r, uint32_t i)
{
    const struct endpoint peer = peer_of(i);
    const struct session *s = session_find_by_handle(&r->sessions, node_of(i), handle_of(i));

    must(s != NULL && endpoint_equal(&s->peer, &peer), "a handle has another's session");
}

/* Nanoseconds for one, over the first `among` sessions in random order. */
static double time_of(const struct relay *r, void (*find)(const struct relay *, uint32_t), uint32_t among,
                      uint32_t lookups)
{
    double begun_ns;
    uint64_t random = 1;

    for (int warm_up = 1; warm_up >= 0; warm_up--) {
        begun_ns = now_ns();
        for (uint32_t n = 0; n < lookups; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            find(r, (uint32_t)((random >> 32) * among >> 32));
        }
    }
    return (now_ns() - begun_ns) / lookups;
}

/* ---- memory ---- */

static size_t resident_bytes(void)
{
    size_t size = 0;
    size_t resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    must(f != NULL && fscanf(f, "%zu %zu", &size, &resident) == 2, "/proc/self/statm");
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t allocated_bytes(void)
{
    const struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* One row of the table; returns whether a session is small enough. */
static bool measure(uint32_t sessions, uint32_t lookups)
{
    size_t allocated = allocated_bytes();
    size_t resident = resident_bytes();
    struct relay *r = relay_with(&sessions);
    double allocated_each = (double)(allocated_bytes() - allocated) / sessions;
    double resident_each = (double)(resident_bytes() - resident) / sessions;

    for (uint32_t i = 0; i < sessions; i++) {
        find_by_peer(r, i);
        find_by_handle(r, i);
    }
    printf("%9u %11.1f %11.1f %10.0f %10.0f %10.0f %10.0f\n", sessions, allocated_each, resident_each,
           time_of(r, find_by_peer, WARM, lookups), time_of(r, find_by_peer, sessions, lookups),
           time_of(r, find_by_handle, WARM, lookups), time_of(r, find_by_handle, sessions, lookups));
    relay_destroy(r);
    return allocated_each <= BYTES_MAX;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {10000, 100000, 1000000};
    static const uint32_t short_sizes[] = {100000};
    bool is_short = argc == 2 && strcmp(argv[1], "--short") == 0;
    bool is_small = true;

    if (argc > 1 && !is_short) {
        fprintf(stderr, "usage: sessions_bench [--short]\n");
        return 2;
    }
    machine_print();
    printf(
        "\n\n"
        "Sessions at rest in `relay`: bytes of each (session, tombstone, indexes, free list, and its part\n"
        "of a node with %d), allocated and resident, and nanoseconds to find one among %d and among all.\n\n",
        SESSIONS_EACH, WARM);
    printf("%9s %11s %11s %21s %21s\n%9s %11s %11s %10s %10s %10s %10s\n", "", "bytes", "bytes",
           "by peer, ns", "by handle, ns", "sessions", "allocated", "resident", "warm", "random", "warm",
           "random");
    for (size_t i = 0; i < (is_short ? sizeof short_sizes : sizeof sizes) / sizeof *sizes; i++)
        is_small &= is_short ? measure(short_sizes[i], SHORT_LOOKUPS) : measure(sizes[i], LOOKUPS);
    if (!is_small)
        printf("FAILED: a session takes more than %d bytes\n", BYTES_MAX);
    return is_small ? 0 : 1;
}
