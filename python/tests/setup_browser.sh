#!/bin/sh
# Brings headless Chromium for the tests that open pages: Debian's package, where there is none and we may install one.
set -eu
if command -v chromium > /dev/null; then
    exit 0
fi
if ! command -v apt-get > /dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "chromium is not there: install your system's package; tests that open pages are skipped" >&2
    exit 0
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium > /dev/null
