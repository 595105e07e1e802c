#!/usr/bin/env bash
# What the other stacks need to be built, from Debian's packages. Idempotent; needs root.
set -euo pipefail
apt-get update -qq
apt-get install -y --no-install-recommends cmake g++ libclang-dev libipsec-mb-dev libssl-dev make pkg-config util-linux valgrind
