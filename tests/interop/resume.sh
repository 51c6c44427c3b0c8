#!/usr/bin/env bash
# resume.sh CLIENT [CREDENTIAL]: a client that comes again resumes its session by an abbreviated handshake, as both ends
# say, also when flights are lost; data passes both ways under new keys, and the session before is over. Not so by
# default, nor once the subscriber was removed.
. "$(dirname "$0")/../integration/lib.sh"
client=$1
credential=${2:-psk}
gateway_with_nodes
use_credential "$credential"
subscriber=${cert:-alice}

says_off() {
    [ "$(query "d['resumption']" status)" = None ] || fail "resumption is not off by default"
    [ "$(counter keys resumption_missed)" = 0 ] || fail "a session was looked for"
}

leave() { # the client that was started last closes its session
    exec {client_in}>&-
    wait $client_pid || true
    await 20 "the session is closed" sessions_are 0
}

switch_on() {
    gateway_stop
    echo "resumption_s = 600" >>"$work/ssmd.conf"
    gateway_start
    node_await kitchen
    [ "$(query "d['resumption']['master_secrets']" status)" = 0 ] || fail "a secret outlived ssmd"
}

# ---- s_client, which writes its session to a file ----

# NAME PORT [OPTION...]: in the background; $work/NAME.out has what it says, and what it receives.
openssl_run() {
    local name=$1 port=$2 proof
    shift 2
    if [ "$credential" = psk ]; then
        proof=(-psk "$(psk_hex $alice_key)" -psk_identity alice -cipher "$suite_openssl")
    else
        proof=(-cert "$pki/$cert.crt" -key "$pki/$cert.key" -CAfile "$ca_file" -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0)
    fi
    mkfifo "$work/$name.in"
    openssl s_client -dtls1_2 -connect "127.0.0.1:$port" -noservername -nbio -sess_out "$work/session.new" "${proof[@]}" "$@" \
        <"$work/$name.in" >"$work/$name.out" 2>"$work/$name.log" 9>&- &
    client_pid=$!
    started+=($client_pid)
    exec {client_in}>"$work/$name.in"
}

# New|Reused NAME PORT [OPTION...]: comes to its session in this way, and has a reply there.
openssl_is() {
    local how=$1 name=$2
    shift
    openssl_run "$@"
    await 20 "$name has its session" grep -qaE "^(New|Reused), TLSv1" "$work/$name.out"
    grep -qaE "^$how, TLSv1" "$work/$name.out" || fail "$name is not: $how"
    send_get "$client_in" 1
    await 20 "a reply to $name" has_reply "$work/$name.out" 1
}

keep_session() {
    await 20 "the session's file" test -s "$work/session.new"
    mv "$work/session.new" "$work/session"
}

handle() {
    query "d[0]['handle']" session list
}

with_openssl() {
    need openssl openssl
    openssl_is New default-1 "$kitchen_port"
    keep_session
    leave
    openssl_is New default-2 "$kitchen_port" -sess_in "$work/session"
    leave
    says_off
    switch_on

    openssl_is New full "$kitchen_port"
    keep_session
    local full_pid=$client_pid before
    before=$(handle)
    openssl_is Reused moved "$kitchen_port" -sess_in "$work/session"
    [ "$(counter keys resumption_done)" = 1 ] || fail "the gateway says nothing of a resumption"
    await 20 "the session before is over" sessions_are 1
    [ "$(handle)" -gt "$before" ] || fail "the old session is left"
    await 20 "its client is told" is_gone $full_pid

    # Each from the port of the one before, which dies without a word.
    proxy_program=dtls_proxy.py proxy_start peer $proxy_port "$kitchen_port" --one-source
    openssl_is Reused first $proxy_port -sess_in "$work/session"
    before=$(handle)
    kill -s KILL $client_pid
    openssl_is Reused second $proxy_port -sess_in "$work/session"
    sessions_are 1 || fail "$(sessions) sessions on one 5-tuple"
    [ "$(handle)" -gt "$before" ] || fail "the old session is left on the 5-tuple"
    stop $proxy_pid

    local flight
    for flight in 1 2 3 4 5; do # of RFC 6347 4.2.4; 4 begins with the ServerHello here, 5 is the client's Finished
        proxy_start "lossy-$flight" $proxy_port "$kitchen_port" --lose-flight $flight
        openssl_is Reused "lost-$flight" $proxy_port -sess_in "$work/session"
        stop $proxy_pid
        grep -q lost "$work/lossy-$flight.datagrams" || fail "flight $flight was not lost"
    done

    removed_is_refused
    if [ "$credential" = psk ]; then
        subscriber_add alice $alice_key kitchen
    else
        ctl subscriber add carol --cert "$pki/carol.crt" --node kitchen >/dev/null
    fi
    openssl_is New again "$kitchen_port" -sess_in "$work/session"
}

removed_is_refused() {
    local done_before missed_before
    done_before=$(counter keys handshakes_done)
    missed_before=$(counter keys resumption_missed)
    ctl subscriber remove "$subscriber" >/dev/null
    [ "$(query "d['resumption']['master_secrets']" status)" = 0 ] || fail "the secret of a removed subscriber is left"
    openssl_run refused "$kitchen_port" -sess_in "$work/session"
    await 20 "it is told" is_gone $client_pid
    [ "$(counter keys handshakes_done)" = "$done_before" ] || fail "the removed subscriber has a session"
    counter_above keys resumption_missed "$missed_before" || fail "no session was missed"
}

# ---- gnutls-cli, which comes again by itself ----

gnutls_comes_again() { # NAME: its log is whole when it has left
    local done_before
    done_before=$(counter keys handshakes_done)
    client_options="--client-option=--resume" client_start "$1" gnutls-cli "$kitchen_port"
    await 30 "$1 comes again" counter_above keys handshakes_done $((done_before + 1))
    send_get "$client_in" 1
    await 20 "a reply to $1" has_reply "$work/$1.out" 1
    sessions_are 1 || fail "$(sessions) sessions"
    leave
    grep -qa "Resume Handshake was completed" "$work/$1.log" || fail "$1 did not ask for its session"
}

is_resumed() { # NAME
    grep -qa "This is a resumed session" "$work/$1.log"
}

with_gnutls() {
    gnutls_comes_again default
    ! is_resumed default || fail "a session was resumed by default"
    says_off
    switch_on
    gnutls_comes_again again
    is_resumed again || fail "the client was not resumed"
    [ "$(counter keys resumption_done)" = 1 ] || fail "the gateway says nothing of a resumption"
}

case $client in
s_client) with_openssl ;;
gnutls-cli) with_gnutls ;;
*) fail "$client keeps no session" ;;
esac
all_alive || fail "a process of ssmd ended"
