/*
 * The end of an emulation that would otherwise have to guess: an image touched what the models do not cover.
 *
 * Called by every device model. Never used for what an image may do wrong on the real chip as well.
 */
#ifndef EMU_FAULT_H
#define EMU_FAULT_H

/* Says what is not modelled and ends the program with status 3. */
_Noreturn void emu_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
