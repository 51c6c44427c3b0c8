#!/usr/bin/env bash
# What ssmd does not ask of the DTLS library: to export or write a connection (the gateway seals nothing after the
# hand-over), to put sessions into tickets, which nobody could revoke, or to negotiate one anew.
. "$(dirname "$0")/lib.sh"
need nm
symbols=$(nm --dynamic --undefined-only "$ssmd" | awk '{print $NF}' | sed 's/@.*//')

has_symbol() {
    grep -qx "mbedtls_ssl_$1" <<<"$symbols"
}

has_symbol handshake || fail "not even the handshake is found: nothing is proved"
for call in context_save context_load write read renegotiate conf_session_tickets_cb ticket_setup; do
    ! has_symbol $call || fail "ssmd calls mbedtls_ssl_$call"
done
echo "ok: the library does handshakes, and nothing after them"
