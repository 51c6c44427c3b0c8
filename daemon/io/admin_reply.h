/*
 * What the replies of the admin socket have in common: refusals, names, dates, what a certificate says.
 *
 * Used by admin.c and by the operations. Replies and values are new references; NULL means that memory ran
 * out.
 */
#ifndef SSM_ADMIN_REPLY_H
#define SSM_ADMIN_REPLY_H

#include "assoc.h"
#include "certificate.h"
#include "endpoint.h"

#include <jansson.h>

/* What "%.*s" wants of a name. */
#define NAME(name) (int)(name)->len, (name)->text

/* {"ok": false, "error": "a sentence"} */
json_t *admin_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
json_t *admin_refuse_store(void);
json_t *admin_refuse_unknown(const char *kind, const struct assoc_name *name);
json_t *admin_refuse_taken(const char *kind, const struct assoc_name *name);

/* {"ok": true} and the fields of `object`, which is taken over. */
json_t *admin_reply_with(json_t *object);

json_t *admin_json_name(const struct assoc_name *name);
/* "192.0.2.1:5684" or "[2001:db8::1]:5684"; null where there is no endpoint. */
json_t *admin_json_endpoint(const struct endpoint *e);
json_t *admin_json_hex(const uint8_t *bytes, size_t len);
/* Adds "not_after_s" (Unix time) and "expires_s", how many seconds are left; negative when it has expired. */
void admin_json_set_end(json_t *object, uint64_t not_after_s, uint64_t now_s);
/* PEM. */
json_t *admin_json_certificate(const struct certificate *certificate);

/* JSON objects as maps from an id to a value. */
json_t *admin_map_get(const json_t *map, uint32_t id);
void admin_map_set_new(json_t *map, uint32_t id, json_t *value);
void admin_map_remove(json_t *map, uint32_t id);

#endif
