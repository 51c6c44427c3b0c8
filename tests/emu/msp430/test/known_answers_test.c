/*
 * The CPU against `mspdebug sim` on a whole image: the same registers, the same RAM, the same number of
 * instructions, and the answers that AES-CCM must give.
 */
#include "image.h"
#include "mspdebug.h"

#include <elf.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { INSTRUCTIONS_MAX = 20000000, RAM_LEN = MEMORY_RAM_END - MEMORY_RAM, GOOD = 3, ANSWERS_MIN = 27 };

struct outcome {
    uint16_t r[CPU_REGISTERS];
    uint8_t ram[RAM_LEN];
    unsigned long long instructions;
};

static void ignore_write(void *owner, uint16_t address, uint16_t value, bool is_byte)
{
    (void)owner;
    (void)address;
    (void)value;
    (void)is_byte;
}

static void open_image(struct image *image)
{
    const char *reason;

    if (!image_open(image, KNOWN_ANSWERS, EM_MSP430, &reason))
        fail_msg("%s: %s", KNOWN_ANSWERS, reason);
}

static uint16_t address_of(const struct image *image, const char *name)
{
    uint32_t address;

    assert_true(image_find(image, name, &address));
    return (uint16_t)address;
}

/* The CPU alone, up to image_end. */
static void run_ours(const struct image *image, struct outcome *outcome)
{
    static struct memory memory;
    struct memory_io io = {.write = ignore_write};
    struct stop stop = {0};
    struct cpu cpu = {.memory = &memory};
    uint16_t end = address_of(image, "image_end");

    memory_init(&memory, &stop, &io);
    assert_true(image_load(image, memory_place, &memory));
    cpu_reset(&cpu);
    while (cpu.r[CPU_PC] != end && cpu.instructions < INSTRUCTIONS_MAX && stop.kind == STOP_NONE)
        cpu_step(&cpu);
    assert_int_equal(cpu.r[CPU_PC], end);
    assert_string_equal(stop.reason, "");
    memcpy(outcome->r, cpu.r, sizeof cpu.r);
    memcpy(outcome->ram, memory.bytes + MEMORY_RAM, RAM_LEN);
    outcome->instructions = cpu.instructions;
}

static void run_theirs(const struct image *image, struct outcome *outcome)
{
    struct mspdebug session;
    char line[256];

    mspdebug_open(&session);
    fprintf(session.file, "prog %s\nfill 0x%x 0x%x 0x00\nsimio add tracer tr\nreset\n", KNOWN_ANSWERS,
            MEMORY_RAM, RAM_LEN);
    fprintf(session.file, "setbreak 0x%x\nsimio config tr clear\nrun\n",
            (unsigned)address_of(image, "image_end"));
    fprintf(session.file, "simio info tr\nsave_raw 0x%x 0x%x %s\n", MEMORY_RAM, RAM_LEN, session.memory);
    mspdebug_run(&session);
    assert_true(mspdebug_read_registers(&session, outcome->r));
    while (fgets(line, sizeof line, session.file))
        if (sscanf(line, "Instruction count: %llu", &outcome->instructions) == 1)
            break;
    assert_true(mspdebug_read_memory(&session, outcome->ram, RAM_LEN));
    mspdebug_close(&session);
}

static uint16_t word_of(const struct outcome *outcome, uint16_t address)
{
    const uint8_t *at = outcome->ram + (address - MEMORY_RAM);

    return (uint16_t)(at[0] | at[1] << 8);
}

static void image_gives_the_same_as_in_mspdebug(void **state)
{
    static struct outcome ours, theirs;
    struct image image;

    (void)state;
    open_image(&image);
    run_ours(&image, &ours);
    run_theirs(&image, &theirs);
    assert_memory_equal(ours.r, theirs.r, sizeof ours.r);
    assert_memory_equal(ours.ram, theirs.ram, RAM_LEN);
    assert_int_equal(ours.instructions, theirs.instructions);
    image_close(&image);
}

static void image_gives_the_known_answers(void **state)
{
    static struct outcome ours;
    struct image image;
    unsigned answers;

    (void)state;
    open_image(&image);
    run_ours(&image, &ours);
    answers = word_of(&ours, address_of(&image, "answers"));
    assert_true(answers >= ANSWERS_MIN);
    for (unsigned i = 0; i < answers; i++)
        assert_int_equal(word_of(&ours, (uint16_t)(address_of(&image, "results") + 2 * i)), GOOD);
    image_close(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_gives_the_same_as_in_mspdebug),
        cmocka_unit_test(image_gives_the_known_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
