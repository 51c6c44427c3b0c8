#include "nonces.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 128 };

struct nonce {
    struct nonce_key key;
    struct seq48 seq;
    uint8_t type;
    uint8_t explicit_nonce[RECORD_EXPLICIT_LEN];
    uint16_t body_len;
    uint8_t body[BODY_MAX];
};

struct nonces {
    struct nonce *all;
    size_t count;
    size_t cap;
};

struct nonces *nonces_create(void)
{
    struct nonces *n = calloc(1, sizeof *n);

    assert_non_null(n);
    return n;
}

void nonces_destroy(struct nonces *n)
{
    free(n->all);
    free(n);
}

static bool is_same(const struct nonce *one, const struct record *r)
{
    return one->type == r->type && one->body_len == r->body_len &&
           memcmp(one->explicit_nonce, r->explicit_nonce, RECORD_EXPLICIT_LEN) == 0 &&
           memcmp(one->body, r->body, r->body_len) == 0;
}

static bool is_same_key(const struct nonce_key *one, const struct nonce_key *other)
{
    if (one->node != other->node || one->session != other->session)
        return false;
    return one->session != 0 || one->connection == other->connection;
}

void nonces_name(struct nonces *n, const struct nonce_key *key)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->all[i].key.connection == key->connection && n->all[i].key.session == 0)
            n->all[i].key = *key;
}

void nonces_note(struct nonces *n, const struct nonce_key *key, const struct record *r)
{
    assert_int_equal(record_epoch(r), 1);
    assert_true(r->body_len <= BODY_MAX);
    for (size_t i = 0; i < n->count; i++) {
        const struct nonce *one = &n->all[i];
        /* The explicit nonce is what enters the cipher; it repeats exactly if the number does. */
        if (is_same_key(&one->key, key) && memcmp(&one->seq, &r->seq, SEQ48_LEN) == 0) {
            if (!is_same(one, r))
                fail_msg("node %u, session %u: number %u.%u was sealed twice", key->node, key->session,
                         bytes_u16(r->seq.bytes), bytes_u32(r->seq.bytes + 2));
            return;
        }
    }
    assert_true(record_explicit_nonce_is_implied(r));
    if (n->count == n->cap) {
        n->cap = n->cap == 0 ? 256 : 2 * n->cap;
        n->all = realloc(n->all, n->cap * sizeof *n->all);
        assert_non_null(n->all);
    }
    struct nonce *added = &n->all[n->count++];
    *added = (struct nonce){.key = *key, .seq = r->seq, .type = r->type, .body_len = r->body_len};
    memcpy(added->explicit_nonce, r->explicit_nonce, RECORD_EXPLICIT_LEN);
    memcpy(added->body, r->body, r->body_len);
}

void nonces_expect_known(const struct nonces *n, const struct record *r)
{
    for (size_t i = 0; i < n->count; i++)
        if (memcmp(&n->all[i].seq, &r->seq, SEQ48_LEN) == 0 && is_same(&n->all[i], r))
            return;
    fail_msg("a record of type %u with number %u.%u was sealed out of sight", r->type,
             bytes_u16(r->seq.bytes), bytes_u32(r->seq.bytes + 2));
}
