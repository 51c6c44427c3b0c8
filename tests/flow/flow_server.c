#include "flow_server.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "coapmsg.h"
#include "record.h"

enum {
    PSK_LEN = 16,
    CLIENT_HELLO = 1, /* RFC 5246 7.4 */
    RANDOM_LEN = 32,
    RANDOM_AT = RECORD_HEADER_LEN + 12 + 2, /* RFC 6347 4.2.2, RFC 5246 7.4.1.2 */
    REPLY_MAX = 32,
};

/* DNS:readings.example as X.509 has it (RFC 5280 4.2.1.6). */
static const uint8_t NAMES[] = {0x30, 18,  0x82, 16,  'r', 'e', 'a', 'd', 'i', 'n',
                                'g',  's', '.',  'e', 'x', 'a', 'm', 'p', 'l', 'e'};
static const uint8_t PSK[PSK_LEN] = "a server's key..";

struct flow_server {
    const struct peer_library *library;
    struct peer_config config;
    struct peer *peer;          /* NULL: nobody is known */
    uint8_t random[RANDOM_LEN]; /* of the ClientHello that it began with */
    unsigned reads;             /* of the peer's, that have been answered */
    unsigned resets;
    struct test_certificate *ca; /* NULL, with the next two: a PSK */
    struct test_certificate *own;
    struct test_certificate *client;
    struct destination_row destination;
};

/* ---- who knows whom ---- */

static void make_certificates(struct flow_server *s)
{
    s->ca = test_certificate_make(&(struct test_plan){.subject = "CN=ca", .is_ca = true});
    s->own = test_certificate_make(&(struct test_plan){.subject = "CN=readings.example",
                                                       .issuer = s->ca,
                                                       .is_for_servers = true,
                                                       .alt_names = NAMES,
                                                       .alt_names_len = sizeof NAMES});
    s->client = test_certificate_make(&(struct test_plan){.subject = "CN=thermo", .issuer = s->ca});
    s->config.suites = PEER_ECDSA;
    s->config.ca = s->ca->pem;
    s->config.certificate = s->own->pem;
    s->config.key = s->own->key;
}

struct flow_server *flow_server_create(const struct peer_library *library, bool has_certificates,
                                       void (*output)(void *ctx, const uint8_t *datagram, size_t len),
                                       void *ctx)
{
    struct flow_server *s = calloc(1, sizeof *s);

    assert_non_null(s);
    s->library = library;
    s->config = (struct peer_config){.is_server = true, .ctx = ctx, .output = output};
    if (has_certificates) {
        make_certificates(s);
    } else {
        s->config.identity = "thermo";
        s->config.psk = PSK;
        s->config.psk_len = sizeof PSK;
    }
    return s;
}

void flow_server_destroy(struct flow_server *s)
{
    flow_server_forget(s);
    if (s->ca != NULL) {
        test_certificate_free(s->client);
        test_certificate_free(s->own);
        test_certificate_free(s->ca);
    }
    free(s);
}

static void copy_text(char *to, size_t cap, const char *text)
{
    assert_true(strlen(text) < cap);
    strcpy(to, text);
}

const struct destination_row *flow_server_destination(struct flow_server *s, uint32_t node)
{
    struct destination_row *row = &s->destination;

    *row = (struct destination_row){.id = 1, .node = node, .kind = DESTINATION_PSK};
    assert_int_equal(uri_parse(FLOW_SERVER_URI, strlen(FLOW_SERVER_URI), &row->server, NULL), SSM_OK);
    if (s->ca != NULL) {
        row->kind = DESTINATION_CERTIFICATE;
        copy_text(row->anchors, sizeof row->anchors, s->ca->pem);
        copy_text(row->chain, sizeof row->chain, s->client->pem);
        copy_text(row->key, sizeof row->key, s->client->key);
        return row;
    }
    row->identity_len = (uint8_t)strlen(s->config.identity);
    memcpy(row->identity, s->config.identity, row->identity_len);
    row->psk_len = PSK_LEN;
    memcpy(row->psk, PSK, PSK_LEN);
    return row;
}

/* ---- its session ---- */

/* A ClientHello's first record with another random; the one with the cookie has the random of the one
 * without. */
static bool is_new_client(const struct flow_server *s, const uint8_t *datagram, size_t len)
{
    if (len < RANDOM_AT + RANDOM_LEN || datagram[0] != RECORD_HANDSHAKE ||
        datagram[RECORD_HEADER_LEN] != CLIENT_HELLO)
        return false;
    return s->peer == NULL || memcmp(s->random, datagram + RANDOM_AT, RANDOM_LEN) != 0;
}

void flow_server_deliver(struct flow_server *s, const uint8_t *datagram, size_t len, uint64_t now_ms)
{
    if (is_new_client(s, datagram, len)) {
        flow_server_forget(s);
        memcpy(s->random, datagram + RANDOM_AT, RANDOM_LEN);
        s->peer = s->library->create(&s->config);
        s->peer->now_ms = now_ms;
    }
    if (s->peer != NULL)
        peer_deliver(s->peer, datagram, len);
}

void flow_server_forget(struct flow_server *s)
{
    if (s->peer != NULL)
        s->library->destroy(s->peer);
    s->peer = NULL;
    s->reads = 0;
}

bool flow_server_is_up(const struct flow_server *s)
{
    return s->peer != NULL && s->peer->is_up && !s->peer->is_over;
}

/* ---- CoAP ---- */

static void write_message(struct flow_server *s, struct coap_builder *b, const uint8_t *message)
{
    size_t len;

    assert_int_equal(coap_finish(b, &len), SSM_OK);
    s->library->write(s->peer, message, len);
}

static void answer(struct flow_server *s)
{
    uint8_t reply[REPLY_MAX];
    struct coapmsg m;

    if (coapmsg_decode(s->peer->read, s->peer->read_len, &m) != SSM_OK)
        fail_msg("the node has sent what is no CoAP");
    s->resets += m.type == COAP_RST;
    if (m.type != COAP_CON)
        return;
    struct coap_builder b =
        coap_build(reply, sizeof reply, COAP_ACK, m.code == COAP_PUT ? COAP_CHANGED : COAP_NOT_FOUND,
                   m.message_id, m.token, m.token_len);
    write_message(s, &b, reply);
}

void flow_server_run(struct flow_server *s, uint64_t now_ms)
{
    if (s->peer == NULL)
        return;
    s->library->run(s->peer, now_ms);
    if (s->peer->reads != s->reads) {
        s->reads = s->peer->reads;
        answer(s);
    }
}

void flow_server_ask(struct flow_server *s)
{
    uint8_t request[REPLY_MAX];
    struct coap_builder b = coap_build(request, sizeof request, COAP_CON, COAP_GET, 1, NULL, 0);

    coap_add_option(&b, COAP_OPTION_URI_PATH, "temperature", 11);
    write_message(s, &b, request);
}

unsigned flow_server_resets(const struct flow_server *s)
{
    return s->resets;
}
