#!/usr/bin/env bash
# Alerts of every kind, from one 5-tuple, in clear and protected, inside handshakes, right after them and in sessions:
# fatal ones and close_notify end a session, other warnings do not, and the next handshake is none the worse.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes
need gnutls_alerts "libgnutls28-dev, and build"

timeout 100 gnutls_alerts 127.0.0.1 "$kitchen_port" alice "$(psk_hex $alice_key)" || fail "see above"
all_alive || fail "a process of ssmd ended"
grep -q "was ended by signal" "$work/ssmd.log" && fail "a process of ssmd was restarted"
reading=$(request coap-client-openssl "$kitchen_port" get temperature)
is_temperature "$reading" || fail "an honest client does not get through: '$reading'"
