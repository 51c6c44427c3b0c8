/* Destinations in keys.db: rows survive, secrets are unreadable without the storage key, a node's go with it.
 */
#include "store_keys_world.h"

static const char KEY[] =
    "-----BEGIN PRIVATE KEY-----\nMHcCAQEEIPRIVATE0123456789\n-----END PRIVATE KEY-----\n";
static const char PSK[] = "DESTINATION-KEY-0123456789-abcde";

static struct store_keys *store;
static struct keys_store t; /* its table */
static uint32_t ids[2];     /* of nodes kitchen and cellar, which are in it */

struct taken {
    struct destination_row rows[ROWS_MAX];
    size_t count;
};

static struct uri uri_of(const char *text)
{
    struct uri uri = {0};

    assert_int_equal(uri_parse(text, strlen(text), &uri, NULL), SSM_OK);
    return uri;
}

static struct destination_row by_psk(uint32_t node, const char *server)
{
    struct destination_row row = {.node = node,
                                  .server = uri_of(server),
                                  .kind = DESTINATION_PSK,
                                  .identity = {'i', 0, 0xFF},
                                  .identity_len = 3,
                                  .psk_len = 32};

    memcpy(row.psk, PSK, 32);
    return row;
}

static struct destination_row by_certificate(uint32_t node, const char *server)
{
    struct destination_row row = {.node = node,
                                  .server = uri_of(server),
                                  .kind = DESTINATION_CERTIFICATE,
                                  .anchors = "the CA\n",
                                  .chain = "the client's\nits CA's\n",
                                  .not_after_s = UINT64_C(4102444800)};

    strcpy(row.key, KEY);
    return row;
}

static enum status take(void *arg, const struct destination_row *row)
{
    struct taken *taken = arg;

    assert_true(taken->count < ROWS_MAX);
    taken->rows[taken->count++] = *row;
    return SSM_OK;
}

/* Of a node, 0: of all. */
static const struct taken *read_all(uint32_t node_id)
{
    static struct taken taken;

    memset(&taken, 0, sizeof taken);
    assert_int_equal(t.each_destination(t.ctx, node_id, take, &taken), SSM_OK);
    return &taken;
}

static void add(struct destination_row *row)
{
    assert_int_equal(t.add_destination(t.ctx, row), SSM_OK);
}

static void reopen(void)
{
    store_keys_close(store);
    store = open_store();
    t = store_keys_table(store);
}

static int setup(void **state)
{
    struct node_row nodes[2] = {node("kitchen", 20000), node("cellar", 20001)};

    temporary_setup(state);
    store = open_store();
    t = store_keys_table(store);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(t.add_node(t.ctx, &nodes[i]), SSM_OK);
        ids[i] = nodes[i].id;
    }
    return 0;
}

static int teardown(void **state)
{
    store_keys_close(store);
    return temporary_teardown(state);
}

static void assert_same(const struct destination_row *a, const struct destination_row *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->node, b->node);
    assert_int_equal(a->server.kind, b->server.kind);
    assert_int_equal(a->server.port, b->server.port);
    assert_string_equal(a->server.host, b->server.host);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->identity_len, b->identity_len);
    assert_memory_equal(a->identity, b->identity, a->identity_len);
    assert_int_equal(a->psk_len, b->psk_len);
    assert_memory_equal(a->psk, b->psk, a->psk_len);
    assert_string_equal(a->anchors, b->anchors);
    assert_string_equal(a->chain, b->chain);
    assert_string_equal(a->key, b->key);
    assert_true(a->not_after_s == b->not_after_s);
}

static void test_destinations_of_every_kind_survive(void **state)
{
    struct destination_row a = by_psk(ids[1], "coaps://192.0.2.1:7");
    struct destination_row b = by_certificate(ids[0], "coaps://server.example");
    struct destination_row c = by_certificate(ids[0], "coaps://[2001:db8::1]");
    struct destination_row found;
    const struct taken *taken;

    (void)state;
    c.chain[0] = c.key[0] = '\0'; /* with the gateway's certificate */
    memset(c.anchors, 'x', DESTINATION_PEM_MAX);
    add(&a);
    add(&b);
    add(&c);
    reopen();
    taken = read_all(0); /* by node and server */
    assert_int_equal(taken->count, 3);
    assert_same(&taken->rows[0], &c);
    assert_same(&taken->rows[1], &b);
    assert_same(&taken->rows[2], &a);
    taken = read_all(ids[1]);
    assert_int_equal(taken->count, 1);
    assert_same(&taken->rows[0], &a);
    assert_int_equal(read_all(77)->count, 0);
    assert_int_equal(t.find_destination(t.ctx, ids[0], &b.server, &found), SSM_OK);
    assert_same(&found, &b);
}

static void test_a_server_is_one_destination_of_a_node(void **state)
{
    struct destination_row first = by_psk(ids[0], "coaps://Server.:5684");
    struct destination_row same = by_certificate(ids[0], "coaps://server");
    struct destination_row other_node = by_psk(ids[1], "coaps://server");
    struct destination_row other_port = by_psk(ids[0], "coaps://server:5685");
    struct destination_row nobody = by_psk(77, "coaps://server");

    (void)state;
    add(&first);
    assert_int_equal(t.add_destination(t.ctx, &same), SSM_EXISTS);
    add(&other_node);
    add(&other_port);
    assert_int_equal(t.add_destination(t.ctx, &nobody), SSM_NOT_FOUND);
    assert_int_equal(read_all(0)->count, 3);
}

static void test_what_is_removed_is_not_found(void **state)
{
    struct destination_row row = by_psk(ids[0], "coaps://server");
    struct destination_row again = row;
    struct destination_row found;

    (void)state;
    assert_int_equal(t.find_destination(t.ctx, ids[0], &row.server, &found), SSM_NOT_FOUND);
    add(&row);
    assert_int_equal(t.find_destination(t.ctx, ids[1], &row.server, &found), SSM_NOT_FOUND);
    assert_int_equal(t.remove_destination(t.ctx, row.id), SSM_OK);
    assert_int_equal(t.remove_destination(t.ctx, row.id), SSM_NOT_FOUND);
    assert_int_equal(t.find_destination(t.ctx, ids[0], &row.server, &found), SSM_NOT_FOUND);
    add(&again);
    assert_true(again.id > row.id); /* never reused */
}

static void test_a_removed_node_takes_its_destinations_along(void **state)
{
    struct destination_row a = by_psk(ids[0], "coaps://a");
    struct destination_row b = by_certificate(ids[0], "coaps://b");
    struct destination_row c = by_psk(ids[1], "coaps://a");

    (void)state;
    add(&a);
    add(&b);
    add(&c);
    assert_int_equal(t.remove_node(t.ctx, ids[0]), SSM_OK);
    assert_int_equal(read_all(0)->count, 1);
    assert_int_equal(read_all(0)->rows[0].id, c.id);
}

static void assert_nowhere(const char *secret, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i++) {
        assert_false(temporary_holds(&dir, "keys.db", secret + i, 8));
        assert_false(temporary_holds(&dir, "keys.db-wal", secret + i, 8));
    }
}

static void test_no_secret_is_in_the_file(void **state)
{
    struct destination_row a = by_psk(ids[0], "coaps://a");
    struct destination_row b = by_certificate(ids[0], "coaps://b");

    (void)state;
    add(&a);
    add(&b);
    assert_true(temporary_holds(&dir, "keys.db-wal", "coaps://b", 9)); /* the search can find something */
    assert_nowhere(PSK, 32);
    assert_nowhere(KEY, strlen(KEY));
    reopen(); /* which empties the log into the database */
    assert_true(temporary_holds(&dir, "keys.db", "coaps://b", 9));
    assert_nowhere(PSK, 32);
    assert_nowhere(KEY, strlen(KEY));
}

/* Whoever can write the file can neither move a secret, nor take one away, nor make a URI of his own. */
static void test_what_was_tampered_with_is_refused(void **state)
{
    static const char *const tampering[] = {
        "UPDATE destination SET secret = (SELECT secret FROM destination WHERE server = 'coaps://b')",
        "UPDATE destination SET secret = x'' WHERE server = 'coaps://a'",
        "UPDATE destination SET secret = zeroblob(60) WHERE server = 'coaps://a'",
        "UPDATE destination SET server = 'coaps://a/path' WHERE server = 'coaps://a'",
    };
    for (size_t i = 0; i < sizeof tampering / sizeof tampering[0]; i++) {
        struct destination_row a = by_psk(ids[0], "coaps://a");
        struct destination_row b = by_psk(ids[0], "coaps://b");
        struct taken taken = {0};

        add(&a);
        add(&b);
        store_keys_close(store);
        run_sql(tampering[i]);
        store = open_store();
        t = store_keys_table(store);
        assert_int_equal(t.each_destination(t.ctx, 0, take, &taken), SSM_IO);
        teardown(state);
        setup(state);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, setup, teardown, &dir)
    const struct CMUnitTest tests[] = {
        TEST(test_destinations_of_every_kind_survive), TEST(test_a_server_is_one_destination_of_a_node),
        TEST(test_what_is_removed_is_not_found),       TEST(test_a_removed_node_takes_its_destinations_along),
        TEST(test_no_secret_is_in_the_file),           TEST(test_what_was_tampered_with_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
