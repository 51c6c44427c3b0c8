/*
 * Answers each byte on the UART (9600 baud from the 770 kHz after reset) and stores it in information flash, one after
 * the other. A break is answered by 'B', a framing error by 'F'. A '!' ends in an illegal instruction.
 */
#define WDTCTL 0x120
#define WDT_HOLD 0x5A80
#define FCTL1 0x128
#define FCTL1_WRT 0xA540
#define FCTL2 0x12A
#define FCTL2_MCLK_BY_2 0xA541
#define FCTL3 0x12C
#define FCTL3_UNLOCK 0xA500
#define P3SEL 0x1B
#define UART_PINS 0xC0
#define P5OUT 0x31
#define P5DIR 0x32
#define LED_RED 0x10
#define U1CTL 0x78
#define CHAR_SWRST 0x11
#define CHAR 0x10
#define U1TCTL 0x79
#define SSEL_SMCLK 0x20
#define U1RCTL 0x7A
#define URXEIE 0x08
#define RXERR 0x01
#define BRK 0x10
#define U1BR0 0x7C
#define DIVIDER 80
#define U1RXBUF 0x7E
#define U1TXBUF 0x7F
#define ME2 0x05
#define IE2 0x01
#define RX_AND_TX 0x30
#define RX 0x10
#define LPM0_GIE 0x18
#define INFORMATION 0x1000
#define STACK_END 0x3900

    .section .text.start,"ax",@progbits
    .globl _start
_start:
    mov #WDT_HOLD, &WDTCTL
    mov #STACK_END, sp
    mov #INFORMATION, r10
    mov.b #LED_RED, &P5DIR
    mov #FCTL2_MCLK_BY_2, &FCTL2
    mov #FCTL3_UNLOCK, &FCTL3
    mov #FCTL1_WRT, &FCTL1
    bis.b #UART_PINS, &P3SEL
    mov.b #CHAR_SWRST, &U1CTL
    mov.b #SSEL_SMCLK, &U1TCTL
    mov.b #URXEIE, &U1RCTL
    mov.b #DIVIDER, &U1BR0
    bis.b #RX_AND_TX, &ME2
    mov.b #CHAR, &U1CTL
    bis.b #RX, &IE2
sleep:
    bis #LPM0_GIE, sr
    jmp sleep

    .globl on_receive
on_receive:
    mov.b &U1RCTL, r12
    mov.b &U1RXBUF, r13
    bit.b #RXERR, r12
    jz store
    mov.b #'F', r13
    bit.b #BRK, r12
    jz answer
    mov.b #'B', r13
    jmp answer
store:
    cmp.b #'!', r13
    jne 1f
    .word 0
1:  mov.b r13, 0(r10)
    inc r10
    xor.b #LED_RED, &P5OUT
answer:
    mov.b r13, &U1TXBUF
    reti

    .section .vectors.receive,"a",@progbits
    .word on_receive
    .section .vectors,"a",@progbits
    .word _start
