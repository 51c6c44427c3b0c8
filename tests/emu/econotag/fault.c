#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void emu_fault(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("emu-econotag: not modelled: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(3);
}
