#!/usr/bin/env bash
# observe.sh CLIENT [CREDENTIAL]: at least three notifications of a changing reading (RFC 7641).
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

case $client in
coap-client-*) client_options="-s 24 -w" ;;
*) client_options="--observe 12" ;;
esac
request "$client" $kitchen_port get humidity >"$work/readings" &
started+=($!)

# A notification that is repeated, because its acknowledgement was lost, counts once.
enough_readings() {
    [ "$(grep -E '^[0-9]+\.[0-9]+$' "$work/readings" | sort -u | wc -l)" -ge 4 ]
}
await 24 "the first reading and three notifications of another" enough_readings
