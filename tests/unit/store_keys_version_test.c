/* keys.db of an earlier version is brought forward, in one step or not at all. */
#include "store_keys_world.h"

static const char version_1[] =
    "PRAGMA user_version = 1;"
    "CREATE TABLE storage (key_check BLOB NOT NULL) STRICT;"
    "CREATE TABLE node ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),"
    " name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 32),"
    " psk BLOB NOT NULL,"
    " port INTEGER NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),"
    " assoc_counter INTEGER NOT NULL CHECK (assoc_counter BETWEEN 0 AND 4294967295),"
    " boot_id INTEGER NOT NULL CHECK (boot_id BETWEEN 0 AND 4294967295),"
    " session_limit INTEGER NOT NULL CHECK (session_limit BETWEEN 0 AND 65535)"
    ") STRICT;"
    "CREATE TABLE subscriber ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),"
    " name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 32),"
    " psk BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE subscriber_node ("
    " subscriber INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,"
    " node INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,"
    " PRIMARY KEY (subscriber, node)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX subscriber_node_by_node ON subscriber_node (node);";

/* Puts the rows of keys.db into a file as the version before made it: keys are sealed in the same way. */
static void make_version_1(void)
{
    char attach[128];
    char old[64];
    sqlite3 *db;

    snprintf(attach, sizeof attach, "ATTACH '%s' AS new", temporary_file(&dir, "keys.db"));
    snprintf(old, sizeof old, "%s", temporary_file(&dir, "old.db"));
    assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO storage SELECT * FROM new.storage; INSERT INTO node SELECT * FROM new.node;"
                     "INSERT INTO subscriber SELECT id, name, psk FROM new.subscriber;"
                     "INSERT INTO subscriber_node SELECT * FROM new.subscriber_node; DETACH new",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(rename(old, temporary_file(&dir, "keys.db")), 0);
}

/* A node, a subscriber with a PSK, and the grant, in a database of version 1. */
static void fill_version_1(struct node_row *kitchen, struct subscriber_row *ann)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);

    *kitchen = node("kitchen", 20000);
    *ann = subscriber("ann");
    assert_int_equal(t.add_node(t.ctx, kitchen), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, ann, &kitchen->id, 1), SSM_OK);
    store_keys_close(s);
    make_version_1();
}

static void expect_rows(const struct keys_store *t, const struct node_row *kitchen,
                        const struct subscriber_row *ann)
{
    struct rows rows = read_rows(t);
    uint32_t granted = 0;
    size_t count;

    assert_int_equal(rows.node_count, 1);
    assert_memory_equal(&rows.nodes[0], kitchen, sizeof *kitchen);
    assert_int_equal(rows.subscriber_count, 1);
    assert_memory_equal(&rows.subscribers[0], ann, sizeof *ann);
    assert_int_equal(t->grants(t->ctx, ann->id, 0, &granted, 1, &count), SSM_OK);
    assert_int_equal(granted, kitchen->id);
}

static void test_a_database_of_version_1_is_brought_forward(void **state)
{
    struct node_row kitchen;
    struct subscriber_row ann;
    struct subscriber_row bob = pinned("bob", 7);
    struct store_keys *s;
    struct keys_store t;

    (void)state;
    fill_version_1(&kitchen, &ann);
    for (int opened = 0; opened < 2; opened++) {
        s = open_store();
        t = store_keys_table(s);
        expect_rows(&t, &kitchen, &ann);
        store_keys_close(s);
    }
    s = open_store();
    t = store_keys_table(s);
    assert_int_equal(t.add_subscriber(t.ctx, &bob, &kitchen.id, 1), SSM_OK);
    assert_true(bob.id > ann.id);
    store_keys_close(s);
}

/* Of version 2 nothing is changed: one table is new. */
static void test_a_database_of_version_2_is_brought_forward(void **state)
{
    struct node_row kitchen = node("kitchen", 20000);
    struct subscriber_row ann = subscriber("ann");
    struct destination_row row = {.kind = DESTINATION_PSK, .identity = "a", .identity_len = 1, .psk_len = 16};
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);

    (void)state;
    assert_int_equal(t.add_node(t.ctx, &kitchen), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &ann, &kitchen.id, 1), SSM_OK);
    store_keys_close(s);
    run_sql("DROP TABLE destination; PRAGMA user_version = 2");
    s = open_store();
    t = store_keys_table(s);
    expect_rows(&t, &kitchen, &ann);
    row.node = kitchen.id;
    assert_int_equal(uri_parse("coaps://server", 14, &row.server, NULL), SSM_OK);
    assert_int_equal(t.add_destination(t.ctx, &row), SSM_OK);
    store_keys_close(s);
}

/* The last statement of the step fails: all of it is taken back, and the next start tries again. */
static void test_a_failed_step_changes_nothing(void **state)
{
    struct node_row kitchen;
    struct subscriber_row ann;
    struct store_keys *s;
    struct keys_store t;

    (void)state;
    fill_version_1(&kitchen, &ann);
    run_sql("CREATE TABLE issued (x INTEGER)");
    expect_refused();
    run_sql("INSERT INTO subscriber SELECT 100, 'probe', psk FROM subscriber"); /* three columns still */
    run_sql("DELETE FROM subscriber WHERE name = 'probe'; DROP TABLE issued");
    s = open_store();
    t = store_keys_table(s);
    expect_rows(&t, &kitchen, &ann);
    store_keys_close(s);
}

static void test_a_newer_database_is_refused(void **state)
{
    struct store_keys *s = NULL;

    (void)state;
    store_keys_close(open_store());
    run_sql("PRAGMA user_version = 4");
    assert_int_equal(try_open(&s), SSM_UNSUPPORTED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, temporary_setup, temporary_teardown, &dir)
    const struct CMUnitTest tests[] = {
        TEST(test_a_database_of_version_1_is_brought_forward),
        TEST(test_a_database_of_version_2_is_brought_forward),
        TEST(test_a_failed_step_changes_nothing),
        TEST(test_a_newer_database_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
