#include "multiplier.h"

#include <stdbool.h>

static void multiply(struct multiplier *m)
{
    bool is_signed = m->mode == MULTIPLIER_MPYS || m->mode == MULTIPLIER_MACS;
    bool is_sum = m->mode == MULTIPLIER_MAC || m->mode == MULTIPLIER_MACS;
    uint32_t product = is_signed ? (uint32_t)((int32_t)(int16_t)m->first * (int16_t)m->second)
                                 : (uint32_t)m->first * m->second;
    uint64_t sum = (uint64_t)product + (is_sum ? m->result : 0);

    m->result = (uint32_t)sum;
    if (is_signed)
        m->sum_extension = m->result & 0x80000000 ? 0xFFFF : 0;
    else
        m->sum_extension = (uint16_t)(sum >> 32);
}

uint16_t multiplier_read(const struct multiplier *m, uint16_t address)
{
    switch (address) {
    case MULTIPLIER_OP2:
        return m->second;
    case MULTIPLIER_RESLO:
        return (uint16_t)m->result;
    case MULTIPLIER_RESHI:
        return (uint16_t)(m->result >> 16);
    case MULTIPLIER_SUMEXT:
        return m->sum_extension;
    default:
        return m->first;
    }
}

void multiplier_write(struct multiplier *m, uint16_t address, uint16_t value)
{
    switch (address) {
    case MULTIPLIER_OP2:
        m->second = value;
        multiply(m);
        break;
    case MULTIPLIER_RESLO:
        m->result = (m->result & 0xFFFF0000) | value;
        break;
    case MULTIPLIER_RESHI:
        m->result = (m->result & 0x0000FFFF) | (uint32_t)value << 16;
        break;
    case MULTIPLIER_SUMEXT: /* read only */
        break;
    default:
        m->mode = address;
        m->first = value;
    }
}
