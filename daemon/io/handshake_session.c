#include "handshake_session.h"

#include <time.h>

enum { NOT_AFTER_LEN = sizeof(uint64_t) }; /* in front of the library's bytes */

void handshake_session_save(const mbedtls_ssl_session *session, const uint8_t *id, size_t id_len,
                            uint64_t not_after_s, struct handshake_session *out)
{
    size_t len = 0;

    if (id_len != sizeof out->id || mbedtls_ssl_session_save(session, out->bytes + NOT_AFTER_LEN,
                                                             sizeof out->bytes - NOT_AFTER_LEN, &len) != 0) {
        bytes_wipe(out, sizeof *out);
        return;
    }
    bytes_copy(out->id, id, sizeof out->id);
    bytes_copy(out->bytes, &not_after_s, NOT_AFTER_LEN);
    out->len = (uint16_t)(NOT_AFTER_LEN + len);
}

enum status handshake_session_load(const struct handshake_session *from, mbedtls_ssl_session *out)
{
    uint64_t not_after_s;

    SSM_ASSERT(from->len > NOT_AFTER_LEN && from->len <= sizeof from->bytes);
    bytes_copy(&not_after_s, from->bytes, NOT_AFTER_LEN);
    if ((uint64_t)time(NULL) > not_after_s)
        return SSM_REFUSED;
    return mbedtls_ssl_session_load(out, from->bytes + NOT_AFTER_LEN, from->len - NOT_AFTER_LEN) == 0
               ? SSM_OK
               : SSM_REFUSED;
}
