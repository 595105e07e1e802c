#!/usr/bin/env bash
# bench/run.sh NAME [--json FILE]: builds the benchmark with every stack that is installed, and runs it on one core.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  echo "usage: bench/run.sh calls|constant-time|dtls|flood|forward|scale|setup|srtp|stun [--json FILE] [ARGS]" >&2
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

absent() { echo "absent: $1 (bench/setup.sh)" >&2; }

build() { # FEATURES TARGET_SUBDIR BIN
  cargo build --release --locked --quiet -p bench --bin "$3" --features "$1" --target-dir "$target/$2" >&2
  echo "$target/$2/release/$3"
}

target=${CARGO_TARGET_DIR:-target}/bench

case $name in
  calls | forward | scale)
    on_one_core "$(build "" main bench-gate)" "$name" "$@"
    ;;
  constant-time)
    if has valgrind; then features=valgrind; else features=; absent valgrind; fi
    program=$(build "$features" main bench-constant-time)
    on_one_core "$program" "$@"
    if has valgrind; then
      log=$(mktemp)
      valgrind -q --error-limit=no --log-file="$log" "$program" --marked || { cat "$log" >&2 && exit 1; }
      rm "$log"
    fi
    ;;
  dtls)
    features=dimpl,rtc-dtls
    if has cmake && has c++; then features+=,boring; else absent boringssl; fi
    program=$(build "$features" main bench-dtls)
    workers=()
    if has pkg-config && pkg-config --exists openssl; then
      workers+=("$(build openssl openssl bench-dtls)")
    else
      absent openssl
    fi
    on_one_core "$program" "$@" "${workers[@]}"
    ;;
  setup)
    # On a virtual clock, so that it does not matter what else runs. EARLIER=PROGRAM is bench-setup of an earlier commit.
    "$(build "" main bench-setup)" "$@"
    ;;
  srtp)
    # PORTCULLIS_LIBSRTP=libsrtp-openssl=PATH,libsrtp-boringssl=PATH names libraries of libsrtp 2 or 3 that somebody built.
    features=libsrtp,rtc-srtp,webrtc-srtp
    if has make && has pkg-config && pkg-config --exists openssl; then features+=,libsrtp-crate; else absent libsrtp-crate; fi
    if [ -e /usr/include/intel-ipsec-mb.h ]; then features+=,ipsec-mb; else absent ipsec-mb; fi
    on_one_core "$(build "$features" main bench-srtp)" "$@"
    ;;
  flood)
    # Two cores: it puts its threads where they belong.
    "$(build "" main bench-gate)" "$name" "$@"
    ;;
  stun)
    on_one_core "$(build is,rtc-stun,stun-types,stun_codec main bench-stun)" "$@"
    ;;
  *) usage ;;
esac
