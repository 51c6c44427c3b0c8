#!/usr/bin/env bash
# A thousand handshakes from one prefix stop half-way, and stay so; then twice a thousand more, for which the gateway has
# to sign. An honest client of another prefix is served all the same, and the memory does not grow.
. "$(dirname "$0")/lib.sh"
handshakes=64
gateway_with_nodes "max_handshakes = $handshakes" "handshake_timeout_s = 60"
relay_before=$(process_of relay)
keys_before=$(process_of keys)

memory_kb() { # PID
    awk '$1 == "VmRSS:" { print $2 }' "/proc/$1/status"
}

flood_start() { # NAME SUITE
    mkfifo "$work/$1.in"
    "$tests_dir/integration/half_open.py" "$kitchen_port" 1000 "$2" <"$work/$1.in" >"$work/$1.log" 2>&1 9>&- &
    started+=($!)
    exec {flood_in}>"$work/$1.in"
    await 60 "flood $1 is over us" has "$work/$1.log" "answered: "
    echo "$1: $(cat "$work/$1.log")"
}

honest() {
    reading=$(request s_client "$kitchen_port" get temperature)
    is_temperature "$reading" || fail "an honest client does not get through: '$reading'"
}
# 127.0.1.1 is of another /24 than those of the flood.
client_options="--client-option=-bind --client-option=127.0.1.1:0"

flood_start first psk
[ "$(sed 's/.*: //' "$work/first.log")" -ge $handshakes ] || fail "not even $handshakes handshakes were half open"
honest
use_credential pinned
flood_start second ecdsa
honest
after_second=$(memory_kb "$keys_before")
flood_start third ecdsa
honest
after_third=$(memory_kb "$keys_before")
echo "memory of keys: $after_second KB, then $after_third KB"
[ $((after_third - after_second)) -lt 1024 ] || fail "it grows with the number of handshakes"
[ "$(process_of relay) $(process_of keys)" = "$relay_before $keys_before" ] || fail "a process of ssmd ended"
