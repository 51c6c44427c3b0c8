/* Fetching ahead changes nothing, whatever arrives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "relay_expect.h"
#include "relay_world.h"
#include "seeded.h"

enum { BATCH = RELAY_EXPECT_MAX + 1, LEN_MAX = 5 };

static void any_batch_may_be_expected(void **state)
{
    struct world *w = world_new();
    struct arrival batch[BATCH];
    uint8_t bytes[BATCH][LEN_MAX];

    (void)state;
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < BATCH; i++) {
            size_t len = seeded_u32() % (LEN_MAX + 1);

            seeded_fill(bytes[i], len);
            batch[i] = (struct arrival){.local = world_local(),
                                        .peer = seeded_u32() % 2 == 0 ? world_peer(seeded_u32() % 4)
                                                                      : world_node_at(seeded_u32() % 4),
                                        .bytes = bytes[i],
                                        .len = len};
        }
        relay_expect_from_peers(w->relay, batch, seeded_u32() % (BATCH + 1));
        relay_expect_from_nodes(w->relay, batch, seeded_u32() % (BATCH + 1));
    }
    assert_int_equal(w->output_count, 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_batch_may_be_expected),
    };

    seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
