#!/usr/bin/env bash
# A node pushes its readings into stock CoAP servers, through sessions in which it is the client: with PSKs and with
# certificates on both sides. And whatever can go wrong with a server is told apart: to the node, by a counter, in the log.
. "$(dirname "$0")/lib.sh"
. "$tests_dir/interop/certificates.sh"
need coap-server-openssl libcoap3-bin
need coap-server-gnutls libcoap3-bin
need openssl openssl

server_key=key-of-servers-01
plain_port=$((port_base + 16)) # and the next one for DTLS

gateway_configure "handshake_timeout_s = 10"
gateway_start
node_add kitchen
psk_write server $server_key
psk_write other another-key-00001

server_start() { # PROGRAM [OPTION...]: on $plain_port + 1
    local program=$1
    shift
    "$program" -p "$plain_port" -A 127.0.0.1 -d 10 -v 7 "$@" </dev/null >"$work/server.log" 2>&1 9>&- &
    server_pid=$!
    started+=($server_pid)
    await 20 "the server listens" listens $((plain_port + 1))
}

uri() { # [HOST]
    echo "coaps://${1:-127.0.0.1}:$((plain_port + 1))"
}

# URI WORD...: a destination of kitchen's for as long as the next push
destination=
destination_set() {
    [ -z "$destination" ] || ctl destination remove kitchen "$destination" >/dev/null
    destination=$1
    shift
    ctl destination add kitchen "$destination" "$@" >/dev/null
}

psk_set() { # NAME-OF-KEY
    destination_set "$(uri)" --identity kitchen --psk-file "$work/$1.psk"
}

push_start() { # URI
    rm -f "$work/kitchen.log"
    node_start kitchen --push "$1" --push-interval 1
}

push_stop() {
    stop "$(node_pid kitchen)"
}

expect_push() { # WHAT
    push_start "$destination"
    await 40 "$1: a push is answered" grep -qE "pushed, answered 2\.0[14]" "$work/kitchen.log"
    [ "$(query "d[0]['direction']" session list)" = out ] || fail "$1: the session is not outbound"
    [ "$(query "d[0]['destination']" session list)" = "$destination" ] || fail "$1: no destination is shown"
    push_stop
    ctl session close kitchen "$(query "d[0]['handle']" session list)" >/dev/null
    await 20 "$1: the session ends" sessions_are 0
}

# WHAT COUNTER TEXT: an attempt at $destination fails, is counted and logged, and the node hears why
expect_failure() {
    local what=$1 counter=$2 text=$3 before lines
    before=$(counter keys "$counter")
    lines=$(grep -cF "$text" "$work/ssmd.log" || true)
    push_start "$destination"
    await 60 "$what: $counter counts" counter_above keys "$counter" "$before"
    await 20 "$what: the log tells" logged_more_than "$lines" "$text"
    await 20 "$what: the node hears" has "$work/kitchen.log" "$4"
    push_stop
    [ "$(sessions)" = 0 ] || fail "$what: there is a session"
    all_alive || fail "$what: a process has ended"
}

logged_more_than() { # COUNT TEXT
    [ "$(grep -cF "$2" "$work/ssmd.log" || true)" -gt "$1" ]
}

# ---- PSKs ----

for program in coap-server-openssl coap-server-gnutls; do
    server_start $program -k $server_key
    psk_set server
    expect_push "$program with a PSK"
    psk_set other
    expect_failure "$program with another PSK" outbound_failed_wrong_psk "the server has another PSK" "another PSK"
    stop $server_pid
done
psk_set server
expect_failure "no server" outbound_failed_no_answer "the server does not answer" "it does not answer"

# ---- what is no destination ----

push_start "coaps://127.0.0.1:9"
await 20 "a forbidden server counts" counter_above keys outbound_forbidden 0
await 20 "a forbidden server is logged" has "$work/ssmd.log" "no destination of this node"
await 20 "the node hears that it is forbidden" has "$work/kitchen.log" "4.03"
push_stop
push_start "coap://127.0.0.1:5683"
await 20 "a malformed URI counts" counter_above keys outbound_malformed 0
await 20 "a malformed URI is logged" has "$work/ssmd.log" "no URI of a server"
await 20 "the node hears that it is malformed" has "$work/kitchen.log" "4.00"
push_stop
destination_set coaps://no-such-host.invalid --identity kitchen --psk-file "$work/server.psk"
expect_failure "no such name" outbound_failed_no_name "name cannot be resolved" "does not resolve"

# ---- certificates ----

certificates_init
ca_make ours
ca_make theirs
here=DNS:localhost,IP:127.0.0.1
certificate_make node ours kitchen
certificate_make server ours server usage=serverAuth alt=$here
certificate_make elsewhere ours elsewhere usage=serverAuth alt=DNS:elsewhere.example,IP:192.0.2.7
certificate_make foreign theirs foreign usage=serverAuth alt=$here
certificate_make old ours old usage=serverAuth alt=$here dates=20200101000000Z-20210101000000Z
openssl req -x509 -new -key "$pki/server.key" -subj /CN=localhost -addext subjectAltName=$here \
    -days 5 -out "$pki/alone.crt" 2>/dev/null
cp "$pki/server.key" "$pki/alone.key"

certificate_server() { # PROGRAM NAME
    server_start "$1" -c "$pki/$2.crt" -j "$pki/$2.key" -C "$pki/ours.crt"
}

certificate_set() { # URI
    destination_set "$1" --ca "$pki/ours.crt" --cert "$pki/node.crt" --key "$pki/node.key"
}

for program in coap-server-openssl coap-server-gnutls; do
    certificate_server $program server
    certificate_set "$(uri localhost)"
    expect_push "$program with certificates, by name"
    certificate_set "$(uri)"
    expect_push "$program with certificates, by address"
    stop $server_pid
done

# CERTIFICATE HOST COUNTER LOG NODE
while read -r certificate host counter log node; do
    certificate_server coap-server-openssl "$certificate"
    certificate_set "$(uri "$host")"
    expect_failure "certificate $certificate as $host" "outbound_failed_$counter" "${log//_/ }" "${node//_/ }"
    stop $server_pid
done <<END
elsewhere localhost other_name is_for_another_name for_another_name
elsewhere 127.0.0.1 other_name is_for_another_name for_another_name
foreign localhost foreign_ca none_of_the_destination foreign_CA
old localhost expired has_expired has_expired
alone localhost self_signed is_self-signed is_self-signed
END
echo "ok"
