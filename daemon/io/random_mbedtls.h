/*
 * The kernel's randomness in the form that Mbed TLS asks for. Any thread.
 */
#ifndef SSM_RANDOM_MBEDTLS_H
#define SSM_RANDOM_MBEDTLS_H

#include <stddef.h>

/* 0, or an error of the library's when the kernel has none. */
int random_mbedtls(void *unused, unsigned char *out, size_t len);

#endif
