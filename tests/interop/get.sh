#!/usr/bin/env bash
# get.sh CLIENT [CREDENTIAL]: a stock client reads two sensors of a node that has no handshake code.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

reading=$(request "$client" $kitchen_port get temperature)
is_temperature "$reading" || fail "temperature: '$reading'"
reading=$(request "$client" $bedroom_port get humidity)
is_temperature "$reading" || fail "humidity: '$reading'"
[ "$(counter keys handshakes_done)" = 2 ] || fail "not two hand-overs"
