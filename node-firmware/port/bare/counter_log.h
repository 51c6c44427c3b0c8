/*
 * The association counter in two pages of flash (bare.h), so that a loss of power at any moment leaves the
 * old value or the new one.
 *
 * A page is a log of entries of two words, the value and its complement; the highest valid entry counts. When
 * a page is full the other one is erased and continues the log. Programming only clears bits and erasing only
 * sets them, and neither alone makes one valid entry out of another, so a half-written or half-erased one is
 * never taken for a value. Each page is erased once in 32 saves.
 */
#ifndef SSM_COUNTER_LOG_H
#define SSM_COUNTER_LOG_H

#include <stdint.h>

#include "status.h"

/* The value saved last; 0 if none ever was. */
uint32_t counter_log_load(void);

/* Saves a value above the present one. SSM_IO: the flash did not take it; the next try uses another place. */
SSM_MUST_CHECK enum status counter_log_save(uint32_t counter);

#endif
