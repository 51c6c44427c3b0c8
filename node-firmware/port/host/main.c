/*
 * ssm-node: a simulated node. One thread, one socket, one poll loop; the core does the rest.
 */
#include "board.h"
#include "events.h"
#include "options.h"
#include "port_host.h"
#include "resources.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static volatile sig_atomic_t stop_wanted;
static volatile sig_atomic_t counters_wanted;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        counters_wanted = 1;
    else
        stop_wanted = 1;
}

/* Signals are delivered inside ppoll alone; *during_poll becomes its mask. */
static void signals_set_up(sigset_t *during_poll)
{
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) {
        sigaddset(&blocked, SIGNALS[i]);
        sigaction(SIGNALS[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, during_poll);
}

/* A UDP socket connected to the gateway, or -1. */
static int gateway_connect(const struct options *options)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *list;
    int error = getaddrinfo(options->gateway_host, options->gateway_port, &hints, &list);
    int fd = -1;

    if (error != 0) {
        fprintf(stderr, "ssm-node: gateway %s port %s: %s\n", options->gateway_host, options->gateway_port,
                gai_strerror(error));
        return -1;
    }
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        fprintf(stderr, "ssm-node: cannot reach gateway %s port %s: %s\n", options->gateway_host,
                options->gateway_port, strerror(errno));
    return fd;
}

/* The readings that the observers were told last, and when to look again. */
struct watch {
    int16_t temperature;
    int16_t humidity;
    uint32_t due_ms;
};

/* Tells observers what changed, once in an interval; returns how long until the next look. */
static uint32_t watch_tick(struct watch *watch, struct node *n, uint32_t interval_ms)
{
    uint32_t left = watch->due_ms - port_now_ms(n->port);

    if ((int32_t)left > 0)
        return left;
    int16_t temperature = board_temperature(n->port);
    int16_t humidity = board_humidity(n->port);
    if (temperature != watch->temperature)
        node_resource_changed(n, &app_resources[APP_TEMPERATURE]);
    if (humidity != watch->humidity)
        node_resource_changed(n, &app_resources[APP_HUMIDITY]);
    *watch = (struct watch){temperature, humidity, port_now_ms(n->port) + interval_ms};
    return interval_ms;
}

static void datagram_read(struct node *n)
{
    uint8_t datagram[LINK_MTU_ONE_HOP]; /* no more than a radio would deliver */
    ssize_t len = recv(n->port->socket, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC);

    if (len > 0 && (size_t)len <= sizeof datagram)
        node_input(n, datagram, (size_t)len);
    bytes_wipe(datagram, sizeof datagram);
}

static void run(struct node *n, const struct options *options)
{
    struct watch watch = {.due_ms = port_now_ms(n->port)};
    sigset_t during_poll;

    signals_set_up(&during_poll);
    while (!stop_wanted) {
        struct node_counters before = n->counters;
        struct pollfd readable = {.fd = n->port->socket, .events = POLLIN};
        uint32_t look_ms = watch_tick(&watch, n, options->observe_interval_ms);
        uint32_t wait_ms = node_tick(n);
        if (look_ms < wait_ms)
            wait_ms = look_ms;
        struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
        if (ppoll(&readable, 1, &wait, &during_poll) > 0)
            datagram_read(n);
        events_print(n, &before, options->verbose);
        if (counters_wanted)
            events_print_counters(n);
        counters_wanted = 0;
    }
    if (options->verbose)
        events_print_counters(n);
}

static int node_run(const struct options *options, struct port *port)
{
    struct node n;

    port->socket = gateway_connect(options);
    if (port->socket < 0)
        return EXIT_FAILED;
    port->started_ms = port_now_ms(port);
    sensor_seed(&options->name, &port->temperature, &port->humidity);
    node_init(&n, &options->name, options->psk, port, app_resources);
    enum status status = node_start(&n);
    if (status == SSM_OK)
        run(&n, options);
    bytes_wipe(&n, sizeof n);
    close(port->socket);
    return status == SSM_OK ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    struct port port = {.socket = -1};
    int result = EXIT_FAILED;

    setvbuf(stdout, NULL, _IOLBF, 0);
    enum options_result parsed = options_parse(argc, argv, &options);
    if (parsed == OPTIONS_RUN) {
        if (counter_file_open(&port.counter, options.state_dir, &options.name) != SSM_OK)
            fprintf(stderr, "ssm-node: cannot use the state directory %s: %s\n", options.state_dir,
                    strerror(errno));
        else
            result = node_run(&options, &port);
        counter_file_close(&port.counter);
    }
    bytes_wipe(&options, sizeof options);
    if (parsed == OPTIONS_DONE)
        return EXIT_OK;
    return parsed == OPTIONS_USAGE_ERROR ? EXIT_USAGE : result;
}
