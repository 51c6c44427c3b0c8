/*
 * Walks the tree of all sequences of letters up to a length, prunes what cannot tell anything new, and counts
 * what that covers. A walk is deterministic; a sequence is named by its letters, "3.17.0".
 */
#ifndef SSM_CAMPAIGN_SEQUENCES_H
#define SSM_CAMPAIGN_SEQUENCES_H

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_MAX = 8 };

enum sequence_end {
    SEQUENCE_GOES_ON,
    SEQUENCE_UNCHANGED, /* the last letter has changed nothing: the rest is that of the sequence without it */
    SEQUENCE_CLOSED,    /* the connection has ended, rightly: nothing that follows belongs to it */
    SEQUENCE_ENDS
};

struct sequences {
    const char *name;
    unsigned letters;
    /* What becomes of the sequence; ends the program (sequence_fail) if it breaks a rule. */
    enum sequence_end (*play)(const uint8_t *sequence, unsigned len);
    void (*print_letter)(uint8_t letter);
};

/* Plays all sequences up to `length`, or the one that `only` names (NULL: none), and prints a line of
 * figures.
 */
void sequences_walk(const struct sequences *s, unsigned length, const char *only);
/* Names the sequence that is being played, and why it failed. */
_Noreturn void sequence_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* [--length N] [--only ID] */
struct sequence_options {
    unsigned length;
    const char *only;
};
struct sequence_options sequence_options_parse(int argc, char **argv);

#endif
