#!/usr/bin/env bash
# fuzz/sanitizers.sh: AddressSanitizer over SRTP with its SIMD kernels, where all unsafe code is, and Miri over parsers and small state
# (T-API-08). It needs the nightly compiler, so that it is no step of `.ci/run`.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly miri --version > /dev/null; then
  echo "not run: rustup toolchain install nightly --component miri" >&2
  exit 2
fi
target=$(rustc +nightly -vV | sed -n 's/^host: //p')

# The kernels' longest functions need a deep stack without optimization, and the sanitizer makes it deeper.
echo "== AddressSanitizer: portcullis-srtp"
RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_TEST_OPT_LEVEL=1 RUST_MIN_STACK=16777216 \
  cargo +nightly test --quiet --locked -p portcullis-srtp --lib --target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/asan"

# Miri is a thousand times slower than the machine: what runs through all values of something is left out.
miri() {
  echo "== Miri: $*"
  MIRIFLAGS=-Zmiri-disable-isolation \
    cargo +nightly miri test --quiet --locked --target-dir "${CARGO_TARGET_DIR:-target}/miri" "$@"
}
miri -p portcullis-ice-lite --lib -- candidate:: credentials:: queue:: rate_limit:: stun::header:: stun::error_code:: tcp::
miri -p portcullis-srtp --lib -- classify:: extension:: header:: kernel::wiped replay::tests::floors
