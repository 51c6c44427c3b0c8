/*
 * The processor's vector registers, through which the C library copies memory: what was copied last stays in
 * them, and with a thread that sleeps it would stay for hours.
 */
#ifndef SSM_REGISTERS_H
#define SSM_REGISTERS_H

/* Clears the calling thread's, as far as x86-64 and AArch64 have them. To be called before a thread that has
 * handled keys waits. */
void registers_wipe(void);

#endif
