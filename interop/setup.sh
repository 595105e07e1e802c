#!/usr/bin/env bash
# Installs what the tests and the matrix of this package need beyond Rust and a C compiler. It may be run again at any time.
# Usage: interop/setup.sh [NAME...], a NAME being a peer of the matrix or a feature of the tests; without one, all of them.
# Debian or Ubuntu, as root. What it makes goes to target/interop/ of this clone.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian's packages for each name.
declare -A packages=(
    [namespaces]="iproute2"
    [libsrtp]="gcc make pkg-config libssl-dev libclang-dev"
    [browsers]="iproute2 opus-tools chromium firefox-esr procps"
    [openssl]="openssl"
    [openssl-4]="python3-venv"
    [boringssl]="cmake g++"
    [dimpl]=""
    [webrtc-rs]=""
)

folder=target/interop

# Certificates of both kinds for both sides: PEM, with keys in PKCS#8.
make_certificates() {
    mkdir -p "$folder/certificates"
    local side kind name
    for side in ours peer; do
        for kind in ecdsa rsa; do
            name=$folder/certificates/$side-$kind
            [ -e "$name.pem" ] && continue
            if [ $kind = rsa ]; then options=(-newkey rsa:2048); else options=(-newkey ec -pkeyopt ec_paramgen_curve:P-256); fi
            openssl req -x509 "${options[@]}" -nodes -keyout "$name.key.pem" -out "$name.new" -days 3650 -subj "/CN=$side" 2>/dev/null
            mv "$name.new" "$name.pem"
        done
    done
}

# OpenSSL 4, in the wheel of `cryptography`.
make_openssl-4() {
    [ -e "$folder/python/bin/python" ] || python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check pyopenssl
}

if [ $# -eq 0 ]; then
    set -- "${!packages[@]}"
fi
wanted=(openssl)
for name in "$@"; do
    [ -n "${packages[$name]+known}" ] || { echo "$0: no $name; there are: ${!packages[*]}" >&2; exit 1; }
    read -ra names <<<"${packages[$name]}"
    wanted+=("${names[@]}")
done

missing=()
for name in $(printf '%s\n' "${wanted[@]}" | sort -u); do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q "ok installed" || missing+=("$name")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

make_certificates
for name in "$@"; do
    if declare -F "make_$name" > /dev/null; then
        "make_$name"
    fi
done
echo "interop: all is here: $*"
