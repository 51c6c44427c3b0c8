#!/usr/bin/env bash
# Removing a subscriber or a node ends its sessions at once, and they do not come back.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes

s_client_start alice $kitchen_port
send_get "$s_client_in" 1
await 20 "alice is served" has_reply "$work/alice.out" 1
alice_pid=$s_client_pid
as=bob key=$bob_key s_client_start bob $bedroom_port
send_get "$s_client_in" 1
await 20 "bob is served" has_reply "$work/bob.out" 1
bob_pid=$s_client_pid

ctl subscriber remove alice >/dev/null
await 20 "alice is told" is_gone $alice_pid
await 20 "alice's session is gone" sessions_are 1
send_get "$s_client_in" 2
await 20 "bob is served still" has_reply "$work/bob.out" 2

ctl node remove bedroom >/dev/null
await 20 "bob is told" is_gone $bob_pid
await 20 "bob's session is gone" sessions_are 0

timeout 10 openssl s_client -dtls1_2 -connect "127.0.0.1:$kitchen_port" -psk "$(psk_hex $alice_key)" \
    -psk_identity alice -cipher $suite_openssl -nbio </dev/null >"$work/again.log" 2>&1 && fail "alice came back"
has "$work/again.log" "SSL alert number 51" || fail "alice is not unknown"
