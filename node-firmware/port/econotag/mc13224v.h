/*
 * The registers of the MC13224V that this board uses, at their addresses.
 *
 * Types and constants only. From what is public of the chip: the register tables of its reference manual, the
 * MC1322x project's headers, and for SPIF, which that manual leaves out, the open-mc13224v project's.
 */
#ifndef SSM_MC13224V_H
#define SSM_MC13224V_H

#include <stdint.h>

/* The crystal; all devices count it. */
enum { MC_CLOCK_HZ = 24000000 };

struct mc_gpio {
    uint32_t pad_dir[2], data[2], pad_pu_en[2], func_sel[4], data_sel[2], pad_pu_sel[2], pad_hyst_en[2],
        pad_keep[2];
    uint32_t data_set[2], data_reset[2], pad_dir_set[2], pad_dir_reset[2];
};
#define MC_GPIO ((volatile struct mc_gpio *)0x80000000u)
enum { MC_GPIO_UART1_TX = 14, MC_GPIO_UART1_RX = 15, MC_GPIO_LED_RED = 44 };

/* Clock, reset, power. */
struct mc_crm {
    uint32_t sys_cntl, wu_cntl, sleep_cntl, bs_cntl, cop_cntl, cop_service, status, mod_status;
    uint32_t unused[10];
    uint32_t vreg_cntl, vreg_trim, sw_rst;
};
#define MC_CRM ((volatile struct mc_crm *)0x80003000u)
enum {
    MC_CRM_SYS_DEFAULT = 0x18,
    MC_CRM_BS_EN = 1 << 0,
    MC_CRM_BS_WAIT4IRQ = 1 << 1,
    MC_CRM_COP_EN = 1 << 0,
    MC_CRM_COP_WP = 1 << 2,
    MC_CRM_COP_TIMEOUT_SHIFT = 8, /* in steps of 87 ms */
    MC_CRM_STATUS_1P8V_RDY = 1 << 18,
    MC_CRM_STATUS_1P5V_RDY = 1 << 19,
    MC_CRM_VREG_BYPASS_BUCK = 0xF04,
    MC_CRM_VREG_ALL_ON = 0xFF8,
};
#define MC_CRM_COP_SERVICE_KEY 0xC0DE5AFEu

struct mc_uart {
    uint32_t con, stat, data, rxcon, txcon, cts, br;
};
#define MC_UART1 ((volatile struct mc_uart *)0x80005000u)
enum {
    MC_UART_TXE = 1 << 0,
    MC_UART_RXE = 1 << 1,
    MC_UART_MTXR = 1 << 13, /* no interrupt when there is room to send */
    MC_UART_START_ERROR = 1 << 0,
    MC_UART_PARITY_ERROR = 1 << 1,
    MC_UART_FRAME_ERROR = 1 << 2,
    MC_UART_OVERRUN = 1 << 4,
    MC_UART_TXRDY = 1 << 7,
};

struct mc_tmr {
    uint16_t comp1, comp2, capt, load, hold, cntr, ctrl, sctrl, cmpld1, cmpld2, csctrl;
    uint16_t unused[4];
    uint16_t enbl; /* of timer 0 alone: a bit for each timer */
};
#define MC_TMR0 ((volatile struct mc_tmr *)0x80007000u)
#define MC_TMR1 ((volatile struct mc_tmr *)0x80007020u)
enum {
    MC_TMR_RISING = 1 << 13,
    MC_TMR_CLOCK_BY_128 = 0xF << 9,
    MC_TMR_ONCE = 1 << 6,
    MC_TMR_LENGTH = 1 << 5, /* starts again after the compare value */
    MC_TMR_TCF = 1 << 15,
    MC_TMR_TCFIE = 1 << 14,
};

/* AES. */
struct mc_asm {
    uint32_t key[4], data[4], ctr[4], ctr_result[4], cbc_result[4], control0, control1, status;
};
#define MC_ASM ((volatile struct mc_asm *)0x80008000u)
#define MC_ASM_CLEAR_IRQ 0x80000000u
#define MC_ASM_MASK_IRQ 0x80000000u
enum {
    MC_ASM_START = 1 << 24,
    MC_ASM_ON = 1 << 0,
    MC_ASM_NORMAL_MODE = 1 << 1,
    MC_ASM_CTR = 1 << 25,
    MC_ASM_SELF_TEST = 1 << 26,
    MC_ASM_DONE = 1 << 24,
    MC_ASM_TEST_PASS = 1 << 25,
    MC_ASM_SELF_TEST_CLOCKS = 3330,
};

/* The SPI that the flash hangs on. */
struct mc_spif {
    uint32_t tx_data, rx_data, clk_ctrl, setup, status;
};
#define MC_SPIF ((volatile struct mc_spif *)0x8000C000u)
enum {
    MC_SPIF_START = 1 << 7,
    MC_SPIF_SCK_SHIFT = 8,
    MC_SPIF_SELECT = 2,
    MC_SPIF_DESELECT = 3,
    MC_SPIF_INT = 1 << 0
};

struct mc_adc {
    uint16_t comp[8], bat_comp_over, bat_comp_under, seq_1, seq_2, control, triggers, prescale, unused1;
    uint16_t fifo_read, fifo_control, fifo_status, unused2[5], sr_1[2], sr_2[2], on_time, convert_time,
        clock_divider;
    uint16_t unused3, override, irq, mode;
};
#define MC_ADC ((volatile struct mc_adc *)0x8000D000u)
enum {
    MC_ADC_ON = 1 << 0,
    MC_ADC_SEQ_BATT = 1 << 8,
    MC_ADC_AD1_ON = 1 << 8,
    MC_ADC_FIFO_EMPTY = 1 << 5,
    MC_ADC_VALUE = 0xFFF
};

struct mc_itc {
    uint32_t intcntl, nimask, intennum, intdisnum, intenable, inttype, unused[4], nivector, fivector;
    uint32_t intsrc, intfrc, nipend, fipend;
};
#define MC_ITC ((volatile struct mc_itc *)0x80020000u)
enum { MC_ITC_UART1 = 1, MC_ITC_TMR = 5 };

#endif
