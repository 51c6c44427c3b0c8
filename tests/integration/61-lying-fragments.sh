#!/usr/bin/env bash
# Handshake fragments that lie about length and offset, before the honest ones and each in a handshake of its own, with
# keys and with certificates: whatever becomes of these handshakes, the gateway lives on, keeps nothing of them, and
# serves an honest client.
. "$(dirname "$0")/lib.sh"
lies=12 # of dtls_proxy.py
gateway_with_nodes "handshake_timeout_s = 4"
proxy_program=dtls_proxy.py proxy_start peer $proxy_port $kitchen_port --fragments lies
relay_before=$(process_of relay)
keys_before=$(process_of keys)

tell_lies() { # CREDENTIAL
    local i number liars through=0
    use_credential "$1"
    for ((i = 0; i < lies; i += 4)); do # a node has four slots
        liars=()
        for number in 1 2 3 4; do
            client_options="--timeout 2" request s_client $proxy_port get temperature 2>/dev/null >/dev/null &
            liars+=($!)
        done
        for number in "${liars[@]}"; do
            ! wait "$number" || through=$((through + 1))
        done
    done
    echo "$1: $through of $lies handshakes went through all the same"
}
tell_lies psk
tell_lies pinned

[ "$(process_of relay) $(process_of keys)" = "$relay_before $keys_before" ] || fail "a process of ssmd ended"
reading=$(request s_client "$kitchen_port" get temperature)
is_temperature "$reading" || fail "an honest client does not get through: '$reading'"

nothing_in_flight() {
    [ "$(query "sum(s['state'] in ('HANDSHAKING', 'KEYING') for s in d)" session list)" = 0 ]
}
await 20 "the liars' handshakes are gone" nothing_in_flight
