#!/usr/bin/env bash
# bench/run.sh NAME [--json FILE]: builds the benchmark with every stack that is installed, and runs it on one core.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  echo "usage: bench/run.sh dtls [--json FILE]" >&2
  exit 2
}

[ $# -ge 1 ] || usage
name=$1
shift

# The last core: the first one serves most interrupts.
on_one_core() {
  if command -v taskset > /dev/null; then taskset -c $(($(nproc) - 1)) "$@"; else "$@"; fi
}

has() { command -v "$1" > /dev/null; }

build() { # FEATURES TARGET_SUBDIR BIN
  cargo build --release --locked --quiet -p bench --bin "$3" --features "$1" --target-dir "$target/$2" >&2
  echo "$target/$2/release/$3"
}

target=${CARGO_TARGET_DIR:-target}/bench

case $name in
  dtls)
    features=dimpl,rtc-dtls
    if has cmake && has c++; then features+=,boring; else echo "absent: boringssl (bench/setup.sh)" >&2; fi
    program=$(build "$features" main bench-dtls)
    workers=()
    if has pkg-config && pkg-config --exists openssl; then
      workers+=("$(build openssl openssl bench-dtls)")
    else
      echo "absent: openssl (bench/setup.sh)" >&2
    fi
    on_one_core "$program" "$@" "${workers[@]}"
    ;;
  *) usage ;;
esac
