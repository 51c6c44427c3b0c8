#!/usr/bin/env bash
# The server name (RFC 6066 3) chooses the node as a port does: alice is granted two nodes, so that on the shared port
# her name alone is not enough. The gateway's own names choose nothing, any other is refused with unrecognized_name.
. "$(dirname "$0")/lib.sh"
gateway_with_nodes "server_names = home.example"

node_of_session() { # which node holds the one session
    query "', '.join(s['node'] for s in d)" session list
}

read_by_name() { # PORT SERVER-NAME NODE: a reading, and whose session it was
    s_client_start "$2" "$1" -servername "$2"
    send_get "$s_client_in" 1
    await 20 "'$2' is served" has_reply "$work/$2.out" 1
    [ "$(node_of_session)" = "$3" ] || fail "'$2' chose $(node_of_session), not $3"
    ctl session close "$3" "$(query "d[0]['handle']" session list)" >/dev/null
    await 20 "the session of '$2' ends" sessions_are 0
}

refused_by_name() { # PORT SERVER-NAME
    local before
    before=$(counter keys failed_name)
    s_client_start "$2" "$1" -servername "$2"
    await 20 "'$2' is refused" has "$work/$2.log" "alert number 112"
    [ "$(counter keys failed_name)" -gt "$before" ] || fail "the refusal of '$2' is not counted"
    exec {s_client_in}>&-
}

read_by_name $shared_port kitchen kitchen
read_by_name $shared_port bedroom.home.arpa bedroom
read_by_name $shared_port KITCHEN.local kitchen
read_by_name "$kitchen_port" kitchen.again kitchen
read_by_name "$kitchen_port" localhost kitchen
read_by_name "$kitchen_port" home.example kitchen
refused_by_name $shared_port cellar
refused_by_name "$kitchen_port" kitchens
refused_by_name "$kitchen_port" bedroom # which is not this port's node
has "$work/ssmd.log" "server name" || fail "the log does not say why"
[ "$(sessions)" = 0 ] || fail "a refused peer has a session"
echo "ok: six names served by the right node, three refused"
