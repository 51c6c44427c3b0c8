/*
 * Start-up for test images, and what core.c needs in ARM state: exceptions that count themselves and go on behind
 * the instruction that caused them.
 */
    .syntax unified
    .cpu arm7tdmi

    .section .start, "ax"
    .arm
    .global _start
_start:
    b       start
    b       on_undefined
    b       .
    b       .
    b       on_abort
    b       .
    b       on_irq
    b       on_fiq

start:
    ldr     r1, =exception_stack_high
    msr     cpsr_c, #0xD1           /* FIQ */
    mov     sp, r1
    msr     cpsr_c, #0xD2           /* IRQ */
    mov     sp, r1
    msr     cpsr_c, #0xD7           /* abort */
    mov     sp, r1
    msr     cpsr_c, #0xDB           /* undefined */
    mov     sp, r1
    msr     cpsr_c, #0xD3           /* supervisor */
    ldr     sp, =stack_high
    ldr     r0, =bss_low
    ldr     r1, =bss_high
    mov     r2, #0
1:  cmp     r0, r1
    strlo   r2, [r0], #4
    blo     1b
    ldr     r0, =main
    mov     lr, pc
    bx      r0
    b       .

    .macro  counts counter
    push    {r0, r1}
    ldr     r0, =\counter
    ldr     r1, [r0]
    add     r1, r1, #1
    str     r1, [r0]
    pop     {r0, r1}
    .endm

on_undefined:
    counts  undefined_count
    movs    pc, lr                  /* behind the instruction */

on_abort:
    counts  abort_count
    subs    pc, lr, #4              /* likewise */

    .macro  interrupt counter
    counts  \counter
    sub     lr, lr, #4
    push    {r0-r3, r12, lr}
    ldr     r0, =on_interrupt
    mov     lr, pc
    bx      r0
    ldmfd   sp!, {r0-r3, r12, pc}^
    .endm

on_irq:
    interrupt irq_count
on_fiq:
    interrupt fiq_count

    .macro  arm_function name
    .global \name
    .type   \name, %function
\name:
    .endm

    arm_function interrupts_set     /* the bits I and F of the CPSR from r0 */
    mrs     r1, cpsr
    bic     r1, r1, #0xC0
    orr     r1, r1, r0
    msr     cpsr_c, r1
    bx      lr

    arm_function arm_foreign        /* what stands before and behind a CLZ has to happen: returns 3 */
    mov     r0, #1
    .word   0xE16F1F11              /* clz r1, r1 */
    add     r0, r0, #2
    bx      lr

    arm_function arm_abort          /* reads where nothing is: returns 3 */
    mov     r0, #1
    mov     r1, #0x10000000
    ldr     r2, [r1]
    add     r0, r0, #2
    bx      lr

    arm_function flags_through_irq  /* sets the carry, has ASM's interrupt forced, returns whether it is still set */
    ldr     r2, =0x80020034
    mov     r1, #1
    mov     r0, #0
    cmp     r0, r0                  /* carry and zero set */
    str     r1, [r2]
    nop
    b       1f
1:  movcs   r0, #1
    addeq   r0, r0, #2
    bx      lr
    .ltorg

    .thumb
    .thumb_func
    .global thumb_foreign           /* as arm_foreign, with BLX, whose target must not be reached */
thumb_foreign:
    movs    r0, #1
    ldr     r1, =unreachable
    .hword  0x4788                  /* blx r1 */
    adds    r0, #2
    bx      lr
    .thumb_func
    .global spin
spin:                               /* four cycles a round, r0 times */
    subs    r0, #1
    bne     spin
    bx      lr
    .thumb_func
unreachable:
    movs    r0, #99
    bx      lr
    .ltorg

    .bss
    .balign 4
    .global undefined_count, abort_count, irq_count, fiq_count
undefined_count: .skip 4
abort_count:     .skip 4
irq_count:       .skip 4
fiq_count:       .skip 4
