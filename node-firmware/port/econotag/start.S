/*
 * Vectors, the start of the image, interrupts, and the identity's place.
 *
 * The mask ROM loads the image to 0x00400000, starts it there in ARM state, and forwards the other exceptions to the
 * words behind. Everything runs in supervisor mode on one stack; interrupt mode has room for what it saves before
 * it changes to that.
 */
    .syntax unified
    .cpu arm7tdmi

    .equ SUPERVISOR_MASKED, 0xD3
    .equ INTERRUPT_MASKED, 0xD2
    .equ NO_IRQ, 0x80
    .equ STACK_PAINT, 0xA5A5A5A5
    .equ CRM_SW_RST, 0x80003050
    .equ CRM_SW_RST_KEY, 0x87651234

    .section .start, "ax"
    .arm
    .global _start
_start:
    b       start
    b       reset               /* undefined instruction: a broken invariant (SSM_ASSERT), too */
    b       reset               /* software interrupt */
    b       reset               /* prefetch abort */
    b       reset               /* data abort */
    b       reset
    b       interrupted
    b       reset               /* fast interrupt */

start:
    msr     cpsr_c, #INTERRUPT_MASKED
    ldr     sp, =interrupt_saved_end
    msr     cpsr_c, #SUPERVISOR_MASKED
    ldr     sp, =bare_stack_high
    ldr     r0, =bss_low
    ldr     r1, =bss_high
    mov     r2, #0
    bl      fill
    ldr     r0, =bare_stack_low
    mov     r1, sp
    ldr     r2, =STACK_PAINT
    bl      fill
    ldr     r0, =main
    ldr     lr, =reset
    bx      r0

/* From r0 to r1 with r2, by words. */
fill:
    cmp     r0, r1
    strlo   r2, [r0], #4
    blo     fill
    bx      lr

    .type   reset, %function
reset:
    ldr     r0, =CRM_SW_RST
    ldr     r1, =CRM_SW_RST_KEY
    str     r1, [r0]
    b       reset

interrupted:
    sub     lr, lr, #4
    push    {r0-r3, r12, lr}
    msr     cpsr_c, #SUPERVISOR_MASKED
    push    {lr}
    ldr     r0, =board_interrupt
    mov     lr, pc
    bx      r0
    pop     {lr}
    msr     cpsr_c, #INTERRUPT_MASKED
    ldmfd   sp!, {r0-r3, r12, pc}^

    .global irq_disable
    .type   irq_disable, %function
irq_disable:
    mrs     r0, cpsr
    orr     r0, r0, #NO_IRQ
    msr     cpsr_c, r0
    bx      lr

    .global irq_enable
    .type   irq_enable, %function
irq_enable:
    mrs     r0, cpsr
    bic     r0, r0, #NO_IRQ
    msr     cpsr_c, r0
    bx      lr
    .ltorg

    .section .bss.interrupt_saved, "aw", %nobits
    .balign 4
    .skip   24                  /* six registers */
interrupt_saved_end:

    .section .identity, "a"
    .balign 4
    .global bare_identity
bare_identity:
    .fill   49, 1, 0xFF         /* sizeof(struct bare_identity) */
