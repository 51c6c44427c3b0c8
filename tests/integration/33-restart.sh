#!/usr/bin/env bash
# Orderly stop and start of the whole gateway: sessions, nodes and subscribers are still there, no process is left.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes
s_client_start peer $kitchen_port
send_get "$s_client_in" 1
await 20 "a reply before" has_reply "$work/peer.out" 1

gateway_stop
[ ! -e "$work/admin.sock" ] || fail "the admin socket is left"
gateway_start
node_await kitchen
sessions_are 1 || fail "the session's row is lost"
send_get "$s_client_in" 2
await 20 "the session goes on" has_reply "$work/peer.out" 2
reading=$(as=bob key=$bob_key request coap-client-openssl "$shared_port" get temperature)
is_temperature "$reading" || fail "no new handshake: '$reading'"

# Killed without warning: its children do not outlive it, and the next start does not mind.
children=$(pgrep -P $gateway_pid)
kill -KILL $gateway_pid
for child in $children; do
    await 20 "child $child ends with its parent" is_gone "$child"
done
gateway_start
node_await kitchen
send_get "$s_client_in" 3
await 20 "the session goes on after kill -9" has_reply "$work/peer.out" 3

# A second ssmd on the same state is refused.
"$ssmd" --config "$work/ssmd.conf" --foreground >"$work/second.log" 2>&1 && fail "a second ssmd started"
has "$work/second.log" "another ssmd is running" || fail "the second ssmd does not say why it ends"
