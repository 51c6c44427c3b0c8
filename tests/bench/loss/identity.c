#include "identity.h"

#include <mbedtls/ecp.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>

#include "radio.h"

enum { DER_MAX = 1024 };

static const char AUTHORITY[] = "CN=authority";

int identity_random(void *state, unsigned char *out, size_t len)
{
    while (len-- > 0)
        *out++ = (unsigned char)random_u64(state);
    return 0;
}

static void expect_success(int result)
{
    if (result >= 0)
        return;
    fprintf(stderr, "loss_bench: no certificate: Mbed TLS error -0x%04x\n", (unsigned)-result);
    exit(1);
}

static void set_serial(mbedtls_x509write_cert *w)
{
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_mpi serial;

    mbedtls_mpi_init(&serial);
    expect_success(mbedtls_mpi_lset(&serial, 1));
    expect_success(mbedtls_x509write_crt_set_serial(w, &serial));
    mbedtls_mpi_free(&serial);
#else
    unsigned char serial = 1;

    expect_success(mbedtls_x509write_crt_set_serial_raw(w, &serial, sizeof serial));
#endif
}

static void key_make(mbedtls_pk_context *key, uint64_t *random)
{
    expect_success(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)));
    expect_success(
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), identity_random, random));
}

static void certificate_make(struct identity *i, const char *name, struct identity *issuer, uint64_t *random)
{
    unsigned char der[DER_MAX];
    mbedtls_x509write_cert w;

    mbedtls_x509write_crt_init(&w);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    set_serial(&w);
    expect_success(mbedtls_x509write_crt_set_validity(&w, "20000101000000", "20991231235959"));
    expect_success(mbedtls_x509write_crt_set_subject_name(&w, name));
    expect_success(mbedtls_x509write_crt_set_issuer_name(&w, AUTHORITY));
    mbedtls_x509write_crt_set_subject_key(&w, &i->key);
    mbedtls_x509write_crt_set_issuer_key(&w, issuer != NULL ? &issuer->key : &i->key);
    if (issuer == NULL)
        expect_success(mbedtls_x509write_crt_set_basic_constraints(&w, 1, 0));
    int len = mbedtls_x509write_crt_der(&w, der, sizeof der, identity_random, random);
    expect_success(len);
    mbedtls_x509write_crt_free(&w);
    /* It was written to the end of the buffer. */
    expect_success(mbedtls_x509_crt_parse_der(&i->crt, der + sizeof der - len, (size_t)len));
}

void identity_make(struct identity *i, const char *name, struct identity *issuer, uint64_t *random)
{
    mbedtls_pk_init(&i->key);
    mbedtls_x509_crt_init(&i->crt);
    key_make(&i->key, random);
    certificate_make(i, issuer != NULL ? name : AUTHORITY, issuer, random);
}

void identity_free(struct identity *i)
{
    mbedtls_x509_crt_free(&i->crt);
    mbedtls_pk_free(&i->key);
}
