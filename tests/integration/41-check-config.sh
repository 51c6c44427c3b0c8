#!/usr/bin/env bash
# ssmd --check-config names file, line and option of every fault, needs no privilege, and changes nothing.
. "$(dirname "$0")/lib.sh"
cp "$ssmd" "$work/ssmd"
chmod 755 "$work/ssmd"

check() { # as an account without any right
    local file=$1 unprivileged=()
    [ "$(id -u)" -ne 0 ] || unprivileged=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    "${unprivileged[@]}" "$work/ssmd" --config "$file" --check-config
}

gateway_configure
chmod 644 "$work/ssmd.conf"
check "$work/ssmd.conf" >/dev/null || fail "a good configuration is refused"
[ ! -e "$work/state" ] || fail "--check-config made the state directory"

cat >"$work/bad.conf" <<'END'
# line 1
gateway_id = two words
link_port = 70000

colour = blue
node_ports = 300-200
node_ports = 20000-20010
peer_address = localhost
state_dir = relative/path
just some words
log_level = loud
max_sessions = -1
END
chmod 644 "$work/bad.conf"
status=0
check "$work/bad.conf" >"$work/check.out" 2>"$work/check.err" || status=$?
[ $status = 1 ] || fail "exit $status for a bad configuration, wanted 1"
while read -r line option; do
    grep -qE "^$work/bad.conf:$line: .*$option" "$work/check.err" ||
        fail "no fault for line $line ($option) in: $(cat "$work/check.err")"
done <<'END'
2 gateway_id
3 link_port
5 colour
6 node_ports
7 node_ports
8 peer_address
9 state_dir
10 just
11 log_level
12 max_sessions
END
[ "$(wc -l <"$work/check.err")" = 10 ] || fail "not ten faults: $(cat "$work/check.err")"

status=0
check "$work/none.conf" >/dev/null 2>"$work/check.err" || status=$?
[ $status = 1 ] || fail "exit $status for a missing file, wanted 1"
has "$work/check.err" "$work/none.conf" || fail "the missing file is not named"

# The same faults keep the daemon from starting.
"$ssmd" --config "$work/bad.conf" --foreground >"$work/start.log" 2>&1 && fail "ssmd started"
has "$work/start.log" "bad.conf:3: link_port" || fail "ssmd does not name the fault"
