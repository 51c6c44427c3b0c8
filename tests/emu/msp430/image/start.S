/*
 * From reset to main. The image ends at image_end, where it sleeps with interrupts off.
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

    .section .vectors,"a",@progbits
    .word _start
