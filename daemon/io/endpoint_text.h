/*
 * How an endpoint is written for people: "192.0.2.1:5684", "[2001:db8::1]:5684". For logs.
 */
#ifndef SSM_ENDPOINT_TEXT_H
#define SSM_ENDPOINT_TEXT_H

#include "endpoint.h"

enum { ENDPOINT_TEXT_MAX = 56 };

/* Returns `out`. "-" for NULL. */
const char *endpoint_text(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX]);

#endif
