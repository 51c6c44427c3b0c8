/*
 * What a relayed datagram costs: ssmd's relay process beside a bare forwarder and nginx, in one run, by
 * turns. See the text that it prints.
 */
#include "bare.h"
#include "gateway.h"
#include "load.h"
#include "log.h"
#include "../machine.h"
#include "must.h"
#include "nginx.h"
#include "process.h"

#include <ftw.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROUNDS = 7,
    ROUNDS_MAX = 99,
    FLOWS_MAX = 8,
    SLICE_MS = 1000,
    SHORT_SLICE_MS = 100,
    READY_TRIES = 40,
    START_PATIENCE_MS = 250,
    PATIENCE_MS = 3000, /* after which a record is lost */
};

enum system { BARE, SEGMENTS, OURS, NGINX, SYSTEMS };

static const char *const system_names[SYSTEMS] = {"bare mmsg", "bare+segments", "ssmd", "nginx"};

struct options {
    bool is_short;
    bool has_nginx;
    uint32_t rounds;
    uint32_t flows[FLOWS_MAX];
    size_t flows_count;
    const char *build;
    const char *peer_address;
};

/* A system under test, in one scene. */
struct contender {
    struct load_target target;
    pid_t pid;               /* 0: not in this comparison */
    double rate[ROUNDS_MAX]; /* datagrams per second of its processor time */
};

struct bench {
    const struct options *options;
    struct load *load;
    char folder[64];
    uint32_t folders;
    bool failed;
};

/* ---- systems ---- */

static void make_folder(struct bench *b, char path[96])
{
    snprintf(path, 96, "%s/%u", b->folder, b->folders++);
    must(mkdir(path, 0700) == 0, path);
}

/* The first record of each flow, until all come through: the system is up and knows its peers. */
static void warm_up(struct bench *b, struct contender *c, const char *name)
{
    for (int i = 0; i < READY_TRIES; i++)
        if (load_run(b->load, &c->target, 0, 1, START_PATIENCE_MS).lost == 0)
            return;
    must(false, name);
}

static struct scene_ports ports_of(enum system system)
{
    const uint16_t first = (uint16_t)(14000 + system * (SCENE_SOCKETS_MAX + 1));

    return (struct scene_ports){.link = first, .first = (uint16_t)(first + 1)};
}

/* ---- measuring ---- */

static void measure(struct bench *b, struct contender *c, enum system system, uint32_t round)
{
    double slice_s = (b->options->is_short ? SHORT_SLICE_MS : SLICE_MS) / 1000.0;
    double before_s = process_cpu_s(c->pid);
    struct load_result result = load_run(b->load, &c->target, slice_s, 0, PATIENCE_MS);
    double took_s = process_cpu_s(c->pid) - before_s;

    c->rate[round] = (double)result.relayed / took_s;
    if (result.wrong > 0 || result.lost > 0) {
        printf("  %s: %llu datagrams lost, %llu wrong, of %llu\n", system_names[system],
               (unsigned long long)result.lost, (unsigned long long)result.wrong,
               (unsigned long long)result.relayed);
        b->failed |= system == OURS || result.wrong > 0;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(const double *values, uint32_t count)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_size);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Median of the ratios of each round: what disturbs one round disturbs both. */
static double ratio(const struct contender *a, const struct contender *b, uint32_t rounds)
{
    double ratios[ROUNDS_MAX];

    for (uint32_t i = 0; i < rounds; i++)
        ratios[i] = a->rate[i] / b->rate[i];
    return median(ratios, rounds);
}

static void print_row(const struct scene *scene, const struct contender all[SYSTEMS], uint32_t rounds)
{
    printf("%6u %6u %8u", scene->flows, scene->nodes, scene->sockets);
    for (int i = 0; i < SYSTEMS; i++) {
        if (all[i].pid != 0)
            printf(" %13.1f", median(all[i].rate, rounds) / 1000);
        else
            printf(" %13s", "-");
    }
    printf("   %10.2f", ratio(&all[OURS], &all[BARE], rounds));
    if (all[NGINX].pid != 0)
        printf(" %10.2f", ratio(&all[OURS], &all[NGINX], rounds));
    printf("\n");
}

static void compare(struct bench *b, const struct scene *scene, bool with_nginx)
{
    static struct contender all[SYSTEMS];
    struct gateway gateway;
    char folder[96];

    memset(all, 0, sizeof all);
    for (int i = 0; i < SYSTEMS; i++)
        load_target_init(&all[i].target, scene, ports_of((enum system)i),
                         i == OURS ? LOAD_FRAMES : LOAD_ECHO);
    all[BARE].pid = bare_start(scene, ports_of(BARE), false);
    if (scene->nodes == 1)
        all[SEGMENTS].pid = bare_start(scene, ports_of(SEGMENTS), true);
    make_folder(b, folder);
    gateway = gateway_start(scene, ports_of(OURS), b->options->build, b->options->peer_address, folder);
    all[OURS].pid = gateway.relay;
    if (with_nginx) {
        make_folder(b, folder);
        all[NGINX].pid = nginx_start(scene, ports_of(NGINX), folder);
    }
    for (int i = 0; i < SYSTEMS; i++)
        if (all[i].pid != 0)
            warm_up(b, &all[i], system_names[i]);
    for (uint32_t round = 0; round < b->options->rounds; round++)
        for (int i = 0; i < SYSTEMS; i++)
            if (all[i].pid != 0)
                measure(b, &all[i], (enum system)i, round);
    print_row(scene, all, b->options->rounds);
    gateway_stop(&gateway);
    for (int i = 0; i < SYSTEMS; i++) {
        if (i != OURS && all[i].pid != 0)
            process_end(all[i].pid);
        load_target_free(&all[i].target);
    }
}

/* ---- the tables ---- */

static void print_head(const struct options *options)
{
    machine_print();
    printf("\nloopback, %u rounds\n\n", (unsigned)options->rounds);
    printf(
        "Thousand datagrams, both directions counted, per second of processor time (user and system) of\n"
        "the system under test. DTLS records of 64 bytes of payload, 256 on their way at a time; all are\n"
        "compared byte for byte. The systems run by turns: medians, and medians of each round's ratios.\n"
        "  bare mmsg      recvmmsg/sendmmsg of 64, as many sockets and next hops, nothing else\n"
        "  bare+segments  the same with UDP_GRO and UDP_SEGMENT towards the one next hop\n"
        "  ssmd           our relay process (peer_address = %s): sessions looked up, headers rewritten,\n"
        "                 relay tags verified\n"
        "  nginx          stream proxy for UDP, one process, one next hop always\n"
        "flows: addresses of peers. nodes: addresses that records go to. sockets: ports that peers use.\n"
        "With one next hop, all records being for one address and port, ssmd and the second forwarder hand\n"
        "the kernel many datagrams as one; otherwise neighbours in a batch have different addresses, unless\n"
        "there is but one flow.\n",
        options->peer_address);
}

static void print_columns(const char *title)
{
    printf("\n%s\n%6s %6s %8s", title, "flows", "nodes", "sockets");
    for (int i = 0; i < SYSTEMS; i++)
        printf(" %13s", system_names[i]);
    printf("   %10s %10s\n", "ssmd/bare", "ssmd/nginx");
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void run_tables(struct bench *b)
{
    static const uint32_t sockets[] = {1, 128, SCENE_SOCKETS_MAX};
    const struct options *o = b->options;

    print_columns("By flows, each node with an address of its own");
    for (size_t i = 0; i < o->flows_count; i++) {
        const struct scene scene = {o->flows[i], least(o->flows[i], SCENE_NODES_MAX), 1};

        compare(b, &scene, o->has_nginx);
    }
    print_columns("One next hop");
    for (size_t i = 0; i < o->flows_count; i++)
        compare(b, &(struct scene){o->flows[i], 1, 1}, o->has_nginx);
    print_columns("By sockets");
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++)
        compare(b, &(struct scene){1000, 1000, sockets[i]}, false);
}

/* ---- the program ---- */

static int usage(void)
{
    fprintf(stderr, "usage: relay_bench [--short] [--rounds N] [--flows N,N,...] [--without-nginx]\n"
                    "                   [--peer-address ADDRESS]\n"
                    "  ssmd is the one in $SSM_BUILD; its default address is ::, any\n");
    return 2;
}

static bool flows_read(struct options *o, const char *list)
{
    char *end = (char *)(uintptr_t)list;

    for (o->flows_count = 0; o->flows_count < FLOWS_MAX; list = end + 1) {
        unsigned long flows = strtoul(list, &end, 10);

        if (flows < 1 || flows > 60000)
            return false;
        o->flows[o->flows_count++] = (uint32_t)flows;
        if (*end != ',')
            return *end == '\0';
    }
    return false;
}

static bool options_read(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            o->is_short = true;
            o->rounds = 1;
            (void)flows_read(o, "1,300");
        } else if (strcmp(argv[i], "--without-nginx") == 0) {
            o->has_nginx = false;
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            o->rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--peer-address") == 0 && i + 1 < argc) {
            o->peer_address = argv[++i];
        } else if (strcmp(argv[i], "--flows") != 0 || i + 1 == argc || !flows_read(o, argv[++i])) {
            return false;
        }
    }
    return o->rounds >= 1 && o->rounds <= ROUNDS_MAX && o->build != NULL;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void allow_many_files(void)
{
    struct rlimit limit;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "limits");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "limits");
}

int main(int argc, char **argv)
{
    struct options options = {.has_nginx = true,
                              .rounds = ROUNDS,
                              .flows = {1, 1000, 15000},
                              .flows_count = 3,
                              .build = getenv("SSM_BUILD"),
                              .peer_address = "127.0.0.1"};
    struct bench bench = {.options = &options, .folder = "/tmp/ssm-relay-bench.XXXXXX"};

    if (!options_read(&options, argc, argv))
        return usage();
    if (options.has_nginx && !nginx_is_installed()) {
        fprintf(stderr, "relay_bench: nginx with its stream module is missing: install nginx-core and "
                        "libnginx-mod-stream, or say --without-nginx\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_open("relay_bench", LOG_FOR_PEOPLE, LOG_WARNING);
    must(mkdtemp(bench.folder) != NULL, bench.folder);
    allow_many_files();
    process_take_other_processor();
    bench.load = load_create();
    print_head(&options);
    run_tables(&bench);
    load_destroy(bench.load);
    nftw(bench.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return bench.failed ? 1 : 0;
}
