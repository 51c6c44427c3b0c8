/* URIs that nodes send: what is taken has one form, which is taken again as the same. */
#include "fuzz.h"

#include "uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *text = fuzz_copy(data, len);
    struct uri uri;
    struct uri again;
    char canonical[URI_LEN_MAX + 1];
    char repeated[URI_LEN_MAX + 1];
    const char *fault = NULL;
    enum status status = uri_parse((const char *)text, len, &uri, &fault);

    free(text);
    FUZZ_CHECK((status == SSM_OK) == (fault == NULL));
    if (status != SSM_OK)
        return 0;
    FUZZ_CHECK(uri.port != 0 && memchr(uri.host, '\0', sizeof uri.host) != NULL);
    FUZZ_CHECK(uri_print(&uri, canonical) <= len);
    FUZZ_CHECK(uri_parse(canonical, strlen(canonical), &again, NULL) == SSM_OK);
    FUZZ_CHECK(again.kind == uri.kind && again.port == uri.port && strcmp(again.host, uri.host) == 0);
    (void)uri_print(&again, repeated);
    FUZZ_CHECK(strcmp(canonical, repeated) == 0);
    return 0;
}
