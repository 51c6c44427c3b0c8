#include "resources.h"

#include "board.h"
#include "coapmsg.h"
#include "node.h"

enum { NUMBER_TEXT_MAX = 6 }; /* "65535" and its end */

/* Written from the back; a point before the last digit if there are tenths. */
static void number_add(struct node_window *out, uint16_t value, bool has_tenths)
{
    char text[NUMBER_TEXT_MAX + 1];
    char *at = text + sizeof text - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
        if (has_tenths)
            *--at = '.';
        has_tenths = false;
    } while (value > 0 || *at == '.');
    node_window_add(out, at);
}

void app_add_number(struct node_window *out, const char *name, uint16_t value)
{
    node_window_add(out, name);
    number_add(out, value, false);
}

void app_add_reading(struct node_window *out, int16_t tenths)
{
    if (tenths == BOARD_UNKNOWN) {
        node_window_add(out, "unknown");
        return;
    }
    if (tenths < 0) {
        node_window_add(out, "-");
        tenths = (int16_t)-tenths;
    }
    number_add(out, (uint16_t)tenths, true);
}

static void temperature_get(const struct node *n, struct node_window *out)
{
    app_add_reading(out, board_temperature(n->port));
}

static void humidity_get(const struct node *n, struct node_window *out)
{
    app_add_reading(out, board_humidity(n->port));
}

void app_light_get(const struct node *n, struct node_window *out)
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

uint8_t app_light_put(struct node *n, const uint8_t *value, uint16_t len)
{
    bool on = is_text(value, len, "1") || is_text(value, len, "on");

    if (!on && !is_text(value, len, "0") && !is_text(value, len, "off"))
        return COAP_BAD_REQUEST;
    board_set_light(n->port, on);
    return COAP_CHANGED;
}

void app_interval_get(const struct node *n, struct node_window *out)
{
    app_add_number(out, "", board_interval(n->port));
}

/* 0 to APP_INTERVAL_MAX_S in decimal. */
uint8_t app_interval_put(struct node *n, const uint8_t *value, uint16_t len)
{
    uint16_t seconds = 0;

    if (len == 0)
        return COAP_BAD_REQUEST;
    for (; len > 0; len--, value++) {
        uint8_t digit = (uint8_t)(*value - '0');
        if (digit > 9)
            return COAP_BAD_REQUEST;
        seconds = (uint16_t)(seconds * 10 + digit);
        if (seconds > APP_INTERVAL_MAX_S)
            return COAP_BAD_REQUEST;
    }
    board_set_interval(n->port, seconds);
    return COAP_CHANGED;
}

void app_status_get(const struct node *n, struct node_window *out)
{
    app_add_number(out, "associated=", n->counters.associated);
    app_add_number(out, " sealed=", n->counters.sealed);
    board_status(n->port, out);
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
            .get = app_light_get,
            .put = app_light_put,
        },
    [APP_INTERVAL] =
        {
            .path = "interval",
            .attributes = ";rt=\"interval\";ct=0",
            .format = COAP_FORMAT_TEXT,
            .get = app_interval_get,
            .put = app_interval_put,
        },
    [APP_STATUS] =
        {
            .path = "status",
            .attributes = ";rt=\"status\";ct=0",
            .format = COAP_FORMAT_TEXT,
            .get = app_status_get,
        },
};

uint32_t app_tick(struct node *n, uint32_t *told_ms)
{
    uint32_t now_ms = port_now_ms(n->port);
    uint32_t interval_ms = board_interval(n->port) * (uint32_t)1000;
    uint32_t since_ms = now_ms - *told_ms;

    if (interval_ms == 0)
        return UINT32_MAX;
    if (since_ms < interval_ms)
        return interval_ms - since_ms;
    *told_ms = now_ms;
    for (const struct node_resource *r = n->resources; r->path != NULL; r++)
        if (r->is_observable)
            node_resource_changed(n, r);
    return interval_ms;
}
