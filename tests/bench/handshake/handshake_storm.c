/*
 * Clients that handshake again and again, each from one address, so that its next session takes the place of
 * the one before. Says "begun" once the first handshake has come to its end, and at the end of all how many
 * sessions there were, how many refusals, and how many handshakes that came to nothing in time.
 */
#include "must.h"
#include "udp_client.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLIENTS_MAX = 256, PORTS_MAX = 64, PEM_MAX = 16384, PATIENCE_MS = 5000, TICK_MS = 100 };

struct storm_client {
    struct udp_client udp;
    uint64_t began_ms;
};

static struct storm {
    struct stock_credentials credentials;
    struct stock_library *library;
    unsigned ports[PORTS_MAX];
    size_t port_count;
    size_t clients_per_port;
    struct storm_client clients[CLIENTS_MAX];
    struct pollfd readable[CLIENTS_MAX];
    size_t count;
    unsigned long sessions;
    unsigned long refusals;
    unsigned long late;
} storm;

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    (void)number;
    is_ending = 1;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- handshakes ---- */

static void begin(struct storm_client *c)
{
    c->began_ms = now_ms();
    udp_client_begin(&c->udp, storm.library);
}

static void on_state(struct storm_client *c, enum stock_state state)
{
    const bool is_late = now_ms() - c->began_ms > PATIENCE_MS;

    if (state == STOCK_CONNECTING && !is_late)
        return;
    if (storm.sessions + storm.refusals == 0 && !is_late)
        puts("begun");
    storm.sessions += state == STOCK_UP;
    storm.refusals += state == STOCK_OVER;
    storm.late += state == STOCK_CONNECTING;
    begin(c);
}

static void on_readable(struct storm_client *c)
{
    uint8_t datagram[UDP_CLIENT_DATAGRAM_MAX];
    const size_t len = udp_client_receive(&c->udp, 0, datagram);

    if (len > 0)
        on_state(c, stock_run(c->udp.client, datagram, len));
}

static void run(void)
{
    uint64_t tick_ms = now_ms();

    for (size_t i = 0; i < storm.count; i++)
        begin(&storm.clients[i]);
    while (!is_ending) {
        (void)poll(storm.readable, storm.count, TICK_MS);
        for (size_t i = 0; i < storm.count; i++)
            if (storm.readable[i].revents != 0)
                on_readable(&storm.clients[i]);
        if (now_ms() - tick_ms < TICK_MS)
            continue;
        tick_ms = now_ms();
        for (size_t i = 0; i < storm.count; i++)
            on_state(&storm.clients[i], stock_run(storm.clients[i].udp.client, NULL, 0));
    }
}

/* ---- the program ---- */

static const char *read_pem(const char *path)
{
    char *text = calloc(1, PEM_MAX);
    FILE *file = fopen(path, "r");

    must(text != NULL && file != NULL && fread(text, 1, PEM_MAX - 1, file) > 0, path);
    fclose(file);
    return text;
}

static void take_option(const char *name, const char *value)
{
    struct stock_credentials *credentials = &storm.credentials;

    if (strcmp(name, "--clients") == 0)
        storm.clients_per_port = strtoul(value, NULL, 10);
    else if (strcmp(name, "--identity") == 0)
        credentials->identity = value;
    else if (strcmp(name, "--psk") == 0)
        credentials->psk = (const uint8_t *)value;
    else if (strcmp(name, "--ca") == 0)
        credentials->ca = read_pem(value);
    else if (strcmp(name, "--cert") == 0)
        credentials->certificate = read_pem(value);
    else if (strcmp(name, "--key") == 0)
        credentials->key = read_pem(value);
    else
        must(false, "usage: handshake_storm --clients N-PER-PORT"
                    " (--identity NAME --psk TEXT | --ca FILE --cert FILE --key FILE) PORT...");
}

static void read_options(int argc, char **argv)
{
    int i = 1;

    for (; i + 1 < argc && argv[i][0] == '-'; i += 2)
        take_option(argv[i], argv[i + 1]);
    for (; i < argc && storm.port_count < PORTS_MAX; i++)
        storm.ports[storm.port_count++] = (unsigned)strtoul(argv[i], NULL, 10);
    storm.count = storm.clients_per_port * storm.port_count;
    must(storm.count > 0 && storm.count <= CLIENTS_MAX, "handshake_storm: 1 to 256 clients");
    if (storm.credentials.psk != NULL)
        storm.credentials.psk_len = strlen((const char *)storm.credentials.psk);
}

int main(int argc, char **argv)
{
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    setvbuf(stdout, NULL, _IOLBF, 0);
    read_options(argc, argv);
    storm.library = stock_library_create(&storm.credentials);
    for (size_t i = 0; i < storm.count; i++) {
        udp_client_open(&storm.clients[i].udp, storm.ports[i % storm.port_count]);
        storm.readable[i] = (struct pollfd){.fd = storm.clients[i].udp.fd, .events = POLLIN};
    }
    run();
    for (size_t i = 0; i < storm.count; i++)
        udp_client_close(&storm.clients[i].udp);
    stock_library_destroy(storm.library);
    printf("%lu %lu %lu\n", storm.sessions, storm.refusals, storm.late);
    return 0;
}
