/* Statements are compiled once and kept, and a kept one is as good as a new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_sqlite.h"

#include "temporary.h"

#include <pthread.h>
#include <stdio.h>

enum { ROWS = 4, ROUNDS = 5000 };

#define ABOVE "SELECT n FROM t WHERE n > ?1 ORDER BY n"
#define INSERT "INSERT INTO t VALUES (?1)"

static struct temporary dir;
static struct store_db db;
static pthread_barrier_t start;

/* A table of 1 to ROWS. */
static int setup(void **state)
{
    static const char *const steps[] = {"CREATE TABLE t (n INTEGER UNIQUE NOT NULL) STRICT"};

    (void)state;
    temporary_open(&dir);
    assert_int_equal(store_db_open(&db, temporary_file(&dir, "t.db"), steps, 1, true), SSM_OK);
    for (int n = 1; n <= ROWS; n++)
        assert_int_equal(store_db_run(&db, INSERT, STORE_VALUES(STORE_INT(n))), SSM_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_db_close(&db);
    temporary_close(&dir);
    return 0;
}

/* How many compiled statements the connection holds. */
static size_t statements(void)
{
    size_t count = 0;

    for (sqlite3_stmt *s = sqlite3_next_stmt(db.sqlite, NULL); s != NULL; s = sqlite3_next_stmt(db.sqlite, s))
        count++;
    return count;
}

static enum status count_row(void *arg, sqlite3_stmt *s)
{
    (void)s;
    ++*(int *)arg;
    return SSM_OK;
}

static int count_above(int n)
{
    int rows = 0;

    assert_int_equal(store_db_each(&db, ABOVE, STORE_VALUES(STORE_INT(n)), count_row, &rows), SSM_OK);
    return rows;
}

static void test_a_statement_is_compiled_once(void **state)
{
    size_t before;

    (void)state;
    assert_int_equal(count_above(0), ROWS);
    before = statements();
    for (int n = 0; n <= ROWS; n++)
        assert_int_equal(count_above(n), ROWS - n);
    assert_int_equal(statements(), before);
    /* The newest; SQLite has counted its runs. */
    assert_int_equal(sqlite3_stmt_status(sqlite3_next_stmt(db.sqlite, NULL), SQLITE_STMTSTATUS_RUN, 0),
                     1 + ROWS + 1);
}

static enum status take_type(void *arg, sqlite3_stmt *s)
{
    *(int *)arg = sqlite3_column_type(s, 0);
    return SSM_OK;
}

static void test_no_value_stays_bound(void **state)
{
    int type = 0;

    (void)state;
    assert_int_equal(store_db_each(&db, "SELECT ?1", STORE_VALUES(STORE_BYTES("key", 3)), take_type, &type),
                     SSM_OK);
    assert_int_equal(type, SQLITE_BLOB);
    assert_int_equal(store_db_each(&db, "SELECT ?1", STORE_NO_VALUES, take_type, &type), SSM_OK);
    assert_int_equal(type, SQLITE_NULL);
}

static enum status count_row_and_above(void *arg, sqlite3_stmt *s)
{
    int64_t n = sqlite3_column_int64(s, 0);

    ++*(int *)arg;
    assert_int_equal(store_db_each(&db, ABOVE, STORE_VALUES(STORE_INT(n)), count_row_and_above, arg), SSM_OK);
    assert_int_equal(sqlite3_column_int64(s, 0), n);
    return SSM_OK;
}

/* Each row asks for those above it: one visit for each set of rows that is not empty. */
static void test_a_walk_within_a_walk_of_the_same_text(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        int visits = 0;

        assert_int_equal(store_db_each(&db, ABOVE, STORE_VALUES(STORE_INT(0)), count_row_and_above, &visits),
                         SSM_OK);
        assert_int_equal(visits, (1 << ROWS) - 1);
    }
}

static enum status refuse(void *arg, sqlite3_stmt *s)
{
    (void)count_row(arg, s);
    return SSM_NO_ROOM;
}

static void test_a_walk_that_was_ended_starts_again_from_the_first_row(void **state)
{
    int rows = 0;

    (void)state;
    assert_int_equal(store_db_each(&db, ABOVE, STORE_VALUES(STORE_INT(0)), refuse, &rows), SSM_NO_ROOM);
    assert_int_equal(rows, 1);
    /* Nothing is being read any more: the table may go. */
    assert_int_equal(count_above(0), ROWS);
    assert_int_equal(store_db_each(&db, ABOVE, STORE_VALUES(STORE_INT(0)), refuse, &rows), SSM_NO_ROOM);
    assert_int_equal(store_db_run(&db, "DROP TABLE t", STORE_NO_VALUES), SSM_OK);
}

static void test_a_failed_statement_can_be_used_again(void **state)
{
    size_t before = statements();

    (void)state;
    for (int n = ROWS + 1; n < ROWS + 4; n++) {
        assert_int_equal(store_db_run(&db, INSERT, STORE_VALUES(STORE_INT(n))), SSM_OK);
        assert_int_equal(store_db_run(&db, INSERT, STORE_VALUES(STORE_INT(n))), SSM_EXISTS);
        assert_int_equal(store_db_run(&db, INSERT, STORE_NO_VALUES), SSM_IO);
        assert_int_equal(store_db_run(&db, INSERT, STORE_VALUES(STORE_INT(0), STORE_INT(0))), SSM_IO);
        assert_int_equal(store_db_run(&db, "INSERT INTO nowhere VALUES (1)", STORE_NO_VALUES), SSM_IO);
    }
    assert_int_equal(statements(), before);
    assert_int_equal(count_above(ROWS), 3);
}

static void test_a_change_that_was_taken_back_can_be_made_again(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_db_begin(&db), SSM_OK);
        assert_int_equal(store_db_run(&db, INSERT, STORE_VALUES(STORE_INT(ROWS + 1))), SSM_OK);
        assert_int_equal(store_db_finish(&db, SSM_NO_ROOM), SSM_NO_ROOM);
        assert_int_equal(count_above(ROWS), 0);
    }
    assert_int_equal(store_db_begin(&db), SSM_OK);
    assert_int_equal(store_db_finish(&db, store_db_run(&db, INSERT, STORE_VALUES(STORE_INT(ROWS + 1)))),
                     SSM_OK);
    assert_int_equal(count_above(ROWS), 1);
}

static enum status take_integer(void *arg, sqlite3_stmt *s)
{
    *(int64_t *)arg = sqlite3_column_int64(s, 0);
    return SSM_OK;
}

/* All of them made in the same buffer. */
static void test_more_texts_than_are_kept(void **state)
{
    char sql[32];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int n = 0; n < 2 * STORE_KEPT_MAX; n++) {
            int64_t got = -1;

            snprintf(sql, sizeof sql, "SELECT %d", n);
            assert_int_equal(store_db_each(&db, sql, STORE_NO_VALUES, take_integer, &got), SSM_OK);
            assert_int_equal(got, n);
        }
        assert_int_equal(statements(), STORE_KEPT_MAX);
    }
}

/* Asks for a number of its own, again and again. */
static void *look(void *arg)
{
    pthread_barrier_wait(&start);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t mine = *(const int *)arg * ROUNDS + i;
        int64_t got = -1;

        if (store_db_each(&db, "SELECT ?1 FROM t", STORE_VALUES(STORE_INT(mine)), take_integer, &got) !=
                SSM_OK ||
            got != mine)
            return "wrong";
    }
    return NULL;
}

static void test_two_threads_use_the_same_statement(void **state)
{
    int who[2] = {1, 2};
    pthread_t threads[2];
    void *wrong[2];

    (void)state;
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, &who[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &wrong[i]);
    pthread_barrier_destroy(&start);
    assert_null(wrong[0]);
    assert_null(wrong[1]);
}

/* A statement that was left would keep the file open, and locked. */
static void test_close_leaves_no_statement(void **state)
{
    char path[STORE_PATH_MAX];

    (void)state;
    assert_int_equal(count_above(0), ROWS);
    snprintf(path, sizeof path, "%s", db.path);
    store_db_close(&db);
    assert_int_equal(store_db_open(&db, path, NULL, 1, true), SSM_OK);
    assert_int_equal(count_above(0), ROWS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_statement_is_compiled_once),
        TEST(test_no_value_stays_bound),
        TEST(test_a_walk_within_a_walk_of_the_same_text),
        TEST(test_a_walk_that_was_ended_starts_again_from_the_first_row),
        TEST(test_a_failed_statement_can_be_used_again),
        TEST(test_a_change_that_was_taken_back_can_be_made_again),
        TEST(test_more_texts_than_are_kept),
        TEST(test_two_threads_use_the_same_statement),
        TEST(test_close_leaves_no_statement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
