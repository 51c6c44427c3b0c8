# Sourced after lib.sh: certificates of every kind, good and bad, made with openssl into $pki.

certificates_init() {
    need openssl openssl
    mkdir -p "$pki/issued"
    : >"$pki/index"
    cat >"$pki/ca.cnf" <<END
[ca]
default_ca = any
[any]
database = $pki/index
new_certs_dir = $pki/issued
rand_serial = yes
unique_subject = no
default_md = sha256
default_days = 30
policy = policy
[policy]
commonName = supplied
[req]
distinguished_name = none
[none]
END
}

key_make() { # NAME CURVE|rsa
    if [ "$2" = rsa ]; then
        openssl genrsa -out "$pki/$1.key" 2048
    else
        openssl ecparam -name "$2" -genkey -noout -out "$pki/$1.key"
    fi 2>>"$work/openssl.log"
}

# NAME CA COMMON-NAME EXTENSIONS [OPTION...]: a certificate for the key that NAME has, signed by CA; to "openssl ca"
sign() {
    local name=$1 ca=$2 common_name=$3 extensions=$4
    shift 4
    printf '%b' "$extensions" >"$pki/$name.ext"
    openssl req -new -config "$pki/ca.cnf" -key "$pki/$name.key" -subj "/CN=$common_name" -out "$pki/$name.csr"
    openssl ca -batch -notext -config "$pki/ca.cnf" -keyfile "$pki/$ca.key" -cert "$pki/$ca.crt" \
        -in "$pki/$name.csr" -extfile "$pki/$name.ext" -out "$pki/$name.crt" "$@" 2>>"$work/openssl.log"
}

authority='basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash\n'

ca_make() { # NAME: a self-signed CA
    key_make "$1" "${2:-prime256v1}"
    openssl req -new -x509 -config "$pki/ca.cnf" -key "$pki/$1.key" -subj "/CN=CA $1" -days 30 -out "$pki/$1.crt" \
        -addext "basicConstraints = critical, CA:true" -addext "keyUsage = critical, keyCertSign"
}

# NAME CA COMMON-NAME [WHAT=HOW...]: curve=, dates=FROM-TO, usage= (extended), key-usage=, name=, names=COUNT, alt= (all of
# subjectAltName)
certificate_make() {
    local name=$1 ca=$2 common_name=$3 curve=prime256v1 usage=clientAuth key_usage=digitalSignature names= dates=()
    local option number extensions
    shift 3
    for option in "$@"; do
        case $option in
        curve=*) curve=${option#*=} ;;
        dates=*) dates=(-startdate "${option:6:15}" -enddate "${option:22}") ;;
        usage=*) usage=${option#*=} ;;
        key-usage=*) key_usage=${option#*=} ;;
        name=*) names=,DNS:${option#*=} ;;
        alt=*) names=,${option#*=} ;;
        names=*)
            for number in $(seq "${option#*=}"); do
                names+=",DNS:name-$number.example.org"
            done
            ;;
        esac
    done
    extensions="basicConstraints = CA:false\nkeyUsage = critical, $key_usage\nextendedKeyUsage = $usage\n"
    extensions+=${names:+subjectAltName = ${names#,}\\n}
    key_make "$name" "$curve"
    sign "$name" "$ca" "$common_name" "$extensions" "${dates[@]}"
}

chain_make() { # NAME CA COMMON-NAME LENGTH: a certificate with LENGTH intermediate CAs between it and CA, in one file
    local name=$1 ca=$2 number between=
    for number in $(seq "$4"); do
        key_make "$name-$number" prime256v1
        sign "$name-$number" "$ca" "$name $number" "$authority"
        ca=$name-$number
        between="$pki/$ca.crt $between"
    done
    certificate_make "$name" "$ca" "$3"
    cat $between >"$pki/$name.chain"
    cat "$pki/$name.chain" >>"$pki/$name.crt"
}

certificate_spoil() { # NAME OF: the same certificate and key, but for the last byte of its signature
    cp "$pki/$2.key" "$pki/$1.key"
    openssl x509 -in "$pki/$2.crt" -outform DER -out "$pki/$1.der"
    /usr/bin/python3 - "$pki/$1.der" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-1, 2)
    last = file.read(1)[0]
    file.seek(-1, 2)
    file.write(bytes([last ^ 1]))
END
    openssl x509 -inform DER -in "$pki/$1.der" -out "$pki/$1.crt"
}
