/*
 * What a run came to, as JSON.
 */
#ifndef EMU_REPORT_H
#define EMU_REPORT_H

#include "run.h"

/* False: errno says why. */
bool report_write(const struct run *r, const char *path);

#endif
