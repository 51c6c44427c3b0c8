#!/usr/bin/env bash
# What is not the server that a node wants: one that speaks DTLS 1.0, one without a suite of ours, one that sends what only
# clients send, and one that answers from another address. For each the node gets a code, and it is counted and logged
# once. Nor has a node more sessions than it may.
. "$(dirname "$0")/lib.sh"
. "$tests_dir/interop/servers.sh"
need gnutls-serv gnutls-bin
servers_prepare s_server psk "handshake_timeout_s = 5" "outbound_sessions = 1"
psk=$(psk_hex $server_key)
destination_add $server_port

expect_failure() { # WHAT REASON LOG NODE: of the attempts at $destination
    local before counted logged
    before=$(counter keys "outbound_failed_$2")
    push_start
    await 40 "$1: the node hears" has "$work/kitchen.log" "no session: $4"
    stop "$(node_pid kitchen)"
    counted=$(counter keys "outbound_failed_$2")
    logged=$(grep -cF "$3" "$work/ssmd.log" || true)
    [ "$counted" -gt "$before" ] || fail "$1: outbound_failed_$2 does not count"
    [ "$logged" = "$counted" ] || fail "$1: $counted of them are $logged times in the log"
    sessions_are 0 || fail "$1: there is a session"
    all_alive || fail "$1: a process has ended"
    echo "ok: $1"
}

expect_no_dtls() { # WHAT, of $server_command
    server_start
    expect_failure "$1" protocol "the server does not speak DTLS 1.2" "it does not speak DTLS 1.2 as a server"
    stop $server_pid
}

good_server=("${server_command[@]}")
server_command=(openssl s_server -dtls1 -accept "127.0.0.1:$server_port" -quiet -nocert -psk "$psk" -cipher PSK:@SECLEVEL=0)
expect_no_dtls "a server that speaks DTLS 1.0"
server_command=(openssl s_server -dtls1_2 -accept "127.0.0.1:$server_port" -quiet -nocert -psk "$psk" -cipher PSK-AES128-CBC-SHA)
expect_no_dtls "a server without CCM"
for type in 1 15 16; do # RFC 5246 7.4: the first is an echo (RFC 862)
    server_command=(/usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', $server_port))
while True:
    hello, peer = s.recvfrom(65536)
    s.sendto(hello[:13] + bytes([$type]) + hello[14:], peer)")
    expect_no_dtls "a server that sends ClientHello, CertificateVerify or ClientKeyExchange ($type)"
done

# It is on all addresses, and answers from the one that the kernel takes.
echo "kitchen:$psk" >"$work/passwords"
server_command=(gnutls-serv --udp -p $server_port --echo --pskpasswd "$work/passwords" --priority "$suite_gnutls")
server_start
ctl destination remove kitchen "$destination" >/dev/null
destination=coaps://127.0.0.2:$server_port
ctl destination add kitchen "$destination" "${server_proof[@]}" >/dev/null
strangers=$(counter relay drop_peer_unknown)
expect_failure "answers from another address" no_answer "the server does not answer" "it does not answer"
counter_above relay drop_peer_unknown "$strangers" || fail "nothing came from another address: nothing is proved"
stop $server_pid

# ---- too many ----

server_command=("${good_server[@]}")
server_start
ctl destination add kitchen "coaps://127.0.0.1:$server_port" "${server_proof[@]}" >/dev/null
rm -f "$work/kitchen.log"
node_start kitchen --push "coaps://127.0.0.1:$server_port" --push-interval 1 --watch "$destination" any
await 30 "the node may have one session" grep -qsE 'session [0-9]+$' "$work/kitchen.log"
await 30 "the node hears that it may have no other" has "$work/kitchen.log" "no session: the gateway refuses with 4.29"
stop "$(node_pid kitchen)"
counter_above keys outbound_too_many 0 || fail "that does not count"
[ "$(counter keys outbound_too_many)" = "$(grep -cF "the node has as many as it may" "$work/ssmd.log")" ] ||
    fail "that is counted $(counter keys outbound_too_many) times"
echo "ok: too many sessions"
