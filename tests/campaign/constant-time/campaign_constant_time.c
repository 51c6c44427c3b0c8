/*
 * Runs under valgrind's memcheck, to which every secret is declared undefined: whatever branches on a secret,
 * or uses one in an address, is reported. Keys, the PSK and plaintexts are secret, and all that is computed
 * from them; but not a ciphertext or tag that is sent, and not whether a tag was right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "assoc.h"
#include "linkframe.h"
#include "record.h"

enum { TEXT_LEN = 48, HANDLE = 7 };

static void hide(void *secret, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(secret, len);
}

static void show(void *sent, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(sent, len);
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "constant-time: %s\n", what);
    exit(2);
}

/* ---- the comparison of tags, whose outcome everybody sees ---- */

bool __real_bytes_equal(const void *a, const void *b, size_t len);
bool __wrap_bytes_equal(const void *a, const void *b, size_t len);

#ifdef PLANTED_LEAK
static bool compare(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false; /* earlier, the earlier they differ */
    return true;
}
#else
#define compare __real_bytes_equal
#endif

bool __wrap_bytes_equal(const void *a, const void *b, size_t len)
{
    bool is_equal = compare(a, b, len);

    show(&is_equal, sizeof is_equal);
    return is_equal;
}

/* ---- what a node computes ---- */

static void records(void)
{
    struct record_key key = {.key = {1, 2, 3}, .iv = {4, 5, 6}};
    uint8_t datagram[LINK_RECORD_HEADER_MAX + TEXT_LEN + RECORD_TAG_LEN + LINK_TAG_LEN] = {0};
    uint8_t tag_key[LINK_TAG_KEY_LEN] = {9};
    struct record r = {.type = RECORD_APPLICATION_DATA,
                       .epoch = {0, 1},
                       .seq = seq48_make(0, 64),
                       .body = datagram + LINK_RECORD_HEADER_MAX,
                       .body_len = TEXT_LEN};
    uint8_t *tag = r.body + TEXT_LEN + RECORD_TAG_LEN;

    hide(&key, sizeof key);
    hide(tag_key, sizeof tag_key);
    hide(r.body, TEXT_LEN);
    record_set_explicit_nonce(&r);
    record_seal(&key, &r);
    show(r.body, r.body_len);
    linkframe_tag(tag_key, HANDLE, &r, tag);
    show(tag, LINK_TAG_LEN);

    r.body_len = (uint16_t)(r.body_len + LINK_TAG_LEN);
    expect(linkframe_check_tag(tag_key, HANDLE, &r) == SSM_OK, "a relay tag does not verify");
    r.body[3] ^= 1;
    expect(record_open(&key, &r) == SSM_BAD_TAG, "a forged record was opened");
    r.body_len = TEXT_LEN + RECORD_TAG_LEN + LINK_TAG_LEN;
    tag[0] ^= 1;
    expect(linkframe_check_tag(tag_key, HANDLE, &r) == SSM_BAD_TAG, "a forged relay tag verified");
}

static void record_that_is_authentic(void)
{
    struct record_key key = {.key = {1, 2, 3}};
    uint8_t datagram[RECORD_SEALED_HEADER_LEN + TEXT_LEN + RECORD_TAG_LEN] = {0};
    struct record r = {.type = RECORD_APPLICATION_DATA,
                       .epoch = {0, 1},
                       .seq = seq48_make(0, 65),
                       .body = datagram + RECORD_SEALED_HEADER_LEN,
                       .body_len = TEXT_LEN};

    hide(&key, sizeof key);
    record_set_explicit_nonce(&r);
    record_seal(&key, &r);
    show(r.body, r.body_len);
    expect(record_open(&key, &r) == SSM_OK, "a record was not opened");
}

static void control_messages(struct assoc *gateway, struct assoc *node)
{
    uint8_t frame[CONTROL_OVERHEAD + TEXT_LEN] = {0};
    struct control control;

    hide(frame + CONTROL_HEADER_LEN, TEXT_LEN);
    expect(assoc_seal(gateway, ASSOC_DOWN, frame, TEXT_LEN) == SSM_OK, "nothing was sealed");
    show(frame, sizeof frame);
    expect(assoc_open(node, ASSOC_DOWN, frame, sizeof frame, &control) == SSM_OK, "nothing was opened");
    assoc_ratchet_node(node, control.step);
    assoc_ratchet_gateway(gateway);
}

static void association(void)
{
    uint8_t psk[ASSOC_PSK_LEN] = {1};
    uint8_t message[ASSOC_MESSAGE_MAX];
    struct assoc_transcript t = {.gateway_nonce = {2}, .node_nonce = {3}};
    struct assoc gateway;
    struct assoc node;

    hide(psk, sizeof psk);
    for (uint8_t number = ASSOC_REQUEST; number <= ASSOC_CONFIRM; number++) {
        size_t len = assoc_encode(number, psk, &t, message);
        show(message, len);
        expect(assoc_verify(psk, &t, message) == SSM_OK, "a proof does not verify");
        message[len - 1] ^= 1;
        expect(assoc_verify(psk, &t, message) == SSM_BAD_TAG, "a forged proof verified");
    }
    assoc_derive(psk, &t, &gateway);
    assoc_derive(psk, &t, &node);
    for (int i = 0; i < 3; i++)
        control_messages(&gateway, &node);
}

int main(void)
{
    records();
    record_that_is_authentic();
    association();
    return 0;
}
