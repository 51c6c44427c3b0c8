/*
 * Keys on P-256 with their certificates, made for one run of the bench and never stored: an authority and
 * what it issues. As short as certificates get: one name each, no extension but the authority's constraint.
 */
#ifndef SSM_BENCH_IDENTITY_H
#define SSM_BENCH_IDENTITY_H

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <stdint.h>

struct identity {
    mbedtls_pk_context key;
    mbedtls_x509_crt crt;
};

/* A random source for Mbed TLS over random_u64; `state` is its uint64_t. */
int identity_random(void *state, unsigned char *out, size_t len);

/* `name` is the subject as in "CN=name". Issued by `issuer`; NULL makes the authority. Stops the program if
 * it cannot be made. */
void identity_make(struct identity *i, const char *name, struct identity *issuer, uint64_t *random);
void identity_free(struct identity *i);

#endif
