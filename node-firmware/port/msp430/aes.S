/*
 * AES-128 encryption for the MSP430 (FIPS 197): aes.h's aes128_encrypt, by hand.
 *
 * One column of the state at a time: SubBytes and ShiftRows while it is loaded, MixColumns in registers, then the
 * round key, which is expanded in the same loop. A round reads one buffer and writes the other; columns stand in them
 * twice, 16 bytes apart, so that ShiftRows needs no wrapping around.
 *
 * No branch and no cycle depends on key or data: doubling in GF(2^8) takes its mask from the carry, and memory without a
 * cache answers every look-up in the same time.
 */

/* The frame. */
#define STATE 0  /* two buffers of 32 bytes */
#define KEY 64   /* the present round key */
#define RCON 80  /* round constant of the next one */
#define END 82   /* address behind KEY */
#define BLOCK 84 /* the caller's block */
#define FRAME 86

#define LAST_RCON 0x36 /* of round 10 */
#define POLYNOMIAL 0x1b

/* r4 to r7: a column; r8, r9: a column of the round key; r10: round key; r11: from; r12: to */

/* \into = SBOX[\at] */
.macro substitute at, into
    mov.b \at, r14
    mov.b SBOX(r14), \into
.endm

/* \a ^= 2 * (\a ^ \next) ^ r13, where r13 makes up for the polynomial that is added when there is no carry */
.macro mix a, next
    mov \a, r14
    xor \next, r14
    rla.b r14
    subc.b r15, r15
    and #POLYNOMIAL, r15
    xor r15, r14
    xor r13, r14
    xor r14, \a
.endm

    .section .text.aes128_encrypt,"ax",@progbits
    .globl aes128_encrypt
    .type aes128_encrypt, @function
    .p2align 1
aes128_encrypt: /* r12: key, r13: block, neither aligned */
    push r10
    push r9
    push r8
    push r7
    push r6
    push r5
    push r4
    sub #FRAME, sp
    mov r13, BLOCK(sp)
    mov #1, RCON(sp)
    mov sp, r11
    mov sp, r10
    add #KEY, r10
    mov r10, r15
    add #16, r15
    mov r15, END(sp)
1:  mov.b @r12+, r14 /* AddRoundKey of round 0 */
    mov.b r14, 0(r10)
    xor.b @r13+, r14
    mov.b r14, 0(r11)
    mov.b r14, 16(r11)
    inc r10
    inc r11
    cmp r15, r10
    jne 1b
    mov sp, r11
    mov sp, r12
    add #32, r12

round:
    sub #16, r10
    substitute 13(r10), r8 /* of the key's last column, rotated (5.2) */
    xor.b RCON(sp), r8
    substitute 14(r10), r4
    swpb r4
    xor r4, r8
    substitute 15(r10), r9
    substitute 12(r10), r4
    swpb r4
    xor r4, r9

column:
    substitute @r11, r4
    substitute 5(r11), r5
    substitute 10(r11), r6
    substitute 15(r11), r7
    cmp #LAST_RCON, RCON(sp)
    jeq 2f /* no MixColumns in the last round */
    mov #POLYNOMIAL, r13
    xor r4, r13
    xor r5, r13
    xor r6, r13
    xor r7, r13
    push r4
    mix r4, r5
    mix r5, r6
    mix r6, r7
    mix r7, @sp+
2:  swpb r5
    xor r5, r4
    swpb r7
    xor r7, r6
    xor @r10+, r8 /* the key's column, from the one before */
    mov r8, -2(r10)
    xor @r10+, r9
    mov r9, -2(r10)
    xor r8, r4 /* AddRoundKey */
    xor r9, r6
    mov r4, 0(r12)
    mov r6, 2(r12)
    mov r4, 16(r12)
    mov r6, 18(r12)
    add #4, r11
    add #4, r12
    cmp END(sp), r10
    jne column

    sub #16, r11
    sub #16, r12
    mov r11, r14 /* the buffers change places */
    mov r12, r11
    mov r14, r12
    mov RCON(sp), r14
    mov r14, r15
    rla r15
    cmp #0x100, r15
    jne 3f
    mov #POLYNOMIAL, r15
3:  mov r15, RCON(sp)
    cmp #LAST_RCON, r14
    jne round

    /* Gives the block, and wipes the round key and what the last round began with, which would tell it. */
    mov BLOCK(sp), r13
    sub #16, r10
4:  mov @r11+, r14
    mov.b r14, 0(r13)
    swpb r14
    mov.b r14, 1(r13)
    incd r13
    clr 0(r10)
    clr 0(r12)
    clr 16(r12)
    incd r10
    incd r12
    cmp END(sp), r10
    jne 4b
    add #FRAME, sp
    pop r4
    pop r5
    pop r6
    pop r7
    pop r8
    pop r9
    pop r10
    ret
    .size aes128_encrypt, . - aes128_encrypt

/* FIPS 197, figure 7 */
    .section .rodata.SBOX,"a",@progbits
    .type SBOX, @object
SBOX:
    .byte 0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76
    .byte 0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0
    .byte 0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15
    .byte 0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75
    .byte 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84
    .byte 0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf
    .byte 0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8
    .byte 0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2
    .byte 0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73
    .byte 0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb
    .byte 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79
    .byte 0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08
    .byte 0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a
    .byte 0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e
    .byte 0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf
    .byte 0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16
    .size SBOX, . - SBOX
