# Sourced behind lib.sh by outbound*.sh: a gateway whose node kitchen pushes into a stock server, whose client it is.
. "$tests_dir/interop/certificates.sh"

server_plain_port=$((port_base + 16)) # of libcoap's servers: DTLS is on the next one
server_port=$((server_plain_port + 1))
server_key=key-of-servers-01
server_address=${server_address:-127.0.0.1} # or of IPv6
server_host=$server_address
[[ $server_address != *:* ]] || server_host=[$server_address]

# SERVER CREDENTIAL ["OPTION = VALUE"...]: starts the gateway and makes what proves who a server and its client are: a PSK,
# or certificates of one CA (CREDENTIAL is psk or ecdsa). $server_proof is what a destination wants, $server_command how the
# server starts.
servers_prepare() {
    server=$1
    case $server in
    s_server) need openssl openssl ;;
    gnutls-serv) need gnutls-serv gnutls-bin ;;
    coap-server-*) need "$server" libcoap3-bin ;;
    wolfssl_server) need wolfssl_server "libwolfssl-dev, and build" ;;
    *) fail "unknown server $server" ;;
    esac
    gateway_configure "${@:3}"
    gateway_start
    node_add kitchen
    "server_prove_by_$2"
}

server_prove_by_psk() {
    psk_write server $server_key
    server_proof=(--identity kitchen --psk-file "$work/server.psk")
    case $server in
    s_server) server_command=(openssl s_server -dtls1_2 -accept "$server_host:$server_port" -quiet
        -nocert -psk "$(psk_hex $server_key)" -cipher $suite_openssl) ;;
    gnutls-serv)
        echo "kitchen:$(psk_hex $server_key)" >"$work/server.passwords"
        server_command=(gnutls-serv --udp -p $server_port --echo --pskpasswd "$work/server.passwords"
            --priority "$suite_gnutls")
        ;;
    coap-server-*) server_command=("$server" -p $server_plain_port -A $server_address -d 10 -k $server_key) ;;
    *) fail "$server has no PSK" ;;
    esac
}

server_prove_by_ecdsa() {
    local ca=$pki/ca.crt cert=$pki/server.crt key=$pki/server.key
    certificates_init
    ca_make ca
    certificate_make server ca server usage=serverAuth "alt=IP:$server_address"
    certificate_make node ca node
    server_proof=(--ca "$ca" --cert "$pki/node.crt" --key "$pki/node.key")
    case $server in
    s_server) server_command=(openssl s_server -dtls1_2 -accept "$server_host:$server_port" -quiet
        -cert "$cert" -key "$key" -CAfile "$ca" -Verify 1 -verify_return_error
        -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0) ;;
    gnutls-serv) server_command=(gnutls-serv --udp -p $server_port --echo
        --x509certfile "$cert" --x509keyfile "$key" --x509cafile "$ca" --require-client-cert --verify-client-cert
        --priority NORMAL:-CIPHER-ALL:+AES-128-CCM-8:-VERS-ALL:+VERS-DTLS1.2) ;;
    coap-server-*) server_command=("$server" -p $server_plain_port -A $server_address -d 10 -c "$cert" -j "$key" -C "$ca") ;;
    wolfssl_server) server_command=(wolfssl_server "$cert" "$key" "$ca" $server_port) ;;
    esac
}

server_start() { # its standard input stays open: $server_in
    rm -f "$work/server.in" "$work/server.log"
    mkfifo "$work/server.in"
    exec {server_in}<>"$work/server.in"
    "${server_command[@]}" <&"$server_in" >"$work/server.log" 2>&1 9>&- &
    server_pid=$!
    started+=($server_pid)
    await 20 "the server listens" listens $server_port
}

destination_add() { # PORT: where kitchen takes the server to be
    destination=coaps://$server_host:$1
    ctl destination add kitchen "$destination" "${server_proof[@]}" >/dev/null
}

push_start() {
    rm -f "$work/kitchen.log"
    node_start kitchen --push "$destination" --push-interval 1
}

push_has_arrived() {
    case $server in
    coap-server-*) has "$work/kitchen.log" 'pushed, answered 2' ;;
    gnutls-serv) [ "$(query "d[0]['to_node'] if d else 0" session list)" -gt 0 ] ;; # it prints nothing, but echoes
    *) has "$work/server.log" readings ;;
    esac
}

push_await() { # WHAT: the session comes up and carries data
    await 60 "$1: the session is up" grep -qsE 'session [0-9]+$' "$work/kitchen.log"
    await 90 "$1: a push arrives" push_has_arrived
    [ "$(query "d[0]['direction']" session list)" = out ] || fail "$1: the session is not outbound"
}
