/*
 * Why the emulation ends. Every device may ask for the end; the first reason stays. main.c reads it.
 */
#ifndef EMU_STOP_H
#define EMU_STOP_H

enum stop_kind {
    STOP_NONE,
    STOP_CYCLES,    /* as many cycles as were asked for */
    STOP_POWER_CUT, /* the flash operation that was to be cut */
    STOP_SIGNAL,    /* SIGTERM or SIGINT */
    STOP_FAULT,     /* the firmware did what the board cannot do, or what is not modelled */
};

struct stop {
    enum stop_kind kind;
    char reason[160];
};

void stop_ask(struct stop *stop, enum stop_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
