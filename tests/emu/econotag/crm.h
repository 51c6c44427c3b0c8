/*
 * Clock, reset and power of the MC13224V: regulators, watchdog (COP), waiting for an interrupt, reset by
 * software.
 *
 * Owns the registers at 0x80003000. Hibernation, doze and the real-time clock are not modelled.
 */
#ifndef EMU_CRM_H
#define EMU_CRM_H

#include <stdbool.h>
#include <stdint.h>

enum crm_register {
    CRM_SYS_CNTL = 0x00,
    CRM_WU_CNTL = 0x04,
    CRM_SLEEP_CNTL = 0x08,
    CRM_BS_CNTL = 0x0C,
    CRM_COP_CNTL = 0x10,
    CRM_COP_SERVICE = 0x14,
    CRM_STATUS = 0x18,
    CRM_XTAL_CNTL = 0x40,
    CRM_VREG_CNTL = 0x48,
    CRM_SW_RST = 0x50,
};

enum crm_bs_cntl_bit { CRM_BS_EN = 1 << 0, CRM_WAIT4IRQ = 1 << 1 };
enum crm_cop_cntl_bit {
    CRM_COP_EN = 1 << 0,
    CRM_COP_OUT = 1 << 1,
    CRM_COP_WP = 1 << 2,
    CRM_COP_TIMEOUT_SHIFT = 8
};
enum crm_status_bit { CRM_VREG_1P8V_RDY = 1 << 18, CRM_VREG_1P5V_RDY = 1 << 19 };
enum crm_vreg_bit { CRM_VREG_1P5V_EN = 3 << 3, CRM_VREG_1P8V_EN = 1 << 7 };

#define CRM_COP_SERVICE_KEY 0xC0DE5AFEu
#define CRM_SW_RST_KEY 0x87651234u

enum {
    CRM_COP_STEP = 1 << 21,      /* clock cycles in a unit of the watchdog's time-out: 87 ms */
    CRM_VREG_START_TIME = 24000, /* 1 ms until a regulator is ready: a model figure */
};

enum crm_reset { CRM_RESET_NONE, CRM_RESET_COP, CRM_RESET_SOFTWARE };

struct crm {
    uint32_t sys_cntl, xtal_cntl, vreg_cntl, bs_cntl, cop_cntl;
    uint64_t vreg_since, cop_since;
    bool is_waiting;       /* the core's clock stands until an interrupt is pending */
    enum crm_reset wanted; /* the chip is to be reset */
};

void crm_reset(struct crm *c);
uint32_t crm_read(const struct crm *c, uint64_t now, uint32_t offset);
void crm_write(struct crm *c, uint64_t now, uint32_t offset, uint32_t value);
/* The 1.8 V regulator is up: flash has power. */
bool crm_flash_has_power(const struct crm *c, uint64_t now);
/* An interrupt is pending: the core goes on. */
void crm_wake(struct crm *c);
uint64_t crm_next_event(const struct crm *c);
void crm_advance(struct crm *c, uint64_t now);

#endif
