/* PSK identities, keys and hints (RFC 7925 4.1, 4.2; RFC 4279). */
#include "scene.h"

#include "certificate_make.h"
#include "store_keys.h"
#include "unit/temporary.h"

enum { IDENTITY_MAX = 128 }; /* RFC 4279 5.3 */

struct identity {
    const char *text;
    size_t len;
};

#define IDENTITY(text) {(text), sizeof(text) - 1}

/* What is alice to a comparison of words, of letters in either case, of C strings, or of what a name looks
 * like. */
static const struct identity NEAR_ALICE[] = {
    IDENTITY("Alice"),
    IDENTITY("ALICE"),
    IDENTITY("alic"),
    IDENTITY("alicee"),
    IDENTITY("alice "),
    IDENTITY(" alice"),
    IDENTITY("alice\0"),
    IDENTITY("alice\0bob"),
    IDENTITY("\0alice"),
    IDENTITY("alice\n"),
    IDENTITY("alice."),
    IDENTITY("al\xC4\xB1"
             "ce"),
    IDENTITY("alice%"),
    IDENTITY("\xEF\xBB\xBF"
             "alice"),
    IDENTITY("*"),
};

enum { NEAR_COUNT = sizeof NEAR_ALICE / sizeof NEAR_ALICE[0] };

/* RFC 7925 4.2: "a byte-by-byte comparison operation MUST be used by the server for any operation related to
 * the PSK identity." */
static void an_identity_is_compared_byte_by_byte(void **state)
{
    struct scene *s = *state;

    for (size_t i = 0; i < NEAR_COUNT; i++) {
        struct raw_hello hello = raw_hello_psk();

        scene_expect_greeted(s, &hello);
        scene_exchange_keys(s, NEAR_ALICE[i].text, NEAR_ALICE[i].len, ALICE_KEY);
        scene_expect_alert(s, RAW_ALERT_DECRYPT_ERROR);
        scene_renew(s);
    }
}

/* The same where identities are kept. */
static void the_store_compares_identities_byte_by_byte(void **state)
{
    struct temporary dir;
    struct store_keys *store;
    char path[64];
    struct subscriber_row alice = {.name = memory_name("alice"), .psk_len = SUBSCRIBER_PSK_MIN};
    struct subscriber_row found;

    (void)state;
    temporary_open(&dir);
    snprintf(path, sizeof path, "%s", temporary_file(&dir, "keys.db"));
    assert_int_equal(store_keys_open(path, temporary_file(&dir, "storage.key"), &store), SSM_OK);
    const struct keys_store table = store_keys_table(store);
    assert_int_equal(table.add_subscriber(table.ctx, &alice, NULL, 0), SSM_OK);
    assert_int_equal(table.find_subscriber(table.ctx, "alice", 5, &found), SSM_OK);
    for (size_t i = 0; i < NEAR_COUNT; i++)
        assert_int_equal(table.find_subscriber(table.ctx, NEAR_ALICE[i].text, NEAR_ALICE[i].len, &found),
                         SSM_NOT_FOUND);
    store_keys_close(store);
    temporary_close(&dir);
}

/* RFC 4279 2 allows an empty identity. The library takes it for malformed, and says so. */
static void an_empty_identity_is_refused(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, "", 0, ALICE_KEY);
    scene_expect_alert(s, RAW_ALERT_DECODE_ERROR);
}

/* RFC 4279 5.3: "TLS implementations supporting these ciphersuites MUST support arbitrary PSK identities up
 * to 128 octets in length". Such a one is read; that it is nobody's is another matter. */
static void an_identity_of_128_octets_is_read(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    uint8_t identity[IDENTITY_MAX];

    for (size_t i = 0; i < sizeof identity; i++)
        identity[i] = (uint8_t)(0xFF - i);
    scene_expect_greeted(s, &hello);
    scene_exchange_keys(s, identity, sizeof identity, ALICE_KEY);
    scene_expect_alert(s, RAW_ALERT_DECRYPT_ERROR);
}

/* RFC 7925 4.2: "Implementations in compliance with this profile MAY use PSK identities up to 128 octets in
 * length and arbitrary PSKs up to 64 octets in length. The use of shorter PSK identities is RECOMMENDED."
 * Ours: both up to 32. */
static void the_longest_identity_and_key_of_a_subscriber_work(void **state)
{
    static const char LONGEST[] = "subscriber.with-the.longest_name";
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();
    uint8_t exchange[64];
    uint8_t psk[SUBSCRIBER_PSK_MAX];

    assert_int_equal(sizeof LONGEST - 1, ASSOC_NAME_MAX);
    struct memory_subscriber *subscriber = memory_add_subscriber(&s->world->store, LONGEST, 0x77);
    memory_grant(subscriber, NODE_1);
    for (uint8_t i = 0; i < sizeof psk; i++)
        psk[i] = subscriber->row.psk[i] = i; /* zeros are as good as any */
    subscriber->row.psk_len = sizeof psk;
    scene_expect_greeted(s, &hello);
    raw_send_message(&s->client, RAW_CLIENT_KEY_EXCHANGE, exchange,
                     raw_psk_key_exchange(LONGEST, sizeof LONGEST - 1, exchange));
    raw_derive_psk(&s->client, psk, sizeof psk);
    scene_finish(s);
    scene_expect_done(s);
}

/* RFC 4279 5.2: "In the absence of an application profile specification specifying otherwise, servers SHOULD
 * NOT provide an identity hint". Section 2: then there is no ServerKeyExchange. */
static void no_identity_hint_is_sent(void **state)
{
    struct scene *s = *state;
    struct raw_hello hello = raw_hello_psk();

    scene_expect_connected(s, &hello);
    assert_null(raw_find(&s->client, RAW_SERVER_KEY_EXCHANGE));
    assert_null(raw_find(&s->client, RAW_CERTIFICATE));
}

/* RFC 7925 4.1: "it MUST be ensured that a different key pair is provisioned for each device". For PSKs see
 * unit/admin. */
static void each_key_pair_that_is_made_is_new(void **state)
{
    enum { COUNT = 8 };
    struct certificate_key_pair pairs[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(certificate_make_key(&pairs[i]), SSM_OK);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(pairs[i].public_key, pairs[j].public_key, sizeof pairs[i].public_key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(an_identity_is_compared_byte_by_byte),
        SCENE(an_empty_identity_is_refused),
        cmocka_unit_test(the_store_compares_identities_byte_by_byte),
        SCENE(an_identity_of_128_octets_is_read),
        SCENE(the_longest_identity_and_key_of_a_subscriber_work),
        SCENE(no_identity_hint_is_sent),
        cmocka_unit_test(each_key_pair_that_is_made_is_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
