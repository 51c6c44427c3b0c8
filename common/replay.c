#include "replay.h"

/*
 * Sets or clears a number's bit, and tells whether it was set. Of the number modulo 64, bits 5 to 3 choose
 * the byte and bits 2 to 0 the bit, by a table, because a 16-bit node has no barrel shifter.
 */
static SSM_NOINLINE bool mark(struct replay *window, const struct seq48 *number, bool seen)
{
    static const uint8_t MASKS[8] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint8_t low = number->bytes[SEQ48_LEN - 1];
    uint8_t *byte = &window->seen[low / 8 % sizeof window->seen];
    uint8_t mask = MASKS[low & 7];
    uint8_t before = *byte & mask;

    *byte ^= before;
    if (seen)
        *byte |= mask;
    return before != 0;
}

bool replay_accept(struct replay *window, const struct seq48 *number)
{
    struct seq48 *highest = &window->highest;
    struct seq48 behind = *number;
    uint8_t steps = 0;

    /* The numbers skipped over share their bits with numbers that now fall out of the window. */
    for (; seq48_is_after(number, highest); steps++) {
        if (steps == REPLAY_WIDTH)
            bytes_copy(highest, number, sizeof *highest);
        else
            seq48_increment(highest);
        (void)mark(window, highest, false);
    }
    /* Within the window the highest number is less than REPLAY_WIDTH steps away. */
    for (steps = REPLAY_WIDTH; seq48_is_after(highest, &behind); seq48_increment(&behind))
        if (--steps == 0)
            return false;
    return !mark(window, number, true);
}
