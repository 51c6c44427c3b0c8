#include "random_mbedtls.h"

#include <mbedtls/entropy.h>
#include <sys/random.h>

int random_mbedtls(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);

        if (got <= 0)
            return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
        out += got;
        len -= (size_t)got;
    }
    return 0;
}
