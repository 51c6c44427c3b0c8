#include "sensor.h"

static uint32_t name_hash(const struct assoc_name *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (uint8_t i = 0; i < name->len; i++)
        hash = (hash ^ (uint8_t)name->text[i]) * 16777619u;
    return hash;
}

void sensor_seed(const struct assoc_name *name, struct sensor *temperature, struct sensor *humidity)
{
    uint32_t hash = name_hash(name);

    *temperature = (struct sensor){.middle = (int16_t)(195 + hash % 40),
                                   .swing = 15,
                                   .period_s = 240,
                                   .phase_s = (uint16_t)(hash / 40 % 240)};
    *humidity = (struct sensor){.middle = (int16_t)(400 + hash % 97),
                                .swing = 40,
                                .period_s = 420,
                                .phase_s = (uint16_t)(hash / 97 % 420)};
}

/* A triangle wave. */
int16_t sensor_read(const struct sensor *sensor, uint32_t elapsed_ms)
{
    int32_t half_ms = (int32_t)sensor->period_s * 500;
    int32_t at_ms = (int32_t)((elapsed_ms + (uint32_t)sensor->phase_s * 1000) % (uint32_t)(2 * half_ms));
    int32_t from_lowest_ms = at_ms < half_ms ? at_ms : 2 * half_ms - at_ms;

    return (int16_t)(sensor->middle - sensor->swing + 2 * sensor->swing * from_lowest_ms / half_ms);
}
