#!/usr/bin/env bash
# two-clients.sh: clients of different make read the same node at the same time, each in a session of its own.
. "$(dirname "$0")/../integration/lib.sh"
gateway_with_nodes

request coap-client-openssl $kitchen_port get temperature >"$work/first" &
first=$!
request coap-client-gnutls $kitchen_port get humidity >"$work/second" &
second=$!
client_options="--observe 3" request s_client $kitchen_port get temperature >"$work/third" &
third=$!
wait $first || fail "coap-client-openssl"
wait $second || fail "coap-client-gnutls"
wait $third || fail "s_client"
is_temperature "$(cat "$work/first")" || fail "first: $(cat "$work/first")"
is_temperature "$(cat "$work/second")" || fail "second: $(cat "$work/second")"
[ "$(wc -l <"$work/third")" = 3 ] || fail "third: $(cat "$work/third")"
