#!/usr/bin/env bash
# observe.sh CLIENT: at least three notifications of a changing reading (RFC 7641).
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes

case $client in
coap-client-*) client_options="-s 24 -w" ;;
*) client_options="--observe 4" ;;
esac
request "$client" $kitchen_port get humidity >"$work/readings" &
started+=($!)

enough_readings() {
    [ "$(grep -cE '^[0-9]+\.[0-9]+$' "$work/readings")" -ge 4 ]
}
await 24 "the first reading and three notifications" enough_readings
[ "$(sort -u "$work/readings" | wc -l)" -ge 4 ] || fail "notified without a change: $(cat "$work/readings")"
