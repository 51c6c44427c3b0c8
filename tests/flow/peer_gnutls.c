/* The peer over GnuTLS. */
#include "peer.h"

#include <errno.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1200, PSK_MAX = 64 };

struct peer_of_gnutls {
    struct peer base;
    gnutls_session_t session;
    gnutls_psk_client_credentials_t psk;  /* NULL: none */
    gnutls_psk_server_credentials_t psks; /* a server's; NULL: none */
    gnutls_certificate_credentials_t certificates;
    uint8_t key[PSK_MAX]; /* of the identity that a server knows */
};

/* ---- time ---- */

static uint64_t virtual_ms;

/* Takes the place of the C library's: GnuTLS's retransmission timers read the real-time clock with it. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec = (time_t)(1000000000 + virtual_ms / 1000);
    now->tv_nsec = (long)(virtual_ms % 1000 * 1000000);
    return 0;
}

/* ---- datagrams ---- */

static ssize_t on_push(gnutls_transport_ptr_t context, const void *data, size_t len)
{
    struct peer *p = context;

    p->config.output(p->config.ctx, data, len);
    return (ssize_t)len;
}

static ssize_t on_pull(gnutls_transport_ptr_t context, void *out, size_t cap)
{
    struct peer_of_gnutls *g = context;
    const struct peer_datagram *d = peer_take(&g->base);

    if (d == NULL) {
        gnutls_transport_set_errno(g->session, EAGAIN);
        return -1;
    }
    size_t len = d->len < cap ? d->len : cap;
    memcpy(out, d->bytes, len);
    return (ssize_t)len;
}

static int on_pull_timeout(gnutls_transport_ptr_t context, unsigned int ms)
{
    const struct peer *p = context;

    (void)ms;
    return p->queue_count > 0;
}

/* ---- the library ---- */

static void gnutls_destroy(struct peer *p)
{
    struct peer_of_gnutls *g = (struct peer_of_gnutls *)p;

    gnutls_deinit(g->session);
    gnutls_certificate_free_credentials(g->certificates);
    if (g->psk != NULL)
        gnutls_psk_free_client_credentials(g->psk);
    if (g->psks != NULL)
        gnutls_psk_free_server_credentials(g->psks);
    free(g);
}

static gnutls_datum_t datum_of(const void *bytes, size_t len)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)bytes, .size = (unsigned int)len};
}

static void take_psk(struct peer_of_gnutls *g)
{
    const struct peer_config *c = &g->base.config;
    const gnutls_datum_t psk = datum_of(c->psk, c->psk_len);

    if (gnutls_psk_allocate_client_credentials(&g->psk) < 0 ||
        gnutls_psk_set_client_credentials(g->psk, c->identity, &psk, GNUTLS_PSK_KEY_RAW) < 0 ||
        gnutls_credentials_set(g->session, GNUTLS_CRD_PSK, g->psk) < 0)
        abort();
}

static int on_identity(gnutls_session_t session, const char *identity, gnutls_datum_t *psk)
{
    const struct peer_of_gnutls *g = gnutls_session_get_ptr(session);
    const struct peer_config *c = &g->base.config;

    if (strcmp(identity, c->identity) != 0 || (psk->data = gnutls_malloc(c->psk_len)) == NULL)
        return -1;
    memcpy(psk->data, g->key, c->psk_len);
    psk->size = (unsigned int)c->psk_len;
    return 0;
}

static void take_identity(struct peer_of_gnutls *g)
{
    const struct peer_config *c = &g->base.config;

    if (c->psk_len > sizeof g->key || gnutls_psk_allocate_server_credentials(&g->psks) < 0 ||
        gnutls_credentials_set(g->session, GNUTLS_CRD_PSK, g->psks) < 0)
        abort();
    memcpy(g->key, c->psk, c->psk_len);
    gnutls_session_set_ptr(g->session, g);
    gnutls_psk_set_server_credentials_function(g->psks, on_identity);
}

static void take_certificates(struct peer_of_gnutls *g)
{
    const struct peer_config *c = &g->base.config;

    if (gnutls_certificate_allocate_credentials(&g->certificates) < 0)
        abort();
    if (c->certificate != NULL) {
        const gnutls_datum_t certificate = datum_of(c->certificate, strlen(c->certificate));
        const gnutls_datum_t key = datum_of(c->key, strlen(c->key));

        if (gnutls_certificate_set_x509_key_mem(g->certificates, &certificate, &key, GNUTLS_X509_FMT_PEM) < 0)
            abort();
    }
    if (c->ca != NULL) {
        const gnutls_datum_t ca = datum_of(c->ca, strlen(c->ca));

        if (gnutls_certificate_set_x509_trust_mem(g->certificates, &ca, GNUTLS_X509_FMT_PEM) < 1)
            abort();
        gnutls_session_set_verify_cert(g->session, c->server_name, 0);
        gnutls_certificate_server_set_request(g->session, GNUTLS_CERT_REQUIRE);
    }
    if (gnutls_credentials_set(g->session, GNUTLS_CRD_CERTIFICATE, g->certificates) < 0)
        abort();
}

static void choose_suites(struct peer_of_gnutls *g)
{
    const unsigned suites = g->base.config.suites;
    char list[160] = "NONE:+VERS-DTLS1.2:+AES-128-CCM-8:+AEAD:+SIGN-ALL:+GROUP-ALL:+COMP-NULL";

    if ((suites & PEER_RSA) != 0)
        strcat(list, ":+RSA");
    if ((suites & PEER_ECDSA) != 0)
        strcat(list, ":+ECDHE-ECDSA");
    if (suites == 0 || (suites & PEER_PSK) != 0)
        strcat(list, ":+PSK");
    if (gnutls_priority_set_direct(g->session, list, NULL) < 0)
        abort();
}

static void take_extensions(struct peer_of_gnutls *g)
{
    const struct peer_config *c = &g->base.config;

    if ((c->max_fragment_len != 0 && gnutls_record_set_max_size(g->session, c->max_fragment_len) < 0) ||
        (c->server_name != NULL &&
         gnutls_server_name_set(g->session, GNUTLS_NAME_DNS, c->server_name, strlen(c->server_name)) < 0))
        abort();
}

static struct peer *gnutls_create(const struct peer_config *config)
{
    struct peer_of_gnutls *g = calloc(1, sizeof *g);

    if (g == NULL)
        abort();
    peer_init(&g->base, config);
    if (gnutls_init(&g->session, (config->is_server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_DATAGRAM |
                                     GNUTLS_NONBLOCK) < 0)
        abort();
    choose_suites(g);
    take_certificates(g);
    if (config->psk != NULL && config->is_server)
        take_identity(g);
    else if (config->psk != NULL)
        take_psk(g);
    take_extensions(g);
    gnutls_dtls_set_mtu(g->session, MTU);
    gnutls_transport_set_ptr(g->session, g);
    gnutls_transport_set_push_function(g->session, on_push);
    gnutls_transport_set_pull_function(g->session, on_pull);
    gnutls_transport_set_pull_timeout_function(g->session, on_pull_timeout);
    return &g->base;
}

static bool is_waiting(ssize_t result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

static void note_end(struct peer_of_gnutls *g, ssize_t result)
{
    g->base.is_over = true;
    if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        g->base.alert = (int)gnutls_alert_get(g->session);
}

static void handshake_run(struct peer_of_gnutls *g)
{
    int result = gnutls_handshake(g->session);

    g->base.is_up = result == GNUTLS_E_SUCCESS;
    if (result < 0 && (gnutls_error_is_fatal(result) != 0 || result == GNUTLS_E_TIMEDOUT))
        note_end(g, result);
}

static void data_read(struct peer_of_gnutls *g)
{
    struct peer *p = &g->base;

    while (!p->is_over) {
        ssize_t got = gnutls_record_recv(g->session, p->read, sizeof p->read);
        if (is_waiting(got))
            return;
        if (got > 0) {
            p->read_len = (size_t)got;
            p->reads++;
        } else if (got == 0) {
            p->is_closed = true;
            p->is_over = true;
        } else if (gnutls_error_is_fatal((int)got) != 0) {
            note_end(g, got);
        }
    }
}

static void gnutls_run(struct peer *p, uint64_t now_ms)
{
    struct peer_of_gnutls *g = (struct peer_of_gnutls *)p;

    virtual_ms = now_ms;
    p->now_ms = now_ms;
    if (!p->is_up && !p->is_over)
        handshake_run(g);
    if (p->is_up)
        data_read(g);
}

static void data_write(struct peer *p, const uint8_t *data, size_t len)
{
    (void)gnutls_record_send(((struct peer_of_gnutls *)p)->session, data, len);
}

const struct peer_library peer_gnutls = {
    .name = "GnuTLS",
    .create = gnutls_create,
    .run = gnutls_run,
    .write = data_write,
    .destroy = gnutls_destroy,
};
