# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# One certificate authority per lab, one certificate per host (server and client in one), one for
# drover. The same files serve libvirt and QEMU, under the names that each looks for.

openssl_quiet() {
    local output
    output=$(openssl "$@" 2>&1) || die "openssl $1: $output"
}

pki_authority_ensure() {
    local dir=$LAB_DIR/pki
    [[ -s $dir/cacert.pem ]] && return
    mkdir -p "$dir"
    chmod 700 "$dir"
    openssl_quiet req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=drover lab $LAB_NAME" -addext 'basicConstraints=critical,CA:TRUE' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -keyout "$dir/cakey.pem" -out "$dir/cacert.pem.new"
    mv "$dir/cacert.pem.new" "$dir/cacert.pem"
}

pki_issue() { # NAME ALTERNATIVE-NAMES KEY-FILE CERTIFICATE-FILE
    local dir=$LAB_DIR/pki request
    [[ -s $4 ]] && return
    mkdir -p "${3%/*}" "${4%/*}"
    request=$dir/$1.request
    openssl_quiet req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$3" -out "$request"
    printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=digitalSignature,keyEncipherment' \
        'extendedKeyUsage=serverAuth,clientAuth' "subjectAltName=$2" >"$request.extensions"
    openssl_quiet x509 -req -in "$request" -CA "$dir/cacert.pem" -CAkey "$dir/cakey.pem" \
        -set_serial "0x$(openssl rand -hex 15)" -days 3650 -extfile "$request.extensions" \
        -out "$4.new"
    mv "$4.new" "$4"
    rm -f "$request" "$request.extensions"
}

pki_client_ensure() {
    local dir=$LAB_DIR/pki/client
    pki_issue drover DNS:drover "$dir/clientkey.pem" "$dir/clientcert.pem"
    cp "$LAB_DIR/pki/cacert.pem" "$dir/cacert.pem"
}

pki_host_ensure() { # HOST
    local pki names side
    pki=$(host_dir "$1")/etc/pki
    names=DNS:$1,IP:$(host_address "$1" "$CONTROL_NET")
    names+=,DNS:$1-data,IP:$(host_address "$1" "$DATA_NET")
    pki_issue "$1" "$names" "$pki/libvirt/private/serverkey.pem" "$pki/libvirt/servercert.pem"
    [[ -e $pki/qemu/client-cert.pem ]] && return
    mkdir -p "$pki/CA" "$pki/qemu"
    cp "$LAB_DIR/pki/cacert.pem" "$pki/CA/cacert.pem"
    cp "$LAB_DIR/pki/cacert.pem" "$pki/qemu/ca-cert.pem"
    cp "$pki/libvirt/private/serverkey.pem" "$pki/libvirt/private/clientkey.pem"
    cp "$pki/libvirt/servercert.pem" "$pki/libvirt/clientcert.pem"
    for side in server client; do
        cp "$pki/libvirt/private/serverkey.pem" "$pki/qemu/$side-key.pem"
        cp "$pki/libvirt/servercert.pem" "$pki/qemu/$side-cert.pem"
    done
}
