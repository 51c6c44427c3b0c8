/*
 * One session, and how long a reading of the node's temperature takes in it: GET requests one after the
 * other. Reads from standard input how many, again and again, and prints for each time, in microseconds:
 * median, 99th percentile, largest; and how many requests had no answer.
 */
#include "coapmsg.h"
#include "must.h"
#include "udp_client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REQUESTS_MAX = 100000, PAUSE_US = 1000, PATIENCE_MS = 1000, CONNECT_MS = 100, CONNECT_TRIES = 200 };

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void connect_session(struct udp_client *u, const struct stock_library *library)
{
    uint8_t datagram[UDP_CLIENT_DATAGRAM_MAX];
    enum stock_state state = STOCK_CONNECTING;

    udp_client_begin(u, library);
    for (int i = 0; i < CONNECT_TRIES && state == STOCK_CONNECTING; i++) {
        const size_t len = udp_client_receive(u, CONNECT_MS, datagram);
        state = stock_run(u->client, len > 0 ? datagram : NULL, len);
    }
    must(state == STOCK_UP, "no session");
}

static bool is_answer(struct udp_client *u, const uint8_t *datagram, size_t len, uint16_t message_id)
{
    uint8_t data[UDP_CLIENT_DATAGRAM_MAX];
    struct coapmsg m;

    len = stock_read(u->client, datagram, len, data, sizeof data);
    return len > 0 && coapmsg_decode(data, len, &m) == SSM_OK && m.message_id == message_id &&
           m.code == COAP_CONTENT && m.payload_len > 0;
}

/* Microseconds; 0: no answer. */
static double request(struct udp_client *u, uint16_t message_id)
{
    uint8_t buf[64];
    uint8_t datagram[UDP_CLIENT_DATAGRAM_MAX];
    struct coap_builder b = coap_build(buf, sizeof buf, COAP_CON, COAP_GET, message_id, NULL, 0);
    size_t len;

    coap_add_option(&b, COAP_OPTION_URI_PATH, "temperature", 11);
    must(coap_finish(&b, &len) == SSM_OK, "a request cannot be made");
    const double began_us = now_us();
    stock_write(u->client, buf, len);
    while ((len = udp_client_receive(u, PATIENCE_MS, datagram)) > 0)
        if (is_answer(u, datagram, len, message_id))
            return now_us() - began_us;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static void measure(struct udp_client *u, size_t count)
{
    static double times_us[REQUESTS_MAX];
    static uint16_t message_id;
    const struct timespec pause = {.tv_nsec = PAUSE_US * 1000L};
    size_t answered = 0;

    for (size_t i = 0; i < count; i++) {
        times_us[answered] = request(u, ++message_id);
        answered += times_us[answered] > 0;
        (void)nanosleep(&pause, NULL);
    }
    must(answered > 0, "no answer");
    qsort(times_us, answered, sizeof *times_us, compare);
    printf("%.0f %.0f %.0f %zu\n", times_us[answered / 2], times_us[answered * 99 / 100],
           times_us[answered - 1], count - answered);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct udp_client u;
    size_t count;

    must(argc == 4, "usage: latency_probe PORT IDENTITY PSK");
    const struct stock_credentials credentials = {
        .identity = argv[2], .psk = (const uint8_t *)argv[3], .psk_len = strlen(argv[3])};
    struct stock_library *library = stock_library_create(&credentials);

    udp_client_open(&u, (unsigned)strtoul(argv[1], NULL, 10));
    connect_session(&u, library);
    while (scanf("%zu", &count) == 1) {
        must(count > 0 && count <= REQUESTS_MAX, "latency_probe: 1 to 100000 requests");
        measure(&u, count);
    }
    udp_client_close(&u);
    stock_library_destroy(library);
    return 0;
}
