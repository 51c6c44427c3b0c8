#!/usr/bin/env bash
# The life of the installed service, on a machine that scripts/test-install made: first start, a node, a reading by a
# stock client, restart, the death of each process, stop. A session lives through all of it without a new handshake.
#   service.sh systemd    under systemd, as the unit says
#   service.sh hand       where no systemd runs: as the same account without privileges, and started again by hand
how=$1
export SSM_BUILD=/usr
. "$(dirname "$0")/../integration/lib.sh"
node_link=5685 # as in the configuration that is installed

ctl() {
    "$ssmctl" "$@"
}

# ---- with systemd ----

systemd_first_start() {
    systemd-sysusers
    systemctl enable --now ssmd
    journalctl --unit ssmd --follow --lines all --output short-iso >"$work/ssmd.log" 2>&1 9>&- &
    started+=($!)
}

systemd_process() {
    systemctl show --property MainPID --value ssmd
}

systemd_restart() {
    systemctl restart ssmd
}

systemd_starts_again() { # by itself: Restart= of the unit
    await 20 "systemd starts ssmd again" systemd_has_another "$gateway_pid"
}

systemd_has_another() { # PID
    [ "$(systemctl is-active ssmd)" = active ] && [ "$(systemd_process)" != "$1" ]
}

systemd_stop() {
    systemctl stop ssmd
    [ "$(systemctl show --property Result --value ssmd)" = success ] || fail "the service did not end in order"
}

# ---- by hand ----

hand_first_start() {
    systemd-sysusers
    install -d -o ssm -g ssm -m 0700 /var/lib/ssm
    install -d -o ssm -g ssm -m 0755 /run/ssm
    hand_start
}

hand_start() {
    (
        umask 077
        ulimit -c 0
        exec setpriv --reuid ssm --regid ssm --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
            "$ssmd" --config /etc/ssm/ssmd.conf
    ) </dev/null >>"$work/ssmd.log" 2>&1 9>&- &
    started+=($!)
    disown # its death, later on, is no news
}

hand_process() {
    echo "${started[-1]}"
}

hand_restart() {
    hand_stop
    hand_start
}

hand_starts_again() {
    hand_start
}

hand_stop() {
    stop "$gateway_pid" || fail "ssmd did not end on SIGTERM"
}

# ---- what is looked at ----

await_gateway() {
    await 20 "ssmd answers ssmctl" gateway_answers
    gateway_pid=$("${how}_process")
}
gateway_answers() {
    ctl status >/dev/null 2>&1
}

children_are_ssm() {
    local pid
    for pid in "$gateway_pid" "$(process_of relay)" "$(process_of keys)"; do
        [ "$(awk '$1 == "Uid:" { print $2, $3, $4 }' "/proc/$pid/status")" = "$ssm_uid $ssm_uid $ssm_uid" ] ||
            fail "process $pid does not run as ssm"
    done
}

client_reads() {
    local reading
    reading=$(request coap-client-gnutls "$kitchen_port" get temperature)
    is_temperature "$reading" || fail "coap-client-gnutls reads '$reading'"
    echo "ok: coap-client-gnutls reads $reading $*"
    await 20 "the client's session ends" sessions_are "$other_sessions"
}

session_names() {
    query "[(s['handle'], s['peer'], s['state']) for s in d]" session list
}

session_lives() { # AFTER WHAT: carries another reading, and is still the one
    readings=$((readings + 1))
    send_get "$s_client_in" $readings
    await 20 "a reading in the session, $*" has_reply "$work/peer.out" $readings
    [ "$(session_names)" = "$session" ] || fail "another session, $*: $(session_names), was $session"
    echo "ok: a reading in the same session, $*"
}

is_replaced() { # relay|keys PID
    local now
    now=$(process_of "$1") && [ "$now" != "$2" ]
}

# ---- the life of the service ----

"${how}_first_start"
await_gateway
ssm_uid=$(id -u ssm)
children_are_ssm
node_add kitchen
subscriber_add alice $alice_key kitchen
kitchen_port=$(port_of kitchen)
node_start kitchen
node_await kitchen
other_sessions=0
client_reads "after the first start"

readings=0
s_client_start peer "$kitchen_port"
send_get "$s_client_in" 0
await 20 "a reading in the session" has_reply "$work/peer.out" 0
session=$(session_names)

"${how}_restart"
await_gateway
session_lives "after a restart"

for role in relay keys; do
    pid=$(process_of $role)
    kill -KILL "$pid"
    await 20 "$role is started again" is_replaced $role "$pid"
    await_gateway
    session_lives "after kill -9 of $role"
done

kill -KILL "$gateway_pid"
await 20 "ssmd ends" is_gone "$gateway_pid"
"${how}_starts_again"
await_gateway
session_lives "after kill -9 of the parent"

children_are_ssm
node_await kitchen
other_sessions=1
client_reads "after all of it"

"${how}_stop"
! pgrep -x 'ssmd.*' >/dev/null || fail "processes are left: $(pgrep -a 'ssmd.*')"
[ ! -e /run/ssm/admin.sock ] || fail "the admin socket is left"
echo "ok: stopped; nothing is left running"
