#!/usr/bin/env bash
# outbound-ipv6.sh SERVER CREDENTIAL: a node pushes into a stock server that is known by its IPv6 address.
. "$(dirname "$0")/../integration/lib.sh"
server_address=::1
. "$(dirname "$0")/servers.sh"
servers_prepare "$1" "$2" "peer_address = ::"
server_start
destination_add $server_port
push_start
push_await "the push"
[ "$(query "d[0]['peer']" session list)" = "[::1]:$server_port" ] || fail "the peer is not that address"
