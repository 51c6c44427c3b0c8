#include "store_destinations.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_MAX = 40, SECRET_MAX = DESTINATION_KEY_PEM_MAX };
_Static_assert((int)SECRET_MAX >= (int)SUBSCRIBER_PSK_MAX, "room for either secret");

#define COLUMNS "id, node, server, kind, identity, secret, anchors, chain, not_after"

/* ---- secrets ---- */

static void place_of(char place[PLACE_MAX], uint32_t id)
{
    snprintf(place, PLACE_MAX, "destination/%u/secret", (unsigned)id);
}

static const void *secret_of(const struct destination_row *row, size_t *len)
{
    *len = row->kind == DESTINATION_PSK ? row->psk_len : strlen(row->key);
    return row->kind == DESTINATION_PSK ? (const void *)row->psk : row->key;
}

/* A row's id is known only after it was inserted, and its secret is bound to it: so the secret follows. */
static enum status set_secret(const struct store_destinations *d, const struct destination_row *row)
{
    uint8_t sealed[SECRET_MAX + STORAGE_OVERHEAD];
    char place[PLACE_MAX];
    size_t len;
    const void *secret = secret_of(row, &len);
    enum status status;

    if (len == 0)
        return SSM_OK;
    place_of(place, row->id);
    status = storage_key_seal(d->key, place, secret, len, sealed);
    if (status != SSM_OK)
        return status;
    return store_db_run(d->db, "UPDATE destination SET secret = ?1 WHERE id = ?2",
                        STORE_VALUES(STORE_BYTES(sealed, len + STORAGE_OVERHEAD), STORE_INT(row->id)));
}

/* ---- changes ---- */

static enum status insert(const struct store_destinations *d, struct destination_row *row)
{
    char server[URI_LEN_MAX + 1];
    size_t server_len = uri_print(&row->server, server);
    enum status status = store_db_run(
        d->db,
        "INSERT INTO destination (node, server, kind, identity, secret, anchors, chain, not_after)"
        " VALUES (?1, ?2, ?3, ?4, x'', ?5, ?6, ?7)",
        STORE_VALUES(STORE_INT(row->node), STORE_TEXT(server, server_len), STORE_INT(row->kind),
                     STORE_BYTES(row->identity, row->identity_len),
                     STORE_TEXT(row->anchors, strlen(row->anchors)),
                     STORE_TEXT(row->chain, strlen(row->chain)), STORE_INT(row->not_after_s)));

    if (status != SSM_OK)
        return status;
    row->id = (uint32_t)sqlite3_last_insert_rowid(d->db->sqlite);
    return set_secret(d, row);
}

enum status store_destinations_add(const struct store_destinations *d, struct destination_row *row)
{
    enum status status = store_db_begin(d->db);

    return status == SSM_OK ? store_db_finish(d->db, insert(d, row)) : status;
}

enum status store_destinations_remove(const struct store_destinations *d, uint32_t id)
{
    enum status status =
        store_db_run(d->db, "DELETE FROM destination WHERE id = ?1", STORE_VALUES(STORE_INT(id)));

    return status == SSM_OK && sqlite3_changes(d->db->sqlite) == 0 ? SSM_NOT_FOUND : status;
}

/* ---- reading ---- */

static bool read_text(sqlite3_stmt *s, int column, char *out, size_t out_len)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);

    if (text == NULL || len >= out_len)
        return false;
    bytes_copy(out, text, len + 1);
    return true;
}

static bool read_server(sqlite3_stmt *s, int column, struct uri *out)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text != NULL && uri_parse(text, (size_t)sqlite3_column_bytes(s, column), out, NULL) == SSM_OK;
}

static bool read_identity(sqlite3_stmt *s, int column, struct destination_row *row)
{
    const void *identity = sqlite3_column_blob(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);

    if (len > sizeof row->identity || (identity == NULL && len > 0))
        return false;
    bytes_copy(row->identity, identity, len);
    row->identity_len = (uint8_t)len;
    return true;
}

static void take_secret(struct destination_row *row, const uint8_t *secret, size_t len)
{
    if (row->kind == DESTINATION_PSK) {
        bytes_copy(row->psk, secret, len);
        row->psk_len = (uint8_t)len;
    } else {
        bytes_copy(row->key, secret, len);
        row->key[len] = '\0';
    }
}

/* Whether there is one is written elsewhere: a PSK always is, a key where there is a certificate. */
static bool read_secret(const struct store_destinations *d, sqlite3_stmt *s, int column,
                        struct destination_row *row)
{
    const void *sealed = sqlite3_column_blob(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);
    size_t max = row->kind == DESTINATION_PSK ? (size_t)SUBSCRIBER_PSK_MAX : (size_t)DESTINATION_KEY_PEM_MAX;
    bool has_secret = row->kind == DESTINATION_PSK || row->chain[0] != '\0';
    uint8_t secret[SECRET_MAX];
    char place[PLACE_MAX];
    bool is_open;

    if (!has_secret || len <= STORAGE_OVERHEAD || len - STORAGE_OVERHEAD > max)
        return !has_secret && len == 0;
    place_of(place, row->id);
    is_open = storage_key_open(d->key, place, sealed, len, secret) == SSM_OK;
    if (is_open)
        take_secret(row, secret, len - STORAGE_OVERHEAD);
    bytes_wipe(secret, sizeof secret);
    return is_open;
}

static enum status read_row(const struct store_destinations *d, sqlite3_stmt *s, struct destination_row *row)
{
    *row = (struct destination_row){.id = store_column_u32(s, 0),
                                    .node = store_column_u32(s, 1),
                                    .kind = (enum destination_kind)sqlite3_column_int(s, 3),
                                    .not_after_s = (uint64_t)sqlite3_column_int64(s, 8)};
    if (read_server(s, 2, &row->server) && read_identity(s, 4, row) &&
        read_text(s, 6, row->anchors, sizeof row->anchors) &&
        read_text(s, 7, row->chain, sizeof row->chain) && read_secret(d, s, 5, row))
        return SSM_OK;
    log_line(LOG_ERR, "%s: damaged: row %u of table destination cannot be read", d->db->path,
             (unsigned)row->id);
    return SSM_IO;
}

struct find {
    const struct store_destinations *destinations;
    struct destination_row *out;
    bool found;
};

static enum status on_found(void *arg, sqlite3_stmt *s)
{
    struct find *find = arg;

    find->found = true;
    return read_row(find->destinations, s, find->out);
}

enum status store_destinations_find(const struct store_destinations *d, uint32_t node,
                                    const struct uri *server, struct destination_row *out)
{
    struct find find = {.destinations = d, .out = out};
    char text[URI_LEN_MAX + 1];
    size_t len = uri_print(server, text);
    enum status status =
        store_db_each(d->db, "SELECT " COLUMNS " FROM destination WHERE node = ?1 AND server = ?2",
                      STORE_VALUES(STORE_INT(node), STORE_TEXT(text, len)), on_found, &find);

    return status == SSM_OK && !find.found ? SSM_NOT_FOUND : status;
}

struct walk {
    const struct store_destinations *destinations;
    enum status (*row)(void *arg, const struct destination_row *);
    void *arg;
};

static enum status on_row(void *arg, sqlite3_stmt *s)
{
    const struct walk *walk = arg;
    struct destination_row row;
    enum status status = read_row(walk->destinations, s, &row);

    if (status == SSM_OK)
        status = walk->row(walk->arg, &row);
    bytes_wipe(&row, sizeof row);
    return status;
}

enum status store_destinations_each(const struct store_destinations *d, uint32_t node,
                                    enum status (*row)(void *arg, const struct destination_row *), void *arg)
{
    return store_db_each(d->db,
                         "SELECT " COLUMNS " FROM destination WHERE ?1 IN (0, node) ORDER BY node, server",
                         STORE_VALUES(STORE_INT(node)), on_row, &(struct walk){d, row, arg});
}
