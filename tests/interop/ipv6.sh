#!/usr/bin/env bash
# ipv6.sh CLIENT [CREDENTIAL]: over IPv6, and over IPv4 on the same socket of the gateway.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes "peer_address = ::"
use_credential "${2:-psk}"

for host in ::1 127.0.0.1; do
    reading=$(request "$client" $kitchen_port get temperature)
    is_temperature "$reading" || fail "$host: '$reading'"
    echo "ok: $host"
done
