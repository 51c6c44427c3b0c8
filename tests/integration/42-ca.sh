#!/usr/bin/env bash
# The gateway's own CA: what it makes is accepted by openssl and certtool, private keys stay where they are made, files
# are never overwritten, and what expires is spoken of.
. "$(dirname "$0")/lib.sh"
. "$tests_dir/interop/certificates.sh"
need certtool gnutls-bin

refuses() { # WORD COMMAND...: refused in one line that contains WORD
    local word=$1 status=0
    shift
    ctl "$@" >"$work/ctl.out" 2>"$work/ctl.err" || status=$?
    [ $status = 1 ] || fail "ssmctl $*: exit $status, wanted 1"
    has "$work/ctl.err" "$word" || fail "ssmctl $*: no '$word' in: $(cat "$work/ctl.err")"
    [ "$(wc -l <"$work/ctl.err")" = 1 ] || fail "ssmctl $*: not one line: $(cat "$work/ctl.err")"
}

extensions() { # FILE: what its certificate says, in words
    openssl x509 -in "$1" -noout -text
}

says() { # FILE TEXT
    extensions "$1" | grep >/dev/null -F -- "$2" || fail "$1 does not say '$2': $(extensions "$1")"
}

fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f
}

gateway_with_nodes "server_names = gate.example"
refuses "ssmctl ca init" ca show
refuses "ssmctl ca init" ca issue carol --out "$work/carol"
[ -z "$(ls "$work/carol" 2>/dev/null)" ] || fail "files without a certificate"

# ---- the CA and the gateway's certificate ----

ctl ca init --name extra.example --name 192.0.2.7 >"$work/init.out"
has "$work/init.out" "ssmctl ca export" || fail "no word on what clients need"
refuses "--replace" ca init
ctl ca export >"$work/ca.crt"
openssl verify -x509_strict -CAfile "$work/ca.crt" "$work/ca.crt" >/dev/null || fail "openssl does not take the CA"
says "$work/ca.crt" "CA:TRUE, pathlen:0"
says "$work/ca.crt" "Public Key Algorithm: id-ecPublicKey"
says "$work/ca.crt" "ASN1 OID: prime256v1"
says "$work/ca.crt" "Signature Algorithm: ecdsa-with-SHA256"
says "$work/ca.crt" "Certificate Sign"

# The gateway shows its certificate to whoever asks.
served() { # FILE: what a handshake gets
    openssl s_client -dtls1_2 -connect "127.0.0.1:$kitchen_port" -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0 \
        -showcerts </dev/null 2>>"$work/client.log" 9>&- | sed -n '/BEGIN CERT/,/END CERT/p' >"$1" || true
    [ -s "$1" ]
}
served "$work/gateway.crt" || fail "no certificate in a handshake: $(cat "$work/client.log")"
for name in gate.example gateway extra.example localhost kitchen.gate.example; do
    openssl verify -x509_strict -purpose sslserver -verify_hostname "$name" -CAfile "$work/ca.crt" \
        "$work/gateway.crt" >/dev/null || fail "the gateway's certificate is not for $name"
done
for address in 127.0.0.1 ::1 192.0.2.7; do
    openssl verify -purpose sslserver -verify_ip "$address" -CAfile "$work/ca.crt" "$work/gateway.crt" >/dev/null ||
        fail "the gateway's certificate is not for $address"
done
openssl verify -verify_hostname other.example -CAfile "$work/ca.crt" "$work/gateway.crt" >/dev/null 2>&1 &&
    fail "the gateway's certificate is for everybody"
says "$work/gateway.crt" "TLS Web Server Authentication"
certtool --verify --load-ca-certificate "$work/ca.crt" --infile "$work/gateway.crt" --verify-hostname gate.example \
    >"$work/certtool.log" 2>&1 || fail "certtool does not take the gateway's certificate"

# ---- a subscriber's certificate ----

ctl ca issue carol --out "$work/carol" >/dev/null
[ "$(stat -c %a "$work/carol/carol.key")" = 600 ] || fail "others can read the private key"
cmp -s "$work/ca.crt" "$work/carol/ca.crt" || fail "DIR/ca.crt is not the CA's"
openssl verify -x509_strict -purpose sslclient -CAfile "$work/ca.crt" "$work/carol/carol.crt" >/dev/null ||
    fail "openssl does not take the client's certificate"
openssl verify -purpose sslserver -CAfile "$work/ca.crt" "$work/carol/carol.crt" >/dev/null 2>&1 &&
    fail "a client's certificate passes for a server's"
certtool --verify --load-ca-certificate "$work/ca.crt" --infile "$work/carol/carol.crt" >"$work/certtool.log" 2>&1 ||
    fail "certtool does not take the client's certificate"
[ "$(openssl x509 -in "$work/carol/carol.crt" -noout -subject -nameopt RFC2253)" = "subject=CN=carol" ] ||
    fail "not a certificate of carol's"
says "$work/carol/carol.crt" "TLS Web Client Authentication"
says "$work/carol/carol.crt" "Digital Signature"
says "$work/carol/carol.crt" "X509v3 Subject Key Identifier"
says "$work/carol/carol.crt" "X509v3 Authority Key Identifier"
extensions "$work/carol/carol.crt" | grep >/dev/null "Basic Constraints" && fail "an extension that nobody needs"
[ "$(openssl x509 -in "$work/carol/carol.crt" -noout -pubkey)" = \
    "$(openssl pkey -in "$work/carol/carol.key" -pubout 2>/dev/null)" ] || fail "key and certificate do not match"
# No 8 bytes of the private key are in what the gateway keeps.
/usr/bin/python3 - "$work" <<'END' || fail "the private key is in the state directory"
import base64, pathlib, sys
work = pathlib.Path(sys.argv[1])
lines = (work / "carol/carol.key").read_text().splitlines()
scalar = base64.b64decode("".join(lines[1:-1]))[7:39]  # ECPrivateKey (RFC 5915 3)
kept = b"".join(path.read_bytes() for path in (work / "state").iterdir())
assert b"carol" in kept
sys.exit(any(scalar[i:i + 8] in kept for i in range(25)))
END

refuses "carol.crt" ca issue carol --out "$work/carol"
[ "$(query "len(d['issued'])" ca show)" = 1 ] || fail "a certificate was issued that nobody has"

# ---- subscribers by certificate ----

added=$(query "d['fingerprint']" subscriber add carol --cert "$work/carol/carol.crt" --node kitchen)
[ "$added" = "$(fingerprint "$work/carol/carol.crt")" ] || fail "another fingerprint than openssl's: $added"
refuses "subscriber 'carol' has that certificate" subscriber add dave --cert "$work/carol/carol.crt" --node kitchen
ctl subscriber add dave --subject dave --node kitchen | grep >/dev/null -F -- "-c CERTIFICATE -j KEY -C CA" ||
    fail "no example of a command"
refuses "subscriber 'dave' has that subject" subscriber add eve --subject dave --node kitchen
[ "$(query "[s['credential'] for s in d if s['name'] in ('alice', 'carol', 'dave')]" subscriber list)" = \
    "['psk', 'certificate', 'subject']" ] || fail "subscriber list: $(ctl subscriber list)"
# They get in, and only with their own certificates.
temperature() { # DIRECTORY NAME
    timeout 25 coap-client-gnutls -B 10 -m get -c "$1/$2.crt" -j "$1/$2.key" -C "$work/ca.crt" \
        "coaps://127.0.0.1:$kitchen_port/temperature" 2>>"$work/client.log"
}
need coap-client-gnutls libcoap3-bin
ctl ca issue dave --out "$work/dave" >/dev/null
ctl ca issue eve --out "$work/eve" >/dev/null
is_temperature "$(temperature "$work/carol" carol)" || fail "carol's pinned certificate does not let her in"
is_temperature "$(temperature "$work/dave" dave)" || fail "dave's common name does not let him in"
is_temperature "$(temperature "$work/eve" eve)" && fail "a certificate of the CA lets in who is no subscriber"

certificates_init
ca_make rsa rsa
refuses "RSA, which is off" subscriber add eve --cert "$pki/rsa.crt" --node kitchen
ca_make p384 secp384r1
refuses "P-256" subscriber add eve --cert "$pki/p384.crt" --node kitchen

# ---- renewing ----

mkdir "$work/renewed"
ctl ca renew --cert "$work/carol/carol.crt" --out "$work/renewed" >/dev/null
openssl verify -purpose sslclient -CAfile "$work/ca.crt" "$work/renewed/carol.crt" >/dev/null || fail "not renewed"
[ "$(openssl x509 -in "$work/renewed/carol.crt" -noout -pubkey)" = \
    "$(openssl x509 -in "$work/carol/carol.crt" -noout -pubkey)" ] || fail "renewed over another key"
refuses "was not made by" ca renew --cert "$work/gateway.crt" --out "$work/other"
ca_make theirs
certificate_make foreign theirs carol usage=clientAuth,serverAuth
refuses "not a subscriber's certificate" ca renew --cert "$pki/foreign.crt" --out "$work/other"

# dave is known by his name: with a renewed certificate he gets in at once.
ctl ca renew --cert "$work/dave/dave.crt" --out "$work/renewed" >/dev/null
cp "$work/dave/dave.key" "$work/renewed"
is_temperature "$(temperature "$work/renewed" dave)" || fail "dave's renewed certificate does not let him in"

ctl ca renew --days 5 >/dev/null
served "$work/gateway2.crt"
cmp -s "$work/gateway.crt" "$work/gateway2.crt" && fail "the renewed certificate is not in use"
openssl verify -verify_hostname extra.example -CAfile "$work/ca.crt" "$work/gateway2.crt" >/dev/null ||
    fail "the name that was given is lost"

# ---- what expires ----

[ "$(query "[w['level'] for w in d['warnings']]" status)" = "['warning']" ] || fail "status: $(ctl -o json status)"
ctl status | grep >/dev/null -E "^warning: the gateway's certificate expires in [45] days .*ssmctl ca renew" ||
    fail "no warning in: $(ctl status)"
gateway_stop
gateway_start
await 20 "the warning in the log" has "$work/ssmd.log" "the gateway's certificate expires in"
[ "$(query "d['issued'][0]['name']" ca show)" = carol ] || fail "the list of what was issued is lost"
ctl ca init --replace >"$work/init.out"
has "$work/init.out" "worthless" || fail "no word on what --replace means"
[ "$(query "len(d['issued'])" ca show)" = 0 ] || fail "what the old CA issued is still listed"
[ "$(query "len(d['warnings'])" status)" = 0 ] || fail "status still warns"
refuses "another CA's" ca issue dave --out "$work/carol"

# ---- files win, and a broken one keeps nobody out who has a key ----

gateway_stop
openssl x509 -in "$pki/foreign.crt" -out "$work/own.crt"
cp "$pki/foreign.key" "$work/own.key"
gateway_configure "server_names = gate.example" "certificate = $work/own.crt" "certificate_key = $work/own.key"
gateway_start
served "$work/gateway3.crt"
cmp -s "$work/own.crt" "$work/gateway3.crt" || fail "the configured certificate is not in use"
gateway_stop
echo garbage >"$work/own.key"
gateway_start
has "$work/ssmd.log" "certificate_key: '$work/own.key' does not hold a private key" || fail "the file is not named"
node_await kitchen
is_temperature "$(request s_client "$kitchen_port" get temperature)" || fail "a broken certificate locks alice out"
all_alive
