#include "signals.h"

#include <signal.h>

enum { FRAMING_ERROR_BYTE = 0x7F };

static volatile sig_atomic_t has_end, has_break, has_framing_error;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        has_break = 1;
    else if (number == SIGUSR2)
        has_framing_error = 1;
    else
        has_end = 1;
}

void signals_catch(void)
{
    static const int CAUGHT[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof CAUGHT / sizeof CAUGHT[0]; i++)
        sigaction(CAUGHT[i], &action, NULL);
}

void signals_take(struct line *line)
{
    if (has_break) {
        has_break = 0;
        line_push(line, LINE_BREAK);
    }
    if (has_framing_error) {
        has_framing_error = 0;
        line_push(line, LINE_BAD_STOP | FRAMING_ERROR_BYTE);
    }
}

bool signals_end(void)
{
    return has_end != 0;
}
