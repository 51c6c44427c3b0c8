/*
 * What signals ask of an emulator: SIGINT and SIGTERM its end, SIGUSR1 a break on the line, SIGUSR2 a byte
 * with a framing error.
 */
#ifndef EMU_SIGNALS_H
#define EMU_SIGNALS_H

#include "line.h"

/* From now on these signals are caught. */
void signals_catch(void);
/* Puts the faults that were asked for on the line. */
void signals_take(struct line *line);
/* The end has been asked for. */
bool signals_end(void);

#endif
