/*
 * Handshakes per second of processor time, as server and as client: Mbed TLS by itself, and the gateway with
 * all that it does besides: cookies, worker threads, its database, the sealing of the key block for the node
 * and the node's acknowledgement. Both with the same peers, whose time is not counted, in turns; medians of
 * all rounds.
 */
#include "../machine.h"
#include "bare.h"
#include "gateway.h"
#include "log.h"
#include "must.h"
#include "workers.h"

#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 9, ROUNDS_MAX = 99, WORKER_STEPS_MAX = 8 };

struct options {
    uint32_t rounds;
    bool is_short;
};

/* One way to prove who one is. */
struct way {
    const char *name;
    enum bare_kind kind;
    bool has_gateway;
    uint32_t count; /* handshakes in a round */
    uint32_t short_count;
    struct stock_credentials credentials; /* of the other end */
    const char *uri;                      /* of servers, as nodes ask for them; NULL: clients */
    struct stock_library *others;
    struct bare *bare;
};

struct way_result {
    double bare[ROUNDS_MAX]; /* handshakes per CPU-second */
    double ours[ROUNDS_MAX];
    double ratio[ROUNDS_MAX];
    double loop_share[ROUNDS_MAX]; /* of the gateway's time */
};

/* ---- numbers ---- */

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static double median(const double *values, uint32_t count)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return sorted[count / 2];
}

/* ---- ways ---- */

static void ways_open(struct way *ways, size_t count, const struct pki *pki)
{
    for (size_t i = 0; i < count; i++) {
        ways[i].others = stock_library_create(&ways[i].credentials);
        ways[i].bare = bare_create(ways[i].kind, pki, workers_processors());
    }
}

static void ways_close(struct way *ways, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bare_destroy(ways[i].bare);
        stock_library_destroy(ways[i].others);
    }
}

static uint32_t count_of(const struct way *way, const struct options *options)
{
    return options->is_short ? way->short_count : way->count;
}

static struct gateway_cost gateway_run(struct gateway *gateway, const struct way *way, uint32_t count)
{
    return way->uri != NULL ? gateway_call(gateway, way->others, way->uri, count)
                            : gateway_handshake(gateway, way->others, count);
}

static void round_run(const struct way *way, struct gateway *gateway, uint32_t count, uint32_t round,
                      struct way_result *out)
{
    out->bare[round] = count / bare_handshake(way->bare, way->others, count);
    if (!way->has_gateway)
        return;
    const struct gateway_cost cost = gateway_run(gateway, way, count);
    const double cpu_s = cost.loop_s + cost.worker_s;

    out->ours[round] = count / cpu_s;
    out->ratio[round] = out->ours[round] / out->bare[round];
    out->loop_share[round] = cost.loop_s / cpu_s;
}

static void way_print(const struct way *way, const struct way_result *result, uint32_t rounds)
{
    printf("%-38s %9.0f", way->name, median(result->bare, rounds));
    if (way->has_gateway)
        printf(" %9.0f %7.2f %9.0f %%", median(result->ours, rounds), median(result->ratio, rounds),
               100 * median(result->loop_share, rounds));
    printf("\n");
}

/* ---- the two tables ---- */

static void compare_with_bare(const struct way *ways, size_t count, const struct pki *pki,
                              const struct options *options)
{
    struct gateway *gateway = gateway_create(workers_processors(), pki);
    struct way_result *results = calloc(count, sizeof *results);

    must(results != NULL, "no memory");
    for (uint32_t round = 0; round < options->rounds; round++)
        for (size_t i = 0; i < count; i++)
            round_run(&ways[i], gateway, count_of(&ways[i], options), round, &results[i]);
    gateway_destroy(gateway);
    printf("%-38s %9s %9s %7s %11s\n", "handshakes per CPU-second", "bare", "gateway", "ratio",
           "on its loop");
    for (size_t i = 0; i < count; i++)
        way_print(&ways[i], &results[i], options->rounds);
    free(results);
}

static void scale_print(const struct way *way, struct gateway *gateway, const struct options *options)
{
    double per_s[ROUNDS_MAX];
    double busy[ROUNDS_MAX];
    const uint32_t count = count_of(way, options);

    for (uint32_t round = 0; round < options->rounds; round++) {
        const struct gateway_cost cost = gateway_run(gateway, way, count);

        per_s[round] = count / cost.wall_s;
        busy[round] = (cost.loop_s + cost.worker_s) / cost.wall_s;
    }
    printf("  %-34s %9.0f %9.2f\n", way->name, median(per_s, options->rounds), median(busy, options->rounds));
}

/* 1, 2, 4, ... workers and as many as there are processors. The peers need their share of these. */
static void compare_workers(const struct way *ways, size_t count, const struct pki *pki,
                            const struct options *options)
{
    const uint8_t most = workers_processors();

    printf("\n%-36s %9s %9s\n", "gateway, by the clock", "a second", "cores");
    for (unsigned step = 1; step < 2u * most; step *= 2) {
        const uint8_t workers = step < most ? (uint8_t)step : most;
        struct gateway *gateway = gateway_create(workers, pki);

        printf("%u worker%s\n", workers, workers > 1 ? "s" : "");
        for (size_t i = 0; i < count; i++)
            if (ways[i].has_gateway && ways[i].kind != BARE_PSK_COOKIES)
                scale_print(&ways[i], gateway, options);
        gateway_destroy(gateway);
    }
}

/* ---- the program ---- */

static void print_machine(const struct options *options)
{
    char library[32];

    machine_print();
    mbedtls_version_get_string_full(library);
    printf(", %s, peers %s, %u rounds\n\n", library, stock_library_version(), (unsigned)options->rounds);
}

static struct options options_read(int argc, char **argv)
{
    struct options options = {.rounds = ROUNDS};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            options = (struct options){.rounds = 1, .is_short = true};
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            options.rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: handshake_bench [--short] [--rounds N]\n");
            exit(2);
        }
    }
    must(options.rounds > 0 && options.rounds <= ROUNDS_MAX, "--rounds is 1 to 99");
    return options;
}

int main(int argc, char **argv)
{
    const struct options options = options_read(argc, argv);
    static struct pki pki;
    const struct stock_credentials psk = {
        .identity = GATEWAY_SUBSCRIBER_PSK, .psk = gateway_psk, .psk_len = GATEWAY_PSK_LEN};
    const struct stock_credentials none = {.ca = pki.ca.certificate};
    const struct stock_credentials certificate = {
        .ca = pki.ca.certificate, .certificate = pki.client.certificate, .key = pki.client.key};
    const struct stock_credentials psk_server = {.is_server = true,
                                                 .identity = GATEWAY_SUBSCRIBER_PSK,
                                                 .psk = gateway_psk,
                                                 .psk_len = GATEWAY_PSK_LEN};
    const struct stock_credentials certified_server = {.is_server = true,
                                                       .ca = pki.ca.certificate,
                                                       .certificate = pki.server.certificate,
                                                       .key = pki.server.key};
    struct way ways[] = {
        {"PSK-CCM8", BARE_PSK, true, 2000, 100, psk, NULL, NULL, NULL},
        {"PSK-CCM8, bare with cookies too", BARE_PSK_COOKIES, true, 2000, 100, psk, NULL, NULL, NULL},
        {"ECDHE-ECDSA-CCM8, both certificates", BARE_MUTUAL, true, 128, 16, certificate, NULL, NULL, NULL},
        /* The gateway always wants a certificate of the client: for comparison alone. */
        {"ECDHE-ECDSA-CCM8, the server's alone", BARE_SERVER_ONLY, false, 128, 16, none, NULL, NULL, NULL},
        {"as client: PSK-CCM8", BARE_CLIENT_PSK, true, 2000, 100, psk_server, GATEWAY_SERVER_PSK, NULL, NULL},
        {"as client: ECDHE-ECDSA-CCM8, both", BARE_CLIENT_MUTUAL, true, 128, 16, certified_server,
         GATEWAY_SERVER_CERTIFICATE, NULL, NULL},
    };
    const size_t count = sizeof ways / sizeof *ways;

    setvbuf(stdout, NULL, _IOLBF, 0);
    log_open("handshake_bench", LOG_FOR_PEOPLE, LOG_WARNING);
    pki_make(&pki, GATEWAY_SUBSCRIBER_SUBJECT);
    ways_open(ways, count, &pki);
    print_machine(&options);
    compare_with_bare(ways, count, &pki, &options);
    compare_workers(ways, count, &pki, &options);
    ways_close(ways, count);
    return 0;
}
