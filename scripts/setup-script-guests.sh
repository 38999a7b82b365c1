#!/usr/bin/env bash
# Installs the tools that build components from Python or JavaScript, in the versions that a manifest pins.
#
# Usage: scripts/setup-script-guests.sh python DIRECTORY requirements.txt
#        scripts/setup-script-guests.sh javascript DIRECTORY MANIFESTS
#
# Creates DIRECTORY/bin/componentize-py or DIRECTORY/bin/componentize-js. MANIFESTS contains package.json,
# package-lock.json, and a requirements.txt with a Node.js for machines without version 20 or newer.
set -euo pipefail

language=$1 directory=$2 manifest=$3

give_up() {
  rm -rf "$directory"
  echo "installing the tools for guests in $language failed;" \
       "use cmake -DTAIRITSU_BUILD_PLUGINS=OFF to build without them" >&2
}
trap give_up ERR

make_venv() {
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
}

rm -rf "$directory"
case $language in
  python)
    make_venv "$directory" "$manifest"
    ;;
  javascript)
    mkdir -p "$directory/bin"
    path=$PATH
    version=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
    if ((version < 20)) || ! command -v npm >/dev/null; then
      make_venv "$directory/node" "$manifest/requirements.txt"
      path=$directory/node/bin:$PATH
    fi
    cp "$manifest/package.json" "$manifest/package-lock.json" "$directory/"
    PATH=$path npm --prefix "$directory" ci --no-audit --no-fund --loglevel error
    printf '#!/bin/sh\nPATH=%q:$PATH exec %q "$@"\n' "${path%%:*}" \
      "$directory/node_modules/.bin/componentize-js" >"$directory/bin/componentize-js"
    chmod +x "$directory/bin/componentize-js"
    ;;
  *)
    echo "setup-script-guests.sh: invalid language '$language': expected python or javascript" >&2
    false
    ;;
esac
