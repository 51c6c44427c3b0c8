/* A keys.db of a test's own, rows for it, and what is in it. */
#ifndef STORE_KEYS_WORLD_H
#define STORE_KEYS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_keys.h"

#include "temporary.h"

#include <sqlite3.h>

enum { ROWS_MAX = 8 };

struct rows {
    struct node_row nodes[ROWS_MAX];
    struct subscriber_row subscribers[ROWS_MAX];
    size_t node_count;
    size_t subscriber_count;
};

static struct temporary dir;

static inline enum status try_open(struct store_keys **out)
{
    char path[64];

    snprintf(path, sizeof path, "%s", temporary_file(&dir, "keys.db"));
    return store_keys_open(path, temporary_file(&dir, "storage.key"), out);
}

static inline struct store_keys *open_store(void)
{
    struct store_keys *s = NULL;

    assert_int_equal(try_open(&s), SSM_OK);
    return s;
}

static inline void expect_refused(void)
{
    struct store_keys *s = NULL;

    assert_int_equal(try_open(&s), SSM_IO);
    assert_null(s);
}

static inline struct assoc_name name_of(const char *text)
{
    struct assoc_name name = {0};

    assert_int_equal(assoc_name_set(&name, text, strlen(text)), SSM_OK);
    return name;
}

static inline struct node_row node(const char *name, uint16_t port)
{
    struct node_row row = {.name = name_of(name), .port = port, .session_limit = 65535};

    memcpy(row.psk, "NODE-KEY-0123456", sizeof row.psk);
    return row;
}

static inline struct subscriber_row subscriber(const char *name)
{
    struct subscriber_row row = {.name = name_of(name), .psk_len = 32};

    memcpy(row.psk, "SUBSCRIBER-KEY-0123456789-abcdef", 32);
    return row;
}

static inline enum status take_node(void *arg, const struct node_row *row)
{
    struct rows *rows = arg;

    assert_true(rows->node_count < ROWS_MAX);
    rows->nodes[rows->node_count++] = *row;
    return SSM_OK;
}

static inline enum status take_subscriber(void *arg, const struct subscriber_row *row)
{
    struct rows *rows = arg;

    assert_true(rows->subscriber_count < ROWS_MAX);
    rows->subscribers[rows->subscriber_count++] = *row;
    return SSM_OK;
}

static inline struct rows read_rows(const struct keys_store *t)
{
    struct rows rows = {0};

    assert_int_equal(t->each_node(t->ctx, take_node, &rows), SSM_OK);
    assert_int_equal(t->each_subscriber(t->ctx, take_subscriber, &rows), SSM_OK);
    return rows;
}

static inline void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(temporary_file(&dir, "keys.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline struct subscriber_row pinned(const char *name, uint8_t first)
{
    return (struct subscriber_row){.name = name_of(name),
                                   .credential = SUBSCRIBER_CERTIFICATE,
                                   .fingerprint = {first, 2, 3},
                                   .not_after_s = UINT64_C(4102444800)};
}

#endif
