#!/usr/bin/env bash
# renegotiate.sh CLIENT [CREDENTIAL]: a client that wants to renegotiate inside its session is not answered, and its
# session stalls (README): no handshake record reaches a node. The gateway goes on, and so does everybody else.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"

case $client in
s_client) client_options=--client-option=-no_ign_eof command=R ;;
gnutls-cli) client_options=--client-option=--inline-commands command=^renegotiate^ ;;
*) fail "$client cannot renegotiate" ;;
esac
client_start peer "$client" $kitchen_port
client_options=
send_get "$client_in" 1
await 20 "a reply before" has_reply "$work/peer.out" 1

if [ "$client" = gnutls-cli ]; then
    echo >&"$client_in" # it looks for commands at the start of a line
    await 20 "the line's end passed by" counter_above relay records_to_node 1
fi
to_node=$(counter relay records_to_node)
dropped=$(counter relay drop_peer_held)
echo $command >&"$client_in"
await 20 "the gateway drops it" counter_above relay drop_peer_held "$dropped"
sleep 1.5 # the client repeats it
[ "$(counter relay records_to_node)" = "$to_node" ] || fail "a record of the renegotiation reached the node"
kill -0 $client_pid || fail "the client was told something: $(cat "$work/peer.log")"
sessions_are 1 || fail "$(sessions) sessions"
[ "$(counter keys handshakes_started)" = 1 ] || fail "the gateway took it for a handshake"

reading=$(request "$client" $kitchen_port get temperature)
is_temperature "$reading" || fail "another client: '$reading'"
all_alive || fail "a process of ssmd ended"
