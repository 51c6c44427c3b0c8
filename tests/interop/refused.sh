#!/usr/bin/env bash
# refused.sh CLIENT: certificates that do not let in, each answered with the alert that says why (RFC 5246 7.2.2), and
# an honest one after them. The CA is an owner's own, made with openssl.
. "$(dirname "$0")/../integration/lib.sh"
. "$(dirname "$0")/certificates.sh"
client=$1
certificates_init
ca_make owner
ca_make foreign
gateway_with_nodes "client_ca = $pki/owner.crt"
ca_init
ctl subscriber add carol --subject carol --node kitchen >/dev/null

case $client in
coap-client-*) patience="-B 4" ;;
*) patience="--timeout 4" ;;
esac

# WHAT ALERT [silence]: the client, with the certificate $cert, is told ALERT, in clear, and is not served. No alert is
# due to a client that would not show this certificate itself; "silence" allows none at all.
refused() {
    local what=$1 alert=$2 allowed=${3-} proxy reply said
    proxy_start "$what" $proxy_port "$kitchen_port" "${proxy_options[@]}"
    proxy=$proxy_pid
    reply=$(client_options=$patience request "$client" $proxy_port get temperature || true)
    ! is_temperature "$reply" || fail "$what: served"
    sessions_are 0 || fail "$what: a session is left"
    stop "$proxy"
    # Content type 21, DTLS 1.2, epoch 0; level fatal.
    said=$(sed -nE 's/^down kept 15fefd0000.{16}02(..)$/\1/p' "$work/$what.datagrams" | sort -u)
    if [ "$said" = "$(printf %02x "$alert")" ]; then
        echo "ok: $what, alert $alert"
    elif [ -z "$said" ] && ! shows_certificate "$work/$what.datagrams"; then
        echo "ok: $what, which $client itself does not show"
    elif [ -z "$said" ] && [ "$allowed" = silence ]; then
        echo "ok: $what, no answer"
    else
        fail "$what: alert '$((16#${said:-0}))', wanted $alert"
    fi
}

shows_certificate() { # a Certificate message, or a part of one
    grep >/dev/null -E '^up kept 16fefd0000.{16}0b' "$1"
}
proxy_options=()

certificate_make expired owner carol dates=20200101000000Z-20210101000000Z
certificate_make future owner carol dates=20980101000000Z-20990101000000Z
certificate_make stranger foreign carol
certificate_make unknown owner nobody
certificate_make for-servers owner carol usage=serverAuth
certificate_make for-encryption owner carol key-usage=keyAgreement
certificate_make p384 owner carol curve=secp384r1
certificate_make p521 owner carol curve=secp521r1
certificate_make brainpool owner carol curve=brainpoolP256r1
certificate_make many-names owner carol names=700 # 16 KB
certificate_make honest owner carol
certificate_spoil forged honest
chain_make long-chain owner carol 10

cert=none refused none 40
cert=expired refused expired 45
cert=future refused future 45
cert=stranger refused stranger 48
cert=unknown refused unknown 49
cert=for-servers refused for-servers 43
cert=for-encryption refused for-encryption 43
cert=p384 refused p384 43
cert=p521 refused p521 43
cert=brainpool refused brainpool 43
cert=many-names refused many-names 43 silence
cert=forged refused forged 42
cert=long-chain refused long-chain 48
# The right certificate, but a CertificateVerify (15) that its key has not made.
proxy_program=dtls_proxy.py
proxy_options=(--spoil 15)
cert=honest refused not-its-own 51
unset proxy_program

reading=$(cert=honest request "$client" "$kitchen_port" get temperature)
is_temperature "$reading" || fail "an honest certificate: '$reading'"
all_alive || fail "a process of ssmd ended"
