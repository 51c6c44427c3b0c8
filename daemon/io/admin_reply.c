#include "admin_reply.h"

#include "admin_key.h"
#include "admin_request.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HEX_BYTES_MAX = 32, ID_TEXT_MAX = 12, ENDPOINT_TEXT_MAX = INET6_ADDRSTRLEN + 10 };

json_t *admin_refuse(const char *format, ...)
{
    char sentence[2 * ADMIN_ERROR_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return json_pack("{s:b, s:s}", "ok", 0, "error", sentence);
}

json_t *admin_refuse_store(void)
{
    return admin_refuse("the database refused; nothing was changed; the log says why (journalctl -u ssmd)");
}

json_t *admin_refuse_unknown(const char *kind, const struct assoc_name *name)
{
    return admin_refuse("no %s is called '%.*s'; `ssmctl %s list` shows them", kind, NAME(name), kind);
}

json_t *admin_refuse_taken(const char *kind, const struct assoc_name *name)
{
    return admin_refuse("%s '%.*s' exists already; remove it first, or choose another name", kind,
                        NAME(name));
}

json_t *admin_json_name(const struct assoc_name *name)
{
    return json_stringn(name->text, name->len);
}

json_t *admin_json_hex(const uint8_t *bytes, size_t len)
{
    char text[2 * HEX_BYTES_MAX + 1];

    SSM_ASSERT(len <= HEX_BYTES_MAX);
    admin_key_print_hex(bytes, len, text);
    return json_string(text);
}

void admin_json_set_end(json_t *object, uint64_t not_after_s, uint64_t now_s)
{
    json_object_set_new(object, "not_after_s", json_integer((json_int_t)not_after_s));
    json_object_set_new(object, "expires_s", json_integer((json_int_t)not_after_s - (json_int_t)now_s));
}

json_t *admin_json_certificate(const struct certificate *certificate)
{
    char pem[CERTIFICATE_PEM_MAX + 1];

    certificate_to_pem(certificate, pem);
    return json_string(pem);
}

json_t *admin_json_endpoint(const struct endpoint *e)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}; /* RFC 4291 2.5.5.2 */
    char address[INET6_ADDRSTRLEN];
    char text[ENDPOINT_TEXT_MAX];

    if (e->port == 0)
        return json_null();
    if (memcmp(e->addr, mapped, sizeof(mapped)) == 0) {
        inet_ntop(AF_INET, e->addr + sizeof(mapped), address, sizeof(address));
        snprintf(text, sizeof(text), "%s:%u", address, e->port);
    } else {
        inet_ntop(AF_INET6, e->addr, address, sizeof(address));
        snprintf(text, sizeof(text), "[%s]:%u", address, e->port);
    }
    return json_string(text);
}

json_t *admin_reply_with(json_t *object)
{
    json_t *reply = json_pack("{s:b}", "ok", 1);

    if (json_object_update(reply, object) != 0) {
        json_decref(reply);
        reply = NULL;
    }
    json_decref(object);
    return reply;
}

/* ---- JSON objects as maps from an id to a text ---- */

json_t *admin_map_get(const json_t *map, uint32_t id)
{
    char key[ID_TEXT_MAX];

    snprintf(key, sizeof(key), "%" PRIu32, id);
    return json_object_get(map, key);
}

void admin_map_set_new(json_t *map, uint32_t id, json_t *value)
{
    char key[ID_TEXT_MAX];

    snprintf(key, sizeof(key), "%" PRIu32, id);
    json_object_set_new(map, key, value);
}

void admin_map_remove(json_t *map, uint32_t id)
{
    char key[ID_TEXT_MAX];

    snprintf(key, sizeof(key), "%" PRIu32, id);
    json_object_del(map, key);
}
