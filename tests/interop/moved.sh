#!/usr/bin/env bash
# moved.sh CLIENT [CREDENTIAL]: a client that goes on from another port is not followed (README): nothing of its session is
# believed from there. A new handshake from there is as good as any.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
gateway_with_nodes
use_credential "${2:-psk}"
proxy_program=dtls_proxy.py proxy_start peer $proxy_port $kitchen_port

client_start peer "$client" $proxy_port
send_get "$client_in" 1
await 20 "a reply before" has_reply "$work/peer.out" 1
dropped=$(counter relay drop_peer_unknown)
kill -s USR1 $proxy_pid
send_get "$client_in" 2
await 20 "the gateway drops it" counter_above relay drop_peer_unknown "$dropped"
! has_reply "$work/peer.out" 2 || fail "the session went with it"
sessions_are 1 || fail "$(sessions) sessions"

reading=$(request "$client" $proxy_port get temperature)
is_temperature "$reading" || fail "a new handshake: '$reading'"
