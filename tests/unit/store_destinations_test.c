/* Destinations in keys.db: rows survive, secrets are unreadable without the storage key, a node's go with it.
 */
#include "store_keys_world.h"

static const char KEY[] =
    "-----BEGIN PRIVATE KEY-----\nMHcCAQEEIPRIVATE0123456789\n-----END PRIVATE KEY-----\n";
static const char PSK[] = "DESTINATION-KEY-0123456789-abcde";

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
static const struct taken *read_all(const struct keys_store *t, uint32_t node_id)
{
    static struct taken taken;

    memset(&taken, 0, sizeof taken);
    assert_int_equal(t->each_destination(t->ctx, node_id, take, &taken), SSM_OK);
    return &taken;
}

/* The store with nodes kitchen and cellar. */
static struct keys_store open_with_nodes(struct store_keys **s, uint32_t ids[2])
{
    struct node_row kitchen = node("kitchen", 20000);
    struct node_row cellar = node("cellar", 20001);
    struct keys_store t;

    *s = open_store();
    t = store_keys_table(*s);
    assert_int_equal(t.add_node(t.ctx, &kitchen), SSM_OK);
    assert_int_equal(t.add_node(t.ctx, &cellar), SSM_OK);
    ids[0] = kitchen.id;
    ids[1] = cellar.id;
    return t;
}

static struct keys_store reopen(struct store_keys **s)
{
    store_keys_close(*s);
    *s = open_store();
    return store_keys_table(*s);
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
    struct store_keys *s;
    uint32_t ids[2];
    struct keys_store t = open_with_nodes(&s, ids);
    struct destination_row a = by_psk(ids[1], "coaps://192.0.2.1:7");
    struct destination_row b = by_certificate(ids[0], "coaps://server.example");
    struct destination_row c = by_certificate(ids[0], "coaps://[2001:db8::1]");
    struct destination_row found;
    const struct taken *taken;

    (void)state;
    c.chain[0] = c.key[0] = '\0'; /* with the gateway's certificate */
    memset(c.anchors, 'x', DESTINATION_PEM_MAX);
    assert_int_equal(t.add_destination(t.ctx, &a), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &b), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &c), SSM_OK);
    t = reopen(&s);
    taken = read_all(&t, 0); /* by node and server */
    assert_int_equal(taken->count, 3);
    assert_same(&taken->rows[0], &c);
    assert_same(&taken->rows[1], &b);
    assert_same(&taken->rows[2], &a);
    taken = read_all(&t, ids[1]);
    assert_int_equal(taken->count, 1);
    assert_same(&taken->rows[0], &a);
    assert_int_equal(read_all(&t, 77)->count, 0);
    assert_int_equal(t.find_destination(t.ctx, ids[0], &b.server, &found), SSM_OK);
    assert_same(&found, &b);
    store_keys_close(s);
}

static void test_a_server_is_one_destination_of_a_node(void **state)
{
    struct store_keys *s;
    uint32_t ids[2];
    struct keys_store t = open_with_nodes(&s, ids);
    struct destination_row first = by_psk(ids[0], "coaps://Server.:5684");
    struct destination_row same = by_certificate(ids[0], "coaps://server");
    struct destination_row other_node = by_psk(ids[1], "coaps://server");
    struct destination_row other_port = by_psk(ids[0], "coaps://server:5685");
    struct destination_row nobody = by_psk(77, "coaps://server");

    (void)state;
    assert_int_equal(t.add_destination(t.ctx, &first), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &same), SSM_EXISTS);
    assert_int_equal(t.add_destination(t.ctx, &other_node), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &other_port), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &nobody), SSM_NOT_FOUND);
    assert_int_equal(read_all(&t, 0)->count, 3);
    store_keys_close(s);
}

static void test_what_is_removed_is_not_found(void **state)
{
    struct store_keys *s;
    uint32_t ids[2];
    struct keys_store t = open_with_nodes(&s, ids);
    struct destination_row row = by_psk(ids[0], "coaps://server");
    struct destination_row again = row;
    struct destination_row found;

    (void)state;
    assert_int_equal(t.find_destination(t.ctx, ids[0], &row.server, &found), SSM_NOT_FOUND);
    assert_int_equal(t.add_destination(t.ctx, &row), SSM_OK);
    assert_int_equal(t.find_destination(t.ctx, ids[1], &row.server, &found), SSM_NOT_FOUND);
    assert_int_equal(t.remove_destination(t.ctx, row.id), SSM_OK);
    assert_int_equal(t.remove_destination(t.ctx, row.id), SSM_NOT_FOUND);
    assert_int_equal(t.find_destination(t.ctx, ids[0], &row.server, &found), SSM_NOT_FOUND);
    assert_int_equal(t.add_destination(t.ctx, &again), SSM_OK);
    assert_true(again.id > row.id); /* never reused */
    store_keys_close(s);
}

static void test_a_removed_node_takes_its_destinations_along(void **state)
{
    struct store_keys *s;
    uint32_t ids[2];
    struct keys_store t = open_with_nodes(&s, ids);
    struct destination_row a = by_psk(ids[0], "coaps://a");
    struct destination_row b = by_certificate(ids[0], "coaps://b");
    struct destination_row c = by_psk(ids[1], "coaps://a");

    (void)state;
    assert_int_equal(t.add_destination(t.ctx, &a), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &b), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &c), SSM_OK);
    assert_int_equal(t.remove_node(t.ctx, ids[0]), SSM_OK);
    assert_int_equal(read_all(&t, 0)->count, 1);
    assert_int_equal(read_all(&t, 0)->rows[0].id, c.id);
    store_keys_close(s);
}

static void assert_nowhere(const char *secret, size_t len)
{
    for (size_t i = 0; i + 8 <= len; i++) {
        assert_false(file_holds("keys.db", secret + i, 8));
        assert_false(file_holds("keys.db-wal", secret + i, 8));
    }
}

static void test_no_secret_is_in_the_file(void **state)
{
    struct store_keys *s;
    uint32_t ids[2];
    struct keys_store t = open_with_nodes(&s, ids);
    struct destination_row a = by_psk(ids[0], "coaps://a");
    struct destination_row b = by_certificate(ids[0], "coaps://b");

    (void)state;
    assert_int_equal(t.add_destination(t.ctx, &a), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &b), SSM_OK);
    assert_true(file_holds("keys.db-wal", "coaps://b", 9)); /* the search can find something */
    assert_nowhere(PSK, 32);
    assert_nowhere(KEY, strlen(KEY));
    store_keys_close(s);
    assert_true(file_holds("keys.db", "coaps://b", 9));
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
    struct destination_row a;
    struct destination_row b;
    struct store_keys *s;
    struct keys_store t;
    uint32_t ids[2];

    (void)state;
    for (size_t i = 0; i < sizeof tampering / sizeof tampering[0]; i++) {
        struct taken taken = {0};

        t = open_with_nodes(&s, ids);
        a = by_psk(ids[0], "coaps://a");
        b = by_psk(ids[0], "coaps://b");
        assert_int_equal(t.add_destination(t.ctx, &a), SSM_OK);
        assert_int_equal(t.add_destination(t.ctx, &b), SSM_OK);
        store_keys_close(s);
        run_sql(tampering[i]);
        s = open_store();
        t = store_keys_table(s);
        assert_int_equal(t.each_destination(t.ctx, 0, take, &taken), SSM_IO);
        store_keys_close(s);
        temporary_close(&dir);
        temporary_open(&dir);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_destinations_of_every_kind_survive), TEST(test_a_server_is_one_destination_of_a_node),
        TEST(test_what_is_removed_is_not_found),       TEST(test_a_removed_node_takes_its_destinations_along),
        TEST(test_no_secret_is_in_the_file),           TEST(test_what_was_tampered_with_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
