#include "certificate.h"

#include "random_mbedtls.h"

#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

static bool is_ca(const mbedtls_x509_crt *crt)
{
    return crt->ca_istrue != 0;
}

static int sha256(const uint8_t *bytes, size_t len, uint8_t out[HANDSHAKE_FINGERPRINT_LEN])
{
    return mbedtls_sha256_ret(bytes, len, out, 0);
}

static int parse_private_key(mbedtls_pk_context *pk, const char *key, size_t len)
{
    return mbedtls_pk_parse_key(pk, (const unsigned char *)key, len, NULL, 0);
}

static bool is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *private_key)
{
    return mbedtls_pk_check_pair(public_key, private_key) == 0;
}

#else

static bool is_ca(const mbedtls_x509_crt *crt)
{
    return mbedtls_x509_crt_get_ca_istrue(crt) > 0;
}

static int sha256(const uint8_t *bytes, size_t len, uint8_t out[HANDSHAKE_FINGERPRINT_LEN])
{
    return mbedtls_sha256(bytes, len, out, 0);
}

static int parse_private_key(mbedtls_pk_context *pk, const char *key, size_t len)
{
    return mbedtls_pk_parse_key(pk, (const unsigned char *)key, len, NULL, 0, random_mbedtls, NULL);
}

static bool is_pair(const mbedtls_pk_context *public_key, const mbedtls_pk_context *private_key)
{
    return mbedtls_pk_check_pair(public_key, private_key, random_mbedtls, NULL) == 0;
}

#endif

/* ---- what a certificate says ---- */

static uint64_t unix_time(const mbedtls_x509_time *t)
{
    struct tm tm = {.tm_year = t->year - 1900,
                    .tm_mon = t->mon - 1,
                    .tm_mday = t->day,
                    .tm_hour = t->hour,
                    .tm_min = t->min,
                    .tm_sec = t->sec};
    time_t s = timegm(&tm);

    return s < 0 ? 0 : (uint64_t)s;
}

static void read_serial(const mbedtls_x509_buf *serial, struct certificate_facts *out)
{
    const uint8_t *at = serial->p;
    size_t len = serial->len;

    for (; len > CERTIFICATE_SERIAL_MAX || (len > 1 && *at == 0); len--)
        at++;
    bytes_copy(out->serial, at, len);
    out->serial_len = (uint8_t)len;
}

static void read_common_name(const mbedtls_x509_name *subject, struct certificate_facts *out)
{
    const mbedtls_x509_name *found = NULL;

    for (; subject != NULL; subject = subject->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &subject->oid) != 0)
            continue;
        if (found != NULL)
            return;
        found = subject;
    }
    if (found == NULL || found->val.len > CERTIFICATE_COMMON_NAME_MAX)
        return;
    bytes_copy(out->common_name, found->val.p, found->val.len);
    out->common_name_len = (uint8_t)found->val.len;
}

/* The curve's identifier stands in the first bytes of the key's DER form: the same in both versions. */
static void read_key(const mbedtls_x509_crt *crt, struct certificate_facts *out)
{
    static const uint8_t P256_PREFIX[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
                                          0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                          0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    /* The library writes, but does not change, the key that it is given; 2.28 wants it changeable. */
    mbedtls_pk_context *key = (mbedtls_pk_context *)(uintptr_t)&crt->pk;
    uint8_t der[CERTIFICATE_PUBLIC_KEY_LEN];

    out->key_bits = (uint16_t)mbedtls_pk_get_bitlen(key);
    out->key = mbedtls_pk_can_do(key, MBEDTLS_PK_RSA) ? CERTIFICATE_KEY_RSA : CERTIFICATE_KEY_OTHER;
    if (mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA) &&
        mbedtls_pk_write_pubkey_der(key, der, sizeof der) == sizeof der &&
        memcmp(der, P256_PREFIX, sizeof P256_PREFIX) == 0) {
        out->key = CERTIFICATE_KEY_P256;
        bytes_copy(out->public_key, der, sizeof der);
    }
}

static enum status read_facts(const mbedtls_x509_crt *crt, struct certificate_facts *out)
{
    *out = (struct certificate_facts){0};
    if (sha256(crt->raw.p, crt->raw.len, out->fingerprint) != 0)
        return SSM_IO;
    out->not_before_s = unix_time(&crt->valid_from);
    out->not_after_s = unix_time(&crt->valid_to);
    out->is_ca = is_ca(crt);
    read_serial(&crt->serial, out);
    read_common_name(&crt->subject, out);
    read_key(crt, out);
    return SSM_OK;
}

enum status certificate_read(const struct certificate *certificate, struct certificate_facts *out)
{
    mbedtls_x509_crt crt;
    enum status status = SSM_MALFORMED;

    mbedtls_x509_crt_init(&crt);
    if (mbedtls_x509_crt_parse_der(&crt, certificate->der, certificate->len) == 0 &&
        crt.raw.len == certificate->len)
        status = read_facts(&crt, out);
    mbedtls_x509_crt_free(&crt);
    return status;
}

/* ---- chains, and whose they are ---- */

enum status certificate_read_chain(const char *pem, size_t len, struct certificate_chain *out)
{
    mbedtls_x509_crt first;
    enum status status = SSM_MALFORMED;

    mbedtls_x509_crt_init(&first);
    if (mbedtls_x509_crt_parse(&first, (const unsigned char *)pem, len) == 0)
        status = read_facts(&first, &out->first);
    out->not_after_s = UINT64_MAX;
    out->are_all_ca = true;
    for (const mbedtls_x509_crt *crt = &first; status == SSM_OK && crt != NULL; crt = crt->next) {
        uint64_t end_s = unix_time(&crt->valid_to);

        out->not_after_s = end_s < out->not_after_s ? end_s : out->not_after_s;
        out->are_all_ca = out->are_all_ca && is_ca(crt);
    }
    mbedtls_x509_crt_free(&first);
    return status;
}

enum status certificate_check_key(const char *pem, size_t pem_len, const char *key, size_t key_len)
{
    mbedtls_x509_crt crt;
    mbedtls_pk_context private_key;
    enum status status = SSM_MALFORMED;

    mbedtls_x509_crt_init(&crt);
    mbedtls_pk_init(&private_key);
    if (mbedtls_x509_crt_parse(&crt, (const unsigned char *)pem, pem_len) == 0 &&
        parse_private_key(&private_key, key, key_len) == 0)
        status = is_pair(&crt.pk, &private_key) ? SSM_OK : SSM_BAD_TAG;
    mbedtls_pk_free(&private_key);
    mbedtls_x509_crt_free(&crt);
    return status;
}

bool certificate_is_client_of(const struct certificate *certificate, const struct certificate *ca)
{
    const uint32_t dates = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
    mbedtls_x509_crt crt;
    mbedtls_x509_crt root;
    uint32_t flags = 0;
    bool is_client = false;

    mbedtls_x509_crt_init(&crt);
    mbedtls_x509_crt_init(&root);
    if (mbedtls_x509_crt_parse_der(&crt, certificate->der, certificate->len) == 0 &&
        mbedtls_x509_crt_parse_der(&root, ca->der, ca->len) == 0)
        /* It fails for the dates as well; the flags say what else is wrong. */
        is_client = (mbedtls_x509_crt_verify(&crt, &root, NULL, NULL, &flags, NULL, NULL) == 0 ||
                     (flags & ~dates) == 0) &&
                    mbedtls_x509_crt_check_extended_key_usage(&crt, MBEDTLS_OID_CLIENT_AUTH,
                                                              MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
    mbedtls_x509_crt_free(&root);
    mbedtls_x509_crt_free(&crt);
    return is_client;
}

/* ---- PEM (RFC 7468) ---- */

enum status certificate_from_pem(const char *pem, size_t len, struct certificate *out)
{
    char *text = strndup(pem, len); /* the library wants it terminated */
    mbedtls_x509_crt crt;
    enum status status = SSM_MALFORMED;

    if (text == NULL)
        return SSM_IO;
    mbedtls_x509_crt_init(&crt);
    if (mbedtls_x509_crt_parse(&crt, (const unsigned char *)text, strlen(text) + 1) == 0 &&
        crt.raw.len <= CERTIFICATE_DER_MAX) {
        bytes_copy(out->der, crt.raw.p, crt.raw.len);
        out->len = crt.raw.len;
        status = SSM_OK;
    }
    mbedtls_x509_crt_free(&crt);
    free(text);
    return status;
}

void certificate_to_pem(const struct certificate *certificate, char out[CERTIFICATE_PEM_MAX + 1])
{
    size_t len;
    int failed = mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
                                          certificate->der, certificate->len, (unsigned char *)out,
                                          CERTIFICATE_PEM_MAX + 1, &len);

    SSM_ASSERT(failed == 0);
}
