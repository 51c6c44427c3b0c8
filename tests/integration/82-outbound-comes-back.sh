#!/usr/bin/env bash
# Whatever ends a session in which a node is the client, its pushes arrive again by themselves: a server that closes it, is
# killed, is away for a while or moves to another address; a gateway that closes it, restarts, is killed, or loses `keys`
# during an attempt. The node says each time what it knows.
[ -n "${SSM_NET:-}" ] || exec env SSM_NET=own unshare --net --mount "$0" "$@"
. "$(dirname "$0")/lib.sh"
need_root
need coap-server-gnutls libcoap3-bin
shim=$(find "$build_dir" -name libfast_clock.so)
[ -n "$shim" ] || fail "no libfast_clock.so in $build_dir: build first"
ip link set lo up
gateway_configure "handshake_timeout_s = 5"
gateway_start
psk_write server $alice_key

server_start() { # NODE [ADDRESS]: the node's server; there its name leads from now on
    local address=${2:-127.0.0.1}
    addresses[$1]=$address
    for name in "${!addresses[@]}"; do
        echo "${addresses[$name]} $name.example"
    done >"$work/hosts"
    coap-server-gnutls -A "$address" -p $((server_port[$1] - 1)) -d 10 -k $alice_key </dev/null \
        >>"$work/server-$1.log" 2>&1 9>&- &
    server_pid[$1]=$!
    started+=($!)
    await 20 "the server of $1 listens" listens "${server_port[$1]}"
}

pushes_start() { # NODE
    local uri=coaps://$1.example:${server_port[$1]}
    node_add "$1"
    ctl destination add "$1" "$uri" --identity "$1" --psk-file "$work/server.psk" >/dev/null
    # A sanitizer would want to stand before the shim.
    LD_PRELOAD=$shim ASAN_OPTIONS=verify_asan_link_order=0 node_start "$1" --push "$uri" --push-interval 1
}

expect_pushes() { # NODE WHEN: answered from now on
    : >"$work/$1.log"
    await 60 "$2: pushes of $1 are answered" grep -q "pushed, answered 2" "$work/$1.log"
    [ "$(query "[r['direction'] for r in d if r['node'] == '$1']" session list)" = "['out']" ] ||
        fail "$2: $1 has other sessions than one: $(ctl session list)"
    all_alive || fail "$2: a process is missing"
    echo "ok: $2"
}

expect_word() { # NODE WHEN TEXT: what the node says of its session
    await 60 "$2: $1 finds out" has "$work/$1.log" "no session: $3"
}

close_session() { # NODE
    ctl session close "$1" "$(query "[r['handle'] for r in d if r['node'] == '$1'][0]" session list)" >/dev/null
}

declare -A server_pid addresses server_port=([kitchen]=$((port_base + 13)) [attic]=$((port_base + 15)) [cellar]=$((port_base + 17)))
echo >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
for node in kitchen attic cellar; do
    server_start $node
    pushes_start $node
done
for node in kitchen attic cellar; do
    expect_pushes $node "at first"
done

# ---- found out in silence, meanwhile ----

: >"$work/attic.log"
: >"$work/cellar.log"
stop "${server_pid[attic]}" KILL
server_start attic # and knows nothing of the session
stop "${server_pid[cellar]}" KILL
server_start cellar 127.0.0.2

# ---- told ----

: >"$work/kitchen.log"
stop "${server_pid[kitchen]}" INT
expect_word kitchen "a server that closes" "it has closed the session"
expect_word kitchen "a server that is away" "it does not answer"
server_start kitchen
expect_pushes kitchen "a server that was away"

: >"$work/kitchen.log"
close_session kitchen
expect_word kitchen "a session that the gateway closes" "the gateway has ended the session"
expect_pushes kitchen "a session that the gateway has closed"

# ---- gateways ----

gateway_stop
gateway_start
expect_pushes kitchen "the gateway has been restarted"
processes=("$(process_of keys)" "$(process_of relay)" "$(process_of resolve)" $gateway_pid)
kill -s KILL "${processes[@]}"
for process in "${processes[@]}"; do
    await 20 "the gateway is gone" is_gone "$process"
done
gateway_start
expect_pushes kitchen "the gateway has been killed"

keys=$(process_of keys)
kill -s KILL "$keys"
await 20 "keys comes back" is_restarted keys "$keys"
expect_pushes kitchen "keys has been killed"

: >"$work/kitchen.log"
stop "${server_pid[kitchen]}" INT
await 60 "an attempt" has "$work/kitchen.log" "the gateway is trying"
keys=$(process_of keys)
kill -s KILL "$keys"
await 20 "keys comes back" is_restarted keys "$keys"
server_start kitchen
expect_pushes kitchen "keys has been killed during an attempt"

# ---- those that have had to find out ----

expect_word attic "a server that was killed" "it has stopped answering"
expect_pushes attic "a server that was killed"
expect_word cellar "a server that has moved" "it has stopped answering"
expect_pushes cellar "a server that has moved"
ctl session list | grep -F "127.0.0.2:${server_port[cellar]}" >/dev/null || fail "that is not where the server is"
