#!/usr/bin/env bash
# outbound-lost-flights.sh SERVER CREDENTIAL: as outbound.sh; each flight of the handshake is lost once, then the key block
# on the node's link, then its acknowledgement: the session comes up each time, and carries data. Without flight 6 of
# wolfSSL's server, which contrary to RFC 6347 4.2.4 answers no repeated flight 5, it takes the node's second attempt.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/servers.sh"
servers_prepare "$1" "$2" "handshake_timeout_s = 10"
destination_add $proxy_port
node_link=$((proxy_port + 1))

end_all_but() { # COUNT: what was started first
    while [ ${#started[@]} -gt "$1" ]; do
        stop "${started[-1]}" || fail "process ${started[-1]} did not end on SIGTERM"
        unset 'started[-1]'
    done
}

count=${#started[@]}
for flight in 1 2 3 4 5 6 key-block acknowledgement; do
    proxy_start server $proxy_port $server_port --lose-flight $flight
    proxy_start link $node_link $link_port --lose-flight $flight
    server_start
    push_start
    push_await "without $flight"
    grep -h ' lost ' "$work"/{server,link}.datagrams >/dev/null || fail "$flight was not lost"
    stop "$(node_pid kitchen)"
    ctl session close kitchen "$(query "d[0]['handle']" session list)" >/dev/null
    await 20 "the session without $flight ends" sessions_are 0
    end_all_but "$count"
done
