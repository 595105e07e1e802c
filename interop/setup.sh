#!/usr/bin/env bash
# Installs what the tests of this package need beyond Rust and a C compiler, each for the cargo feature of its name. It may
# be run again at any time. Usage: interop/setup.sh [FEATURE...]; without one, all of them. Debian or Ubuntu, as root.
set -euo pipefail

# Packages of each feature; `namespaces` is no feature: those tests skip themselves without root or `ip`.
declare -A packages=(
    [namespaces]="iproute2"
    [libsrtp]="gcc make pkg-config libssl-dev libclang-dev"
    [browsers]="iproute2 opus-tools chromium firefox-esr procps"
)

if [ $# -eq 0 ]; then
    set -- "${!packages[@]}"
fi
wanted=()
for feature in "$@"; do
    [ -n "${packages[$feature]:-}" ] || { echo "$0: no feature $feature; there are: ${!packages[*]}" >&2; exit 1; }
    read -ra names <<<"${packages[$feature]}"
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
echo "interop: all packages are here: $*"
