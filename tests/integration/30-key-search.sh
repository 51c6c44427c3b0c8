#!/usr/bin/env bash
# Which process of the gateway holds what, searched for in core dumps of all, with the true values from the peer. Before
# the node has its key block: the traffic keys are in `keys` and nowhere else (which shows that the search finds), and
# would not be in a dump that heeds what the process asked for. After the node's acknowledgement: no 8-byte window of
# them, of the master secret or of the premaster is in any process. No PSK is ever in `relay` or the parent.
#   30-key-search.sh [psk | certificate]      what the peer has; the premaster of ECDHE is nowhere to be had
. "$(dirname "$0")/lib.sh"
need gcore gdb
need_root
gateway_configure "handover_timeout_s = 120"
gateway_start
node_add kitchen
subscriber_add alice $alice_key kitchen
kitchen_port=$(port_of kitchen)

dump() { # MOMENT: core dumps of the three processes
    local role pid
    for role in parent relay keys; do
        pid=$gateway_pid
        [ $role = parent ] || pid=$(process_of $role)
        # -a: all of the memory, that which asks not to be dumped included
        dump_process "$role.$1" "$pid" -a
    done
}

dump_process() { # NAME PID [OPTION...]
    local name=$1 pid=$2
    shift 2
    gcore "$@" -o "$work/$name" "$pid" >"$work/gcore.log" 2>&1 || fail "gcore of $name"
    mv "$work/$name.$pid" "$work/$name"
}

search() { # MOMENT ROLE WHAT...: prints what was found
    local moment=$1 role=$2
    shift 2
    "$tests_dir/integration/key_search.py" --keylog "$work/keylog" --messages "$work/messages" \
        --psk "$(psk_hex $alice_key)" --node-psk "$(cat "$work/kitchen.key")" "$work/$role.$moment" "$@"
}

nowhere() { # MOMENT ROLE WHAT...
    local found
    found=$(search "$@")
    [ -z "$found" ] || fail "in $2, $1: $found"
}

credential=()
if [ "${1:-psk}" = certificate ]; then
    ctl ca init >/dev/null
    ctl ca issue carol --out "$work" >/dev/null
    ctl subscriber add carol --cert "$work/carol.crt" --node kitchen >/dev/null
    credential=(-cert "$work/carol.crt" -key "$work/carol.key" -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0)
fi

# The handshake ends, and waits for the node, which is off.
s_client_start peer $kitchen_port "${credential[@]}" -keylogfile "$work/keylog" -msg -msgfile "$work/messages"
await 10 "the peer has derived the keys" test -s "$work/keylog"
await 10 "the peer's Finished is sent" has "$work/messages" "14 00 00 0c" # RFC 5246 7.4.9
sleep 0.5
dump before
[ "$(search before keys traffic-keys | wc -w)" = 2 ] || fail "keys does not hold the traffic keys: nothing is proved"
dump_process keys.asked "$(process_of keys)"
nowhere asked keys traffic-keys master premaster psk node-psk
nowhere before relay traffic-keys master premaster psk node-psk
nowhere before parent traffic-keys master premaster psk node-psk
[ "$(sessions)" -le 1 ] || fail "more than the one session"

node_start kitchen
send_get "$s_client_in" 1
await 20 "the session carries data" has_reply "$work/peer.out" 1
dump after
for role in parent relay keys; do
    nowhere after $role traffic-keys master premaster
done
nowhere after relay psk node-psk
nowhere after parent psk node-psk
send_get "$s_client_in" 2
await 5 "the session lives" has_reply "$work/peer.out" 2
echo "ok: found in keys before the hand-over, nowhere after it"
