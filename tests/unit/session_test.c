#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "seeded.h"
#include "session.h"

#define NO SESSION_STATES

/* Every pair, written down a second time: whoever changes the table has to mean it. */
static const uint8_t EXPECTED[SESSION_STATES][SESSION_EVENTS] = {
    /*               OPEN                 RESTORE         PREPARE         COMMIT          ABORT
                     CLOSE            NODE_CLOSED  EXPIRE */
    [SESSION_NEW] = {SESSION_HANDSHAKING, SESSION_ACTIVE, NO, NO, NO, NO, NO, NO},
    [SESSION_HANDSHAKING] = {NO, NO, SESSION_KEYING, NO, SESSION_NEW, NO, NO, NO},
    [SESSION_KEYING] = {NO, NO, NO, SESSION_ACTIVE, SESSION_NEW, NO, NO, NO},
    [SESSION_ACTIVE] = {NO, NO, NO, NO, NO, SESSION_CLOSING, SESSION_NEW, NO},
    [SESSION_CLOSING] = {NO, NO, NO, NO, NO, NO, NO, SESSION_NEW},
};

static void every_pair_of_state_and_event(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SESSION_STATES; from++)
        for (unsigned event = 0; event < SESSION_EVENTS; event++) {
            struct session s = {.state = (uint8_t)from};
            unsigned to = EXPECTED[from][event];

            assert_int_equal(session_transition(from, event), to);
            assert_int_equal(session_event(&s, event), to == NO ? SSM_REFUSED : SSM_OK);
            assert_int_equal(s.state, to == NO ? from : to);
        }
    assert_int_equal(session_transition(SESSION_STATES, SESSION_OPEN), NO);
    assert_int_equal(session_transition(SESSION_NEW, SESSION_EVENTS), NO);
}

static void states_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SESSION_STATES; i++)
        assert_string_not_equal(session_state_name(i), "?");
    assert_string_equal(session_state_name(SESSION_CLOSING), "CLOSING");
    assert_string_equal(session_state_name(SESSION_STATES), "?");
}

static void *table_new(struct session_table *t, uint32_t cap)
{
    struct arena a = {.block = NULL};

    session_table_init(t, &a, cap, 1);
    a.block = calloc(1, a.used);
    assert_non_null(a.block);
    a.used = 0;
    session_table_init(t, &a, cap, 1);
    return a.block;
}

static struct endpoint at(uint8_t host, uint16_t port)
{
    return (struct endpoint){.addr = {[15] = host}, .port = port};
}

static void step(struct session *s, enum session_event event)
{
    assert_int_equal(session_event(s, event), SSM_OK);
}

static void a_settled_session_and_its_successor_share_a_5_tuple(void **state)
{
    struct session_table t;
    void *memory = table_new(&t, 2);
    const struct endpoint local = at(1, 5684);
    const struct endpoint peer = at(2, 40000);
    const struct endpoint others[] = {at(2, 40001), at(3, 40000)};
    struct session *old = session_add(&t, &local, &peer);
    struct session *successor = session_add(&t, &local, &peer);

    (void)state;
    step(old, SESSION_RESTORE);
    step(successor, SESSION_OPEN);
    assert_ptr_equal(session_find_by_peer(&t, &local, &peer).settled, old);
    assert_ptr_equal(session_find_by_peer(&t, &local, &peer).opening, successor);
    for (int i = 0; i < 2; i++) {
        assert_null(session_find_by_peer(&t, &local, &others[i]).settled);
        assert_null(session_find_by_peer(&t, &others[i], &peer).opening);
    }
    for (uint16_t port = 1; port < 100; port++) { /* most of which share its chain */
        const struct endpoint other = at(1, port);

        assert_null(session_find_by_peer(&t, &other, &peer).settled);
        assert_null(session_find_by_peer(&t, &local, &other).settled);
    }
    step(old, SESSION_CLOSE);
    assert_ptr_equal(session_find_by_peer(&t, &local, &peer).settled, old);
    step(old, SESSION_EXPIRE);
    session_remove(&t, old);
    assert_null(session_find_by_peer(&t, &local, &peer).settled);
    assert_ptr_equal(session_find_by_peer(&t, &local, &peer).opening, successor);
    free(memory);
}

static void a_closing_session_has_no_handle(void **state)
{
    struct session_table t;
    void *memory = table_new(&t, 4);
    const struct endpoint local = at(1, 5684);
    const struct endpoint peer = at(2, 40000);
    struct session *s = session_add(&t, &local, &peer);

    (void)state;
    step(s, SESSION_RESTORE);
    session_set_handle(&t, s, 7, 300);
    assert_ptr_equal(session_find_by_handle(&t, 7, 300), s);
    assert_null(session_find_by_handle(&t, 8, 300));
    assert_null(session_find_by_handle(&t, 7, 301));
    step(s, SESSION_CLOSE);
    assert_null(session_find_by_handle(&t, 7, 300));
    free(memory);
}

static void a_removed_session_leaves_nothing_in_memory(void **state)
{
    struct session_table t;
    void *memory = table_new(&t, 1);
    const struct endpoint local = at(1, 5684);
    static const struct session NOTHING;
    struct session *s = session_add(&t, &local, &local);

    (void)state;
    assert_null(session_add(&t, &local, &local));
    step(s, SESSION_RESTORE);
    memset(s->sealed, 0xDD, sizeof s->sealed);
    step(s, SESSION_NODE_CLOSED);
    session_remove(&t, s);
    assert_memory_equal(s, &NOTHING, sizeof *s);
    assert_ptr_equal(session_add(&t, &local, &local), s);
    free(memory);
}

/* A thousand sessions come and go at random; all that live are found, and none that is gone. */
static void a_full_table_finds_all_of_its_sessions(void **state)
{
    enum { CAP = 1000 };
    struct session_table t;
    void *memory = table_new(&t, CAP);
    static struct session *by_port[CAP];
    const struct endpoint local = at(1, 5684);

    (void)state;
    memset(by_port, 0, sizeof by_port);
    for (int i = 0; i < 50000; i++) {
        uint16_t port = (uint16_t)(seeded_u32() % CAP);
        const struct endpoint peer = at(9, (uint16_t)(port + 1));
        struct session *found = session_find_by_peer(&t, &local, &peer).settled;

        assert_ptr_equal(found, by_port[port]);
        assert_ptr_equal(session_find_by_handle(&t, 5, (uint16_t)(port + 1)), by_port[port]);
        if (found != NULL) {
            step(found, SESSION_NODE_CLOSED);
            session_remove(&t, found);
            by_port[port] = NULL;
            continue;
        }
        by_port[port] = session_add(&t, &local, &peer);
        assert_non_null(by_port[port]);
        step(by_port[port], SESSION_RESTORE);
        session_set_handle(&t, by_port[port], 5, (uint16_t)(port + 1));
    }
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_state_and_event),
        cmocka_unit_test(states_have_names),
        cmocka_unit_test(a_settled_session_and_its_successor_share_a_5_tuple),
        cmocka_unit_test(a_closing_session_has_no_handle),
        cmocka_unit_test(a_removed_session_leaves_nothing_in_memory),
        cmocka_unit_test(a_full_table_finds_all_of_its_sessions),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
