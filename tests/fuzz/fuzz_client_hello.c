/*
 * What strangers send: a datagram's records, which of them may reach the DTLS library, and the ClientHello.
 * What is read as a ClientHello lies inside its record, and is well-formed enough for the library.
 */
#include "fuzz.h"

#include "client_hello.h"
#include "handshake_filter.h"

static void check_hello(const struct handshake_record *record, const uint8_t *bytes)
{
    struct client_hello hello;
    uint8_t answer[HELLO_VERIFY_REQUEST_LEN];

    if (!client_hello_read(record, &hello))
        return;
    FUZZ_CHECK(hello.random >= record->body);
    FUZZ_CHECK(hello.random + CLIENT_HELLO_RANDOM_LEN <= hello.session_id);
    FUZZ_CHECK(hello.session_id + hello.session_id_len <= hello.cookie);
    FUZZ_CHECK(hello.cookie + hello.cookie_len <= record->body + record->body_len);
    client_hello_ask_cookie(&hello, hello.random, answer);
    FUZZ_CHECK(record->len >= sizeof answer);
    FUZZ_CHECK(handshake_filter_pass(bytes, record->len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *datagram = fuzz_copy(data, len);
    struct reader r = reader_over(datagram, len);
    struct handshake_record record;

    (void)handshake_filter_pass(datagram, len);
    while (r.left > 0) {
        const uint8_t *bytes = r.at;

        if (handshake_record_read(&r, &record) != SSM_OK)
            break;
        FUZZ_CHECK(record.len <= len);
        check_hello(&record, bytes);
    }
    free(datagram);
    return 0;
}
