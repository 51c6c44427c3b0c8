#include "resources.h"

#include "board.h"
#include "coapmsg.h"

enum { TENTHS_TEXT_MAX = 8 }; /* "-3276.8" and its end */

/* Decimal with one place, written from the back. */
static void tenths_add(struct node_window *out, int16_t tenths)
{
    uint16_t left = tenths < 0 ? (uint16_t)(0u - (uint16_t)tenths) : (uint16_t)tenths;
    char text[TENTHS_TEXT_MAX];
    char *at = text + sizeof text - 1;

    *at = '\0';
    *--at = (char)('0' + left % 10);
    *--at = '.';
    do {
        left /= 10;
        *--at = (char)('0' + left % 10);
    } while (left >= 10);
    if (tenths < 0)
        *--at = '-';
    node_window_add(out, at);
}

static void temperature_get(const struct node *n, struct node_window *out)
{
    tenths_add(out, board_temperature(n->port));
}

static void humidity_get(const struct node *n, struct node_window *out)
{
    tenths_add(out, board_humidity(n->port));
}

static void light_get(const struct node *n, struct node_window *out)
{
    node_window_add(out, board_light(n->port) ? "1" : "0");
}

static bool is_text(const uint8_t *value, uint16_t len, const char *text)
{
    for (; len > 0 && *text != '\0'; len--, value++, text++)
        if (*value != (uint8_t)*text)
            return false;
    return len == 0 && *text == '\0';
}

static uint8_t light_put(struct node *n, const uint8_t *value, uint16_t len)
{
    bool on = is_text(value, len, "1") || is_text(value, len, "on");

    if (!on && !is_text(value, len, "0") && !is_text(value, len, "off"))
        return COAP_BAD_REQUEST;
    board_set_light(n->port, on);
    return COAP_CHANGED;
}

const struct node_resource app_resources[APP_RESOURCES + 1] = {
    [APP_LINKS] =
        {
            .path = ".well-known/core",
            .format = COAP_FORMAT_LINK,
            .get = node_resource_list,
        },
    [APP_TEMPERATURE] =
        {
            .path = "temperature",
            .attributes = ";rt=\"temperature\";ct=0;obs",
            .format = COAP_FORMAT_TEXT,
            .get = temperature_get,
            .is_observable = true,
        },
    [APP_HUMIDITY] =
        {
            .path = "humidity",
            .attributes = ";rt=\"humidity\";ct=0;obs",
            .format = COAP_FORMAT_TEXT,
            .get = humidity_get,
            .is_observable = true,
        },
    [APP_LIGHT] =
        {
            .path = "light",
            .attributes = ";rt=\"light\";ct=0",
            .format = COAP_FORMAT_TEXT,
            .get = light_get,
            .put = light_put,
        },
};
