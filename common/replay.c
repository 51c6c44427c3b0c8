#include "replay.h"

static SSM_NOINLINE bool is_after(const struct seq48 *a, const struct seq48 *b)
{
    return a->hi != b->hi ? a->hi > b->hi : a->lo > b->lo;
}

/* Number modulo window width: bits 5 to 3 choose the byte, bits 2 to 0 the bit. */
static uint8_t byte_of(uint8_t low)
{
    return low / 8 % (REPLAY_WIDTH / 8);
}

/* A table, because a 16-bit node has no barrel shifter. */
static uint8_t mask_of(uint8_t low)
{
    static const uint8_t MASKS[8] = {1, 2, 4, 8, 16, 32, 64, 128};

    return MASKS[low & 7];
}

static SSM_NOINLINE void mark(struct replay *window, const struct seq48 *number, bool seen)
{
    uint8_t low = (uint8_t)number->lo;
    uint8_t *byte = &window->seen[byte_of(low)];

    *byte |= mask_of(low);
    if (!seen)
        *byte ^= mask_of(low);
}

bool replay_is_fresh(const struct replay *window, struct seq48 number)
{
    uint8_t low = (uint8_t)number.lo;

    if (!window->started || is_after(&number, &window->highest))
        return true;
    if ((window->seen[byte_of(low)] & mask_of(low)) != 0)
        return false;
    /* Within the window the highest number is less than REPLAY_WIDTH steps away. */
    for (uint8_t steps = 1; steps < REPLAY_WIDTH && is_after(&window->highest, &number); steps++)
        seq48_increment(&number);
    return !is_after(&window->highest, &number);
}

bool replay_accept(struct replay *window, struct seq48 number)
{
    if (!replay_is_fresh(window, number))
        return false;
    window->started = true; /* so far the highest is 0, which is right or about to be replaced */
    /* The numbers skipped over share their bits with numbers that now fall out of the window. */
    for (uint8_t steps = 0; steps < REPLAY_WIDTH && is_after(&number, &window->highest); steps++) {
        seq48_increment(&window->highest);
        mark(window, &window->highest, false);
    }
    if (is_after(&number, &window->highest))
        window->highest = number;
    mark(window, &number, true);
    return true;
}
