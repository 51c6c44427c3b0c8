#!/usr/bin/env bash
# put.sh CLIENT [CREDENTIAL]: a stock client switches the light on, and reads that it is on.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

[ "$(request "$client" $kitchen_port get light)" = 0 ] || fail "the light is not off at the start"
request "$client" $kitchen_port put light 1 >/dev/null
[ "$(request "$client" $kitchen_port get light)" = 1 ] || fail "the light is not on"
[ "$(request "$client" $bedroom_port get light)" = 0 ] || fail "the other node's light is on"
