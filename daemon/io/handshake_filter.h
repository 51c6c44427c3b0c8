/*
 * Which plaintext records may reach the DTLS library: those whose lengths are true (RFC 6347 4.1.2.7: invalid
 * records are discarded), because the library ends the handshake at the others, and anybody can forge one;
 * and no Finished, which is "the first one protected" (RFC 5246 7.4.9), because the library keeps one that
 * comes early, and after ChangeCipherSpec no longer knows that it came in clear.
 *
 * Pure; used by the DTLS engine. Looks at one record at a time and reassembles nothing.
 */
#ifndef SSM_HANDSHAKE_FILTER_H
#define SSM_HANDSHAKE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is `record`, `len` bytes with its header, whole and well-formed as far as that can be told? A protected one
 * always is. */
bool handshake_filter_pass(const uint8_t *record, size_t len);

#endif
