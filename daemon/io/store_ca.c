#include "store_ca.h"

#include "log.h"
#include "store.h"

#include <stdio.h>
#include <string.h>

static const char *place_of(enum store_ca_role role)
{
    return role == STORE_CA_ROOT ? "identity/root/private_key" : "identity/gateway/private_key";
}

static enum status damaged(const struct store_ca *ca, const char *table)
{
    log_line(LOG_ERR, "%s: damaged: a row of table %s cannot be read", ca->db->path, table);
    return SSM_IO;
}

/* ---- the two identities ---- */

struct identity_read {
    const struct store_ca *ca;
    enum store_ca_role role;
    struct store_ca_row *out;
    bool found;
};

static bool copy_certificate(sqlite3_stmt *s, int column, struct certificate *out)
{
    const void *der = sqlite3_column_blob(s, column);

    out->len = (size_t)sqlite3_column_bytes(s, column);
    if (der == NULL || out->len > sizeof out->der)
        return false;
    bytes_copy(out->der, der, out->len);
    return true;
}

static bool open_private_key(const struct identity_read *read, sqlite3_stmt *s, int column)
{
    const void *sealed = sqlite3_column_blob(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);

    if (sealed == NULL || len < STORAGE_OVERHEAD || len - STORAGE_OVERHEAD > CERTIFICATE_PRIVATE_KEY_MAX)
        return false;
    read->out->private_key_len = len - STORAGE_OVERHEAD;
    return storage_key_open(read->ca->key, place_of(read->role), sealed, len, read->out->private_key) ==
           SSM_OK;
}

static enum status on_identity(void *arg, sqlite3_stmt *s)
{
    struct identity_read *read = arg;
    const char *names = (const char *)sqlite3_column_text(s, 2);

    read->found = true;
    if (names == NULL || strlen(names) >= sizeof read->out->names ||
        !copy_certificate(s, 0, &read->out->certificate) || !open_private_key(read, s, 1))
        return damaged(read->ca, "identity");
    strcpy(read->out->names, names);
    return SSM_OK;
}

enum status store_ca_read(const struct store_ca *ca, enum store_ca_role role, struct store_ca_row *out)
{
    struct identity_read read = {.ca = ca, .role = role, .out = out};
    enum status status =
        store_db_each(ca->db, "SELECT certificate, private_key, names FROM identity WHERE role = ?1",
                      STORE_VALUES(STORE_INT(role)), on_identity, &read);

    return status == SSM_OK && !read.found ? SSM_NOT_FOUND : status;
}

static enum status write_identity(const struct store_ca *ca, enum store_ca_role role,
                                  const struct store_ca_row *row)
{
    uint8_t sealed[CERTIFICATE_PRIVATE_KEY_MAX + STORAGE_OVERHEAD];
    enum status status =
        storage_key_seal(ca->key, place_of(role), row->private_key, row->private_key_len, sealed);

    if (status != SSM_OK)
        return status;
    return store_db_run(ca->db, "INSERT OR REPLACE INTO identity VALUES (?1, ?2, ?3, ?4)",
                        STORE_VALUES(STORE_INT(role), STORE_BYTES(row->certificate.der, row->certificate.len),
                                     STORE_BYTES(sealed, row->private_key_len + STORAGE_OVERHEAD),
                                     STORE_TEXT(row->names, strlen(row->names))));
}

enum status store_ca_replace(const struct store_ca *ca, const struct store_ca_row *root,
                             const struct store_ca_row *gateway)
{
    enum status status = store_db_begin(ca->db);

    if (status != SSM_OK)
        return status;
    status = store_db_run(ca->db, "DELETE FROM issued", STORE_NO_VALUES);
    if (status == SSM_OK)
        status = write_identity(ca, STORE_CA_ROOT, root);
    if (status == SSM_OK)
        status = write_identity(ca, STORE_CA_GATEWAY, gateway);
    return store_db_finish(ca->db, status);
}

enum status store_ca_renew_gateway(const struct store_ca *ca, const struct store_ca_row *gateway)
{
    return write_identity(ca, STORE_CA_GATEWAY, gateway);
}

/* ---- what was issued ---- */

enum status store_ca_add_issued(const struct store_ca *ca, const struct store_ca_issued *issued)
{
    return store_db_run(ca->db, "INSERT INTO issued VALUES (?1, ?2, ?3)",
                        STORE_VALUES(STORE_BYTES(issued->serial, issued->serial_len),
                                     STORE_TEXT(issued->name.text, issued->name.len),
                                     STORE_INT(issued->not_after_s)));
}

struct issued_walk {
    const struct store_ca *ca;
    enum status (*row)(void *arg, const struct store_ca_issued *);
    void *arg;
};

static enum status on_issued(void *arg, sqlite3_stmt *s)
{
    const struct issued_walk *walk = arg;
    struct store_ca_issued issued = {.not_after_s = (uint64_t)sqlite3_column_int64(s, 2)};
    const void *serial = sqlite3_column_blob(s, 0);
    int serial_len = sqlite3_column_bytes(s, 0);
    const char *name = (const char *)sqlite3_column_text(s, 1);

    if (serial == NULL || serial_len > CERTIFICATE_SERIAL_MAX || name == NULL ||
        assoc_name_set(&issued.name, name, (size_t)sqlite3_column_bytes(s, 1)) != SSM_OK)
        return damaged(walk->ca, "issued");
    bytes_copy(issued.serial, serial, (size_t)serial_len);
    issued.serial_len = (uint8_t)serial_len;
    return walk->row(walk->arg, &issued);
}

enum status store_ca_each_issued(const struct store_ca *ca,
                                 enum status (*row)(void *arg, const struct store_ca_issued *), void *arg)
{
    return store_db_each(ca->db, "SELECT serial, name, not_after FROM issued ORDER BY name, not_after",
                         STORE_NO_VALUES, on_issued, &(struct issued_walk){ca, row, arg});
}
