/* Certificates, in DER and in PEM form: whatever is read keeps the promises of certificate.h. */
#include "fuzz.h"

#include "certificate.h"

static void check_facts(const struct certificate *c)
{
    struct certificate_facts facts;

    if (certificate_read(c, &facts) != SSM_OK)
        return;
    FUZZ_CHECK(facts.serial_len <= CERTIFICATE_SERIAL_MAX);
    FUZZ_CHECK(facts.common_name_len <= CERTIFICATE_COMMON_NAME_MAX);
    FUZZ_CHECK(facts.key != CERTIFICATE_KEY_P256 || facts.key_bits == 256);
    (void)certificate_is_client_of(c, c);
}

static void check_der(const uint8_t *data, size_t size)
{
    struct certificate c = {.len = size};

    if (size > sizeof c.der)
        return;
    if (size > 0)
        memcpy(c.der, data, size);
    check_facts(&c);
}

static void check_pem(const char *text, size_t size)
{
    struct certificate c;
    struct certificate again;
    struct certificate_chain chain;
    char pem[CERTIFICATE_PEM_MAX + 1];

    if (certificate_from_pem(text, size, &c) != SSM_OK)
        return;
    FUZZ_CHECK(c.len <= sizeof c.der);
    certificate_to_pem(&c, pem);
    FUZZ_CHECK(certificate_from_pem(pem, strlen(pem), &again) == SSM_OK);
    FUZZ_CHECK(again.len == c.len && memcmp(again.der, c.der, c.len) == 0);
    FUZZ_CHECK(certificate_read_chain(pem, strlen(pem) + 1, &chain) == SSM_OK);
    check_facts(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = (char *)fuzz_copy(data, size);

    check_der(data, size);
    check_pem(copy, size);
    free(copy);
    return 0;
}
