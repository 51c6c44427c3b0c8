#!/usr/bin/env bash
# The clock jumps by a year either way, and back: sessions go on, also over restarts; PSK handshakes work; certificates are
# judged by the clock as it is, and nothing else is.
. "$(dirname "$0")/lib.sh"
shim=$(find "$build_dir" -name libclock_shim.so)
[ -n "$shim" ] || fail "no libclock_shim.so in $build_dir: build first"
export SSM_TEST_CLOCK=$work/clock
year=31536000

jump() { # SECONDS: from the true time
    /usr/bin/python3 -c "
import struct, sys
with open(sys.argv[1], 'r+b') as f:
    f.write(struct.pack('=q', int(sys.argv[2])))" "$SSM_TEST_CLOCK" "$1"
}

start() { # with the shim, which a sanitizer would want to stand behind itself
    LD_PRELOAD=$shim ASAN_OPTIONS=verify_asan_link_order=0 gateway_start
}

by_certificate() {
    is_temperature "$(cert=carol request coap-client-openssl "$bedroom_port" get temperature)"
}

# WHEN yes|no: is the clock of a time in which the certificates count?
check() {
    local when=$1 reading
    relays || fail "the session does not go on $when"
    reading=$(request coap-client-openssl "$bedroom_port" get temperature)
    is_temperature "$reading" || fail "no PSK handshake $when: '$reading'"
    if [ "$2" = yes ]; then
        by_certificate || fail "no handshake with a certificate $when"
    else
        ! by_certificate || fail "a certificate that does not count $when"
    fi
}

truncate -s 8 "$SSM_TEST_CLOCK"
gateway_configure
start
nodes_register
nodes_start
ca_init
ctl ca issue carol --days 300 --out "$pki" >/dev/null
ctl subscriber add carol --cert "$pki/carol.crt" --node bedroom >/dev/null
s_client_start peer "$kitchen_port"
check "before" yes

for years in 1 -1; do
    jump $((years * year))
    date=$(date -u -d "@$(($(date +%s) + years * year))" +%Y)
    check "when the clock has jumped by $years year" no
    has "$work/ssmd.log" "$date-" || fail "the shim does nothing: this test sees nothing"
    gateway_stop
    start
    node_await kitchen
    node_await bedroom
    check "after a start in another year ($years)" no
    jump 0
    check "when the clock has jumped back" yes
    age=$(query "max(s['age_s'] for s in d if s['node'] == 'kitchen')" session list)
    echo "age of the session after $years year and back: $age s"
done
gateway_stop
start
node_await bedroom
check "after another start" yes
grep -E "(relay|keys) (was ended|ended)" "$work/ssmd.log" && fail "a process was restarted"
[ "$(query "len([s for s in d if s['node'] == 'kitchen'])" session list)" = 1 ] || fail "the session's row is lost"
