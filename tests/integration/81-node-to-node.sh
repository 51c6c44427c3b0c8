#!/usr/bin/env bash
# A node reads and observes another, as client of one gateway and as server of another, on hosts of their own: with a PSK
# and with certificates on both sides. Then both are behind one gateway. What it pushes gets there, too.
[ -n "${SSM_NET:-}" ] || exec env SSM_NET=own unshare --net "$0" "$@"
. "$(dirname "$0")/lib.sh"
need_root
houses_make
house_start north kitchen
house_start south bedroom "server_names = south.example"
names_set north "127.0.0.1 localhost" "${gateway_address[south]} bedroom.south.example"
bedroom_port=$(at south port_of bedroom)
kitchen_port=$(at north port_of kitchen)

psk_write alice $alice_key
at south subscriber_add alice $alice_key bedroom

values() { # NODE [GATEWAY]: that its server has told it
    sed -n 's/.*: temperature 2\.05 //p' "$work/${2:-north}/$1.log"
}

has_values() { # NODE COUNT [GATEWAY]: so many different ones
    [ "$(values "$1" "${3:-}" | sort -u | wc -l)" -ge "$2" ]
}

# The node that knows the server's temperature says what a stock client reads there.
says_the_same() { # NODE CLIENT-HOST ADDRESS PORT
    local reading
    reading=$(client_net=$(on "$2") host=$3 request coap-client-gnutls "$4" get temperature)
    is_temperature "$reading" && [ "$(values "$1" | tail -n 1)" = "$reading" ]
}

sessions_of() { # GATEWAY: direction, node and peer of each session
    at "$1" query "' '.join(sorted(r['direction'] + '=' + r['node'] + '=' + r['peer'] for r in d))" session list
}

# ---- two gateways ----

expect_conversation() { # WHAT SUBSCRIBER: from now on
    : >"$work/north/kitchen.log"
    await 40 "$1: the kitchen has values of the bedroom" has_values kitchen 1
    await 40 "$1: the values change" has_values kitchen 2
    await 30 "$1: they are the bedroom's" says_the_same kitchen south "${gateway_address[south]}" "$bedroom_port"
    # A light takes no temperature, and says so.
    await 20 "$1: the bedroom answers what is pushed" grep -q "pushed, answered 4\.00" "$work/north/kitchen.log"
    local wanted
    wanted="out=kitchen=${gateway_address[south]}:$bedroom_port"
    [ "$(sessions_of north)" = "$wanted" ] || fail "$1: north lists $(sessions_of north), not $wanted"
    wanted="in=bedroom=${gateway_address[north]}:$kitchen_port"
    sessions_of south | tr ' ' '\n' | grep -xF "$wanted" >/dev/null || fail "$1: south lists no $wanted: $(sessions_of south)"
    [ "$(at south query "[r['subscriber'] for r in d if r['peer'] == '${gateway_address[north]}:$kitchen_port'][0]" \
        session list)" = "$2" ] || fail "$1: it is not $2's"
    at north all_alive && at south all_alive || fail "$1: a process has ended"
    echo "ok: $1"
}

uri=coaps://bedroom.south.example:$bedroom_port
at north ctl destination add kitchen "$uri" --identity alice --psk-file "$work/alice.psk" >/dev/null
house_node_start south bedroom
house_node_start north kitchen --watch "$uri" temperature --push "$uri" --push-path light --push-interval 1
at south node_await bedroom
expect_conversation "with a PSK" alice

# The tombstone that the south has kept reaches the kitchen as the bedroom's farewell.
at south ctl session close bedroom "$(at south query "[r['handle'] for r in d if r['peer'].endswith(':$kitchen_port')][0]" \
    session list)" >/dev/null
await 20 "the kitchen is told" has "$work/north/kitchen.log" "it has closed the session"
expect_conversation "after a tombstone" alice

# Another credential: the session ends, and the kitchen asks again until it has one.
at south ca_init
at south ctl ca issue carol --out "$work/south" >/dev/null
at south ctl subscriber add carol --subject carol --node bedroom >/dev/null
at north ctl destination remove kitchen "$uri" >/dev/null
await 20 "the kitchen is told" has "$work/north/kitchen.log" "the gateway has ended the session"
at north ctl destination add kitchen "$uri" --ca "$work/south/ca.crt" --cert "$work/south/carol.crt" \
    --key "$work/south/carol.key" >/dev/null
expect_conversation "with certificates" carol

# Each is the other's client and server at the same time: the second to call does so from the shared port.
at north subscriber_add bob $bob_key kitchen
psk_write bob $bob_key
kitchen_uri=coaps://${gateway_address[north]}:$kitchen_port
at south ctl destination add bedroom "$kitchen_uri" --identity bob --psk-file "$work/bob.psk" >/dev/null
stop "$(node_pid bedroom)"
house_node_start south bedroom --watch "$kitchen_uri" temperature
await 90 "the bedroom has values of the kitchen" has_values bedroom 2 south
: >"$work/north/kitchen.log"
await 90 "the kitchen has values of the bedroom meanwhile" has_values kitchen 2
count_of_sessions=$(at south query "len([r for r in d if r['peer'].startswith('${gateway_address[north]}:')])" session list)
[ "$count_of_sessions" = 2 ] || fail "each the other's client: south lists $(sessions_of south)"
echo "ok: each is the other's client"

# ---- one gateway ----

at north node_add attic
at north subscriber_add alice $alice_key attic
attic_port=$(at north port_of attic)
uri=coaps://${gateway_address[north]}:$attic_port
stop "$(node_pid kitchen)"
at north ctl destination add kitchen "$uri" --identity alice --psk-file "$work/alice.psk" >/dev/null
house_node_start north attic
: >"$work/north/kitchen.log"
house_node_start north kitchen --watch "$uri" temperature
await 40 "the kitchen has values of the attic" has_values kitchen 1
wanted="in=attic=${gateway_address[north]}:$kitchen_port out=kitchen=${gateway_address[north]}:$attic_port"
[[ " $(sessions_of north) " = *" ${wanted% *} "* && " $(sessions_of north) " = *" ${wanted#* } "* ]] ||
    fail "listed is $(sessions_of north), wanted $wanted"
await 40 "the values change" has_values kitchen 2
await 30 "they are the attic's" says_the_same kitchen north "${gateway_address[north]}" "$attic_port"
at north all_alive || fail "a process has ended"
echo "ok: behind one gateway"
