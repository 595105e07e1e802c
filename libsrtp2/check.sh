#!/usr/bin/env bash
# Holds this library against libsrtp's interface, its own tests, and Debian's build of it. As root on Debian; installs what it needs (interop/setup.sh libsrtp2).
# Usage: libsrtp2/check.sh [--short] [--json FILE]. --short compares 20,000 packets a suite instead of a million, and leaves out what takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

packets=1000000 json=
while [ $# -gt 0 ]; do
  case $1 in
  --short) packets=20000 ;;
  --json) json=$2 && shift ;;
  *) sed -n 's/^# Usage: //p' "$0" >&2 && exit 2 ;;
  esac
  shift
done
short=$([ "$packets" -lt 1000000 ] && echo yes || true)
work=target/libsrtp2
mkdir -p "$work"
work=$(realpath "$work")
ours=$work/ours theirs=/usr/lib/x86_64-linux-gnu/libsrtp2.so.1
failed=0 rows=()

# check NAME FIGURE COMMAND...: runs a check; FIGURE is a pattern whose first match in its output is told.
check() {
  local name=$1 figure=$2 start=$SECONDS outcome=ok told
  shift 2
  # In a place where bash heeds `set -e`: a check ends at the first command that fails.
  set +e
  (set -e; "$@") > "$work/log" 2>&1
  local status=$?
  set -e
  [ $status = 0 ] || outcome=failed
  told=$(grep -oE "$figure" "$work/log" | tail -n 1 || true)
  [ -n "$told" ] || outcome=failed
  printf '%-12s %-7s %s (%d s)\n' "$name" "$outcome" "$told" $((SECONDS - start))
  rows+=("{\"check\":\"$name\",\"outcome\":\"$outcome\",\"figure\":\"$told\",\"seconds\":$((SECONDS - start))}")
  if [ $outcome = failed ]; then
    failed=1
    tail -n 20 "$work/log"
  fi
}

build() {
  # The short form does without optimization, which takes minutes and changes no answer.
  local profile=--release
  [ -z "$short" ] || profile=--debug
  cargo cinstall $profile --locked -p portcullis-libsrtp2 --destdir "$ours" --prefix / --libdir lib
  echo "installed $(ls "$ours/lib" | tr '\n' ' ')"
}

# Exactly what the headers declare, and each of Debian's public symbols.
symbols() {
  local declared="$work/declared" exported="$work/exported"
  sed 's|/\*.*\*/||' libsrtp2/include/srtp2/srtp.h libsrtp2/include/srtp2/portcullis_srtp.h | grep -v '#define' |
    grep -oE '\b(portcullis_)?srtp_[a-z0-9_]+\(' | tr -d '(' > "$declared"
  printf '%s\n' srtp_replace_cipher_type srtp_replace_auth_type >> "$declared"
  sort -u -o "$declared" "$declared"
  nm -D --defined-only "$ours/lib/libsrtp2.so.1" | awk '{print $3}' | sort -u > "$exported"
  diff "$declared" "$exported"
  gcc -E -I/usr/include /usr/include/srtp2/srtp.h | grep -oE '\bsrtp_[a-z0-9_]+\(' | tr -d '(' | sort -u | grep -v _func_t > "$work/debian"
  [ -z "$(comm -23 "$work/debian" "$exported")" ]
  readelf -d "$ours/lib/libsrtp2.so.1" | grep -q 'soname: \[libsrtp2.so.1\]'
  echo "$(wc -l < "$exported") symbols"
}

headers() {
  local header
  for header in srtp cipher auth crypto_types portcullis_srtp; do
    printf '#include <srtp2/%s.h>\nint nothing;\n' $header > "$work/header.c"
    gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$ours/include" -fsyntax-only "$work/header.c"
    g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$ours/include" -fsyntax-only -x c++ "$work/header.c"
  done
  gcc -std=c11 -I"$ours/include" libsrtp2/tests/c/layout.c -o "$work/layout-ours"
  gcc -std=c11 libsrtp2/tests/c/layout.c -o "$work/layout-debian"
  diff <("$work/layout-ours") <("$work/layout-debian")
  echo "$("$work/layout-ours" | wc -l) sizes, offsets and numbers"
}

# program NAME OPTIONS...: one of the C programs of the tests, against ours.
program() {
  gcc -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror -I"$ours/include" "libsrtp2/tests/c/$1.c" -o "$work/$1" -L"$ours/lib" "${@:2}"
}

interface() {
  program interface -lsrtp2
  LD_LIBRARY_PATH=$ours/lib "$work/interface"
  # The example, with batches and without.
  gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$ours/include" libsrtp2/examples/fan_out.c -o "$work/fan_out" -L"$ours/lib" -lsrtp2 -ldl
  LD_LIBRARY_PATH=$ours/lib "$work/fan_out" | grep portcullis
  "$work/fan_out" | grep -v portcullis
}

memcheck() {
  program interface -lsrtp2
  LD_LIBRARY_PATH=$ours/lib valgrind -q --error-exitcode=9 --leak-check=full "$work/interface"
  # valgrind has no AVX-512, so that the kernels are those of a smaller CPU here.
  gcc -O1 -g -I"$ours/include" libsrtp2/tests/c/differential.c -o "$work/differential" -ldl
  valgrind -q --error-exitcode=9 "$work/differential" "$ours/lib/libsrtp2.so.1" "$ours/lib/libsrtp2.so.1" 200
  echo "valgrind: no errors"
}

sanitizer() {
  program interface -lsrtp2 -fsanitize=address,undefined
  LD_LIBRARY_PATH=$ours/lib "$work/interface"
  echo "AddressSanitizer: no errors"
}

# Debian's source package, without a change to the lists of this machine.
source_of() {
  local folder=$work/source
  mkdir -p "$folder/lists/partial"
  echo "deb-src http://deb.debian.org/debian bookworm main" > "$folder/sources.list"
  local options=(-o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/nonexistent -o "Dir::State::Lists=$folder/lists")
  (
    cd "$folder"
    compgen -G "$1_*.orig.tar.*" > /dev/null && exit
    apt-get "${options[@]}" -qq update
    apt-get "${options[@]}" -qq source --download-only "$1"
  )
}

# libsrtp's own tests of its interface. Two things in them are not of the interface: what they print of a session's inside is left out, and the
# list of streams, which they test by itself, is the one in driver_shim.c.
driver() {
  source_of libsrtp2
  tar xf "$work"/source/libsrtp2_*.orig.tar.* -C "$work/source"
  (
    cd "$work"/source/libsrtp-2.*/
    [ -e crypto/include/config.h ] || ./configure --enable-openssl > /dev/null
    sed '/^srtp_err_status_t srtp_session_print_policy(srtp_t srtp)$/,/^{/s/^{/{\n    return srtp_err_status_ok;/' test/srtp_driver.c > test/driver_public.c
    gcc -w -g -DHAVE_CONFIG_H -I. -Iinclude -Icrypto/include -Itest test/driver_public.c test/util.c test/getopt_s.c \
      "$OLDPWD/libsrtp2/tests/c/driver_shim.c" -o "$work/driver" -L"$ours/lib" -lsrtp2
  )
  LD_LIBRARY_PATH=$ours/lib "$work/driver" -v > "$work/driver.log"
  [ "$(grep -c passed "$work/driver.log")" = 238 ]
  echo "238 of 238 checks"
}

pylibsrtp() {
  local python=$work/python/bin/python
  if [ ! -e "$work/python/ready" ]; then
    python3 -m venv "$work/python"
    "$python" -m pip install -q cffi setuptools wheel pytest pyopenssl
    (cd "$work" && "$python" -m pip download -q --no-deps --no-binary :all: --no-build-isolation pylibsrtp==0.12.0 && tar xf pylibsrtp-0.12.0.tar.gz)
    (cd "$work/pylibsrtp-0.12.0" && "$python" -m pip install -q --no-build-isolation --no-binary :all: .)
    touch "$work/python/ready"
  fi
  (cd "$work/pylibsrtp-0.12.0/tests" && LD_LIBRARY_PATH=$ours/lib "$python" -m pytest -q .)
}

gstreamer() {
  source_of gst-plugins-bad1.0
  tar xf "$work"/source/gst-plugins-bad1.0_*.orig.tar.xz -C "$work/source" --wildcards '*/tests/check/elements/srtp.c'
  mkdir -p "$work/gst"
  printf '#define VERSION "1.22.0"\n#define PACKAGE "x"\n' > "$work/gst/config.h"
  # shellcheck disable=SC2046 # these are words
  gcc -w "-I$work/gst" -DHAVE_SRTP2 -o "$work/gst/check" "$work"/source/gst-plugins-bad-*/tests/check/elements/srtp.c \
    $(pkg-config --cflags --libs gstreamer-check-1.0 gstreamer-rtp-1.0)
  LD_LIBRARY_PATH=$ours/lib "$work/gst/check"
}

# Every pair of cipher and authentication that srtpenc can name: a second of sound through srtpenc and srtpdec, on ours and on Debian's. The NULL cipher is
# named too, and srtpenc takes no key for it, whichever library it has.
pipelines() {
  local cipher auth control key count=0 folder bytes
  for cipher in aes-128-icm aes-256-icm aes-128-gcm aes-256-gcm; do
    for auth in null hmac-sha1-32 hmac-sha1-80; do
      control=$auth
      case $cipher-$auth in
      *-gcm-null) ;;
      *-gcm-*) continue ;;
      # It wants SRTCP to be authenticated.
      *-null) control=hmac-sha1-80 ;;
      esac
      case $cipher in
      aes-128-gcm) key=$(printf '%056d' 1) ;;
      aes-256-gcm) key=$(printf '%088d' 1) ;;
      aes-256-icm) key=$(printf '%092d' 1) ;;
      *) key=$(printf '%060d' 1) ;;
      esac
      bytes=()
      for folder in "$ours/lib" "$work/debian-alone"; do
        LD_LIBRARY_PATH=$folder timeout 60 gst-launch-1.0 -q audiotestsrc num-buffers=50 samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay ! \
          srtpenc "key=$key" rtp-cipher=$cipher rtp-auth=$auth rtcp-cipher=$cipher rtcp-auth=$control ! \
          "application/x-srtp,payload=0,ssrc=(uint)1,srtp-key=(buffer)$key,srtp-cipher=(string)$cipher,srtp-auth=(string)$auth,srtcp-cipher=(string)$cipher,srtcp-auth=(string)$control" ! \
          srtpdec ! rtppcmudepay ! filesink "location=$work/gst/sound" || true
        bytes+=("$(stat -c %s "$work/gst/sound" || echo 0)")
        rm -f "$work/gst/sound"
      done
      echo "$cipher $auth: ours ${bytes[0]}, Debian's ${bytes[1]}"
      [ "${bytes[0]}" = 8000 ]
      count=$((count + 1))
    done
  done
  echo "$count suites"
}

differential() {
  gcc -O1 -g -I"$ours/include" libsrtp2/tests/c/differential.c -o "$work/differential" -ldl
  "$work/differential" "$ours/lib/libsrtp2.so.1" "$theirs" "$packets"
  echo "$(grep -c alike "$work/log") suites, $packets packets each way"
}

# Debian's library alone: beside it stand others that programs have their own of.
mkdir -p "$work/debian-alone"
ln -sf "$theirs" "$work/debian-alone/libsrtp2.so.1"
interop/setup.sh libsrtp2 > "$work/setup.log" 2>&1 || { tail "$work/setup.log" && exit 1; }
check build 'installed .*' build
check symbols '[0-9]+ symbols' symbols
check headers '[0-9]+ sizes.*' headers
check interface 'the interface holds' interface
check sanitizer 'AddressSanitizer: no errors' sanitizer
check memcheck 'valgrind: no errors' memcheck
check srtp_driver '238 of 238 checks' driver
check pylibsrtp '11 passed, 20 subtests passed' pylibsrtp
check gstreamer 'Checks: 6, Failures: 0, Errors: 0' gstreamer
if [ -z "$short" ]; then
  check pipelines '[0-9]+ suites' pipelines
fi
check differential '[0-9]+ suites, .*' differential
if [ -n "$json" ]; then
  (IFS=, && echo "[${rows[*]}]" > "$json")
fi
exit $failed
