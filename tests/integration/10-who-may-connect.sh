#!/usr/bin/env bash
# Who may not connect gets the right alert in bounded time; a counter and a log line say so, and no session is left.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes "handover_timeout_s = 2"

# WHAT ALERT COUNTER LOGGED PORT [OPTION...]: one attempt with openssl s_client that must end with ALERT.
refused() {
    local what=$1 alert=$2 counter=$3 logged=$4 port=$5 before log_lines
    shift 5
    before=$(counter keys "$counter")
    log_lines=$(wc -l <"$work/ssmd.log")
    timeout 15 openssl s_client "${version:--dtls1_2}" -connect "127.0.0.1:$port" \
        -psk "$(psk_hex "${key:-$alice_key}")" -psk_identity "${as:-alice}" \
        -cipher "${suite:-$suite_openssl}" -nbio </dev/null >"$work/refused.log" 2>&1 &&
        fail "$what: connected"
    has "$work/refused.log" "SSL alert number $alert" || fail "$what: not alert $alert"
    await 20 "$what: counter $counter" counter_above keys "$counter" "$before"
    sessions_are 0 || fail "$what: a session is left"
    [ -z "$logged" ] || tail -n +"$((log_lines + 1))" "$work/ssmd.log" | grep >/dev/null -F -- "$logged" ||
        fail "$what: nothing about '$logged' in the log"
    echo "ok: $what"
}

# RFC 7925 6, RFC 5246 7.2.2
as=mallory refused "unknown identity" 51 failed_identity "mallory" "$kitchen_port"
key=key-of-nobody-001 refused "wrong key" 20 failed_key "key for this identity" "$kitchen_port"
as=bob key=$bob_key refused "not granted" 40 failed_grant "not granted" "$kitchen_port"
refused "several nodes granted, shared port" 40 failed_grant "shared port" "$shared_port"
suite=PSK-AES128-GCM-SHA256 refused "no common suite" 40 failed_handshake "" "$kitchen_port"
version=-dtls1 suite=PSK-AES128-CBC-SHA:@SECLEVEL=0 refused "DTLS 1.0 only" 70 failed_handshake "" "$kitchen_port"

stop "$(node_pid kitchen)" || fail "ssm-node did not end on SIGTERM"
refused "node gone" 80 failed_node "does not answer" "$kitchen_port"

# A node that was never there, and one that is there no more.
node_add attic
subscriber_add carol key-of-carol-0001 attic
as=carol key=key-of-carol-0001 refused "node never seen" 80 failed_node "" "$(port_of attic)"
attic_port=$(port_of attic)
ctl node remove attic >/dev/null
await 20 "the port of a removed node is closed" bash -c \
    "! ss -Hlun 'sport = :$attic_port' | grep >/dev/null ."

# The same subscriber, the right way.
reading=$(request coap-client-openssl "$bedroom_port" get temperature)
is_temperature "$reading" || fail "an honest client does not get through: '$reading'"
