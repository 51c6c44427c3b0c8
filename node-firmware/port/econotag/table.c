/*
 * What this board offers. It has no sensor for temperature or humidity, so it has no such resources.
 */
#include "bare.h"
#include "battery.h"
#include "coapmsg.h"
#include "resources.h"

static void battery_get(const struct node *n, struct node_window *out)
{
    (void)n;
    app_add_reading(out, battery_measure());
}

static const struct node_resource TABLE[] = {
    {
        .path = ".well-known/core",
        .format = COAP_FORMAT_LINK,
        .get = node_resource_list,
    },
    {
        .path = "battery",
        .attributes = ";rt=\"voltage\";ct=0;obs",
        .format = COAP_FORMAT_TEXT,
        .get = battery_get,
        .is_observable = true,
    },
    {
        .path = "light",
        .attributes = ";rt=\"light\";ct=0",
        .format = COAP_FORMAT_TEXT,
        .get = app_light_get,
        .put = app_light_put,
    },
    {
        .path = "interval",
        .attributes = ";rt=\"interval\";ct=0",
        .format = COAP_FORMAT_TEXT,
        .get = app_interval_get,
        .put = app_interval_put,
    },
    {
        .path = "status",
        .attributes = ";rt=\"status\";ct=0",
        .format = COAP_FORMAT_TEXT,
        .get = app_status_get,
    },
    {.path = NULL},
};

const struct node_resource *const bare_resources = TABLE;
