#!/usr/bin/env bash
# outbound-observe.sh SERVER CREDENTIAL: a node observes a resource of a stock CoAP server, whose client it is, and hears of
# its changes.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/servers.sh"
servers_prepare "$1" "$2"
server_start
destination_add $server_port
node_start kitchen --watch "$destination" time

values_are() { # COUNT: so many different ones
    [ "$(sed -n 's/.*: time 2\.05 //p' "$work/kitchen.log" | sort -u | wc -l)" -ge "$1" ]
}
await 60 "notifications arrive" values_are 3
[ "$(query "d[0]['direction']" session list)" = out ] || fail "the session is not outbound"
