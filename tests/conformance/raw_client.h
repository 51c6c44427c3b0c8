/*
 * A DTLS 1.2 client of which a test chooses every byte: hellos that no stock client sends, messages in
 * pieces, out of order, or wrong in one detail.
 *
 * Knows the handshake of RFC 5246 and 6347 with TLS_PSK_WITH_AES_128_CCM_8. Takes and gives datagrams; opens
 * no socket, has no timer and repeats nothing by itself.
 */
#ifndef SSM_TEST_RAW_CLIENT_H
#define SSM_TEST_RAW_CLIENT_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RAW_VERSION_DTLS10 = 0xFEFF,
    RAW_VERSION_DTLS12 = 0xFEFD,
    RAW_VERSION_DTLS13 = 0xFEFC,

    RAW_SUITE_NULL = 0x0000,
    RAW_SUITE_PSK_CCM_8 = 0xC0A8,         /* RFC 6655 6 */
    RAW_SUITE_ECDHE_ECDSA_CCM_8 = 0xC0AE, /* RFC 7251 5 */
    RAW_SUITE_RENEGOTIATION = 0x00FF,     /* the SCSV of RFC 5746 3.3 */

    RAW_HELLO_REQUEST = 0,
    RAW_CLIENT_HELLO = 1,
    RAW_SERVER_HELLO = 2,
    RAW_HELLO_VERIFY_REQUEST = 3,
    RAW_CERTIFICATE = 11,
    RAW_SERVER_KEY_EXCHANGE = 12,
    RAW_CERTIFICATE_REQUEST = 13,
    RAW_SERVER_HELLO_DONE = 14,
    RAW_CERTIFICATE_VERIFY = 15,
    RAW_CLIENT_KEY_EXCHANGE = 16,
    RAW_FINISHED = 20,

    RAW_EXTENSION_SERVER_NAME = 0,
    RAW_EXTENSION_MAX_FRAGMENT_LENGTH = 1,
    RAW_EXTENSION_CLIENT_CERTIFICATE_URL = 2,
    RAW_EXTENSION_TRUSTED_CA_KEYS = 3,
    RAW_EXTENSION_TRUNCATED_HMAC = 4,
    RAW_EXTENSION_STATUS_REQUEST = 5,
    RAW_EXTENSION_GROUPS = 10,
    RAW_EXTENSION_POINT_FORMATS = 11,
    RAW_EXTENSION_SIGNATURE_ALGORITHMS = 13,
    RAW_EXTENSION_HEARTBEAT = 15,
    RAW_EXTENSION_CLIENT_CERTIFICATE_TYPE = 19,
    RAW_EXTENSION_SERVER_CERTIFICATE_TYPE = 20,
    RAW_EXTENSION_ENCRYPT_THEN_MAC = 22,
    RAW_EXTENSION_EXTENDED_MASTER_SECRET = 23,
    RAW_EXTENSION_CACHED_INFO = 25,
    RAW_EXTENSION_SESSION_TICKET = 35,
    RAW_EXTENSION_RENEGOTIATION_INFO = 0xFF01,

    RAW_LEVEL_WARNING = 1,
    RAW_LEVEL_FATAL = 2,

    /* AlertDescription (RFC 5246 7.2, RFC 6066 9, RFC 4279 6) */
    RAW_ALERT_CLOSE_NOTIFY = 0,
    RAW_ALERT_UNEXPECTED_MESSAGE = 10,
    RAW_ALERT_BAD_RECORD_MAC = 20,
    RAW_ALERT_DECRYPTION_FAILED = 21,
    RAW_ALERT_DECOMPRESSION_FAILURE = 30,
    RAW_ALERT_HANDSHAKE_FAILURE = 40,
    RAW_ALERT_NO_CERTIFICATE = 41,
    RAW_ALERT_BAD_CERTIFICATE = 42,
    RAW_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    RAW_ALERT_CERTIFICATE_REVOKED = 44,
    RAW_ALERT_CERTIFICATE_EXPIRED = 45,
    RAW_ALERT_CERTIFICATE_UNKNOWN = 46,
    RAW_ALERT_ILLEGAL_PARAMETER = 47,
    RAW_ALERT_UNKNOWN_CA = 48,
    RAW_ALERT_ACCESS_DENIED = 49,
    RAW_ALERT_DECODE_ERROR = 50,
    RAW_ALERT_DECRYPT_ERROR = 51,
    RAW_ALERT_EXPORT_RESTRICTION = 60,
    RAW_ALERT_PROTOCOL_VERSION = 70,
    RAW_ALERT_INSUFFICIENT_SECURITY = 71,
    RAW_ALERT_INTERNAL_ERROR = 80,
    RAW_ALERT_USER_CANCELED = 90,
    RAW_ALERT_UNRECOGNIZED_NAME = 112,
    RAW_ALERT_UNKNOWN_PSK_IDENTITY = 115,

    RAW_RANDOM_LEN = 32,
    RAW_MASTER_LEN = 48,
    RAW_VERIFY_LEN = 12,
    RAW_HANDSHAKE_HEADER_LEN = 12,
    RAW_MESSAGES_MAX = 24,
    RAW_BODY_MAX = 4096,
    RAW_HELLO_MAX = 2048,
    RAW_ALERTS_MAX = 8,
    RAW_RECORDS_MAX = 64,
    RAW_TRANSCRIPT_MAX = 16384,
};

struct raw_hello {
    uint16_t record_version;
    uint16_t version;
    uint8_t random[RAW_RANDOM_LEN];
    uint8_t session_id[32];
    uint8_t session_id_len;
    uint16_t suites[32];
    size_t suite_count;
    uint8_t compressions[4];
    size_t compression_count;
    uint8_t extensions[1024]; /* without the length of the block; empty: there is no block */
    size_t extensions_len;
    uint8_t trailer[8]; /* behind everything that a hello consists of */
    size_t trailer_len;
};

/* A message of the server, put together from its fragments. */
struct raw_message {
    uint8_t type;
    uint16_t seq;
    uint8_t body[RAW_BODY_MAX];
    size_t len;
    size_t received; /* bytes of it */
    bool is_complete;
    struct seq48 record_seq; /* of its first fragment */
    uint16_t record_version;
};

struct raw_alert {
    uint8_t level;
    uint8_t description;
};

struct raw_client {
    void *ctx;
    void (*output)(void *ctx, const uint8_t *datagram, size_t len);

    struct seq48 seq[2]; /* of the next record of each epoch */
    uint16_t message_seq;
    uint8_t client_random[RAW_RANDOM_LEN];
    uint8_t server_random[RAW_RANDOM_LEN];
    uint8_t cookie[255];
    uint8_t cookie_len;

    uint8_t transcript[RAW_TRANSCRIPT_MAX]; /* from the ClientHello with the cookie on (RFC 6347 4.2.6) */
    size_t transcript_len;
    uint8_t master[RAW_MASTER_LEN];
    struct record_key client_key;
    struct record_key server_key;

    struct raw_message messages[RAW_MESSAGES_MAX];
    size_t message_count;
    struct raw_alert alerts[RAW_ALERTS_MAX]; /* in clear */
    size_t alert_count;
    size_t alerts_sealed;                  /* in epoch 1 */
    struct seq48 numbers[RAW_RECORDS_MAX]; /* of the server's records in clear */
    size_t record_count;
    bool is_cipher_changed;
    bool is_server_verified; /* the server's Finished was right */
    size_t datagram_max;     /* the longest datagram, and the longest fragment of a record in clear */
    size_t fragment_max;
};

/* ---- ClientHello ---- */

/* DTLS 1.2, a random of zeros, TLS_PSK_WITH_AES_128_CCM_8 and null compression; no extensions. */
struct raw_hello raw_hello_psk(void);
void raw_hello_add_suite(struct raw_hello *hello, uint16_t suite);
void raw_hello_add_extension(struct raw_hello *hello, uint16_t type, const void *data, size_t len);
/* A server_name extension with one host_name (RFC 6066 3). */
void raw_hello_add_server_name(struct raw_hello *hello, const char *name);

/* Sends it with the cookie that the client has, if any; the transcript starts with it. */
void raw_send_hello(struct raw_client *c, const struct raw_hello *hello);

/* The same in two fragments, a record each. */
void raw_send_hello_in_two(struct raw_client *c, const struct raw_hello *hello);

/* ---- what follows ---- */

/* Sends a message in one record, and notes it in the transcript. */
void raw_send_message(struct raw_client *c, uint8_t type, const void *body, size_t len);
/* Notes it alone; returns its message_seq, for fragments. */
uint16_t raw_note_message(struct raw_client *c, uint8_t type, const void *body, size_t len);
/* Sends `len` bytes of a message of `total` bytes, from `offset` on. */
void raw_send_fragment(struct raw_client *c, uint8_t type, uint16_t message_seq, const uint8_t *body,
                       size_t total, size_t offset, size_t len);
/* A record of epoch 0 or, with the client's key, of epoch 1. */
void raw_send_record(struct raw_client *c, uint8_t type, uint16_t epoch, const void *fragment, size_t len);
void raw_send_alert(struct raw_client *c, uint8_t level, uint8_t description);
void raw_send_change_cipher_spec(struct raw_client *c);

/* ClientKeyExchange with a PSK identity (RFC 4279 2): writes it to out and returns its length. */
size_t raw_psk_key_exchange(const void *identity, size_t identity_len, uint8_t *out);
/* Derives master secret and keys; over the transcript as it is, if the server has agreed on that (RFC 7627
 * 4).
 */
void raw_derive(struct raw_client *c, const uint8_t *premaster, size_t len);
void raw_derive_psk(struct raw_client *c, const uint8_t *psk, size_t psk_len);
/* What a Finished over the transcript so far says. */
void raw_verify_data(const struct raw_client *c, const char *label, uint8_t out[RAW_VERIFY_LEN]);
/* Finished in epoch 1. */
void raw_send_finished(struct raw_client *c);

/* ---- what arrives ---- */

void raw_receive(struct raw_client *c, const uint8_t *datagram, size_t len);
/* The last complete message of that type; NULL: none. */
const struct raw_message *raw_find(const struct raw_client *c, uint8_t type);
/* Of the last ServerHello, whose form is checked. */
uint16_t raw_server_version(const struct raw_client *c);
uint16_t raw_server_suite(const struct raw_client *c);
uint8_t raw_server_compression(const struct raw_client *c);
/* An extension of it, with its length; NULL: it has none of that type. */
const uint8_t *raw_server_extension(const struct raw_client *c, uint16_t type, size_t *len);
size_t raw_server_extension_count(const struct raw_client *c);

#endif
