/* A keys.db of a test's own with the gateway's own CA, and a configuration to go with it. */
#ifndef CA_WORLD_H
#define CA_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca.h"
#include "store_keys.h"
#include "temporary.h"

#define NOW_S UINT64_C(1800000000) /* 2027-01-15 */
#define DAY_S UINT64_C(86400)

struct ca_world {
    struct temporary dir;
    struct config config;
    struct store_keys *keys;
    struct ca ca;
};

static const struct ca_names no_names;

static inline void ca_world_open(struct ca_world *w)
{
    char path[64];

    memset(w, 0, sizeof *w);
    temporary_open(&w->dir);
    snprintf(path, sizeof path, "%s", temporary_file(&w->dir, "keys.db"));
    assert_int_equal(store_keys_open(path, temporary_file(&w->dir, "storage.key"), &w->keys), SSM_OK);
    assert_int_equal(assoc_name_set(&w->config.gateway_id, "Gw.Home", 7), SSM_OK);
    w->ca = (struct ca){.store = store_keys_ca(w->keys), .config = &w->config, .host = "pi"};
}

static inline void ca_world_close(struct ca_world *w)
{
    store_keys_close(w->keys);
    temporary_close(&w->dir);
}

/* Set-up and tear-down of a test whose initial state is its struct ca_world. */
static inline int ca_world_setup(void **state)
{
    ca_world_open(*state);
    return 0;
}

static inline int ca_world_teardown(void **state)
{
    ca_world_close(*state);
    return 0;
}

static inline struct assoc_name ca_world_name(const char *text)
{
    struct assoc_name name;

    assert_int_equal(assoc_name_set(&name, text, strlen(text)), SSM_OK);
    return name;
}

static inline struct store_ca_row ca_world_read(const struct ca_world *w, enum store_ca_role role)
{
    struct store_ca_row row;

    assert_int_equal(store_ca_read(w->ca.store, role, &row), SSM_OK);
    return row;
}

static inline struct certificate_facts ca_world_facts(const struct certificate *c)
{
    struct certificate_facts facts;

    assert_int_equal(certificate_read(c, &facts), SSM_OK);
    return facts;
}

/* A subscriber's certificate of `days`. */
static inline struct certificate ca_world_issue(const struct ca_world *w, const char *text, uint32_t days,
                                                struct certificate_key_pair *pair)
{
    struct assoc_name name = ca_world_name(text);
    struct certificate c;

    assert_int_equal(certificate_make_key(pair), SSM_OK);
    assert_int_equal(ca_issue(&w->ca, &name, pair->public_key, days, NOW_S, &c), SSM_OK);
    return c;
}

#endif
