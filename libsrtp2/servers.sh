#!/usr/bin/env bash
# A whole server on this library and on Debian's, unchanged: Janus (echo test, video room of three) with aiortc, whose pylibsrtp is built from its source package. Each run proves by /proc/PID/maps which library was loaded. As root on Debian, after libsrtp2/check.sh.
# Usage: libsrtp2/servers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(realpath target/libsrtp2)
ours=$work/ours/lib python=$work/python/bin/python port=18088

dpkg -s janus > /dev/null 2>&1 || DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends janus
"$python" -c 'import aiortc' 2> /dev/null || "$python" -m pip install -q 'aiortc<1.11'

# janus FOLDER: both calls with a Janus that has the library in FOLDER.
janus_calls() {
  local folder=$1 config=$work/janus call outcome=0
  rm -rf "$config" && mkdir -p "$config"
  cp /etc/janus/janus.plugin.videoroom.jcfg /etc/janus/janus.plugin.echotest.jcfg "$config"
  printf 'general: {\n plugins_folder = "/usr/lib/x86_64-linux-gnu/janus/plugins"\n transports_folder = "/usr/lib/x86_64-linux-gnu/janus/transports"\n}\n' > "$config/janus.jcfg"
  printf 'general: {\n base_path = "/janus"\n http = true\n port = %s\n ip = "127.0.0.1"\n https = false\n}\nadmin: {\n admin_http = false\n}\n' $port > "$config/janus.transport.http.jcfg"
  LD_LIBRARY_PATH=$folder janus --configs-folder="$config" > "$config/log" 2>&1 &
  local pid=$!
  for _ in $(seq 100); do
    curl -s -o /dev/null "http://127.0.0.1:$port/janus/info" && break
    sleep 0.2
  done
  echo "janus has $(grep -o '/.*libsrtp2.so.*' "/proc/$pid/maps" | sort -u | tr '\n' ' ')"
  for call in echo room; do
    LD_LIBRARY_PATH=$folder timeout 200 "$python" libsrtp2/tests/janus_call.py "http://127.0.0.1:$port/janus" $call || outcome=1
  done
  echo "janus used $(awk '{print ($14 + $15) / 100}' "/proc/$pid/stat") s of CPU"
  kill $pid
  wait $pid || true
  return $outcome
}

failed=0
# Debian's library alone: beside it stand others that programs have their own of.
mkdir -p "$work/debian-alone"
ln -sf /usr/lib/x86_64-linux-gnu/libsrtp2.so.1 "$work/debian-alone/libsrtp2.so.1"
for folder in "$ours" "$work/debian-alone"; do
  echo "== $folder"
  janus_calls "$folder" || failed=1
done
exit $failed
