#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "seeded.h"
#include "slots.h"

enum { CAP = 40 };

struct table {
    struct slots slots;
    struct slot_index index;
};

static void *lay_out(struct table *t)
{
    struct arena a = {.block = NULL};

    slots_init(&t->slots, &a, CAP);
    slot_index_init(&t->index, &a, CAP);
    a.block = calloc(1, a.used);
    assert_non_null(a.block);
    a.used = 0;
    slots_init(&t->slots, &a, CAP);
    slot_index_init(&t->index, &a, CAP);
    return a.block;
}

static void every_slot_is_given_once(void **state)
{
    struct table t;
    void *memory = lay_out(&t);
    bool is_taken[CAP + 1] = {false};

    (void)state;
    for (int i = 0; i < CAP; i++) {
        uint32_t slot = slots_take(&t.slots);

        assert_in_range(slot, 1, CAP);
        assert_false(is_taken[slot]);
        is_taken[slot] = true;
    }
    assert_int_equal(slots_take(&t.slots), 0);
    slots_give(&t.slots, 17);
    assert_int_equal(slots_take(&t.slots), 17);
    assert_int_equal(slots_take(&t.slots), 0);
    free(memory);
}

static bool is_in_chain(const struct slot_index *x, uint64_t hash, uint32_t slot)
{
    uint32_t at = slot_index_first(x, hash);

    while (at != 0 && at != slot)
        at = slot_index_next(x, at, hash);
    return at == slot;
}

/* Few hashes on two chains, so that chains are long and of several hashes. */
enum { HASHES = 5 };

static uint64_t hash_number(uint32_t i)
{
    return (uint64_t)i << 60 | i % 2;
}

static void chains_lose_nothing_and_keep_nothing(void **state)
{
    struct table t;
    void *memory = lay_out(&t);
    uint64_t hash_of[CAP + 1];
    bool is_in[CAP + 1] = {false};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint32_t slot = 1 + seeded_u32() % CAP;

        if (is_in[slot]) {
            slot_index_remove(&t.index, hash_of[slot], slot);
        } else {
            hash_of[slot] = hash_number(seeded_u32() % HASHES);
            slot_index_add(&t.index, hash_of[slot], slot);
        }
        is_in[slot] = !is_in[slot];
        for (uint32_t each = 1; each <= CAP; each++)
            for (uint32_t n = 0; n < HASHES; n++)
                assert_int_equal(is_in_chain(&t.index, hash_number(n), each),
                                 is_in[each] && hash_of[each] == hash_number(n));
    }
    free(memory);
}

/* Vectors from CPython 3.11 with PYTHONHASHSEED=0, whose hash(bytes) is SipHash-1-3 under the key 0. */
static void hash_is_siphash_1_3(void **state)
{
    uint8_t key[36];

    (void)state;
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    assert_true(slot_hash(0, "a", 1) == 0x407448d2b89b1813);
    assert_true(slot_hash(0, "abcdefgh", 8) == 0x3f7b849c0b8e35ea);
    assert_true(slot_hash(0, "abcdefghi", 9) == 0xf89b34a3d11eb6e5);
    assert_true(slot_hash(0, key, sizeof key) == 0xac77921fcc642bd3);
}

static void the_seed_decides_the_chain(void **state)
{
    unsigned equal = 0;

    (void)state;
    for (uint32_t i = 0; i < 256; i++)
        equal += (slot_hash(1, &i, sizeof i) & 255) == (slot_hash(2, &i, sizeof i) & 255);
    assert_in_range(equal, 0, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_is_given_once),
        cmocka_unit_test(chains_lose_nothing_and_keep_nothing),
        cmocka_unit_test(hash_is_siphash_1_3),
        cmocka_unit_test(the_seed_decides_the_chain),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
