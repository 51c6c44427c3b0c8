#!/usr/bin/env bash
# outbound.sh SERVER CREDENTIAL [PROXY-OPTION...]: a node pushes into a stock server, whose client it is, with a PSK or with
# certificates on both sides (CREDENTIAL is psk or ecdsa); with options, through a proxy that loses datagrams.
. "$(dirname "$0")/../integration/lib.sh"
server=$1
credential=$2
shift 2
plain_port=$((port_base + 16)) # of libcoap's servers: DTLS is on the next one
server_port=$((plain_port + 1))
server_key=key-of-servers-01
gateway_configure
gateway_start
node_add kitchen

if [ "$credential" = psk ]; then
    need "${server/s_server/openssl}" "its package, see scripts/setup test"
    printf '%s\n' $server_key >"$work/server.psk"
    chmod 600 "$work/server.psk"
    proof=(--identity kitchen --psk-file "$work/server.psk")
else
    mkdir -p "$pki"
    openssl ecparam -name prime256v1 -genkey -noout -out "$pki/ca.key"
    # The configuration that clients need, see lib.sh, would leave out that it is a CA.
    OPENSSL_CONF=/etc/ssl/openssl.cnf openssl req -x509 -new -key "$pki/ca.key" -subj /CN=ca -days 5 -out "$pki/ca.crt" 2>/dev/null
    for name in server node; do
        openssl ecparam -name prime256v1 -genkey -noout -out "$pki/$name.key"
        openssl req -new -key "$pki/$name.key" -subj /CN=$name -out "$pki/$name.csr" 2>/dev/null
        openssl x509 -req -in "$pki/$name.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -sha256 -days 5 \
            -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$pki/$name.crt" 2>/dev/null
    done
    proof=(--ca "$pki/ca.crt" --cert "$pki/node.crt" --key "$pki/node.key")
fi

mkfifo "$work/server.in"
exec {server_in}<>"$work/server.in" # its standard input stays open
case $server-$credential in
s_server-psk)
    command=(openssl s_server -dtls1_2 -accept "127.0.0.1:$server_port" -nocert -psk "$(psk_hex $server_key)"
        -cipher $suite_openssl -quiet)
    ;;
s_server-ecdsa)
    command=(openssl s_server -dtls1_2 -accept "127.0.0.1:$server_port" -cert "$pki/server.crt" -key "$pki/server.key"
        -CAfile "$pki/ca.crt" -Verify 1 -verify_return_error -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0 -quiet)
    ;;
gnutls-serv-psk)
    echo "kitchen:$(psk_hex $server_key)" >"$work/server.passwords"
    command=(gnutls-serv --udp -p $server_port --pskpasswd "$work/server.passwords" --priority "$suite_gnutls" --echo)
    ;;
gnutls-serv-ecdsa)
    command=(gnutls-serv --udp -p $server_port --x509certfile "$pki/server.crt" --x509keyfile "$pki/server.key"
        --x509cafile "$pki/ca.crt" --require-client-cert --verify-client-cert --echo
        --priority "NORMAL:-CIPHER-ALL:+AES-128-CCM-8:-VERS-ALL:+VERS-DTLS1.2")
    ;;
coap-server-*-psk) command=("$server" -p $plain_port -A 127.0.0.1 -d 10 -k $server_key) ;;
coap-server-*-ecdsa)
    command=("$server" -p $plain_port -A 127.0.0.1 -d 10 -c "$pki/server.crt" -j "$pki/server.key" -C "$pki/ca.crt")
    ;;
*) fail "unknown server $server or credential $credential" ;;
esac
"${command[@]}" <&$server_in >"$work/server.log" 2>&1 9>&- &
started+=($!)
server_listens() {
    ss -Hlun "sport = :$server_port" | grep >/dev/null .
}
await 10 "the server listens" server_listens

if [ $# -gt 0 ]; then
    proxy_start server $proxy_port $server_port "$@"
    server_port=$proxy_port
fi
uri=coaps://127.0.0.1:$server_port
ctl destination add kitchen "$uri" "${proof[@]}" >/dev/null
node_start kitchen --push "$uri" --push-interval 1
await 60 "the session is up" grep -qE "session [0-9]+$" "$work/kitchen.log"
case $server in
coap-server-*) await 30 "a push is answered" grep -q 'pushed, answered 2' "$work/kitchen.log" ;;
gnutls-serv) ;; # which prints no data
*) await 30 "the server has the push in clear" has "$work/server.log" readings ;;
esac
[ "$(query "d[0]['direction']" session list)" = out ] || fail "the session is not outbound"
[ "$(counter keys outbound_done)" -ge 1 ] || fail "outbound_done does not count"
