#include "multiplier.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { ROUNDS = 20000 };

static uint64_t random_state;

static uint16_t pick(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint16_t)(random_state >> 48);
}

static uint32_t result(const struct multiplier *m)
{
    return multiplier_read(m, MULTIPLIER_RESLO) | (uint32_t)multiplier_read(m, MULTIPLIER_RESHI) << 16;
}

static void run(struct multiplier *m, uint16_t mode, uint16_t first, uint16_t second)
{
    multiplier_write(m, mode, first);
    multiplier_write(m, MULTIPLIER_OP2, second);
}

static void products_are_right(void **state)
{
    const char *seed = getenv("SSM_TEST_SEED");
    struct multiplier m = {0};

    (void)state;
    random_state = seed ? (uint64_t)strtoull(seed, NULL, 0) : (uint64_t)getpid();
    print_message("SSM_TEST_SEED=%llu\n", (unsigned long long)random_state);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint16_t a = pick(), b = pick();
        int64_t signed_product = (int64_t)(int16_t)a * (int16_t)b;
        uint32_t before = (uint32_t)pick() << 16 | pick();
        uint64_t sum = (uint64_t)before + (uint64_t)a * b;

        run(&m, MULTIPLIER_MPY, a, b);
        assert_int_equal(result(&m), (uint32_t)a * b);
        assert_int_equal(multiplier_read(&m, MULTIPLIER_SUMEXT), 0);
        run(&m, MULTIPLIER_MPYS, a, b);
        assert_int_equal(result(&m), (uint32_t)signed_product);
        assert_int_equal(multiplier_read(&m, MULTIPLIER_SUMEXT), signed_product < 0 ? 0xFFFF : 0);
        multiplier_write(&m, MULTIPLIER_RESLO, (uint16_t)before);
        multiplier_write(&m, MULTIPLIER_RESHI, (uint16_t)(before >> 16));
        run(&m, MULTIPLIER_MAC, a, b);
        assert_int_equal(result(&m), (uint32_t)sum);
        assert_int_equal(multiplier_read(&m, MULTIPLIER_SUMEXT), sum >> 32);
        multiplier_write(&m, MULTIPLIER_RESLO, (uint16_t)before);
        multiplier_write(&m, MULTIPLIER_RESHI, (uint16_t)(before >> 16));
        run(&m, MULTIPLIER_MACS, a, b);
        assert_int_equal(result(&m), (uint32_t)(before + (uint64_t)signed_product));
    }
}

/* The first operand stays for another second one. */
static void first_operand_is_kept(void **state)
{
    struct multiplier m = {0};

    (void)state;
    run(&m, MULTIPLIER_MPY, 1000, 3);
    multiplier_write(&m, MULTIPLIER_OP2, 70);
    assert_int_equal(result(&m), 70000);
    assert_int_equal(multiplier_read(&m, MULTIPLIER_MPY), 1000);
    assert_int_equal(multiplier_read(&m, MULTIPLIER_OP2), 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(first_operand_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
