#include "stop.h"

#include <stdarg.h>
#include <stdio.h>

void stop_ask(struct stop *stop, enum stop_kind kind, const char *format, ...)
{
    va_list arguments;

    if (stop->kind != STOP_NONE)
        return;
    stop->kind = kind;
    va_start(arguments, format);
    vsnprintf(stop->reason, sizeof stop->reason, format, arguments);
    va_end(arguments);
}
