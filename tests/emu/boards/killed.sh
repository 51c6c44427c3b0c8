#!/usr/bin/env bash
# killed.sh BOARD AES: a board that loses all but its flash comes back by itself; its sessions end with what the gateway
# has kept for that, and new ones begin.
. "$(dirname "$0")/board.sh"
board_up

s_client_start peer "$kitchen_port"
send_get "$s_client_in" 1
await 20 "a reply before" peer_is_answered peer 1
sessions_are 1 || fail "$(sessions) sessions"
counter=$(association)

kill -s KILL $board_pid
{ wait $board_pid; } 2>/dev/null || true
board_start
board_await "$counter"
await 20 "its session is closed" sessions_are 0
await 20 "the peer is told" is_gone $s_client_pid
counter_above relay tombstones_sent 0 || fail "the peer was told by no tombstone"
reading=$(request coap-client-openssl "$kitchen_port" get $sensor)
is_temperature "$reading" || fail "$sensor: '$reading'"
board_end
never_reset
