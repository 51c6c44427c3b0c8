/*
 * ssm-node: a simulated node. One thread, one link, one poll loop; the core does the rest.
 */
#include "board.h"
#include "events.h"
#include "options.h"
#include "outbound.h"
#include "port_host.h"
#include "resources.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

static void on_datagram(void *ctx, uint8_t *datagram, size_t len)
{
    node_input(ctx, datagram, len);
    bytes_wipe(datagram, len);
}

static void run(struct node *n, struct outbound *o, bool verbose)
{
    uint32_t told_ms = port_now_ms(n->port);
    sigset_t during_poll;

    signals_set_up(&during_poll);
    while (!stop_wanted) {
        struct node_counters before = n->counters;
        struct host_link *link = &n->port->link;
        uint32_t link_ms = host_link_is_there(link) ? UINT32_MAX : HOST_LINK_RETRY_MS;
        struct pollfd readable = {.fd = link->fd, .events = POLLIN};
        uint32_t tell_ms = app_tick(n, &told_ms);
        uint32_t push_ms = outbound_tick(o, n);
        uint32_t wait_ms = node_client_tick(n);
        if (tell_ms < wait_ms)
            wait_ms = tell_ms;
        if (push_ms < wait_ms)
            wait_ms = push_ms;
        if (link_ms < wait_ms)
            wait_ms = link_ms;
        struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
        if (ppoll(&readable, 1, &wait, &during_poll) > 0)
            host_link_read(link, on_datagram, n);
        events_print(n, &before, verbose);
        outbound_print(o, verbose);
        if (counters_wanted)
            events_print_counters(n);
        counters_wanted = 0;
    }
    if (verbose)
        events_print_counters(n);
}

static enum status link_open(const struct options *options, struct host_link *link)
{
    if (options->serial != NULL)
        return host_link_open(link, options->serial);
    return host_link_connect(link, options->gateway_host, options->gateway_port);
}

static int node_run(const struct options *options, struct port *port)
{
    struct outbound outbound;
    struct node n;

    if (link_open(options, &port->link) != SSM_OK)
        return EXIT_FAILED;
    port->started_ms = port_now_ms(port);
    port->interval_s = options->observe_interval_s;
    sensor_seed(&options->name, &port->temperature, &port->humidity);
    node_init(&n, &options->name, options->psk, port, app_resources);
    enum status status = outbound_open(&outbound, &n, options);
    if (status == SSM_OK)
        status = node_start(&n);
    if (status == SSM_OK)
        run(&n, &outbound, options->verbose);
    bytes_wipe(&n, sizeof n);
    host_link_close(&port->link);
    return status == SSM_OK ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    struct port port = {.light = false};
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
