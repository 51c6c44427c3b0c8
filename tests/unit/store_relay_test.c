/* relay.db: what is flushed survives, what is not does not, and a file that is not ours is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_relay.h"

#include "temporary.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

enum { ROWS_MAX = 8 };

struct rows {
    struct relay_session_row sessions[ROWS_MAX];
    struct relay_node_row nodes[ROWS_MAX];
    size_t session_count;
    size_t node_count;
};

static struct temporary dir;

static struct store_relay *open_store(void)
{
    struct store_relay *s = NULL;

    assert_int_equal(store_relay_open(temporary_file(&dir, "relay.db"), &s), SSM_OK);
    return s;
}

static struct relay_session_row session(uint32_t node, uint16_t handle)
{
    struct relay_session_row row = {.node = node,
                                    .handle = handle,
                                    .slot = 3,
                                    .subscriber = UINT32_MAX,
                                    .peer.port = 40000,
                                    .local.port = 65535,
                                    .opened_s = UINT64_C(1) << 40,
                                    .is_outbound = node != 1};

    memset(row.peer.addr, 0xAB, sizeof row.peer.addr);
    memset(row.local.addr, (int)handle & 0xFF, sizeof row.local.addr);
    memset(row.tombstone, 0xC0, sizeof row.tombstone);
    return row;
}

static struct relay_node_row node(uint32_t id, uint64_t generation)
{
    struct relay_node_row row = {.node = id, .endpoint.port = 5000, .generation = generation};

    memset(row.endpoint.addr, 0x11, sizeof row.endpoint.addr);
    memset(row.tag_key, 0x22, sizeof row.tag_key);
    row.tag_keys_before_count = (uint8_t)(id % (RELAY_TAG_KEYS_BEFORE + 1));
    memset(row.tag_keys_before, 0x33, row.tag_keys_before_count * sizeof row.tag_keys_before[0]);
    return row;
}

static enum status take_session(void *arg, const struct relay_session_row *row)
{
    struct rows *rows = arg;

    assert_true(rows->session_count < ROWS_MAX);
    rows->sessions[rows->session_count++] = *row;
    return SSM_OK;
}

static enum status take_node(void *arg, const struct relay_node_row *row)
{
    struct rows *rows = arg;

    assert_true(rows->node_count < ROWS_MAX);
    rows->nodes[rows->node_count++] = *row;
    return SSM_OK;
}

/* What a start finds. */
static struct rows read_back(void)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    struct rows rows = {0};

    assert_int_equal(t.each_session(t.ctx, take_session, &rows), SSM_OK);
    assert_int_equal(t.each_node(t.ctx, take_node, &rows), SSM_OK);
    store_relay_close(s);
    return rows;
}

static void expect_session(const struct relay_session_row *a, const struct relay_session_row *b)
{
    assert_int_equal(a->node, b->node);
    assert_int_equal(a->handle, b->handle);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->subscriber, b->subscriber);
    assert_memory_equal(a->peer.addr, b->peer.addr, sizeof a->peer.addr);
    assert_int_equal(a->peer.port, b->peer.port);
    assert_memory_equal(a->local.addr, b->local.addr, sizeof a->local.addr);
    assert_int_equal(a->local.port, b->local.port);
    assert_int_equal(a->opened_s, b->opened_s);
    assert_memory_equal(a->tombstone, b->tombstone, sizeof a->tombstone);
    assert_int_equal(a->is_outbound, b->is_outbound);
}

static void test_flushed_rows_survive(void **state)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    const struct relay_session_row first = session(1, 1);
    const struct relay_session_row second = session(UINT32_MAX, 65535);
    const struct relay_node_row known = node(1, UINT32_MAX);
    struct rows rows;

    (void)state;
    assert_int_equal(t.put_session(t.ctx, &first), SSM_OK);
    assert_int_equal(t.put_session(t.ctx, &second), SSM_OK);
    assert_int_equal(t.put_node(t.ctx, &known), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    rows = read_back();
    assert_int_equal(rows.session_count, 2);
    expect_session(&rows.sessions[0], &first);
    expect_session(&rows.sessions[1], &second);
    assert_int_equal(rows.node_count, 1);
    assert_int_equal(rows.nodes[0].node, 1);
    assert_int_equal(rows.nodes[0].generation, UINT32_MAX);
    assert_int_equal(rows.nodes[0].endpoint.port, 5000);
    assert_memory_equal(rows.nodes[0].tag_key, known.tag_key, sizeof known.tag_key);
    assert_int_equal(rows.nodes[0].tag_keys_before_count, 1);
    assert_memory_equal(rows.nodes[0].tag_keys_before, known.tag_keys_before, sizeof known.tag_keys_before);
}

static void test_unflushed_rows_are_gone(void **state)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    const struct relay_session_row kept = session(1, 1);
    const struct relay_session_row lost = session(1, 2);

    (void)state;
    assert_int_equal(t.put_session(t.ctx, &kept), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    assert_int_equal(t.put_session(t.ctx, &lost), SSM_OK);
    assert_int_equal(t.remove_session(t.ctx, 1, 1), SSM_OK);
    store_relay_close(s);
    assert_int_equal(read_back().session_count, 1);
    assert_int_equal(read_back().sessions[0].handle, 1);
}

static void test_a_row_put_twice_is_replaced(void **state)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    struct relay_session_row row = session(1, 7);
    struct relay_node_row known = node(1, 5);
    struct rows rows;

    (void)state;
    assert_int_equal(t.put_session(t.ctx, &row), SSM_OK);
    assert_int_equal(t.put_node(t.ctx, &known), SSM_OK);
    row.peer.port = 1;
    known.generation = 6;
    assert_int_equal(t.put_session(t.ctx, &row), SSM_OK);
    assert_int_equal(t.put_node(t.ctx, &known), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    rows = read_back();
    assert_int_equal(rows.session_count, 1);
    assert_int_equal(rows.sessions[0].peer.port, 1);
    assert_int_equal(rows.node_count, 1);
    assert_int_equal(rows.nodes[0].generation, 6);
}

static void test_a_removed_node_takes_its_sessions_along(void **state)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    const struct relay_session_row rows_in[] = {session(1, 1), session(1, 2), session(2, 1)};
    const struct relay_node_row known[] = {node(1, 1), node(2, 1)};
    struct rows rows;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(t.put_session(t.ctx, &rows_in[i]), SSM_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(t.put_node(t.ctx, &known[i]), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    assert_int_equal(t.remove_node(t.ctx, 1), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    rows = read_back();
    assert_int_equal(rows.session_count, 1);
    expect_session(&rows.sessions[0], &rows_in[2]);
    assert_int_equal(rows.node_count, 1);
    assert_int_equal(rows.nodes[0].node, 2);
}

static enum status refuse(void *arg, const struct relay_session_row *row)
{
    (void)row;
    ++*(int *)arg;
    return SSM_NO_ROOM;
}

static void test_a_callback_ends_the_walk(void **state)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    const struct relay_session_row rows_in[] = {session(1, 1), session(1, 2)};
    int calls = 0;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(t.put_session(t.ctx, &rows_in[i]), SSM_OK);
    assert_int_equal(t.each_session(t.ctx, refuse, &calls), SSM_NO_ROOM);
    assert_int_equal(calls, 1);
    store_relay_close(s);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(temporary_file(&dir, "relay.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* A store whose disk is full when a session with handle 102 is written. */
static struct store_relay *open_store_full_at_102(void)
{
    store_relay_close(open_store());
    run_sql("CREATE TRIGGER full BEFORE INSERT ON session WHEN new.handle = 102 BEGIN SELECT RAISE(ROLLBACK, "
            "'full'); END");
    return open_store();
}

/* A disk that fills up: SQLite gives up the whole transaction, and flush() must not claim that the first row
 * is safe. */
static void test_a_full_disk_loses_the_turn_and_says_so(void **state)
{
    struct store_relay *s;
    struct relay_store t;
    const struct relay_session_row after = session(2, 1);

    (void)state;
    s = open_store_full_at_102();
    t = store_relay_table(s);
    for (uint16_t i = 101; i <= 103; i++) {
        const struct relay_session_row row = session(1, i);

        assert_int_equal(t.put_session(t.ctx, &row), i < 102 ? SSM_OK : SSM_IO);
    }
    assert_int_equal(t.flush(t.ctx), SSM_IO);
    /* The next turn works again. */
    assert_int_equal(t.put_session(t.ctx, &after), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    assert_int_equal(read_back().session_count, 1);
    assert_int_equal(read_back().sessions[0].node, 2);
}

static void test_the_file_is_private(void **state)
{
    struct stat st;

    (void)state;
    store_relay_close(open_store());
    assert_int_equal(chmod(temporary_file(&dir, "relay.db"), 0644), 0);
    store_relay_close(open_store());
    assert_int_equal(stat(temporary_file(&dir, "relay.db"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_a_second_process_is_kept_out(void **state)
{
    struct store_relay *s = open_store();
    struct store_relay *other = NULL;

    (void)state;
    assert_int_equal(store_relay_open(temporary_file(&dir, "relay.db"), &other), SSM_IO);
    store_relay_close(s);
}

/* An upgrade loses no session: a file as version 1 made it. */
static void test_the_first_schema_is_taken_over(void **state)
{
    struct rows rows;

    (void)state;
    run_sql(
        "CREATE TABLE node (id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),"
        " address BLOB NOT NULL CHECK (length(address) = 16),"
        " port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),"
        " generation INTEGER NOT NULL CHECK (generation >= 0),"
        " tag_key BLOB NOT NULL CHECK (length(tag_key) = 16)) STRICT;"
        "CREATE TABLE session (node INTEGER NOT NULL CHECK (node BETWEEN 1 AND 4294967295),"
        " handle INTEGER NOT NULL CHECK (handle BETWEEN 1 AND 65535),"
        " slot INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 255),"
        " subscriber INTEGER NOT NULL CHECK (subscriber BETWEEN 0 AND 4294967295),"
        " peer_address BLOB NOT NULL CHECK (length(peer_address) = 16),"
        " peer_port INTEGER NOT NULL CHECK (peer_port BETWEEN 0 AND 65535),"
        " local_address BLOB NOT NULL CHECK (length(local_address) = 16),"
        " local_port INTEGER NOT NULL CHECK (local_port BETWEEN 0 AND 65535),"
        " opened_s INTEGER NOT NULL CHECK (opened_s >= 0),"
        " tombstone BLOB NOT NULL CHECK (length(tombstone) = 31),"
        " PRIMARY KEY (node, handle)) STRICT, WITHOUT ROWID;"
        "INSERT INTO node VALUES (3, zeroblob(16), 5000, 5, zeroblob(16));"
        "INSERT INTO session VALUES (3, 7, 1, 2, zeroblob(16), 40000, zeroblob(16), 5684, 9, zeroblob(31));"
        "PRAGMA user_version = 1");
    rows = read_back();
    assert_int_equal(rows.session_count, 1);
    assert_int_equal(rows.sessions[0].handle, 7);
    assert_int_equal(rows.sessions[0].peer.port, 40000);
    assert_false(rows.sessions[0].is_outbound);
    assert_int_equal(rows.node_count, 1);
    assert_int_equal(rows.nodes[0].generation, 5);
    assert_int_equal(rows.nodes[0].tag_keys_before_count, 0);
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct store_relay *s = NULL;

    (void)state;
    store_relay_close(open_store());
    run_sql("PRAGMA user_version = 99");
    assert_int_equal(store_relay_open(temporary_file(&dir, "relay.db"), &s), SSM_UNSUPPORTED);
}

/* Removals and nodes are part of the next flush; sessions that were put, and those that they would have
 * replaced, are not: their hand-overs have failed. */
static void test_what_a_failed_flush_lost_is_in_the_next(void **state)
{
    struct store_relay *s;
    struct relay_store t;
    const struct relay_session_row first = session(1, 1);
    const struct relay_session_row replaced = session(1, 2);
    const struct relay_session_row of_gone = session(2, 1);
    const struct relay_session_row put = session(1, 103);
    const struct relay_session_row ends = session(1, 102);
    struct relay_node_row known = node(1, 1);
    struct rows rows;

    (void)state;
    s = open_store_full_at_102();
    t = store_relay_table(s);
    assert_int_equal(t.put_session(t.ctx, &first), SSM_OK);
    assert_int_equal(t.put_session(t.ctx, &replaced), SSM_OK);
    assert_int_equal(t.put_session(t.ctx, &of_gone), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);

    assert_int_equal(t.remove_session(t.ctx, 1, 1), SSM_OK);
    assert_int_equal(t.put_session(t.ctx, &put), SSM_OK);
    assert_int_equal(t.replace_session(t.ctx, 1, 2), SSM_OK);
    assert_int_equal(t.put_node(t.ctx, &known), SSM_OK);
    known.generation = 2;
    assert_int_equal(t.put_session(t.ctx, &ends), SSM_IO);
    assert_int_equal(t.put_node(t.ctx, &known), SSM_IO);
    assert_int_equal(t.remove_node(t.ctx, 2), SSM_IO);
    assert_int_equal(t.flush(t.ctx), SSM_IO);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    rows = read_back();
    assert_int_equal(rows.session_count, 1);
    expect_session(&rows.sessions[0], &replaced);
    assert_int_equal(rows.node_count, 1);
    assert_int_equal(rows.nodes[0].generation, 2);
}

/* It must not pass for durable what only some of it is. */
static void test_a_removal_that_fails_takes_the_turn_along(void **state)
{
    struct store_relay *s;
    struct relay_store t;
    const struct relay_session_row stuck = session(1, 102);
    const struct relay_session_row put = session(1, 103);

    (void)state;
    s = open_store();
    t = store_relay_table(s);
    assert_int_equal(t.put_session(t.ctx, &stuck), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    run_sql("CREATE TRIGGER stuck BEFORE DELETE ON session BEGIN SELECT RAISE(FAIL, 'stuck'); END");
    s = open_store();
    t = store_relay_table(s);
    assert_int_equal(t.put_session(t.ctx, &put), SSM_OK);
    assert_int_equal(t.remove_session(t.ctx, 1, 102), SSM_IO);
    assert_int_equal(t.flush(t.ctx), SSM_IO);
    assert_int_equal(t.flush(t.ctx), SSM_IO);
    store_relay_close(s);
    assert_int_equal(read_back().session_count, 1);
}

/* Deleted, it would be written on, and nobody would ever read it again. */
static void test_a_file_that_went_away_keeps_nothing(void **state)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);
    const struct relay_session_row row = session(1, 1);
    char path[64];

    (void)state;
    snprintf(path, sizeof path, "%s", temporary_file(&dir, "relay.db"));
    assert_int_equal(rename(path, temporary_file(&dir, "away")), 0);
    assert_int_equal(t.put_session(t.ctx, &row), SSM_IO);
    assert_int_equal(t.flush(t.ctx), SSM_IO);
    assert_int_equal(rename(temporary_file(&dir, "away"), path), 0);
    assert_int_equal(t.put_session(t.ctx, &row), SSM_OK);
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
    assert_int_equal(read_back().session_count, 1);
}

static void write_many_sessions(void)
{
    struct store_relay *s = open_store();
    struct relay_store t = store_relay_table(s);

    for (uint16_t i = 1; i < 500; i++) {
        const struct relay_session_row row = session(1, i);

        assert_int_equal(t.put_session(t.ctx, &row), SSM_OK);
    }
    assert_int_equal(t.flush(t.ctx), SSM_OK);
    store_relay_close(s);
}

static const char garbage[4096] = "this is not a database, whatever its name says";

static void damage(off_t at)
{
    int fd = open(temporary_file(&dir, "relay.db"), O_WRONLY);

    assert_int_equal(pwrite(fd, garbage, sizeof garbage, at), sizeof garbage);
    close(fd);
}

static void test_a_damaged_file_is_moved_aside(void **state)
{
    char name[32];

    (void)state;
    for (int n = 1; n <= 11; n++) {
        struct stat st;

        write_many_sessions();
        damage(n % 2 == 0 ? 0 : 3 * 4096);
        assert_int_equal(read_back().session_count, 0);
        snprintf(name, sizeof name, "relay.db.damaged-%d", n < 9 ? n : 9);
        assert_int_equal(stat(temporary_file(&dir, name), &st), 0);
        assert_true(st.st_size > 5 * 4096);
    }
    assert_int_equal(access(temporary_file(&dir, "relay.db.damaged-10"), F_OK), -1);
}

static void test_a_cut_file_is_moved_aside(void **state)
{
    (void)state;
    write_many_sessions();
    assert_int_equal(truncate(temporary_file(&dir, "relay.db"), 5000), 0);
    assert_int_equal(read_back().session_count, 0);
    assert_int_equal(access(temporary_file(&dir, "relay.db.damaged-1"), F_OK), 0);
}

static void test_a_directory_that_is_not_there(void **state)
{
    struct store_relay *s = NULL;

    (void)state;
    assert_int_equal(store_relay_open(temporary_file(&dir, "missing/relay.db"), &s), SSM_IO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, temporary_setup, temporary_teardown, &dir)
    const struct CMUnitTest tests[] = {
        TEST(test_flushed_rows_survive),
        TEST(test_unflushed_rows_are_gone),
        TEST(test_a_row_put_twice_is_replaced),
        TEST(test_a_removed_node_takes_its_sessions_along),
        TEST(test_a_callback_ends_the_walk),
        TEST(test_a_full_disk_loses_the_turn_and_says_so),
        TEST(test_the_file_is_private),
        TEST(test_a_second_process_is_kept_out),
        TEST(test_a_newer_schema_is_refused),
        TEST(test_a_damaged_file_is_moved_aside),
        TEST(test_a_directory_that_is_not_there),
        TEST(test_what_a_failed_flush_lost_is_in_the_next),
        TEST(test_a_removal_that_fails_takes_the_turn_along),
        TEST(test_a_file_that_went_away_keeps_nothing),
        TEST(test_a_cut_file_is_moved_aside),
        TEST(test_the_first_schema_is_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
