/*
 * What both databases need of SQLite: open with a schema version, run a statement with its values, walk rows.
 *
 * Used by the stores alone. Knows no table. Says in the log what failed, with the file's name, once until
 * something else fails or a change gets through. Any thread may run statements: a statement, and all between
 * begin and finish, is one step for every other thread.
 * Statements are compiled once and kept up to close, without their values.
 */
#ifndef SSM_STORE_SQLITE_H
#define SSM_STORE_SQLITE_H

#include "bytes.h"

#include <sqlite3.h>

enum {
    STORE_PATH_MAX = 256,
    STORE_KEPT_MAX = 48, /* above the number of texts of one store; what does not fit is compiled each time */
};

struct store_db {
    sqlite3 *sqlite;
    sqlite3_stmt *kept[STORE_KEPT_MAX]; /* filled from the front, under the connection's lock */
    int trouble; /* SQLite's code of the latest failure, which is in the log; 0: all is well again */
    char path[STORE_PATH_MAX];
};

/*
 * Opens `path` for this process alone (mode 0600; a second process is refused), checks it, and brings it to
 * `version`: steps[0] makes the tables of version 1 in an empty file, steps[n] makes version n+1 out of
 * version n; all of it or nothing. A file on a file system that cannot be written is opened to be read.
 * SSM_MALFORMED: damaged. SSM_NOT_FOUND: empty, and it may not be new. SSM_IO: in use or unreadable.
 * SSM_UNSUPPORTED: made by a newer version. On failure nothing is left open.
 */
SSM_MUST_CHECK enum status store_db_open(struct store_db *db, const char *path, const char *const *steps,
                                         int version, bool may_be_new);
void store_db_close(struct store_db *db);

/* A transaction. After SSM_OK, store_db_finish has to follow. */
SSM_MUST_CHECK enum status store_db_begin(struct store_db *db);
/* Commits, for who has begun without store_db_begin. */
SSM_MUST_CHECK enum status store_db_commit(struct store_db *db);
/* Commits if all went well so far, otherwise takes everything back; returns `status`, or why it failed. */
SSM_MUST_CHECK enum status store_db_finish(struct store_db *db, enum status status);

/* One value of a statement: an integer, or bytes that stay the caller's. */
struct store_value {
    enum { STORE_INTEGER, STORE_TEXT, STORE_BLOB } kind;
    int64_t integer;
    const void *at;
    size_t len;
};

#define STORE_INT(n) ((struct store_value){.kind = STORE_INTEGER, .integer = (int64_t)(n)})
#define STORE_TEXT(p, n) ((struct store_value){.kind = STORE_TEXT, .at = (p), .len = (n)})
#define STORE_BYTES(p, n) ((struct store_value){.kind = STORE_BLOB, .at = (p), .len = (n)})

/*
 * Runs a statement that gives no rows; values are bound to ?1, ?2, ... in order. SSM_EXISTS: a UNIQUE
 * constraint; SSM_NOT_FOUND: a foreign key; SSM_IO otherwise. The statement has changed nothing then.
 */
SSM_MUST_CHECK enum status store_db_run(struct store_db *db, const char *sql,
                                        const struct store_value *values, size_t count);
/* Calls `row` for each row of a query; its error ends the walk and is returned. `row` may run statements. */
SSM_MUST_CHECK enum status store_db_each(struct store_db *db, const char *sql,
                                         const struct store_value *values, size_t count,
                                         enum status (*row)(void *arg, sqlite3_stmt *s), void *arg);

#define STORE_VALUES(...)                                                                                    \
    (const struct store_value[]){__VA_ARGS__},                                                               \
        sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)
#define STORE_NO_VALUES NULL, 0

/* Copies a blob of exactly `len` bytes. SSM_IO: it has another length, so the file is damaged. */
SSM_MUST_CHECK enum status store_column_bytes(sqlite3_stmt *s, int column, void *to, size_t len);
/* An integer of the schema's; its CHECK keeps it in bounds. */
uint32_t store_column_u32(sqlite3_stmt *s, int column);
uint16_t store_column_u16(sqlite3_stmt *s, int column);

#endif
