/*
 * A DTLS client on GnuTLS that sends alerts of every kind (RFC 5246 7.2), all from one socket, which is to
 * say from one 5-tuple: in clear in the middle of a handshake, protected right after its Finished, and
 * protected in a session. After each it looks at what the server makes of it.
 *
 *   gnutls_alerts HOST PORT IDENTITY KEY-IN-HEX
 */
#include "peer_socket.h"

#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    REPLY_MS = 3000,
    MESSAGE_MAX_LEN = 256,
};

static const char PRIORITY[] = "NORMAL:-KX-ALL:+PSK:-CIPHER-ALL:+AES-128-CCM-8:-VERS-ALL:+VERS-DTLS1.2";

/* RFC 5246 7.2, RFC 4279 6, RFC 6066 9, RFC 7301 3.2; then two that nobody has defined. */
static const unsigned char DESCRIPTIONS[] = {0,   10,  20,  21,  22,  30,  40,  41,  42, 43, 44, 45,
                                             46,  47,  48,  49,  50,  51,  60,  70,  71, 80, 86, 90,
                                             100, 110, 111, 112, 113, 114, 115, 120, 1,  255};

enum point {
    IN_HANDSHAKE,   /* in clear, when ServerHelloDone has come */
    AFTER_FINISHED, /* protected, while the server's Finished is awaited */
    IN_SESSION,
};

static const char *const POINT_NAMES[] = {"in the handshake", "after Finished", "in the session"};

struct client {
    gnutls_psk_client_credentials_t credentials;
    gnutls_priority_t priority;
    int fd;
    /* of the conversation at hand: */
    enum point point;
    gnutls_alert_level_t level;
    gnutls_alert_description_t description;
    bool is_sent;
    bool finished_is_sent;
};

static void check(int result, const char *what)
{
    if (result < 0)
        errx(1, "%s: %s", what, gnutls_strerror(result));
}

static void client_open(struct client *c, char **argv)
{
    const gnutls_datum_t key = {(unsigned char *)argv[4], (unsigned int)strlen(argv[4])};

    c->fd = peer_socket_connect(argv[1], argv[2]);
    check(gnutls_psk_allocate_client_credentials(&c->credentials), "credentials");
    check(gnutls_psk_set_client_credentials(c->credentials, argv[3], &key, GNUTLS_PSK_KEY_HEX), "key");
    check(gnutls_priority_init(&c->priority, PRIORITY, NULL), "priority");
}

static void client_close(struct client *c)
{
    gnutls_priority_deinit(c->priority);
    gnutls_psk_free_client_credentials(c->credentials);
    close(c->fd);
}

static void alert_send(struct client *c, gnutls_session_t session)
{
    c->is_sent = true;
    check(gnutls_alert_send(session, c->level, c->description), "alert");
}

/* GnuTLS calls this after each handshake message that it has read or prepared. */
static int on_message(gnutls_session_t session, unsigned int type, unsigned int when, unsigned int incoming,
                      const gnutls_datum_t *message)
{
    struct client *c = gnutls_session_get_ptr(session);

    (void)when;
    (void)message;
    if (type == GNUTLS_HANDSHAKE_SERVER_HELLO_DONE && c->point == IN_HANDSHAKE && !c->is_sent)
        alert_send(c, session);
    if (type == GNUTLS_HANDSHAKE_FINISHED && !incoming)
        c->finished_is_sent = true;
    return 0;
}

static gnutls_session_t session_create(struct client *c)
{
    gnutls_session_t session;

    check(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK), "session");
    check(gnutls_priority_set(session, c->priority), "priority");
    check(gnutls_credentials_set(session, GNUTLS_CRD_PSK, c->credentials), "credentials");
    gnutls_session_set_ptr(session, c);
    gnutls_transport_set_int(session, c->fd);
    /* no_renegotiation in a handshake makes some servers wait for what the peer will not send */
    gnutls_dtls_set_timeouts(session, 1000, c->point == IN_HANDSHAKE ? 2000 : 10000);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST, on_message);
    return session;
}

static bool is_readable(const struct client *c, int wait_ms)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};

    return poll(&ready, 1, wait_ms) > 0;
}

/* Once a fatal alert has left, a peer in earnest would not go on. */
static bool has_given_up(const struct client *c)
{
    return c->is_sent && c->point != IN_SESSION && c->level == GNUTLS_AL_FATAL;
}

static int session_shake_hands(struct client *c, gnutls_session_t session)
{
    for (;;) {
        int result = gnutls_handshake(session);

        if (result == 0 || (result < 0 && gnutls_error_is_fatal(result)))
            return result;
        if (c->finished_is_sent && c->point == AFTER_FINISHED && !c->is_sent)
            alert_send(c, session);
        if (has_given_up(c))
            return GNUTLS_E_INTERRUPTED;
        (void)is_readable(c, (int)gnutls_dtls_get_timeout(session));
    }
}

/* CoAP CON GET /temperature, and whether it is answered with 2.05. */
static bool session_is_served(struct client *c, gnutls_session_t session)
{
    static const unsigned char request[] = "\x41\x01\x00\x01\x5a\xbbtemperature";
    unsigned char reply[MESSAGE_MAX_LEN];
    ssize_t len = GNUTLS_E_AGAIN;

    if (gnutls_record_send(session, request, sizeof request - 1) < 0)
        return false;
    while (len == GNUTLS_E_AGAIN && is_readable(c, REPLY_MS))
        len = gnutls_record_recv(session, reply, sizeof reply);
    return len > 5 && reply[1] == 0x45;
}

static bool session_is_closed_by_server(struct client *c, gnutls_session_t session)
{
    unsigned char record[MESSAGE_MAX_LEN];
    ssize_t len = GNUTLS_E_AGAIN;

    while (len == GNUTLS_E_AGAIN && is_readable(c, REPLY_MS))
        len = gnutls_record_recv(session, record, sizeof record);
    return len == 0;
}

/* A fatal alert ends a session like close_notify; other warnings change nothing. */
static bool session_is_as_expected(struct client *c, gnutls_session_t session)
{
    if (!session_is_served(c, session))
        return false;
    alert_send(c, session);
    if (c->level == GNUTLS_AL_FATAL || c->description == GNUTLS_A_CLOSE_NOTIFY)
        return session_is_closed_by_server(c, session);
    return session_is_served(c, session);
}

/* What a server makes of a warning inside a handshake is its own affair; it may not harm the next one. */
static bool conversation_is_as_expected(struct client *c)
{
    gnutls_session_t session = session_create(c);
    int result = session_shake_hands(c, session);
    bool as_expected = true;

    if (c->point == IN_SESSION)
        as_expected = result == 0 && session_is_as_expected(c, session);
    else if (!c->is_sent)
        as_expected = false;
    if (!as_expected)
        warnx("alert %d %d %s: handshake %s", (int)c->level, (int)c->description, POINT_NAMES[c->point],
              gnutls_strerror(result));
    gnutls_deinit(session);
    return as_expected;
}

/* A server that is about to open the session may let a peer that gave up right then wait for its timer: fewer
 * kinds. */
static size_t step_of(enum point point)
{
    return point == AFTER_FINISHED ? 7 : 1;
}

int main(int argc, char **argv)
{
    static const gnutls_alert_level_t levels[] = {GNUTLS_AL_WARNING, GNUTLS_AL_FATAL};
    struct client client = {0};
    int count = 0, failed = 0;

    if (argc != 5) {
        fputs("usage: gnutls_alerts HOST PORT IDENTITY KEY-IN-HEX\n", stderr);
        return 2;
    }
    client_open(&client, argv);
    for (enum point point = IN_HANDSHAKE; point <= IN_SESSION; point++) {
        for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
            for (size_t d = 0; d < sizeof DESCRIPTIONS; d += step_of(point)) {
                client.point = point;
                client.level = levels[l];
                client.description = (gnutls_alert_description_t)DESCRIPTIONS[d];
                client.is_sent = client.finished_is_sent = false;
                failed += !conversation_is_as_expected(&client);
                count++;
            }
        }
    }
    client_close(&client);
    printf("%d conversations, %d not as expected\n", count, failed);
    return failed != 0;
}
