#!/usr/bin/env bash
# Makes the two recordings anew. Needs: apt-get install espeak-ng opus-tools
set -euo pipefail
cd "$(dirname "$0")"

# make NAME VOICE TITLE TEXT SERIAL
make() {
    espeak-ng -v "$2" -s 150 --stdout "$4" |
        opusenc --quiet --speech --bitrate 24 --framesize 20 --serial "$5" --title "$3" - "$1"
}

make first.ogg en-us "First caller" "Hello, this is the first caller. Every packet of this call \
passes through one gate. A connectivity check finds the way, a handshake agrees on keys, and only \
then does this voice leave the house. Can you hear me?" 1
make second.ogg en-gb-x-rp+f3 "Second caller" "Good morning, this is the second caller, and I hear \
you well. What you are listening to was cut into pieces of twenty milliseconds, each one sealed, \
sent across, opened, and put together again." 2
