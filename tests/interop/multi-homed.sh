#!/usr/bin/env bash
# multi-homed.sh CLIENT [CREDENTIAL]: the gateway's host has several addresses, and the client talks to the second:
# replies come from the address that it asked, or a client that connects its socket would never see them.
[ -n "${SSM_NET:-}" ] || exec env SSM_NET=own unshare --net "$0" "$@"
. "$(dirname "$0")/../integration/lib.sh"
client=$1
net_make 1500
gateway_with_nodes "peer_address = ::"
use_credential "${2:-psk}"

for host in 192.0.2.2 2001:db8::2 192.0.2.1; do
    reading=$(request "$client" $kitchen_port get temperature)
    is_temperature "$reading" || fail "$host: '$reading'"
    echo "ok: $host"
done
