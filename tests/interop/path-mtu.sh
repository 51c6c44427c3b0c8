#!/usr/bin/env bash
# path-mtu.sh CLIENT MTU FRAGMENT [CREDENTIAL]: a client behind a narrow link. If it asks for records of at most
# FRAGMENT bytes (RFC 6066 4; 0: it cannot), nothing that the gateway sends is cut by IP.
[ -n "${SSM_NET:-}" ] || exec env SSM_NET=own unshare --net "$0" "$@"
. "$(dirname "$0")/../integration/lib.sh"
client=$1
mtu=$2
fragment=$3
net_make "$mtu"
gateway_with_nodes "peer_address = ::"
use_credential "${4:-psk}"

case $client in
s_client) ask="-maxfraglen $fragment" ;;
gnutls-cli) ask="--recordsize $fragment" ;;
wolfssl_client) ask="--max-fragment $fragment" ;;
*) [ "$fragment" = 0 ] || fail "$client cannot ask for a fragment length" ;;
esac
client_options=
[ "$client" != gnutls-cli ] || client_options="--client-option=--mtu --client-option=$((mtu - 48))"
if [ "$fragment" -gt 0 ]; then
    for word in $ask; do
        client_options+=" --client-option=$word"
    done
fi

cut_by_ip() { # datagrams that this host's IP has cut; names stand in the line before the numbers
    awk '$1 == "Ip:" { if (!at) for (at = NF; $at != "FragCreates"; at--); else print $at }
         $1 == "Ip6FragCreates" { print $2 }' /proc/net/snmp /proc/net/snmp6 | paste -s -d +
}

hosts=192.0.2.1
[ "$mtu" -lt 1280 ] || hosts+=" 2001:db8::1"
for host in $hosts; do
    reading=$(request "$client" $kitchen_port get temperature)
    is_temperature "$reading" || fail "$host: '$reading'"
done
if [ "$fragment" -gt 0 ]; then
    [ $(($(cut_by_ip))) = 0 ] || fail "IP had to cut what the gateway sent: $(cut_by_ip)"
fi
