#include "watch.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "impaired.h"
#include "linkframe.h"
#include "relay.h"

/* Everything on the node's link fits a frame, and no handshake record crosses it. */
void watch_link(struct nonces *n, const uint8_t *datagram, size_t len, uint32_t from_node)
{
    uint8_t copy[RELAY_HEADROOM + LINK_MTU_ONE_HOP];
    uint16_t handle;
    struct record r;

    assert_true(len <= LINK_MTU_ONE_HOP);
    if (link_kind_of(datagram, len) != LINK_RECORD) {
        assert_true(link_kind_of(datagram, len) == LINK_ASSOCIATION ||
                    link_kind_of(datagram, len) == LINK_CONTROL);
        return;
    }
    memcpy(copy + RELAY_HEADROOM, datagram, len);
    assert_int_equal(linkframe_decode(copy + RELAY_HEADROOM, len, &handle, &r), SSM_OK);
    assert_true(r.type == RECORD_APPLICATION_DATA || r.type == RECORD_ALERT);
    if (from_node != 0) {
        r.body_len = (uint16_t)(r.body_len - LINK_TAG_LEN);
        nonces_note(n, &(struct nonce_key){.node = from_node, .session = handle}, &r);
    }
}

void watch_peer(const struct nonces *n, const uint8_t *datagram, size_t len)
{
    uint8_t copy[IMPAIRED_DATAGRAM_MAX];
    struct record r;
    size_t used;

    memcpy(copy, datagram, len);
    for (size_t at = 0; at < len; at += used) {
        assert_int_equal(record_peek(copy + at, len - at, &r, &used), SSM_OK);
        if (record_epoch(&r) > 0)
            nonces_expect_known(n, &r);
    }
}

static void note_protected(struct nonces *n, const struct nonce_key *key, struct span records)
{
    uint8_t copy[IMPAIRED_DATAGRAM_MAX];
    struct record r;
    size_t used;

    memcpy(copy, records.at, records.len);
    for (size_t at = 0; at < records.len; at += used) {
        assert_int_equal(record_peek(copy + at, records.len - at, &r, &used), SSM_OK);
        if (record_epoch(&r) > 0)
            nonces_note(n, key, &r);
    }
}

void watch_message(struct nonces *n, const struct message *m)
{
    const struct nonce_key key = {.connection = m->connection, .node = m->node, .session = m->handle};

    if (m->type == MSG_SESSION_PREPARE) {
        nonces_name(n, &key);
        for (size_t i = 1; i < MESSAGE_DATA; i++) /* the tombstone, and a server's last flight */
            note_protected(n, &key, m->data[i]);
    } else if (m->type == MSG_DGRAM_OUT && m->kind == DIRECTION_OUT) {
        note_protected(n, &key, m->data[0]); /* a client's last flight, again and again */
    }
}
