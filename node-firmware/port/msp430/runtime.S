/*
 * What the compiler calls without being asked (MSP430 EABI, SLAA534); no library for the chip is packaged.
 */

.macro function name
    .section .text.\name,"ax",@progbits
    .globl \name
    .type \name, @function
    .p2align 1
\name:
.endm

/* r12 * r13 */
    function __mspabi_mpyi
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

/* r13:r12 * r15:r14 */
    function __mspabi_mpyl
    push r10
    clr r10
    clr r11
1:  clrc
    rrc r15
    rrc r14
    jnc 2f
    add r12, r10
    addc r13, r11
2:  rla r12
    rlc r13
    tst r14
    jne 1b
    tst r15
    jne 1b
    mov r10, r12
    mov r11, r13
    pop r10
    ret

/* r12 / r13, unsigned */
    function __mspabi_divu
    clr r14 /* remainder */
    mov #16, r15
1:  rla r12
    rlc r14
    jc 2f
    cmp r13, r14
    jlo 3f
2:  sub r13, r14
    inc r12
3:  dec r15
    jne 1b
    ret
