/*
 * From reset to main, the interrupt handlers, and the vectors of the MSP430F1611. Every handler ends the sleep that it
 * interrupted.
 */

#define IE2 0x01
#define IFG2 0x03
#define UTXIE1 0x20
#define UTXIFG1 0x20
#define WDTCTL 0x120
#define WDT_HOLD 0x5A80
#define TACCTL0 0x162
#define CCIE 0x10
#define SLEEP 0xF0 /* CPUOFF, OSCOFF, SCG0, SCG1 */
#define PAINT 0xA5A5 /* BARE_STACK_PAINT */
#define IDENTITY_LEN 49 /* struct bare_identity */
#define STACK_LEN 640

    .section .text.start,"ax",@progbits
    .globl _start
_start:
    mov #WDT_HOLD, &WDTCTL /* until the clock runs */
    mov #bare_stack_high, sp
    mov #bare_stack_low, r12
1:  mov #PAINT, 0(r12)
    incd r12
    cmp sp, r12
    jne 1b
    mov #__data_load, r13 /* .data follows the stack */
2:  cmp #__data_end, r12
    jeq 3f
    mov @r13+, r14
    mov r14, 0(r12)
    incd r12
    jmp 2b
3:  cmp #__bss_end, r12
    jeq 4f
    clr 0(r12)
    incd r12
    jmp 3b
4:  call #main

/* Whatever must not happen: a write to the watchdog without its password resets the chip. */
    .globl abort
abort:
    clr &WDTCTL

on_timer: /* nap in clock.c */
    bic #CCIE, &TACCTL0
    bic #SLEEP, 0(sp)
    reti

on_send: /* bare_uart_put in uart.c; taking the interrupt has cleared the flag */
    bic.b #UTXIE1, &IE2
    bis.b #UTXIFG1, &IFG2
    bic #SLEEP, 0(sp)
    reti

on_receive:
    push r11
    push r12
    push r13
    push r14
    push r15
    call #uart_on_receive
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    bic #SLEEP, 0(sp)
    reti

    .section .stack,"aw",@nobits
    .skip STACK_LEN

/* Who the node is: erased here, filled in by scripts/firmware. */
    .section .identity,"a",@progbits
    .globl bare_identity
    .type bare_identity, @object
bare_identity:
    .fill IDENTITY_LEN, 1, 0xFF
    .size bare_identity, IDENTITY_LEN

    .section .vectors,"a",@progbits
    .word abort      /* FFE0 DMA, DAC12 */
    .word abort      /* FFE2 port 2 */
    .word on_send    /* FFE4 USART1 */
    .word on_receive /* FFE6 USART1 */
    .word abort      /* FFE8 port 1 */
    .word abort      /* FFEA timer A, others */
    .word on_timer   /* FFEC timer A, compare 0 */
    .word abort      /* FFEE ADC12 */
    .word abort      /* FFF0 USART0 */
    .word abort      /* FFF2 USART0 */
    .word abort      /* FFF4 watchdog as timer */
    .word abort      /* FFF6 comparator A */
    .word abort      /* FFF8 timer B, others */
    .word abort      /* FFFA timer B, compare 0 */
    .word abort      /* FFFC oscillator fault, flash access */
    .word _start     /* FFFE reset */
