#!/usr/bin/env bash
# Nodes on serial lines, a device and a stream socket: missing at first, pulled and plugged again, the gateway and its
# relay restarted: sessions go on.
. "$(dirname "$0")/lib.sh"

cable_start() { # NAME END END
    local name=$1
    shift
    "$tests_dir/integration/serial_cable.py" "$@" </dev/null >"$work/cable-$name.log" 2>&1 9>&- &
    declare -g "cable_$name=$!"
    started+=($!)
    await 20 "cable $name is there" has "$work/cable-$name.log" ready
}

cable_pull() { # NAME
    local variable=cable_$1
    stop "${!variable}"
}

link_is() { # NUMBER FIELD VALUE
    [ "$(query "d[$1]['$2']" link list)" = "$3" ]
}

link_counts() { # NUMBER FIELD ABOVE
    [ "$(query "d[$1]['$2']" link list)" -gt "$3" ]
}

expect_reading() { # NAME WHEN
    local reading
    reading=$(request coap-client-openssl "$(port_of "$1")" get temperature)
    is_temperature "$reading" || fail "no reading $2: '$reading'"
}

# NAME NUMBER END: the line, the NUMBERth link, comes to be, and a node is at its other end.
line_comes() {
    local name=$1 number=$2 end=$3 link
    link=$(query "d[$number]['name']" link list)
    cable_start "$name" "$end" "$work/$name.tty"
    await 20 "$link is opened" link_is "$number" state up
    node_start_on "$name" --serial "$work/$name.tty"
    node_await "$name"
    [ "$(query "d['address']" node show "$name")" = "$link" ] || fail "the address of $name is not $link"
    expect_reading "$name" "over $link"
}

device=$work/gateway.tty
socket=$work/board.sock

# Both are missing: said once each, and tried again.
gateway_configure "serial_links = $device unix:$socket"
gateway_start
nodes_register
link_is 0 state up && link_is 1 state down && link_is 2 state down || fail "not UDP up and two lines down"
sleep 3
log_says_once "cannot open serial:$device: No such file"
log_says_once "cannot open unix:$socket: No such file"

# The device comes, and so does the socket.
line_comes kitchen 1 "$device"
line_comes bedroom 2 "unix:$socket"
s_client_start peer "$kitchen_port"
send_get "$s_client_in" 1
await 20 "a reply over the device" has_reply "$work/peer.out" 1

# What ssmctl shows.
[ "$(query "[(l['name'], l['kind'], l['baud'], l['nodes']) for l in d]" link list)" = \
    "[('udp:127.0.0.1:$link_port', 'udp', None, []), ('serial:$device', 'serial', 115200, ['kitchen']), ('unix:$socket', \
'unix', None, ['bedroom'])]" ] || fail "other links: $(ctl -o json link list)"
link_counts 1 to_node 2 && link_counts 1 from_node 2 || fail "nothing was counted on the device"
ctl link list >"$work/links"
grep -qE "^serial:$device +up +[0-9hms ]+ +[0-9]+ +[0-9]+ +0 +0 +kitchen$" "$work/links" ||
    fail "no row of the device: $(cat "$work/links")"

# Noise, half a frame, one of 2,000 bytes, and bytes that look like marks of errors: counted, and the line works on.
spoiled=$(query "d[1]['spoiled']" link list)
{
    head -c 3000 /dev/urandom
    printf '\300half \333\300\377\377\377\300'
    head -c 2000 /dev/zero
    printf '\300'
} >"$work/kitchen.tty"
await 20 "spoiled frames are counted" link_counts 1 spoiled $((spoiled + 1))
send_get "$s_client_in" 2
await 20 "a reply after noise" has_reply "$work/peer.out" 2

# The plug is pulled: said once. What is for the node meanwhile is dropped. Plugged again, the session goes on.
cable_pull kitchen
await 20 "the device is seen to be gone" link_is 1 state down
send_get "$s_client_in" 3
await 20 "what cannot be sent is counted" link_counts 1 dropped 0
sleep 2
[ "$(grep -c "a serial line is lost.*: serial:$device" "$work/ssmd.log")" = 1 ] || fail "the loss is not said once"
cable_start kitchen "$device" "$work/kitchen.tty"
await 20 "the device is opened again" link_is 1 state up
await 20 "the node's end is opened again" has "$work/kitchen.log" "kitchen.tty is back"
send_get "$s_client_in" 4
await 20 "the session goes on after the plug was pulled" has_reply "$work/peer.out" 4
cable_pull bedroom
await 20 "the socket is seen to be gone" link_is 2 state down
cable_start bedroom "unix:$socket" "$work/bedroom.tty"
await 20 "the socket is opened again" link_is 2 state up
await 20 "the node's end is opened again" has "$work/bedroom.log" "bedroom.tty is back"
expect_reading bedroom "after the plug was pulled"

# A new relay gets the lines that are open.
kill -KILL "$(process_of relay)"
await 20 "relay is running again" has "$work/ssmd.log" "are running again"
await 20 "the device is up in the new relay" link_is 1 state up
send_get "$s_client_in" 5
await 20 "the session goes on in a new relay" has_reply "$work/peer.out" 5

# A restart knows a line by its name: in another order, at another rate. Without the line its node is out of reach, and
# nothing else comes of it.
gateway_stop
gateway_configure "serial_links = unix:$socket $device@57600"
gateway_start
await 20 "the device is opened after a restart" link_is 2 state up
link_is 2 baud 57600 || fail "the rate is not the new one"
send_get "$s_client_in" 6
await 20 "the session goes on with other lines before it" has_reply "$work/peer.out" 6
gateway_stop
gateway_configure
gateway_start
dropped=$(counter relay records_to_node)
send_get "$s_client_in" 7
await 20 "a record for a line that is no more" counter_above relay records_to_node "$dropped"
all_alive || fail "a process of ssmd died"
gateway_stop
gateway_configure "serial_links = $device"
gateway_start
await 20 "the device is opened when it is configured again" link_is 1 state up
send_get "$s_client_in" 8
await 20 "the session goes on when the line is back" has_reply "$work/peer.out" 8
node_await kitchen
