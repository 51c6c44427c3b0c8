#include "power.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* splitmix64 */
uint64_t power_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

void power_fill_ram(uint8_t *ram, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++)
        ram[i] = (uint8_t)power_random(&seed);
}

int power_open_flash(const char *path, uint8_t *flash, size_t len)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    off_t there = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (there == 0 && pwrite(fd, flash, len, 0) == (ssize_t)len)
        return fd;
    if (there > 0 && (size_t)there != len)
        errno = EINVAL;
    else if (there > 0 && pread(fd, flash, len, 0) == (ssize_t)len)
        return fd;
    if (fd >= 0)
        close(fd); /* keeps errno: it is open */
    return -1;
}
