#include "pki.h"

#include "must.h"

#include <time.h>

enum { HOUR_S = 3600 };

/* One certificate with its key; by itself if there is no signer. */
static void make(enum certificate_use use, const char *common_name, const struct certificate_signer *signer,
                 struct certificate_key_pair *pair, struct certificate *certificate, struct pki_identity *out)
{
    static const struct certificate_names NAMES = {{PKI_SERVER_NAME}, 1};
    const uint64_t now_s = (uint64_t)time(NULL);

    must(certificate_make_key(pair) == SSM_OK, "no key can be made");
    const struct certificate_plan plan = {
        .use = use,
        .common_name = common_name,
        .names = use == CERTIFICATE_FOR_SERVER ? &NAMES : NULL,
        .public_key = pair->public_key,
        .not_before_s = now_s - HOUR_S,
        .not_after_s = now_s + HOUR_S * 24,
    };
    const struct certificate_signer itself = {NULL, pair->private_key, pair->private_key_len};
    must(certificate_make(&plan, signer != NULL ? signer : &itself, certificate) == SSM_OK,
         "no certificate can be made");
    certificate_to_pem(certificate, out->certificate);
    must(certificate_key_to_pem(pair->private_key, pair->private_key_len, out->key) == SSM_OK,
         "no key can be written");
}

void pki_make(struct pki *pki, const char *client)
{
    struct certificate_key_pair ca_pair;
    struct certificate_key_pair pair;
    struct certificate ca;
    struct certificate certificate;

    make(CERTIFICATE_FOR_CA, "bench CA", NULL, &ca_pair, &ca, &pki->ca);
    const struct certificate_signer signer = {&ca, ca_pair.private_key, ca_pair.private_key_len};
    make(CERTIFICATE_FOR_SERVER, "gateway", &signer, &pair, &certificate, &pki->server);
    make(CERTIFICATE_FOR_CLIENT, client, &signer, &pair, &certificate, &pki->client);
}
