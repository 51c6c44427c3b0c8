#include "handshake_verdict.h"

#include <mbedtls/version.h>

enum {
    UNTRUSTED = MBEDTLS_X509_BADCERT_NOT_TRUSTED,
    FORGED = MBEDTLS_X509_BADCERT_OTHER, /* which the library never sets */
    SELF_SIGNED = 1 << 30,               /* nor this, which is ours alone */
    UNTIMELY = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE,
    FIRST_PROTOCOL_ERROR = 0x6000, /* the library's errors of TLS itself; below are those of cryptography */
};

static const uint32_t UNKNOWN = UINT32_MAX; /* no chain has been looked at */

/* ---- chains ---- */

static bool is_same_name(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && bytes_equal(a->p, b->p, a->len);
}

uint32_t handshake_verdict_forged(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *cas, uint32_t flags)
{
    for (; (flags & UNTRUSTED) != 0 && cas != NULL && cas->raw.p != NULL; cas = cas->next)
        if (is_same_name(&crt->issuer_raw, &cas->subject_raw))
            return flags | FORGED;
    return flags;
}

bool handshake_verdict_is_trusted(uint32_t flags)
{
    return (flags & UNTRUSTED) == 0;
}

uint32_t handshake_verdict_flags(uint32_t flags, bool is_accepted)
{
    return is_accepted ? flags & ~(uint32_t)(UNTRUSTED | FORGED) : flags | UNTRUSTED;
}

/* The first that is true. RFC 5246 7.2.2: certificate_expired is for one that "is not currently valid". RFC
 * 7925 6: these "MUST only be used for certificate-based ciphersuites", and no other handshake has flags. */
static uint8_t alert_of_chain(uint32_t flags)
{
    if ((flags & FORGED) != 0)
        return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    if ((flags & ~(uint32_t)(UNTRUSTED | UNTIMELY)) != 0)
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
    return (flags & UNTIMELY) != 0 ? MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED : MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
}

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

/* This version calls it a bad message of the kind that it has waited for. */
static bool is_unexpected(const mbedtls_ssl_context *ssl, int error)
{
    static const struct {
        int error;
        uint8_t type;
    } EXPECTED[] = {
        {MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE, MBEDTLS_SSL_HS_CERTIFICATE},
        {MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE, MBEDTLS_SSL_HS_CLIENT_KEY_EXCHANGE},
        {MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_VERIFY, MBEDTLS_SSL_HS_CERTIFICATE_VERIFY},
        {MBEDTLS_ERR_SSL_BAD_HS_FINISHED, MBEDTLS_SSL_HS_FINISHED},
    };

    for (size_t i = 0; i < sizeof EXPECTED / sizeof EXPECTED[0]; i++)
        if (error == EXPECTED[i].error)
            return ssl->in_msgtype != MBEDTLS_SSL_MSG_HANDSHAKE || ssl->in_msg[0] != EXPECTED[i].type;
    return false;
}

static uint8_t alert_of_version(const mbedtls_ssl_context *ssl, int error)
{
    if (is_unexpected(ssl, error))
        return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    switch (error) {
    case MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE:
    case MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_RP:
    case MBEDTLS_ERR_SSL_BAD_HS_CLIENT_KEY_EXCHANGE_CS:
        return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    case MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE_VERIFY:
        return MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER;
    default:
        return HANDSHAKE_ALERT_NONE;
    }
}

#else

static uint8_t alert_of_version(const mbedtls_ssl_context *ssl, int error)
{
    (void)ssl;
    switch (error) {
    case MBEDTLS_ERR_SSL_DECODE_ERROR:
        return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
        return MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER;
    default:
        return HANDSHAKE_ALERT_NONE;
    }
}

#endif

/* ---- alerts ---- */

/* What is certain from the error alone; NONE: it is not. */
static uint8_t alert_of_error(int error)
{
    switch (error) {
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: /* RFC 5246 7.4.6 */
        return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
    case MBEDTLS_ERR_X509_FATAL_ERROR: /* no CA was found among as many certificates as are looked at */
        return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
    case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
    case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
    /* RFC 7925 6: "the TLS server MUST return the decrypt_error error message instead of the
     * unknown_psk_identity". */
    case MBEDTLS_ERR_SSL_UNKNOWN_IDENTITY:
        return MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR;
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
        return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
        return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
        return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    default:
        return HANDSHAKE_ALERT_NONE;
    }
}

/* RFC 7925 6: "implementations MUST be prepared to process these errors", all alike. */
static bool is_end_of_peer(int error)
{
    return error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE || error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
           error == MBEDTLS_ERR_SSL_TIMEOUT;
}

static uint8_t choose_alert(const mbedtls_ssl_context *ssl, int error, uint8_t proposed)
{
    const uint32_t flags = mbedtls_ssl_get_verify_result(ssl);
    uint8_t alert = alert_of_error(error);

    if (is_end_of_peer(error))
        return HANDSHAKE_ALERT_NONE;
    if (alert == HANDSHAKE_ALERT_NONE && flags != 0 && flags != UNKNOWN)
        alert = alert_of_chain(flags);
    if (alert == HANDSHAKE_ALERT_NONE)
        alert = alert_of_version(ssl, error);
    if (alert == HANDSHAKE_ALERT_NONE)
        alert = proposed;
    if (alert == HANDSHAKE_ALERT_NONE)
        alert = -error >= FIRST_PROTOCOL_ERROR ? MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE
                                               : MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR;
    return alert;
}

static enum handshake_fault choose_fault(int error, uint8_t alert)
{
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
        return HANDSHAKE_FAULT_CERTIFICATE_EXPIRED;
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
        return HANDSHAKE_FAULT_CERTIFICATE_FOREIGN;
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
        return HANDSHAKE_FAULT_CERTIFICATE_UNFIT;
    default:
        return error == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE ? HANDSHAKE_FAULT_NO_CERTIFICATE
                                                              : HANDSHAKE_FAULT_OTHER;
    }
}

struct handshake_verdict handshake_verdict_of(const mbedtls_ssl_context *ssl, int error, uint8_t proposed)
{
    const uint8_t alert = choose_alert(ssl, error, proposed);

    return (struct handshake_verdict){.alert = alert, .fault = choose_fault(error, alert)};
}

/* ---- the client's role ---- */

enum { SAN_IP_ADDRESS = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7 }; /* RFC 5280 4.2.1.6 */

static bool names_address(const mbedtls_x509_crt *crt, const uint8_t *address, size_t len)
{
    for (const mbedtls_x509_sequence *san = &crt->subject_alt_names; san != NULL; san = san->next)
        if (san->buf.p != NULL && san->buf.tag == SAN_IP_ADDRESS && san->buf.len == len &&
            bytes_equal(san->buf.p, address, len))
            return true;
    return false;
}

uint32_t handshake_verdict_first(const mbedtls_x509_crt *crt, const uint8_t *address, size_t len)
{
    uint32_t flags = is_same_name(&crt->issuer_raw, &crt->subject_raw) ? SELF_SIGNED : 0;

    if (len > 0 && !names_address(crt, address, len))
        flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return flags;
}

/* What a stranger's certificate says does not matter, so that comes first. */
static struct handshake_verdict verdict_of_chain(uint32_t flags)
{
    const uint32_t named = UNTRUSTED | UNTIMELY | SELF_SIGNED | MBEDTLS_X509_BADCERT_CN_MISMATCH;

    if ((flags & UNTRUSTED) != 0 && (flags & SELF_SIGNED) != 0)
        return (struct handshake_verdict){MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA,
                                          HANDSHAKE_FAULT_CERTIFICATE_SELF_SIGNED};
    if ((flags & ~named) != 0)
        return (struct handshake_verdict){MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
                                          HANDSHAKE_FAULT_CERTIFICATE_UNFIT};
    if ((flags & UNTRUSTED) != 0)
        return (struct handshake_verdict){MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA,
                                          HANDSHAKE_FAULT_CERTIFICATE_FOREIGN};
    if ((flags & UNTIMELY) != 0)
        return (struct handshake_verdict){MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED,
                                          HANDSHAKE_FAULT_CERTIFICATE_EXPIRED};
    return (struct handshake_verdict){MBEDTLS_SSL_ALERT_MSG_BAD_CERT, HANDSHAKE_FAULT_CERTIFICATE_NAME};
}

static enum handshake_fault fault_of_alert(uint8_t alert)
{
    switch (alert) {
    /* RFC 4279 2, RFC 7925 6, RFC 5246 7.2.2 */
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_PSK_IDENTITY:
    case MBEDTLS_SSL_ALERT_MSG_DECRYPT_ERROR:
    case MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC:
        return HANDSHAKE_FAULT_KEY;
    /* RFC 5246 7.4.1.3: what a ServerHello would have to agree */
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY:
        return HANDSHAKE_FAULT_UNSUITED;
    default:
        return HANDSHAKE_FAULT_REFUSED;
    }
}

struct handshake_verdict handshake_verdict_of_server(const mbedtls_ssl_context *ssl, int error,
                                                     uint8_t proposed, uint8_t received, uint32_t flags)
{
    const uint32_t result = mbedtls_ssl_get_verify_result(ssl); /* with what the suite asks of the key */
    struct handshake_verdict verdict = {.alert = HANDSHAKE_ALERT_NONE};

    if (result != UNKNOWN)
        flags |= result;
    if (error == MBEDTLS_ERR_SSL_TIMEOUT)
        verdict.fault = HANDSHAKE_FAULT_TIMEOUT;
    else if (is_end_of_peer(error))
        verdict.fault = fault_of_alert(received);
    else if ((flags & ~(uint32_t)SELF_SIGNED) != 0)
        verdict = verdict_of_chain(flags);
    else
        verdict.alert = choose_alert(ssl, error, proposed);
    return verdict;
}
