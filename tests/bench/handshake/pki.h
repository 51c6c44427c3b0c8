/* A CA, a server's certificate and a client's, made for one run: ECDSA on P-256, one level deep. */
#ifndef SSM_BENCH_PKI_H
#define SSM_BENCH_PKI_H

#include "certificate_make.h"

#define PKI_SERVER_NAME "localhost"

struct pki_identity {
    char certificate[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
};

struct pki {
    struct pki_identity ca;
    struct pki_identity server;
    struct pki_identity client;
};

/* The client's common name is `client`. */
void pki_make(struct pki *pki, const char *client);

#endif
