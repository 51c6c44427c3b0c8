#!/usr/bin/env bash
# rsa.sh CLIENT: RSA certificates of 2048 bits on both sides (TLS_RSA_WITH_AES_128_CCM_8), which the owner has turned
# on; without the gateway's, the suite is refused.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/certificates.sh"
client=$1
certificates_init
ca_make owner rsa
certificate_make gateway owner gateway curve=rsa usage=serverAuth key-usage=keyEncipherment name=gateway
certificate_make carol owner carol curve=rsa key-usage=digitalSignature
ca_file=$pki/owner.crt

gateway_with_nodes "rsa_certificate = $pki/gateway.crt" "rsa_certificate_key = $pki/gateway.key"
ctl subscriber add carol --cert "$pki/carol.crt" --node kitchen >/dev/null
case $client in
coap-client-*) ;; # they offer all that they have
*) client_options=--rsa ;;
esac

reading=$(cert=carol request "$client" $kitchen_port get temperature)
is_temperature "$reading" || fail "temperature: '$reading'"
cert=carol request "$client" $kitchen_port put light 1 >/dev/null
[ "$(cert=carol request "$client" $kitchen_port get light)" = 1 ] || fail "the light is not on"

gateway_stop
sed -i '/^rsa_/d' "$work/ssmd.conf"
gateway_start
node_await kitchen
proxy_start refused $proxy_port $kitchen_port
case $client in
coap-client-*) client_options="-B 4" ;;
*) client_options="--rsa --timeout 4" ;;
esac
! is_temperature "$(cert=carol request "$client" $proxy_port get temperature)" || fail "served without being asked to"
# Content type 21, DTLS 1.2, epoch 0; fatal, handshake_failure (40).
grep >/dev/null -E '^down kept 15fefd0000.{16}0228$' "$work/refused.datagrams" || fail "no alert handshake_failure"
