#!/usr/bin/env bash
# outbound.sh SERVER CREDENTIAL [PROXY-OPTION...]: a node pushes into a stock server, whose client it is, with a PSK or with
# certificates on both sides (CREDENTIAL is psk or ecdsa); with options, through a proxy that impairs what crosses it.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/servers.sh"
servers_prepare "$1" "$2"
shift 2
server_start
if [ $# -gt 0 ]; then
    proxy_start server $proxy_port $server_port "$@"
    server_port=$proxy_port
fi
destination_add $server_port
push_start
push_await "the push"
[ "$(counter keys outbound_done)" -ge 1 ] || fail "outbound_done does not count"
