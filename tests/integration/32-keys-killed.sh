#!/usr/bin/env bash
# kill -9 of keys: relaying goes on, the parent restarts it, and new handshakes work. kill -9 of relay: it comes back with
# its rows, and the session goes on.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes
s_client_start peer $kitchen_port
send_get "$s_client_in" 1
await 20 "a reply before" has_reply "$work/peer.out" 1

keys=$(process_of keys)
kill -STOP "$keys"
send_get "$s_client_in" 2
await 20 "relaying while keys stands still" has_reply "$work/peer.out" 2
kill -KILL "$keys"
send_get "$s_client_in" 3
await 20 "relaying while keys is away" has_reply "$work/peer.out" 3

await 20 "keys is restarted" is_restarted keys "$keys"
await 20 "keys answers" gateway_answers
reading=$(request coap-client-openssl "$bedroom_port" get temperature)
is_temperature "$reading" || fail "no new handshake after the restart: '$reading'"
node_await kitchen
send_get "$s_client_in" 4
await 20 "the old session after the restart" has_reply "$work/peer.out" 4
[ "$(query "len([s for s in d if s['node'] == 'kitchen'])" session list)" = 1 ] || fail "the session's row is lost"

relay=$(process_of relay)
kill -KILL "$relay"
await 20 "relay is restarted" is_restarted relay "$relay"
served_again() {
    send_get "$s_client_in" 5
    sleep 0.3
    has_reply "$work/peer.out" 5
}
await 20 "the session goes on after relay's restart" served_again
reading=$(request coap-client-openssl "$kitchen_port" get temperature)
is_temperature "$reading" || fail "no new handshake after relay's restart: '$reading'"
