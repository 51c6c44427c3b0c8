/* The gateway's own CA: what it makes, what it refuses, and that its keys stay where they are. */
#include "ca_world.h"

static struct ca_world w;

static void init(uint32_t days)
{
    assert_int_equal(ca_init(&w.ca, days, &no_names, false, NOW_S), SSM_OK);
}

static bool names_hold(const struct certificate *c, const char *name)
{
    size_t len = strlen(name);
    uint8_t dns[80] = {0x82, (uint8_t)len}; /* [2] (RFC 5280 4.2.1.6) */

    memcpy(dns + 2, name, len);
    return memmem(c->der, c->len, dns, len + 2) != NULL;
}

static void test_without_a_ca_there_is_nothing_to_do(void **state)
{
    struct assoc_name name = ca_world_name("alice");
    struct certificate_key_pair pair;
    struct certificate c = {0};

    (void)state;
    assert_int_equal(certificate_make_key(&pair), SSM_OK);
    assert_int_equal(ca_renew(&w.ca, 10, &no_names, NOW_S), SSM_NOT_FOUND);
    assert_int_equal(ca_issue(&w.ca, &name, pair.public_key, 10, NOW_S, &c), SSM_NOT_FOUND);
    assert_int_equal(ca_reissue(&w.ca, &c, 10, NOW_S, &name, &c), SSM_NOT_FOUND);
}

static void test_a_ca_and_the_gateways_certificate(void **state)
{
    struct ca_names names = {.list = {"home.example", "192.0.2.7"}, .count = 2};
    const uint8_t address[] = {0x87, 0x04, 192, 0, 2, 7};
    const uint8_t loopback[] = {0x87, 0x04, 127, 0, 0, 1};
    struct store_ca_row root;
    struct store_ca_row gateway;

    (void)state;
    memcpy(w.config.server_names.names[0].text, "front.example", 13);
    w.config.server_names.names[0].len = 13;
    w.config.server_names.count = 1;
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &names, false, NOW_S), SSM_OK);
    root = ca_world_read(&w, STORE_CA_ROOT);
    gateway = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_true(ca_world_facts(&root.certificate).is_ca);
    assert_int_equal(ca_world_facts(&root.certificate).not_after_s, NOW_S + 3650 * DAY_S);
    assert_true(ca_world_facts(&root.certificate).not_before_s < NOW_S);
    assert_int_equal(ca_world_facts(&gateway.certificate).not_after_s, NOW_S + 398 * DAY_S);
    assert_memory_equal(ca_world_facts(&gateway.certificate).common_name, "Gw.Home gateway", 15);
    assert_true(names_hold(&gateway.certificate, "front.example"));
    assert_true(names_hold(&gateway.certificate, "*.front.example"));
    assert_true(names_hold(&gateway.certificate, "gw.home"));
    assert_true(names_hold(&gateway.certificate, "*.gw.home"));
    assert_true(names_hold(&gateway.certificate, "pi"));
    assert_true(names_hold(&gateway.certificate, "localhost"));
    assert_true(names_hold(&gateway.certificate, "home.example"));
    assert_non_null(memmem(gateway.certificate.der, gateway.certificate.len, address, sizeof address));
    assert_non_null(memmem(gateway.certificate.der, gateway.certificate.len, loopback, sizeof loopback));
    assert_false(certificate_is_client_of(&gateway.certificate, &root.certificate));
}

/* The address that peers connect to is a name as well, every address is none. */
static void test_the_peer_address_is_a_name(void **state)
{
    static const struct endpoint address = {
        .addr = {[10] = 0xFF, [11] = 0xFF, [12] = 198, [13] = 51, [14] = 100, [15] = 1}};
    const uint8_t wanted[] = {0x87, 0x04, 198, 51, 100, 1};
    const uint8_t every[] = {0x87, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct store_ca_row gateway;

    (void)state;
    init(10);
    gateway = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_null(memmem(gateway.certificate.der, gateway.certificate.len, every, sizeof every));
    w.config.peer_address = address;
    assert_int_equal(ca_renew(&w.ca, 10, &no_names, NOW_S), SSM_OK);
    gateway = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_non_null(memmem(gateway.certificate.der, gateway.certificate.len, wanted, sizeof wanted));
}

static void test_all_names_fit(void **state)
{
    struct ca_names names = {.count = CA_NAMES_MAX};

    (void)state;
    for (size_t i = 0; i < CA_NAMES_MAX; i++) {
        snprintf(names.list[i], sizeof names.list[i], "a%032zu.b%029zu", i, i);
        snprintf(w.config.server_names.names[i].text, HOST_NAME_MAX_LEN, "c%032zu.d%028zu", i, i);
        w.config.server_names.names[i].len = HOST_NAME_MAX_LEN - 1;
    }
    w.config.server_names.count = CONFIG_NAMES_MAX;
    assert_int_equal(strlen(names.list[0]), HOST_NAME_MAX_LEN);
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &names, false, NOW_S), SSM_OK);
}

static void test_a_ca_is_replaced_on_request_alone(void **state)
{
    struct certificate_key_pair pair;
    struct assoc_name name;
    struct store_ca_row before;
    struct store_ca_row after;
    struct certificate alice;
    struct certificate c;

    (void)state;
    init(CA_DAYS);
    alice = ca_world_issue(&w, "alice", 10, &pair);
    before = ca_world_read(&w, STORE_CA_ROOT);
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, false, NOW_S), SSM_EXISTS);
    after = ca_world_read(&w, STORE_CA_ROOT);
    assert_memory_equal(after.certificate.der, before.certificate.der, before.certificate.len);
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, true, NOW_S), SSM_OK);
    after = ca_world_read(&w, STORE_CA_ROOT);
    assert_memory_not_equal(after.private_key, before.private_key, before.private_key_len);
    assert_int_equal(ca_reissue(&w.ca, &alice, 10, NOW_S, &name, &c), SSM_BAD_TAG);
}

static void test_renewing_the_gateway_keeps_the_names_that_were_given(void **state)
{
    struct ca_names given = {.list = {"old.example"}, .count = 1};
    struct ca_names other = {.list = {"new.example"}, .count = 1};
    struct store_ca_row before;
    struct store_ca_row after;

    (void)state;
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &given, false, NOW_S), SSM_OK);
    before = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_int_equal(ca_renew(&w.ca, 30, &no_names, NOW_S + DAY_S), SSM_OK);
    after = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_true(names_hold(&after.certificate, "old.example"));
    assert_int_equal(ca_world_facts(&after.certificate).not_after_s, NOW_S + 31 * DAY_S);
    assert_memory_not_equal(after.private_key, before.private_key, before.private_key_len);
    assert_int_equal(ca_renew(&w.ca, 30, &other, NOW_S), SSM_OK);
    after = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_false(names_hold(&after.certificate, "old.example"));
    assert_true(names_hold(&after.certificate, "new.example"));
}

static void test_nothing_outlives_the_ca(void **state)
{
    struct certificate_key_pair pair;
    struct assoc_name name = ca_world_name("alice");
    struct certificate c;
    struct store_ca_row gateway;

    (void)state;
    init(20);
    gateway = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_int_equal(ca_world_facts(&gateway.certificate).not_after_s, NOW_S + 20 * DAY_S);
    c = ca_world_issue(&w, "alice", 21, &pair);
    assert_int_equal(ca_world_facts(&c).not_after_s, NOW_S + 20 * DAY_S);
    c = ca_world_issue(&w, "alice", 19, &pair);
    assert_int_equal(ca_world_facts(&c).not_after_s, NOW_S + 19 * DAY_S);
    assert_int_equal(ca_issue(&w.ca, &name, pair.public_key, 1, NOW_S + 20 * DAY_S, &c), SSM_EXHAUSTED);
    assert_int_equal(ca_renew(&w.ca, 1, &no_names, NOW_S + 20 * DAY_S), SSM_EXHAUSTED);
}

/* A board without a clock of its own starts in 1970. */
static void test_a_clock_that_is_wrong_makes_no_certificate(void **state)
{
    struct certificate_key_pair pair;
    struct assoc_name name = ca_world_name("alice");
    struct certificate c;

    (void)state;
    assert_int_equal(certificate_make_key(&pair), SSM_OK);
    assert_int_equal(ca_init(&w.ca, 10, &no_names, false, 1000), SSM_REFUSED);
    init(10);
    assert_int_equal(ca_init(&w.ca, 10, &no_names, true, 1000), SSM_REFUSED);
    assert_int_equal(ca_renew(&w.ca, 10, &no_names, 1000), SSM_REFUSED);
    assert_int_equal(ca_issue(&w.ca, &name, pair.public_key, 10, 1000, &c), SSM_REFUSED);
}

static void test_a_subscriber_is_renewed_over_its_key(void **state)
{
    struct certificate_key_pair pair;
    struct certificate old;
    struct certificate renewed;
    struct assoc_name name;
    struct certificate_facts before;
    struct certificate_facts after;

    (void)state;
    init(CA_DAYS);
    old = ca_world_issue(&w, "alice", 10, &pair);
    /* Also when it has expired. */
    assert_int_equal(ca_reissue(&w.ca, &old, 100, NOW_S + 50 * DAY_S, &name, &renewed), SSM_OK);
    assert_int_equal(name.len, 5);
    assert_memory_equal(name.text, "alice", 5);
    before = ca_world_facts(&old);
    after = ca_world_facts(&renewed);
    assert_memory_equal(after.public_key, pair.public_key, sizeof after.public_key);
    assert_memory_equal(after.common_name, "alice", 5);
    assert_int_equal(after.not_after_s, NOW_S + 150 * DAY_S);
    assert_memory_not_equal(after.serial, before.serial, before.serial_len);
}

static void test_what_the_ca_did_not_issue_to_a_client_is_not_renewed(void **state)
{
    struct store_ca_row root;
    struct store_ca_row gateway;
    struct certificate c;
    struct assoc_name name;

    (void)state;
    init(CA_DAYS);
    root = ca_world_read(&w, STORE_CA_ROOT);
    gateway = ca_world_read(&w, STORE_CA_GATEWAY);
    assert_int_equal(ca_reissue(&w.ca, &root.certificate, 10, NOW_S, &name, &c), SSM_BAD_TAG);
    assert_int_equal(ca_reissue(&w.ca, &gateway.certificate, 10, NOW_S, &name, &c), SSM_BAD_TAG);
    gateway.certificate.len--;
    assert_int_equal(ca_reissue(&w.ca, &gateway.certificate, 10, NOW_S, &name, &c), SSM_BAD_TAG);
}

struct list {
    struct store_ca_issued rows[4];
    size_t count;
};

static enum status collect(void *arg, const struct store_ca_issued *issued)
{
    struct list *list = arg;

    assert_true(list->count < 4);
    list->rows[list->count++] = *issued;
    return SSM_OK;
}

static void test_what_was_issued_is_noted(void **state)
{
    struct certificate_key_pair pair;
    struct certificate bob;
    struct certificate_facts facts;
    struct list list = {0};

    (void)state;
    init(CA_DAYS);
    bob = ca_world_issue(&w, "bob", 20, &pair);
    ca_world_issue(&w, "alice", 30, &pair);
    ca_world_issue(&w, "bob", 10, &pair);
    assert_int_equal(store_ca_each_issued(w.ca.store, collect, &list), SSM_OK);
    assert_int_equal(list.count, 3);
    assert_memory_equal(list.rows[0].name.text, "alice", 5);
    assert_memory_equal(list.rows[1].name.text, "bob", 3);
    assert_int_equal(list.rows[1].not_after_s, NOW_S + 10 * DAY_S);
    assert_int_equal(list.rows[2].not_after_s, NOW_S + 20 * DAY_S);
    facts = ca_world_facts(&bob);
    assert_int_equal(list.rows[2].serial_len, facts.serial_len);
    assert_memory_equal(list.rows[2].serial, facts.serial, facts.serial_len);
    assert_int_equal(ca_init(&w.ca, CA_DAYS, &no_names, true, NOW_S), SSM_OK);
    list.count = 0;
    assert_int_equal(store_ca_each_issued(w.ca.store, collect, &list), SSM_OK);
    assert_int_equal(list.count, 0);
}

/* Any 8 bytes of the 32 that are the key, in the database and in its log. */
static void test_no_private_key_is_in_the_file(void **state)
{
    enum { SCALAR_AT = 7, SCALAR_LEN = 32 }; /* ECPrivateKey (RFC 5915 3) */

    (void)state;
    init(CA_DAYS);
    for (int role = STORE_CA_ROOT; role <= STORE_CA_GATEWAY; role++) {
        struct store_ca_row row = ca_world_read(&w, (enum store_ca_role)role);

        assert_int_equal(row.private_key[6], SCALAR_LEN);
        assert_true(temporary_holds(&w.dir, "keys.db-wal", row.certificate.der,
                                    32)); /* the search can find something */
        for (size_t i = 0; i + 8 <= SCALAR_LEN; i++) {
            assert_false(temporary_holds(&w.dir, "keys.db", row.private_key + SCALAR_AT + i, 8));
            assert_false(temporary_holds(&w.dir, "keys.db-wal", row.private_key + SCALAR_AT + i, 8));
        }
    }
}

/* A key that was moved to the other row does not open. */
static void test_a_private_key_is_bound_to_its_place(void **state)
{
    struct store_ca_row row;
    sqlite3 *sqlite = w.ca.store->db->sqlite;

    (void)state;
    init(CA_DAYS);
    assert_int_equal(sqlite3_exec(sqlite,
                                  "UPDATE identity SET private_key ="
                                  " (SELECT private_key FROM identity WHERE role = 0) WHERE role = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_ca_read(w.ca.store, STORE_CA_ROOT, &row), SSM_OK);
    assert_int_equal(store_ca_read(w.ca.store, STORE_CA_GATEWAY, &row), SSM_IO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, ca_world_setup, ca_world_teardown, &w)
    const struct CMUnitTest tests[] = {
        TEST(test_without_a_ca_there_is_nothing_to_do),
        TEST(test_a_ca_and_the_gateways_certificate),
        TEST(test_the_peer_address_is_a_name),
        TEST(test_all_names_fit),
        TEST(test_a_ca_is_replaced_on_request_alone),
        TEST(test_renewing_the_gateway_keeps_the_names_that_were_given),
        TEST(test_nothing_outlives_the_ca),
        TEST(test_a_clock_that_is_wrong_makes_no_certificate),
        TEST(test_a_subscriber_is_renewed_over_its_key),
        TEST(test_what_the_ca_did_not_issue_to_a_client_is_not_renewed),
        TEST(test_what_was_issued_is_noted),
        TEST(test_no_private_key_is_in_the_file),
        TEST(test_a_private_key_is_bound_to_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
