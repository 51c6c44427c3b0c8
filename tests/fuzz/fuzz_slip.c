/*
 * The SLIP decoder: any bytes, with breaks among them, into a buffer of any size. What it gives fits the
 * buffer, and is what a line gives when it is encoded and sent again.
 *
 * The first byte is the size of the buffer, the second the distance of breaks (0: none).
 */
#include "fuzz.h"
#include "slip.h"

static void check_datagram(const uint8_t *datagram, uint16_t len)
{
    uint8_t frame[SLIP_ENCODED_MAX(UINT8_MAX)];
    uint8_t again[UINT8_MAX];
    size_t frame_len = slip_encode(datagram, len, frame);
    struct slip_reader r;

    FUZZ_CHECK(frame_len <= SLIP_ENCODED_MAX((size_t)len) && frame_len >= (size_t)len + 2);
    slip_reader_init(&r, again, sizeof again);
    for (size_t i = 0; i + 1 < frame_len; i++)
        FUZZ_CHECK(slip_take(&r, frame[i]) == 0);
    FUZZ_CHECK(slip_take(&r, frame[frame_len - 1]) == len && memcmp(again, datagram, len) == 0);
    FUZZ_CHECK(r.dropped == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slip_reader r;
    uint8_t *buffer;
    size_t frames = 0;

    if (len < 2)
        return 0;
    buffer = malloc(data[0] > 0 ? data[0] : 1);
    FUZZ_CHECK(buffer != NULL);
    slip_reader_init(&r, buffer, data[0]);
    for (size_t i = 2; i < len; i++) {
        uint16_t got = slip_take(&r, data[i]);

        FUZZ_CHECK(got <= data[0]);
        if (got > 0)
            check_datagram(buffer, got);
        frames += data[i] == SLIP_END;
        FUZZ_CHECK(r.dropped <= frames);
        if (data[1] > 0 && i % data[1] == 0)
            slip_spoil(&r);
    }
    free(buffer);
    return 0;
}
