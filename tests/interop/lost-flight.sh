#!/usr/bin/env bash
# lost-flight.sh CLIENT N [CREDENTIAL]: the gateway's last flight is lost N times; the client repeats its own, and gets
# the very same bytes again (a second encryption under the same number would give the key away).
. "$(dirname "$0")/../integration/lib.sh"
client=$1
losses=$2
gateway_with_nodes
use_credential "${3:-psk}"
proxy_start peer $proxy_port $kitchen_port --lose-flight 6 --times "$losses"

reading=$(request "$client" $proxy_port get temperature)
is_temperature "$reading" || fail "temperature: '$reading'"

flights=$(grep '^down [a-z]* 14' "$work/peer.datagrams")
[ "$(grep -c lost <<<"$flights")" = "$losses" ] || fail "not $losses flights lost: $flights"
[ "$(grep -c kept <<<"$flights")" -ge 1 ] || fail "no flight arrived"
[ "$(cut -d' ' -f3 <<<"$flights" | sort -u | wc -l)" = 1 ] || fail "the repeated flights differ: $flights"
[ "$(counter relay flights_replayed)" -ge "$losses" ] || fail "flights_replayed does not count"
