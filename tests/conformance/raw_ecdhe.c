#include "raw_ecdhe.h"

#include "random_mbedtls.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

enum { HASH_LEN = 32, COORDINATE_LEN = 32, SIGNATURE_MAX = 128 };

/* ---- the two versions of the library ---- */

#if MBEDTLS_VERSION_MAJOR < 3

static int parse_private_key(mbedtls_pk_context *pk, const struct certificate_key_pair *pair)
{
    return mbedtls_pk_parse_key(pk, pair->private_key, pair->private_key_len, NULL, 0);
}

static int sign(mbedtls_pk_context *pk, const uint8_t *hash, uint8_t *out, size_t *len)
{
    return mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, hash, HASH_LEN, out, len, random_mbedtls, NULL);
}

#else

static int parse_private_key(mbedtls_pk_context *pk, const struct certificate_key_pair *pair)
{
    return mbedtls_pk_parse_key(pk, pair->private_key, pair->private_key_len, NULL, 0, random_mbedtls, NULL);
}

static int sign(mbedtls_pk_context *pk, const uint8_t *hash, uint8_t *out, size_t *len)
{
    return mbedtls_pk_sign(pk, MBEDTLS_MD_SHA256, hash, HASH_LEN, out, SIGNATURE_MAX, len, random_mbedtls,
                           NULL);
}

#endif

/* ---- ClientHello ---- */

struct raw_hello raw_hello_bare_ecdsa(void)
{
    struct raw_hello hello = raw_hello_psk();

    hello.suites[0] = RAW_SUITE_ECDHE_ECDSA_CCM_8;
    return hello;
}

void raw_hello_add_u16_list(struct raw_hello *hello, uint16_t extension, uint16_t value)
{
    uint8_t list[4] = {0, 2};

    bytes_put_u16(list + 2, value);
    raw_hello_add_extension(hello, extension, list, sizeof list);
}

struct raw_hello raw_hello_ecdsa(void)
{
    static const uint8_t UNCOMPRESSED[] = {1, 0};
    struct raw_hello hello = raw_hello_bare_ecdsa();

    raw_hello_add_u16_list(&hello, RAW_EXTENSION_GROUPS, RAW_GROUP_SECP256R1);
    raw_hello_add_extension(&hello, RAW_EXTENSION_POINT_FORMATS, UNCOMPRESSED, sizeof UNCOMPRESSED);
    raw_hello_add_u16_list(&hello, RAW_EXTENSION_SIGNATURE_ALGORITHMS, RAW_ECDSA_SHA256);
    return hello;
}

/* ---- what the server sends ---- */

struct raw_key_exchange raw_read_key_exchange(const struct raw_client *c)
{
    const struct raw_message *m = raw_find(c, RAW_SERVER_KEY_EXCHANGE);
    struct raw_key_exchange e = {0};

    assert_non_null(m);
    struct reader r = reader_over(m->body, m->len);
    e.curve_type = reader_u8(&r);
    e.group = reader_u16(&r);
    e.point_len = reader_u8(&r);
    e.point = reader_take(&r, e.point_len);
    e.params_len = m->len - r.left;
    e.algorithm = reader_u16(&r);
    e.signature_len = reader_u16(&r);
    e.signature = reader_take(&r, e.signature_len);
    assert_int_equal(r.status, SSM_OK);
    assert_int_equal(r.left, 0);
    return e;
}

static size_t read_u24(struct reader *r)
{
    size_t high = reader_u8(r);

    return high << 16 | reader_u16(r);
}

bool raw_read_certificate(const struct raw_client *c, size_t index, struct certificate *out)
{
    const struct raw_message *m = raw_find(c, RAW_CERTIFICATE);

    assert_non_null(m);
    struct reader r = reader_over(m->body, m->len);
    size_t total = read_u24(&r);
    assert_int_equal(total, r.left);
    for (size_t i = 0; r.left > 0; i++) {
        out->len = read_u24(&r);
        const uint8_t *der = reader_take(&r, out->len);
        assert_non_null(der);
        assert_true(out->len <= sizeof out->der);
        bytes_copy(out->der, der, out->len);
        if (i == index)
            return true;
    }
    return false;
}

static void hash(const uint8_t *data, size_t len, uint8_t out[HASH_LEN])
{
    assert_int_equal(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, out), 0);
}

bool raw_is_key_exchange_signed(const struct raw_client *c)
{
    const struct raw_key_exchange e = raw_read_key_exchange(c);
    uint8_t input[2 * RAW_RANDOM_LEN + RAW_BODY_MAX];
    uint8_t digest[HASH_LEN];
    struct writer w = writer_over(input, sizeof input);
    struct certificate certificate;
    mbedtls_x509_crt crt;

    assert_true(raw_read_certificate(c, 0, &certificate));
    writer_bytes(&w, c->client_random, RAW_RANDOM_LEN);
    writer_bytes(&w, c->server_random, RAW_RANDOM_LEN);
    writer_bytes(&w, raw_find(c, RAW_SERVER_KEY_EXCHANGE)->body, e.params_len);
    hash(input, w.len, digest);
    mbedtls_x509_crt_init(&crt);
    assert_int_equal(mbedtls_x509_crt_parse_der(&crt, certificate.der, certificate.len), 0);
    const int failed =
        mbedtls_pk_verify(&crt.pk, MBEDTLS_MD_SHA256, digest, sizeof digest, e.signature, e.signature_len);
    mbedtls_x509_crt_free(&crt);
    return failed == 0;
}

/* ---- what the client sends ---- */

static void put_u24(struct writer *w, size_t value)
{
    writer_u8(w, (uint8_t)(value >> 16));
    writer_u16(w, (uint16_t)value);
}

void raw_send_certificates(struct raw_client *c, const struct certificate *chain, size_t count)
{
    uint8_t body[RAW_HELLO_MAX];
    struct writer w = writer_over(body, sizeof body);
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += 3 + chain[i].len;
    put_u24(&w, total);
    for (size_t i = 0; i < count; i++) {
        put_u24(&w, chain[i].len);
        writer_bytes(&w, chain[i].der, chain[i].len);
    }
    assert_int_equal(w.status, SSM_OK);
    raw_send_message(c, RAW_CERTIFICATE, body, w.len);
}

/* The x-coordinate of secret * theirs (RFC 4492 5.10). */
static void shared_secret(mbedtls_ecp_group *group, const mbedtls_mpi *secret, const uint8_t *theirs,
                          uint8_t out[COORDINATE_LEN])
{
    mbedtls_ecp_point point;
    uint8_t bytes[RAW_POINT_LEN];
    size_t len;

    mbedtls_ecp_point_init(&point);
    assert_int_equal(mbedtls_ecp_point_read_binary(group, &point, theirs, RAW_POINT_LEN), 0);
    assert_int_equal(mbedtls_ecp_mul(group, &point, secret, &point, random_mbedtls, NULL), 0);
    assert_int_equal(
        mbedtls_ecp_point_write_binary(group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, bytes, sizeof bytes),
        0);
    bytes_copy(out, bytes + 1, COORDINATE_LEN);
    mbedtls_ecp_point_free(&point);
}

void raw_send_ecdhe(struct raw_client *c)
{
    const struct raw_key_exchange e = raw_read_key_exchange(c);
    uint8_t body[1 + RAW_POINT_LEN] = {RAW_POINT_LEN};
    uint8_t premaster[COORDINATE_LEN];
    mbedtls_ecp_group group;
    mbedtls_ecp_point own;
    mbedtls_mpi secret;
    size_t len;

    assert_int_equal(e.point_len, RAW_POINT_LEN);
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&own);
    mbedtls_mpi_init(&secret);
    assert_int_equal(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1), 0);
    assert_int_equal(mbedtls_ecp_gen_keypair(&group, &secret, &own, random_mbedtls, NULL), 0);
    assert_int_equal(mbedtls_ecp_point_write_binary(&group, &own, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, body + 1,
                                                    RAW_POINT_LEN),
                     0);
    shared_secret(&group, &secret, e.point, premaster);
    raw_send_message(c, RAW_CLIENT_KEY_EXCHANGE, body, sizeof body);
    raw_derive(c, premaster, sizeof premaster);
    mbedtls_mpi_free(&secret);
    mbedtls_ecp_point_free(&own);
    mbedtls_ecp_group_free(&group);
}

void raw_send_certificate_verify(struct raw_client *c, const struct certificate_key_pair *pair)
{
    uint8_t body[4 + SIGNATURE_MAX];
    uint8_t digest[HASH_LEN];
    mbedtls_pk_context pk;
    size_t len = 0;

    hash(c->transcript, c->transcript_len, digest);
    mbedtls_pk_init(&pk);
    assert_int_equal(parse_private_key(&pk, pair), 0);
    assert_int_equal(sign(&pk, digest, body + 4, &len), 0);
    mbedtls_pk_free(&pk);
    bytes_put_u16(body, RAW_ECDSA_SHA256);
    bytes_put_u16(body + 2, (uint16_t)len);
    raw_send_message(c, RAW_CERTIFICATE_VERIFY, body, 4 + len);
}
