#!/usr/bin/env bash
# outbound-packed.sh SERVER CREDENTIAL: a server's first data, a CoAP ping, share a datagram with its last flight, before
# the node has the keys: they reach it all the same.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/servers.sh"
servers_prepare "$1" "$2"
proxy_program=dtls_proxy.py proxy_start server $proxy_port $server_port --pack down
destination_add $proxy_port
server_start
printf '\x40\x00\x12\x34' >&"$server_in" # an empty CON (RFC 7252 4.3)
push_start
push_await "the push"
is_ping_answered() {
    LC_ALL=C grep -qaP '\x70\x00\x12\x34' "$work/server.log"
}
await 30 "the ping is answered" is_ping_answered
# ChangeCipherSpec, Finished and application data, each of DTLS 1.2.
grep '^sent down' "$work/server.datagrams" | grep >/dev/null -E '14fefd0000.*16fefd0001.*17fefd0001' ||
    fail "no data shared a datagram with the last flight"
