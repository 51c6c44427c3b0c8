#include "keys_certificates.h"

#include "log.h"

#include <unistd.h>

void keys_certificates_load(struct keys_certificates *c)
{
    struct credentials credentials;
    enum status status = credentials_load(c->ca.config, c->ca.store, &credentials, &c->expiry.ends);

    if (status == SSM_OK) {
        status = handshake_mbedtls_set_credentials(c->library, &credentials);
        credentials_free(&credentials);
    }
    if (status != SSM_OK)
        log_line(LOG_ERR, "the certificates could not be loaded; what was in use before stays in use");
}

void keys_certificates_open(struct keys_certificates *c, const struct config *config,
                            const struct store_ca *store, const struct keys_store *table,
                            struct handshake_mbedtls *library)
{
    c->library = library;
    /* A name that was cut is not terminated. */
    if (gethostname(c->host, sizeof c->host - 1) != 0)
        c->host[0] = '\0';
    c->ca = (struct ca){.store = store, .config = config, .host = c->host};
    c->expiry = (struct expiry){.config = config, .store = table, .ca = store};
    keys_certificates_load(c);
}
