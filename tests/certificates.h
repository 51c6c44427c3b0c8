/*
 * Keys and certificates for tests, made on the fly by Mbed TLS: good ones, and every kind of bad one.
 */
#ifndef SSM_TEST_CERTIFICATES_H
#define SSM_TEST_CERTIFICATES_H

#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TEST_PEM_MAX = 32768, TEST_KEY_PEM_MAX = 4096, TEST_DER_MAX = 20000 };

struct test_certificate {
    mbedtls_pk_context pk;
    char subject[128];
    char pem[TEST_PEM_MAX]; /* what test_certificate_append() adds comes behind */
    char key[TEST_KEY_PEM_MAX];
};

struct test_plan {
    const char *subject;                     /* "CN=alice" */
    const struct test_certificate *issuer;   /* NULL: itself */
    const struct test_certificate *same_key; /* whose key it has; NULL: a new one */
    mbedtls_ecp_group_id curve;              /* 0: P-256 */
    unsigned rsa_bits;                       /* not 0: an RSA key */
    const char *from;                        /* "20200101000000"; NULL: since long */
    const char *to;                          /* NULL: for long */
    unsigned usage;                          /* 0: no such extension */
    bool is_for_servers;                     /* extended key usage serverAuth; else clientAuth */
    bool is_for_anything;                    /* no extended key usage */
    bool is_ca;
    mbedtls_md_type_t md;           /* 0: SHA-256 */
    size_t names_len;               /* so many bytes of subjectAltName */
    const unsigned char *alt_names; /* or that extension's value, in DER */
    size_t alt_names_len;
};

static inline int test_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    while (len > 0) { /* at most 256 bytes are sure to come at once */
        size_t some = len < 256 ? len : 256;
        if (getrandom(out, some, 0) != (ssize_t)some)
            return -1;
        out += some;
        len -= some;
    }
    return 0;
}

static inline void test_must(int failed)
{
    if (failed != 0)
        abort();
}

static inline void test_key_make(mbedtls_pk_context *pk, const struct test_plan *plan)
{
    if (plan->rsa_bits != 0) {
        test_must(mbedtls_pk_setup(pk, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)));
        test_must(mbedtls_rsa_gen_key(mbedtls_pk_rsa(*pk), test_random, NULL, plan->rsa_bits, 65537));
    } else {
        mbedtls_ecp_group_id curve =
            plan->curve != MBEDTLS_ECP_DP_NONE ? plan->curve : MBEDTLS_ECP_DP_SECP256R1;
        test_must(mbedtls_pk_setup(pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)));
        test_must(mbedtls_ecp_gen_key(curve, mbedtls_pk_ec(*pk), test_random, NULL));
    }
}

static inline void test_set_serial(mbedtls_x509write_cert *w)
{
    unsigned char serial[8];

    test_must(test_random(NULL, serial, sizeof serial));
    serial[0] = 0x11;
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_mpi number;

    mbedtls_mpi_init(&number);
    test_must(mbedtls_mpi_read_binary(&number, serial, sizeof serial));
    test_must(mbedtls_x509write_crt_set_serial(w, &number));
    mbedtls_mpi_free(&number);
#else
    test_must(mbedtls_x509write_crt_set_serial_raw(w, serial, sizeof serial));
#endif
}

/* RFC 5280 4.2.1.12 */
static inline void test_set_extended_usage(mbedtls_x509write_cert *w, bool is_for_servers)
{
    unsigned char der[] = {0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06,
                           0x01, 0x05, 0x05, 0x07, 0x03, is_for_servers ? 0x01 : 0x02};

    test_must(mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, der,
                                                  sizeof der));
}

/* RFC 5280 4.2.1.6: DNS names of 200 characters. */
static inline void test_set_names(mbedtls_x509write_cert *w, size_t names_len)
{
    enum { NAME = 203 };
    const size_t count = names_len / NAME;
    unsigned char *der = malloc(4 + count * NAME);

    memset(der, 'n', 4 + count * NAME);
    der[0] = 0x30;
    der[1] = 0x82;
    der[2] = (unsigned char)(count * NAME >> 8);
    der[3] = (unsigned char)(count * NAME);
    for (size_t i = 0; i < count; i++) {
        unsigned char *name = der + 4 + i * NAME;
        name[0] = 0x82;
        name[1] = 0x81;
        name[2] = NAME - 3;
    }
    test_must(mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, der,
                                                  4 + count * NAME));
    free(der);
}

static inline void test_set_extensions(mbedtls_x509write_cert *w, const struct test_plan *plan)
{
    test_must(mbedtls_x509write_crt_set_basic_constraints(w, plan->is_ca, -1));
    if (plan->usage != 0)
        test_must(mbedtls_x509write_crt_set_key_usage(w, plan->usage));
    if (!plan->is_ca && !plan->is_for_anything)
        test_set_extended_usage(w, plan->is_for_servers);
    if (plan->names_len != 0)
        test_set_names(w, plan->names_len);
    if (plan->alt_names != NULL)
        test_must(mbedtls_x509write_crt_set_extension(w, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                                      MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
                                                      plan->alt_names, plan->alt_names_len));
}

static inline void test_to_pem(const unsigned char *der, size_t len, char *out, size_t cap)
{
    size_t written;

    test_must(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", der,
                                       len, (unsigned char *)out, cap, &written));
}

static inline void test_sign(mbedtls_x509write_cert *w, struct test_certificate *out)
{
    unsigned char *der = malloc(TEST_DER_MAX);
    int len = mbedtls_x509write_crt_der(w, der, TEST_DER_MAX, test_random, NULL);

    if (len <= 0)
        abort();
    test_to_pem(der + TEST_DER_MAX - len, (size_t)len, out->pem, sizeof out->pem);
    free(der);
}

static inline struct test_certificate *test_certificate_make(const struct test_plan *plan)
{
    struct test_certificate *out = calloc(1, sizeof *out);
    const struct test_certificate *issuer = plan->issuer != NULL ? plan->issuer : out;
    mbedtls_x509write_cert w;

    mbedtls_pk_init(&out->pk);
    if (plan->same_key != NULL)
        strcpy(out->key, plan->same_key->key);
    else
        test_key_make(&out->pk, plan);
    const mbedtls_pk_context *pk = plan->same_key != NULL ? &plan->same_key->pk : &out->pk;
    strcpy(out->subject, plan->subject);
    mbedtls_x509write_crt_init(&w);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, plan->md != MBEDTLS_MD_NONE ? plan->md : MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&w, (mbedtls_pk_context *)(uintptr_t)pk);
    mbedtls_x509write_crt_set_issuer_key(
        &w, (mbedtls_pk_context *)(uintptr_t)(plan->issuer != NULL ? &issuer->pk : pk));
    test_must(mbedtls_x509write_crt_set_subject_name(&w, plan->subject));
    test_must(mbedtls_x509write_crt_set_issuer_name(&w, issuer->subject));
    test_set_serial(&w);
    test_must(mbedtls_x509write_crt_set_validity(&w, plan->from != NULL ? plan->from : "20200101000000",
                                                 plan->to != NULL ? plan->to : "20491231235959"));
    test_set_extensions(&w, plan);
    test_sign(&w, out);
    mbedtls_x509write_crt_free(&w);
    if (plan->same_key == NULL)
        test_must(mbedtls_pk_write_key_pem(&out->pk, (unsigned char *)out->key, sizeof out->key));
    return out;
}

static inline void test_certificate_free(struct test_certificate *c)
{
    mbedtls_pk_free(&c->pk);
    free(c);
}

/* Makes a chain: `next` behind what is there. */
static inline void test_certificate_append(struct test_certificate *c, const struct test_certificate *next)
{
    if (strlen(c->pem) + strlen(next->pem) >= sizeof c->pem)
        abort();
    strcat(c->pem, next->pem);
}

/* Spoils the signature, which is what a certificate ends with; `from`, where it is not NULL, becomes `to`
 * before.
 */
static inline void test_certificate_forge(struct test_certificate *c, const char *from, const char *to)
{
    mbedtls_x509_crt crt;

    mbedtls_x509_crt_init(&crt);
    test_must(mbedtls_x509_crt_parse(&crt, (const unsigned char *)c->pem, strlen(c->pem) + 1));
    for (void *at; from != NULL && (at = memmem(crt.raw.p, crt.raw.len, from, strlen(from))) != NULL;)
        memcpy(at, to, strlen(to));
    crt.raw.p[crt.raw.len - 1] ^= 1;
    test_to_pem(crt.raw.p, crt.raw.len, c->pem, sizeof c->pem);
    mbedtls_x509_crt_free(&crt);
}

#endif
