#!/usr/bin/env bash
# Makes a Debian package of this library, which stands beside Debian's libsrtp2-1: in a folder of its own, diverting nothing. A server is run on it by
# LD_LIBRARY_PATH=/usr/lib/TRIPLET/portcullis, in its unit or by hand.
# Usage: libsrtp2/deb.sh [FOLDER], after libsrtp2/check.sh or with what `cargo cinstall --destdir FOLDER --prefix / --libdir lib` made.
set -euo pipefail
cd "$(dirname "$0")/.."
from=${1:-target/libsrtp2/ours}
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture) triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D -m 644 "$from/lib/libsrtp2.so.1" "$root/usr/lib/$triplet/portcullis/libsrtp2.so.1"
strip --strip-unneeded "$root/usr/lib/$triplet/portcullis/libsrtp2.so.1"
install -D -m 644 -t "$root/usr/include/portcullis/srtp2" "$from"/include/srtp2/*.h
install -D -m 644 -t "$root/usr/share/doc/libsrtp2-portcullis" libsrtp2/README.md LICENSE-APACHE LICENSE-MIT libsrtp2/examples/fan_out.c
install -d "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<CONTROL
Package: libsrtp2-portcullis
Version: $version
Architecture: $architecture
Maintainer: Portcullis <https://github.com/portcullis-rs/portcullis>
Depends: libc6 (>= 2.34), libgcc-s1
Section: libs
Priority: optional
Description: Secure RTP with the interface of libsrtp 2, over Portcullis
 A shared library that programs for libsrtp2.so.1 run on unchanged. It stands
 beside Debian's, in a folder of its own that LD_LIBRARY_PATH names.
CONTROL
dpkg-deb --root-owner-group --build "$root" "target/libsrtp2/libsrtp2-portcullis_${version}_$architecture.deb"
