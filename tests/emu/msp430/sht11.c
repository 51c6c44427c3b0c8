#include "sht11.h"

enum command { TEMPERATURE = 0x03, HUMIDITY = 0x05, WRITE_STATUS = 0x06, READ_STATUS = 0x07, RESET = 0x1E };
enum { STATUS_LOW_RESOLUTION = 0x01, STATUS_HEATER = 0x04, STATUS_WRITABLE = 0x07, HUMIDITY_MAX = 0x0FFF };

#define POWER_UP_TIME (11 * CLOCK_MS)
#define TEMPERATURE_TIME (320 * CLOCK_MS)
#define HUMIDITY_TIME (80 * CLOCK_MS)

/* Temperature in degrees = -39.6 + 0.01 SO at a supply of 3 V. */
static uint16_t temperature_output(int tenths)
{
    return (uint16_t)(tenths * 10 + 3960);
}

/* Relative humidity of a reading: linear form and compensation of temperature. */
static double humidity_of(unsigned output, double celsius)
{
    double linear = -2.0468 + 0.0367 * output - 1.5955e-6 * output * output;

    return linear + (celsius - 25) * (0.01 + 0.00008 * output);
}

/* The smallest reading that stands for so much humidity. */
static uint16_t humidity_output(int tenths, int temperature_tenths)
{
    uint16_t output = 0;

    while (output < HUMIDITY_MAX && humidity_of(output, temperature_tenths / 10.0) < tenths / 10.0)
        output++;
    return output;
}

static uint8_t reverse(uint8_t byte)
{
    uint8_t reversed = 0;

    for (unsigned i = 0; i < 8; i++)
        reversed |= (uint8_t)((byte >> i & 1) << (7 - i));
    return reversed;
}

/* x^8 + x^5 + x^4 + 1. */
static uint8_t add_crc(uint8_t crc, uint8_t byte)
{
    crc ^= byte;
    for (unsigned i = 0; i < 8; i++)
        crc = (uint8_t)(crc << 1 ^ (crc & 0x80 ? 0x31 : 0));
    return crc;
}

/* The checksum covers the command and starts from the status register; it is sent with its bits reversed. */
static void prepare_output(struct sht11 *sensor, unsigned len)
{
    uint8_t crc = add_crc(reverse(sensor->status & 0x0F), sensor->command);

    for (unsigned i = 0; i < len; i++)
        crc = add_crc(crc, sensor->output[i]);
    sensor->output[len] = reverse(crc);
    sensor->output_len = len + 1;
    sensor->sent = 0;
}

static void go_idle(struct sht11 *sensor)
{
    sensor->phase = SHT11_IDLE;
    sensor->is_pulling = false;
    sensor->ready_ps = CLOCK_NEVER;
    sensor->bits = 0;
}

void sht11_init(struct sht11 *sensor, int temperature_tenths, int humidity_tenths, struct stop *stop)
{
    *sensor = (struct sht11){.temperature_tenths = temperature_tenths,
                             .humidity_tenths = humidity_tenths,
                             .data = true,
                             .stop = stop};
    go_idle(sensor);
}

bool sht11_data(const struct sht11 *sensor)
{
    return sensor->data && !sensor->is_pulling;
}

/* Puts the next bit of the output on the wire. */
static void show_bit(struct sht11 *sensor)
{
    sensor->is_pulling = (sensor->output[sensor->sent] >> (7 - sensor->bits) & 1) == 0;
}

static void start_sending(struct sht11 *sensor)
{
    sensor->phase = SHT11_SEND;
    sensor->bits = 0;
    show_bit(sensor);
}

static bool is_command(uint8_t command)
{
    return command == TEMPERATURE || command == HUMIDITY || command == WRITE_STATUS ||
           command == READ_STATUS || command == RESET;
}

static void take_status(struct sht11 *sensor)
{
    sensor->status = sensor->shift & STATUS_WRITABLE;
    if (sensor->status & (STATUS_LOW_RESOLUTION | STATUS_HEATER))
        stop_ask(sensor->stop, STOP_FAULT, "SHT11: status 0x%02x: low resolution and heater are not modelled",
                 sensor->status);
}

/* The clock falls after eight bits: the sensor acknowledges what it understands. */
static void end_byte_in(struct sht11 *sensor)
{
    sensor->bits = 0;
    if (sensor->phase == SHT11_STATUS) {
        take_status(sensor);
        sensor->command = 0;
    } else if (is_command(sensor->shift)) {
        sensor->command = sensor->shift;
    } else {
        go_idle(sensor);
        return;
    }
    sensor->phase = SHT11_ACKNOWLEDGE;
    sensor->is_pulling = true;
}

/* The clock falls after the acknowledgement: what was asked for begins. */
static void begin_command(struct sht11 *sensor, uint64_t now)
{
    sensor->is_pulling = false;
    switch (sensor->command) {
    case TEMPERATURE:
        sensor->phase = SHT11_MEASURE;
        sensor->ready_ps = now + TEMPERATURE_TIME;
        break;
    case HUMIDITY:
        sensor->phase = SHT11_MEASURE;
        sensor->ready_ps = now + HUMIDITY_TIME;
        break;
    case READ_STATUS:
        sensor->output[0] = sensor->status;
        prepare_output(sensor, 1);
        start_sending(sensor);
        break;
    case WRITE_STATUS:
        sensor->phase = SHT11_STATUS;
        break;
    case RESET:
        sensor->status = 0;
        sensor->powered_ps = now;
        go_idle(sensor);
        break;
    default: /* the status register has been written */
        go_idle(sensor);
    }
}

static void end_bit_out(struct sht11 *sensor)
{
    if (++sensor->bits < 8) {
        show_bit(sensor);
        return;
    }
    sensor->is_pulling = false;
    sensor->phase = SHT11_WAIT_FOR_ACK;
}

static void end_ack_in(struct sht11 *sensor)
{
    if (!sensor->is_acknowledged || ++sensor->sent == sensor->output_len)
        go_idle(sensor);
    else
        start_sending(sensor);
}

static void clock_rises(struct sht11 *sensor)
{
    if (sensor->phase == SHT11_COMMAND || sensor->phase == SHT11_STATUS) {
        sensor->shift = (uint8_t)(sensor->shift << 1 | sensor->data);
        sensor->bits++;
    }
    sensor->is_acknowledged = !sensor->data;
    sensor->start_step = sensor->start_step == 2 && !sensor->data ? 3 : 0;
}

static void clock_falls(struct sht11 *sensor, uint64_t now)
{
    sensor->start_step = sensor->start_step == 1 ? 2 : 0;
    switch (sensor->phase) {
    case SHT11_COMMAND:
    case SHT11_STATUS:
        if (sensor->bits == 8)
            end_byte_in(sensor);
        break;
    case SHT11_ACKNOWLEDGE:
        begin_command(sensor, now);
        break;
    case SHT11_SEND:
        end_bit_out(sensor);
        break;
    case SHT11_WAIT_FOR_ACK:
        end_ack_in(sensor);
        break;
    default:
        break;
    }
}

/* Transmission start: data falls while the clock is high, the clock pulses low, data rises while it is high.
 */
static void data_changes_at_high_clock(struct sht11 *sensor, uint64_t now)
{
    if (!sensor->data) {
        sensor->start_step = 1;
        return;
    }
    if (sensor->start_step == 3 && now - sensor->powered_ps >= POWER_UP_TIME) {
        go_idle(sensor);
        sensor->phase = SHT11_COMMAND;
    }
    sensor->start_step = 0;
}

void sht11_drive(struct sht11 *sensor, bool power, bool clock, bool data, uint64_t now)
{
    bool clock_changes = clock != sensor->clock, data_changes = data != sensor->data;

    sensor->clock = clock;
    sensor->data = data;
    if (power != sensor->power) {
        sensor->power = power;
        sensor->powered_ps = now;
        sensor->status = 0;
        sensor->start_step = 0;
        go_idle(sensor);
    }
    if (!power)
        return;
    if (clock_changes && clock)
        clock_rises(sensor);
    else if (clock_changes)
        clock_falls(sensor, now);
    else if (data_changes && clock)
        data_changes_at_high_clock(sensor, now);
}

uint64_t sht11_due(const struct sht11 *sensor)
{
    return sensor->ready_ps;
}

/* Data low says that the result is ready; it is the first bit, too, which is always 0. */
void sht11_run(struct sht11 *sensor)
{
    uint16_t output = sensor->command == TEMPERATURE
                          ? temperature_output(sensor->temperature_tenths)
                          : humidity_output(sensor->humidity_tenths, sensor->temperature_tenths);

    sensor->ready_ps = CLOCK_NEVER;
    sensor->output[0] = (uint8_t)(output >> 8);
    sensor->output[1] = (uint8_t)output;
    prepare_output(sensor, 2);
    start_sending(sensor);
}
