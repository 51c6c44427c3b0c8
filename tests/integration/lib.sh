# Sourced by every script of tests/integration and tests/interop: an isolated gateway with simulated nodes.
#
# Each script gets a directory and a block of ports of its own on 127.0.0.1, and leaves neither process nor file behind.
# The programs come from $SSM_BUILD (default: build/dev). SSM_KEEP=1 keeps the directory.

set -Eeuo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tests_dir=$source_dir/tests
build_dir=${SSM_BUILD:-$source_dir/build/dev}
work=$(mktemp -d /tmp/ssm-test.XXXXXX)
chmod 755 "$work"
scratch=$work # all of it: `work` may stand for a part, see "two gateways"
started=() # process ids, youngest last
echo "again: $(basename "$(dirname "$(realpath "$0")")")/$(basename "$0")${*:+ $*}   (in $work)"

# ---- ends ----

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

show_logs() {
    local log
    for log in "$scratch"/*.log "$scratch"/*/*.log; do
        if [ -s "$log" ]; then
            echo "--- ${log#"$scratch"/}"
            tail -n 25 "$log"
        fi
    done
}

stop() { # PID [SIGNAL]: ends a process that we started, within 5 s
    local pid=$1 tries
    # A test may have stopped it. First: a leak check at the end, which stops it too, does not survive being continued.
    kill -s CONT "$pid" 2>/dev/null || return 0
    kill -s "${2:-TERM}" "$pid" 2>/dev/null || return 0
    for tries in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -s KILL "$pid"
    return 1
}

finish() { # [STATUS]: the end of a script, by a trap
    local status=${1:-$?} i
    trap - EXIT ERR
    trap '' INT TERM HUP
    [[ $status =~ ^(0|130|143)$ ]] || show_logs >&2
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        if ! stop "${started[i]}"; then
            echo "FAILED: process ${started[i]} did not end on SIGTERM" >&2
            status=1
        fi
    done
    if [ -n "${SSM_KEEP:-}" ]; then
        echo "kept: $scratch"
    else
        rm -rf "$scratch"
    fi
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'echo "FAILED: ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR

attended() { # COMMAND...: runs it; a signal to us ends it, for which bash would otherwise wait until it ends by itself
    "$@" 9>&- &
    started+=($!)
    wait $!
}

# ---- small tools ----

need() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null || fail "$1 is missing: apt-get install $2 (or scripts/setup test)"
}

need_root() {
    [ "$(id -u)" -eq 0 ] || fail "this test reads the memory or changes the account of ssmd: run it as root"
}

program() { # NAME: path of one of our programs
    local path
    path=$(find "$build_dir" -name "$1" -type f -perm -u+x 2>/dev/null)
    [ -n "$path" ] || fail "no $1 in $build_dir: build first (cmake --preset dev && cmake --build --preset dev)"
    echo "$path"
}

within() { # SECONDS COMMAND...: repeats the command until it succeeds
    local deadline=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

await() { # SECONDS WHAT COMMAND...: within, or the test fails
    local seconds=$1 what=$2
    shift 2
    within "$seconds" "$@" || fail "$what: not within $seconds s"
}

# In a pipe: grep >/dev/null, not grep -q, which stops reading; the writer would then fail, and with it the pipe.
has() { # FILE TEXT
    grep -qsaF -- "$2" "$1"
}

psk_write() { # NAME KEY: $work/NAME.psk
    printf '%s\n' "$2" >"$work/$1.psk"
    chmod 600 "$work/$1.psk"
}

psk_hex() { # TEXT
    printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# A block of 20 UDP ports, ours while this shell lives: the lock is on descriptor 9.
claim_ports() {
    local block
    mkdir -p /tmp/ssm-test-ports
    for block in $(seq 0 299); do
        exec 9>"/tmp/ssm-test-ports/$block"
        port_base=$((24000 + block * 20))
        if flock -n 9 && ports_are_free; then
            return
        fi
    done
    fail "no block of free ports"
}

ports_are_free() {
    ! ss -Hlun | awk '{ sub(/.*:/, "", $4); print $4 }' |
        awk -v from="$port_base" '$1 >= from && $1 < from + 20 { found = 1 } END { exit !found }'
}

# From 3.2 on, OpenSSL's clients do not offer the one suite that nodes speak unless they are told to.
if ! openssl version | grep >/dev/null -E '^OpenSSL 3\.[01]\.'; then
    export OPENSSL_CONF=$tests_dir/integration/openssl.cnf
fi

# ---- the gateway ----

ssmd=$(program ssmd)
ssmctl=$(program ssmctl)
ssm_node=$(program ssm-node)
need ss iproute2
need flock util-linux
claim_ports
link_port=$port_base
shared_port=$((port_base + 1))
node_port_first=$((port_base + 2))
proxy_port=$((port_base + 18)) # and the next one
node_link=$link_port           # where nodes send to: the gateway, or a proxy before it

gateway_configure() { # ["OPTION = VALUE"...]
    cat >"$work/ssmd.conf" <<END
state_dir = $work/state
admin_socket = $work/admin.sock
admin_group =
user =
peer_address = 127.0.0.1
shared_port = $shared_port
node_ports = $node_port_first-$((port_base + 15))
link_address = 127.0.0.1
link_port = $link_port
END
    local line
    for line in "$@"; do # the last word on an option counts: replace what stands there
        sed -i "/^${line%% *} =/d" "$work/ssmd.conf"
        echo "$line" >>"$work/ssmd.conf"
    done
}

gateway_start() {
    ${gateway_net:-} "$ssmd" --config "$work/ssmd.conf" --foreground </dev/null >>"$work/ssmd.log" 2>&1 9>&- &
    gateway_pid=$!
    started+=($gateway_pid)
    await 20 "ssmd answers ssmctl" gateway_answers
}

gateway_answers() {
    kill -0 $gateway_pid 2>/dev/null || fail "ssmd ended at its start"
    ctl status >/dev/null 2>&1
}

gateway_stop() {
    local children
    children=$(pgrep -P $gateway_pid || fail "ssmd has no children")
    stop $gateway_pid || fail "ssmd did not end within 5 s of SIGTERM"
    local child
    for child in $children; do
        await 20 "child $child of ssmd ends with it" is_gone "$child"
    done
}

listens() { # PORT
    ss -Hlun "sport = :$1" | grep >/dev/null .
}

is_gone() { # PID
    ! kill -0 "$1" 2>/dev/null
}

process_of() { # ROLE: its process id
    pgrep -P $gateway_pid -x "ssmd-$1"
}

is_restarted() { # ROLE OLD-PID: another process has taken the place of that one
    local pid
    pid=$(process_of "$1") && [ "$pid" != "$2" ]
}

log_says_once() { # TEXT
    local times
    times=$(grep -cF -- "$1" "$work/ssmd.log" || true)
    [ "$times" = 1 ] || fail "the log says $times times: $1"
}

ctl() {
    "$ssmctl" --socket "$work/admin.sock" "$@"
}

query() { # EXPRESSION ARGS...: evaluates a Python expression over ssmctl's JSON reply `d`
    local expression=$1
    shift
    ctl -o json "$@" | /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($expression)"
}

counter() { # relay|keys NAME
    query "d['$1']['$2']" status
}

counter_above() { # relay|keys NAME VALUE
    [ "$(counter "$1" "$2")" -gt "$3" ]
}

sessions() {
    query "len(d)" session list
}

sessions_are() {
    [ "$(sessions)" = "$1" ]
}

all_alive() {
    kill -0 $gateway_pid && process_of relay >/dev/null && process_of keys >/dev/null
}

# ---- nodes and subscribers ----

node_add() { # NAME
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$work/$1.key"
    chmod 600 "$work/$1.key"
    ctl node add "$1" --psk-file "$work/$1.key" >/dev/null
}

node_start() { # NAME [OPTION...]
    node_start_on "$1" --gateway "127.0.0.1:$node_link" "${@:2}"
}

node_start_on() { # NAME --gateway|--serial LINK [OPTION...]
    local name=$1
    shift
    ${node_net:-} "$ssm_node" "$@" --id "$name" --key-file "$work/$name.key" --state "$work/node-$name" --observe-interval 1 --verbose \
        </dev/null >>"$work/$name.log" 2>&1 9>&- &
    declare -g "node_pid_$name=$!"
    started+=($!)
}

node_pid() {
    local variable=node_pid_$1
    echo "${!variable}"
}

node_is_associated() {
    [ "$(query "d['associated']" node show "$1")" = True ]
}

node_await() { # NAME
    await 30 "node $1 associates" node_is_associated "$1"
}

port_of() { # NAME
    query "d['port']" node show "$1"
}

subscriber_add() { # NAME KEY NODE...
    local name=$1 grants=() node
    psk_write "$1" "$2"
    shift 2
    for node in "$@"; do
        grants+=(--node "$node")
    done
    ctl subscriber add "$name" --psk-file "$work/$name.psk" "${grants[@]}" >/dev/null
}

# ---- certificates ----

pki=$work/pki # what the gateway's CA has issued, and what openssl has made: NAME.crt and NAME.key
ca_file=$pki/ca.crt

ca_init() { # the gateway's own CA, and its certificate
    mkdir -p "$pki"
    ctl ca init >/dev/null
    ctl ca export >"$ca_file"
}

# NAME HOW NODE...: lets a subscriber visit nodes by a certificate of the gateway's CA, itself (HOW is "pinned") or by its
# common name ("subject").
subscriber_add_certificate() {
    local name=$1 how=$2 grants=() node by
    shift 2
    for node in "$@"; do
        grants+=(--node "$node")
    done
    ctl ca issue "$name" --out "$pki" >/dev/null
    case $how in
    pinned) by=(--cert "$pki/$name.crt") ;;
    subject) by=(--subject "$name") ;;
    esac
    ctl subscriber add "$name" "${by[@]}" "${grants[@]}" >/dev/null
}

# What most tests stand on: nodes kitchen and bedroom; alice granted both, bob the bedroom alone.
alice_key=key-of-alice-0001
bob_key=key-of-bob-000001
gateway_with_nodes() { # ["OPTION = VALUE"...]
    gateway_configure "$@"
    gateway_start
    nodes_register
    nodes_start
}

nodes_register() { # with the gateway that runs
    node_add kitchen
    node_add bedroom
    subscriber_add alice $alice_key kitchen bedroom
    subscriber_add bob $bob_key bedroom
    kitchen_port=$(port_of kitchen)
    bedroom_port=$(port_of bedroom)
}

nodes_start() {
    node_start kitchen
    node_start bedroom
    node_await kitchen
    node_await bedroom
}

# HOW [NODE...]: what requests are made with from here on: psk (alice's), or the certificate of carol, who may visit the
# nodes (all) by it, pinned or by its subject.
use_credential() {
    local how=$1
    shift
    [ $# -gt 0 ] || set -- kitchen bedroom
    case $how in
    psk) ;;
    pinned | subject)
        ca_init
        subscriber_add_certificate carol "$how" "$@"
        cert=carol
        ;;
    *) fail "unknown credential $how" ;;
    esac
}

# ---- a network of two hosts ----

# Before lib.sh is sourced, a script becomes a host of its own by:
#   [ -n "${SSM_NET:-}" ] || exec env SSM_NET=own unshare --net "$0" "$@"
# Then net_make MTU makes a second host and a link between both. The gateway's host has two addresses of each family (of
# the ranges for documentation); clients run on the other: $client_net is the command that does it.
net_make() {
    local mtu=$1 client_host
    need ip iproute2
    ip link set lo up
    unshare --net sleep 300 9>&- &
    client_host=$!
    started+=($client_host)
    client_net="nsenter --target $client_host --net"
    await 20 "a second network" net_is_apart $client_host
    ip link add name gateway mtu "$mtu" type veth peer name client mtu "$mtu" netns $client_host
    ip address add 192.0.2.1/24 dev gateway
    ip address add 192.0.2.2/24 dev gateway
    ip link set gateway up
    $client_net ip address add 192.0.2.9/24 dev client
    $client_net ip link set client up
    if [ "$mtu" -ge 1280 ]; then # RFC 8200 5
        ip address add 2001:db8::1/64 dev gateway nodad
        ip address add 2001:db8::2/64 dev gateway nodad
        $client_net ip address add 2001:db8::9/64 dev client nodad
    fi
}

net_is_apart() {
    [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# ---- the proxy ----

# NAME LISTEN-PORT TO-PORT [OPTION...]: udp_proxy.py, or $proxy_program; its log is $work/NAME.datagrams
proxy_start() {
    local name=$1 listen=$2 to=$3
    shift 3
    rm -f "$work/proxy-$name.log"
    "$tests_dir/proxy/${proxy_program:-udp_proxy.py}" --listen "$listen" --to "$to" --log "$work/$name.datagrams" "$@" \
        </dev/null >"$work/proxy-$name.log" 2>&1 9>&- &
    proxy_pid=$!
    started+=($proxy_pid)
    await 20 "proxy $name listens" has "$work/proxy-$name.log" ready
}

# ---- clients ----

suite_openssl=PSK-AES128-CCM8:@SECLEVEL=0
suite_gnutls=NORMAL:-KX-ALL:+PSK:-CIPHER-ALL:+AES-128-CCM-8:-VERS-ALL:+VERS-DTLS1.2

# The peers that we build, and the one that npm installs: once for all tests, from the registry that npm is set up for.
peers_dir=$build_dir/tests/interop/peers
PATH=$PATH:$peers_dir:$tests_dir/interop/peers/node
export NODE_PATH=$peers_dir/node/node_modules

client_prepare() { # CLIENT
    case $1 in
    s_client) need openssl openssl ;;
    gnutls-cli) need gnutls-cli gnutls-bin ;;
    wolfssl_client) need wolfssl_client "libwolfssl-dev, and build" ;;
    pion_client) need pion_client "golang-go golang-github-pion-dtls.v2-dev, and build" ;;
    node_dtls_client)
        need node nodejs
        need npm npm
        "$tests_dir/interop/peers/node/install" "$peers_dir/node" || fail "no packages for node_dtls_client"
        ;;
    coap-client-*) need "$1" libcoap3-bin ;;
    *) fail "unknown client $1" ;;
    esac
}

# CLIENT PORT METHOD PATH [PAYLOAD]: one request through a stock client; its reply's payload on standard output. As alice
# (or $as) with her key (or $key); or, if $cert is set, with that certificate of $pki, which may be "none". To 127.0.0.1
# (or $host), asking for $server_name. $client_options go to libcoap's client, or to rawcoap.py for the others.
request() {
    local client=$1 port=$2 method=$3 path=$4 payload=${5-}
    local address=${host:-127.0.0.1}
    local uri="coaps://$address:$port/$path"
    case $address in
    *:*) uri="coaps://[$address]:$port/$path" ;;
    esac
    client_prepare "$client"
    case $client in
    coap-client-*)
        ${client_net:-} timeout 25 "$client" -B 20 -m "$method" $(coap_client_credentials) ${payload:+-e "$payload"} \
            ${client_options:-} "$uri" 2>>"$work/client.log"
        ;;
    *)
        ${client_net:-} timeout 25 "$tests_dir/interop/rawcoap.py" --client "$client" --host "$address" --port "$port" \
            $(rawcoap_credentials) ${server_name:+--server-name "$server_name"} ${client_options:-} \
            "$method" "$path" ${payload:+"$payload"} 2>>"$work/client.log"
        ;;
    esac
}

coap_client_credentials() {
    if [ "${cert:-}" = none ]; then
        echo "-R $ca_file"
    elif [ -n "${cert:-}" ]; then
        echo "-c $pki/$cert.crt -j $pki/$cert.key -C $ca_file"
    else
        echo "-u ${as:-alice} -k ${key:-$alice_key}"
    fi
}

rawcoap_credentials() {
    if [ "${cert:-}" = none ]; then
        echo "--ca $ca_file"
    elif [ -n "${cert:-}" ]; then
        echo "--cert $pki/$cert.crt --cert-key $pki/$cert.key --ca $ca_file"
        [ ! -e "$pki/$cert.chain" ] || echo "--cert-chain $pki/$cert.chain"
    else
        echo "--identity ${as:-alice} --key ${key:-$alice_key}"
    fi
}

is_temperature() { # a reading: "21.5"
    [[ $1 =~ ^-?[0-9]+\.[0-9]+$ ]]
}

# NAME PORT [OPTION...]: starts openssl s_client in the background as alice (or $as, $key). What it receives goes to
# $work/NAME.out, what it says to $work/NAME.log, and $work/NAME.in is its standard input.
s_client_start() {
    local name=$1 port=$2
    shift 2
    rm -f "$work/$name.in"
    mkfifo "$work/$name.in"
    need openssl openssl
    openssl s_client -dtls1_2 -connect "127.0.0.1:$port" -psk "$(psk_hex "${key:-$alice_key}")" \
        -psk_identity "${as:-alice}" -cipher $suite_openssl -nbio -quiet "$@" \
        <"$work/$name.in" >"$work/$name.out" 2>"$work/$name.log" 9>&- &
    s_client_pid=$!
    started+=($s_client_pid)
    # A writer of our own keeps its standard input open.
    exec {s_client_in}>"$work/$name.in"
}

# CON GET /temperature with message ID and token 01.. so that each can be told apart: NUMBER is one hex digit.
send_get() { # DESCRIPTOR NUMBER
    printf "\\x41\\x01\\x00\\x0$2\\x0$2\\xbbtemperature" >&"$1"
}

# A 2.05 reply to send_get NUMBER stands in FILE.
has_reply() { # FILE NUMBER
    LC_ALL=C grep -qaP "\\x61\\x45\\x00\\x0$2\\x0$2" "$1"
}

# One more request and reply in the session "peer" of s_client with kitchen: whether the session goes on.
relays_count=0
relays() {
    listens "$kitchen_port" || return 1 # s_client would give up at "port unreachable"
    relays_count=$((relays_count % 15 + 1))
    : >"$work/peer.out"
    send_get "$s_client_in" "$(printf %x $relays_count)"
    within 5 has_reply "$work/peer.out" "$(printf %x $relays_count)"
}

expect_relaying() { # WHEN
    await 20 "a reply $1" relays
}

# The same for gnutls-cli.
gnutls_start() { # NAME PORT
    local name=$1 port=$2
    mkfifo "$work/$name.in"
    need gnutls-cli gnutls-bin
    gnutls-cli --udp -p "$port" 127.0.0.1 --pskusername "${as:-alice}" --pskkey "$(psk_hex "${key:-$alice_key}")" \
        --priority "$suite_gnutls" --logfile "$work/$name.log" <"$work/$name.in" >"$work/$name.out" 2>&1 9>&- &
    gnutls_pid=$!
    started+=($gnutls_pid)
    exec {gnutls_in}>"$work/$name.in"
}

# NAME CLIENT PORT: starts a client that knows DTLS alone in the background, with the same variables as request. What it
# receives goes to $work/NAME.out, what it says to $work/NAME.log; $client_in is its standard input, $client_pid itself.
client_start() {
    local name=$1 client=$2 port=$3
    client_prepare "$client"
    rm -f "$work/$name.in"
    mkfifo "$work/$name.in"
    ${client_net:-} "$tests_dir/interop/rawcoap.py" --pipe --client "$client" --host "${host:-127.0.0.1}" --port "$port" \
        $(rawcoap_credentials) ${server_name:+--server-name "$server_name"} ${client_options:-} \
        <"$work/$name.in" >"$work/$name.out" 2>"$work/$name.log" 9>&- &
    client_pid=$!
    started+=($client_pid)
    exec {client_in}>"$work/$name.in"
}

# ---- two gateways ----

# In a script that is a host of its own, as above, houses_make makes four others: the gateways north and south, with a
# link to each other, and with each the host of its nodes, which has a link to that gateway alone.
#   at GATEWAY COMMAND...      a command of this library, for that gateway: on its host, its files in $work/GATEWAY
#   on HOST                    the prefix of a command that runs on that host
declare -A host_pid gateway_pid_of
declare -A gateway_address=([north]=192.0.2.1 [south]=192.0.2.2) link_address=([north]=198.51.100.1 [south]=203.0.113.1)

on() {
    echo "nsenter --target ${host_pid[$1]} --net --mount"
}

at() {
    local name=$1 gateway_pid=${gateway_pid_of[$1]:-} gateway_net node_net
    local work=$scratch/$name
    local pki=$work/pki
    local ca_file=$pki/ca.crt
    gateway_net=$(on "$name")
    node_net=$(on "nodes-$name")
    shift
    "$@"
    local status=$? # not 0 only in a condition: otherwise the test has ended
    gateway_pid_of[$name]=$gateway_pid
    return $status
}

houses_make() {
    local gateway
    need ip iproute2
    for gateway in north south; do
        mkdir "$scratch/$gateway"
        host_make "$gateway"
        host_make "nodes-$gateway"
        host_link "$gateway" "${link_address[$gateway]}" "nodes-$gateway" "${link_address[$gateway]%.*}.9"
    done
    host_link north "${gateway_address[north]}" south "${gateway_address[south]}"
}

host_make() { # NAME
    unshare --net --mount sleep 600 9>&- &
    host_pid[$1]=$!
    started+=($!)
    await 20 "host $1" net_is_apart $!
    $(on "$1") ip link set lo up
}

host_link() { # HOST ADDRESS HOST ADDRESS
    ip link add name "$3" netns "${host_pid[$1]}" type veth peer name "$1" netns "${host_pid[$3]}"
    $(on "$1") ip address add "$2/24" dev "$3"
    $(on "$3") ip address add "$4/24" dev "$1"
    $(on "$1") ip link set "$3" up
    $(on "$3") ip link set "$1" up
}

house_start() { # GATEWAY NODE ["OPTION = VALUE"...]: that gateway, with a node to be started
    at "$1" gateway_configure "peer_address = ${gateway_address[$1]}" "link_address = ${link_address[$1]}" "${@:3}"
    at "$1" gateway_start
    at "$1" node_add "$2"
}

house_node_start() { # GATEWAY NODE [OPTION...]
    at "$1" node_start_on "$2" --gateway "${link_address[$1]}:$link_port" "${@:3}"
}

names_set() { # HOST "ADDRESS NAME"...: its /etc/hosts
    local file=$scratch/hosts-$1
    printf '%s\n' "${@:2}" >"$file"
    $(on "$1") mount --bind "$file" /etc/hosts
}
