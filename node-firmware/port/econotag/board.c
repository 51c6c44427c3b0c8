/*
 * The board as a whole: its start, its interrupts, its sleep, the light.
 */
#include "bare.h"
#include "board.h"
#include "clock.h"
#include "irq.h"
#include "mc13224v.h"
#include "uart.h"

enum {
    WATCHDOG_STEPS = 63, /* 64 * 87 ms */
    REGULATORS_MS = 20,
    REGULATORS_READY = MC_CRM_STATUS_1P8V_RDY | MC_CRM_STATUS_1P5V_RDY,
    LIGHT = 1u << (MC_GPIO_LED_RED - 32),
};

static void watchdog_feed(void)
{
    MC_CRM->cop_service = MC_CRM_COP_SERVICE_KEY;
}

/* Flash and the AES unit have no supply of their own after a reset. */
static void regulators_start(void)
{
    uint32_t start_ms = bare_now_ms();

    MC_CRM->sys_cntl = MC_CRM_SYS_DEFAULT;
    MC_CRM->vreg_cntl = MC_CRM_VREG_BYPASS_BUCK;
    while (bare_now_ms() - start_ms < REGULATORS_MS)
        ;
    MC_CRM->vreg_cntl = MC_CRM_VREG_ALL_ON;
    while ((MC_CRM->status & REGULATORS_READY) != REGULATORS_READY)
        ;
}

void bare_start(void)
{
    MC_CRM->cop_cntl = WATCHDOG_STEPS << MC_CRM_COP_TIMEOUT_SHIFT | MC_CRM_COP_WP | MC_CRM_COP_EN;
    clock_start();
    uart_start();
    MC_GPIO->pad_dir_set[1] = LIGHT;
    irq_enable();
    regulators_start();
}

void board_interrupt(void)
{
    uint32_t pending = MC_ITC->nipend;

    if ((pending & 1u << MC_ITC_UART1) != 0)
        uart_interrupt();
    if ((pending & 1u << MC_ITC_TMR) != 0)
        clock_interrupt();
}

/* The register is read back so that the core does not run ahead of its own write. */
void irq_wait(void)
{
    MC_CRM->bs_cntl = MC_CRM_BS_EN | MC_CRM_BS_WAIT4IRQ;
    (void)MC_CRM->bs_cntl;
    MC_CRM->bs_cntl = 0;
}

/* Doze and hibernation would stop the UART as well, and with it what wakes the node. */
void bare_sleep(uint32_t ms)
{
    uint32_t start_ms = bare_now_ms();

    for (uint32_t past_ms = 0; past_ms < ms; past_ms = bare_now_ms() - start_ms) {
        watchdog_feed();
        if (ms - past_ms < CLOCK_PERIOD_MS)
            clock_alarm(ms - past_ms);
        irq_disable();
        bool is_waiting = serial_is_waiting();
        if (!is_waiting)
            irq_wait();
        irq_enable();
        if (is_waiting)
            return;
    }
}

bool board_light(struct port *port)
{
    (void)port;
    return (MC_GPIO->data[1] & LIGHT) != 0;
}

void board_set_light(struct port *port, bool on)
{
    (void)port;
    if (on)
        MC_GPIO->data_set[1] = LIGHT;
    else
        MC_GPIO->data_reset[1] = LIGHT;
}
