/*
 * From reset to main, and what the compiler calls without being asked. The image ends at image_end, where it sleeps with
 * interrupts off.
 */
#define WDTCTL 0x120
#define WDT_HOLD 0x5A80
#define STACK_END 0x3900
#define CPUOFF 0x10

    .section .text.start,"ax",@progbits
    .globl _start
_start:
    mov #WDT_HOLD, &WDTCTL
    mov #STACK_END, sp
    call #main
    .globl image_end
image_end:
    bis #CPUOFF, sr
    jmp image_end

/* r12 * r13 */
    .text
    .globl __mspabi_mpyi
    .type __mspabi_mpyi, @function
__mspabi_mpyi:
    mov r12, r14
    clr r12
1:  clrc
    rrc r13
    jnc 2f
    add r14, r12
2:  rla r14
    tst r13
    jne 1b
    ret

    .section .vectors,"a",@progbits
    .word _start
