#include "certificate_make.h"

#include "random_mbedtls.h"

#include <arpa/inet.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    NAMES_DER_MAX = 3400,
    DISTINGUISHED_NAME_MAX = 128,
    /* GeneralName (RFC 5280 4.2.1.6) */
    GENERAL_NAME_DNS = 2,
    GENERAL_NAME_ADDRESS = 7,
};

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

static int parse_private_key(mbedtls_pk_context *pk, const uint8_t *key, size_t len)
{
    return mbedtls_pk_parse_key(pk, key, len, NULL, 0);
}

static int set_serial(mbedtls_x509write_cert *crt, uint8_t *serial, size_t len)
{
    mbedtls_mpi number;
    int failed;

    mbedtls_mpi_init(&number);
    failed = mbedtls_mpi_read_binary(&number, serial, len);
    if (failed == 0)
        failed = mbedtls_x509write_crt_set_serial(crt, &number);
    mbedtls_mpi_free(&number);
    return failed;
}

#else

static int parse_private_key(mbedtls_pk_context *pk, const uint8_t *key, size_t len)
{
    return mbedtls_pk_parse_key(pk, key, len, NULL, 0, random_mbedtls, NULL);
}

static int set_serial(mbedtls_x509write_cert *crt, uint8_t *serial, size_t len)
{
    return mbedtls_x509write_crt_set_serial_raw(crt, serial, len);
}

#endif

/* ---- keys ---- */

/* The library writes to the end of a buffer. */
static bool write_private_key(mbedtls_pk_context *pk, struct certificate_key_pair *out)
{
    uint8_t der[CERTIFICATE_PRIVATE_KEY_MAX];
    int len = mbedtls_pk_write_key_der(pk, der, sizeof der);

    if (len > 0) {
        out->private_key_len = (size_t)len;
        bytes_copy(out->private_key, der + sizeof der - len, (size_t)len);
    }
    bytes_wipe(der, sizeof der);
    return len > 0;
}

enum status certificate_make_key(struct certificate_key_pair *out)
{
    mbedtls_pk_context pk;
    bool made;

    *out = (struct certificate_key_pair){0};
    mbedtls_pk_init(&pk);
    made = mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
           mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk), random_mbedtls, NULL) == 0 &&
           write_private_key(&pk, out) &&
           mbedtls_pk_write_pubkey_der(&pk, out->public_key, CERTIFICATE_PUBLIC_KEY_LEN) ==
               CERTIFICATE_PUBLIC_KEY_LEN;
    mbedtls_pk_free(&pk);
    return made ? SSM_OK : SSM_IO;
}

enum status certificate_key_to_pem(const uint8_t *private_key, size_t len,
                                   char out[CERTIFICATE_PRIVATE_KEY_PEM_MAX])
{
    size_t written;

    return mbedtls_pem_write_buffer("-----BEGIN EC PRIVATE KEY-----\n", "-----END EC PRIVATE KEY-----\n",
                                    private_key, len, (unsigned char *)out, CERTIFICATE_PRIVATE_KEY_PEM_MAX,
                                    &written) == 0
               ? SSM_OK
               : SSM_IO;
}

/* ---- extensions: each function returns 0, or an error of the library ---- */

static int add_extension(mbedtls_x509write_cert *crt, const char *oid, size_t oid_len, bool is_critical,
                         const uint8_t *value, size_t len)
{
    return mbedtls_x509write_crt_set_extension(crt, oid, oid_len, is_critical, value, len);
}

#define EXTENSION(oid) (oid), MBEDTLS_OID_SIZE(oid)

/* RFC 7925 4.4.4: "used for CA certs only, and then the value of the "cA" field is set to TRUE." For end
 * entities alone (RFC 5280 4.2.1.9). */
static int add_constraints(mbedtls_x509write_cert *crt)
{
    static const uint8_t CA_WITHOUT_SUB_CA[] = {0x30, 0x06, 0x01, 0x01, 0xFF, 0x02, 0x01, 0x00};

    return add_extension(crt, EXTENSION(MBEDTLS_OID_BASIC_CONSTRAINTS), true, CA_WITHOUT_SUB_CA,
                         sizeof CA_WITHOUT_SUB_CA);
}

/* RFC 7925 4.4.4: "id-kp-serverAuth for server authentication, id-kp-clientAuth for client authentication";
 * RFC 5280 4.2.1.12. */
static int add_purpose(mbedtls_x509write_cert *crt, const char *purpose, size_t len)
{
    uint8_t value[16] = {0x30, (uint8_t)(len + 2), 0x06, (uint8_t)len};

    SSM_ASSERT(len + 4 <= sizeof value);
    bytes_copy(value + 4, purpose, len);
    return add_extension(crt, EXTENSION(MBEDTLS_OID_EXTENDED_KEY_USAGE), false, value, len + 4);
}

/* Writes one GeneralName before *at; false: no room. */
static bool write_name(uint8_t **at, uint8_t *start, const char *name)
{
    uint8_t address[16];
    const uint8_t *value = address;
    size_t len = inet_pton(AF_INET, name, address) == 1    ? 4
                 : inet_pton(AF_INET6, name, address) == 1 ? 16
                                                           : 0;
    uint8_t tag = GENERAL_NAME_ADDRESS;

    if (len == 0) {
        value = (const uint8_t *)name;
        len = strlen(name);
        tag = GENERAL_NAME_DNS;
    }
    return mbedtls_asn1_write_raw_buffer(at, start, value, len) >= 0 &&
           mbedtls_asn1_write_len(at, start, len) >= 0 &&
           mbedtls_asn1_write_tag(at, start, MBEDTLS_ASN1_CONTEXT_SPECIFIC | tag) >= 0;
}

static int add_names(mbedtls_x509write_cert *crt, const struct certificate_names *names)
{
    uint8_t value[NAMES_DER_MAX];
    uint8_t *end = value + sizeof value;
    uint8_t *at = end;

    for (size_t i = names->count; i > 0; i--) {
        if (!write_name(&at, value, names->list[i - 1]))
            return MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
    }
    if (mbedtls_asn1_write_len(&at, value, (size_t)(end - at)) < 0 ||
        mbedtls_asn1_write_tag(&at, value, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) < 0)
        return MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
    return add_extension(crt, EXTENSION(MBEDTLS_OID_SUBJECT_ALT_NAME), false, at, (size_t)(end - at));
}

static int add_use(mbedtls_x509write_cert *crt, const struct certificate_plan *plan)
{
    int failed;

    if (plan->use == CERTIFICATE_FOR_CA) {
        failed = add_constraints(crt);
        return failed != 0 ? failed : mbedtls_x509write_crt_set_key_usage(crt, MBEDTLS_X509_KU_KEY_CERT_SIGN);
    }
    failed = mbedtls_x509write_crt_set_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (failed == 0 && plan->use == CERTIFICATE_FOR_CLIENT)
        return add_purpose(crt, EXTENSION(MBEDTLS_OID_CLIENT_AUTH));
    if (failed == 0)
        failed = add_purpose(crt, EXTENSION(MBEDTLS_OID_SERVER_AUTH));
    return failed != 0 ? failed : add_names(crt, plan->names);
}

/* ---- certificates ---- */

/* RFC 7925 4.4.4: "Positive integer unique per certificate." Not above 20 bytes (RFC 5280 4.1.2.2), random so
 * that it tells nothing. */
static int set_random_serial(mbedtls_x509write_cert *crt)
{
    uint8_t serial[CERTIFICATE_SERIAL_MAX];
    int failed = random_mbedtls(NULL, serial, sizeof serial);

    serial[0] = (uint8_t)((serial[0] & 0x3F) | 0x40);
    return failed != 0 ? failed : set_serial(crt, serial, sizeof serial);
}

/* RFC 7925 4.4.4: "Values expressed as UTC time in notBefore and notAfter fields." */
static int set_dates(mbedtls_x509write_cert *crt, uint64_t not_before_s, uint64_t not_after_s)
{
    const time_t times[2] = {(time_t)not_before_s, (time_t)not_after_s};
    char texts[2][16]; /* YYYYMMDDhhmmss */

    for (size_t i = 0; i < 2; i++) {
        struct tm tm;

        if (gmtime_r(&times[i], &tm) == NULL ||
            strftime(texts[i], sizeof texts[i], "%Y%m%d%H%M%S", &tm) != 14)
            return MBEDTLS_ERR_X509_INVALID_DATE;
    }
    return mbedtls_x509write_crt_set_validity(crt, texts[0], texts[1]);
}

static int set_subjects(mbedtls_x509write_cert *crt, const struct certificate_plan *plan,
                        const struct certificate *issuer)
{
    char subject[DISTINGUISHED_NAME_MAX];
    char issued_by[DISTINGUISHED_NAME_MAX];
    mbedtls_x509_crt parent;
    int failed;

    snprintf(subject, sizeof subject, "CN=%s", plan->common_name);
    failed = mbedtls_x509write_crt_set_subject_name(crt, subject);
    if (failed != 0 || issuer == NULL)
        return failed != 0 ? failed : mbedtls_x509write_crt_set_issuer_name(crt, subject);
    mbedtls_x509_crt_init(&parent);
    failed = mbedtls_x509_crt_parse_der(&parent, issuer->der, issuer->len);
    if (failed == 0 && mbedtls_x509_dn_gets(issued_by, sizeof issued_by, &parent.subject) < 0)
        failed = MBEDTLS_ERR_X509_INVALID_NAME;
    if (failed == 0)
        failed = mbedtls_x509write_crt_set_issuer_name(crt, issued_by);
    mbedtls_x509_crt_free(&parent);
    return failed;
}

/* The library writes to the end of a buffer. */
static enum status sign(mbedtls_x509write_cert *crt, struct certificate *out)
{
    uint8_t der[CERTIFICATE_DER_MAX];
    int len = mbedtls_x509write_crt_der(crt, der, sizeof der, random_mbedtls, NULL);

    if (len <= 0)
        return SSM_MALFORMED;
    out->len = (size_t)len;
    bytes_copy(out->der, der + sizeof der - len, (size_t)len);
    return SSM_OK;
}

static enum status fill_and_sign(mbedtls_x509write_cert *crt, const struct certificate_plan *plan,
                                 const struct certificate *issuer, struct certificate *out)
{
    mbedtls_x509write_crt_set_version(crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(crt, MBEDTLS_MD_SHA256);
    if (set_random_serial(crt) != 0)
        return SSM_IO;
    if (set_dates(crt, plan->not_before_s, plan->not_after_s) != 0 || set_subjects(crt, plan, issuer) != 0 ||
        mbedtls_x509write_crt_set_subject_key_identifier(crt) != 0 ||
        mbedtls_x509write_crt_set_authority_key_identifier(crt) != 0 || add_use(crt, plan) != 0)
        return SSM_MALFORMED;
    return sign(crt, out);
}

enum status certificate_make(const struct certificate_plan *plan, const struct certificate_signer *signer,
                             struct certificate *out)
{
    mbedtls_x509write_cert crt;
    mbedtls_pk_context subject;
    mbedtls_pk_context issuer;
    enum status status = SSM_MALFORMED;

    mbedtls_x509write_crt_init(&crt);
    mbedtls_pk_init(&subject);
    mbedtls_pk_init(&issuer);
    if (mbedtls_pk_parse_public_key(&subject, plan->public_key, CERTIFICATE_PUBLIC_KEY_LEN) == 0 &&
        parse_private_key(&issuer, signer->private_key, signer->private_key_len) == 0) {
        mbedtls_x509write_crt_set_subject_key(&crt, &subject);
        mbedtls_x509write_crt_set_issuer_key(&crt, &issuer);
        status = fill_and_sign(&crt, plan, signer->certificate, out);
    }
    mbedtls_pk_free(&issuer);
    mbedtls_pk_free(&subject);
    mbedtls_x509write_crt_free(&crt);
    return status;
}
