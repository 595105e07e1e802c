#!/usr/bin/env bash
# interop/run.sh [--only PEER] [--json FILE]: our stack against every peer that is installed, in one table (interop/setup.sh
# installs them). Ends with 0 if no row fails.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# Peers that are crates: features of this package. BoringSSL is built by cmake.
features=interop/dimpl,interop/str0m,interop/webrtc,interop/webrtc-rs
if command -v cmake > /dev/null && command -v c++ > /dev/null; then features+=,interop/boringssl; fi
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" -p interop -p demo-call --bins --features "$features"
target=${CARGO_TARGET_DIR:-$root/target}
exec "$target/debug/matrix" "$@"
