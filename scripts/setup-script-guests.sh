#!/usr/bin/env bash
# Installs what makes components of Python or JavaScript, in the versions that a manifest pins.
#
# Usage: scripts/setup-script-guests.sh python FOLDER requirements.txt
#        scripts/setup-script-guests.sh javascript FOLDER MANIFESTS
#
# Leaves FOLDER/bin/componentize-py or FOLDER/bin/componentize-js. MANIFESTS has package.json and
# package-lock.json, and a requirements.txt that names a Node.js for machines without one of at least 20.
set -euo pipefail

language=$1 folder=$2 manifest=$3

give_up() {
  rm -rf "$folder"
  echo "The tools for guests in $language could not be installed;" \
       "cmake -DTAIRITSU_BUILD_PLUGINS=OFF builds without them" >&2
}
trap give_up ERR

make_venv() {
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
}

rm -rf "$folder"
case $language in
  python)
    make_venv "$folder" "$manifest"
    ;;
  javascript)
    mkdir -p "$folder/bin"
    path=$PATH
    version=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
    if ((version < 20)) || ! command -v npm >/dev/null; then
      make_venv "$folder/node" "$manifest/requirements.txt"
      path=$folder/node/bin:$PATH
    fi
    cp "$manifest/package.json" "$manifest/package-lock.json" "$folder/"
    PATH=$path npm --prefix "$folder" ci --no-audit --no-fund --loglevel error
    printf '#!/bin/sh\nPATH=%q:$PATH exec %q "$@"\n' "${path%%:*}" \
      "$folder/node_modules/.bin/componentize-js" >"$folder/bin/componentize-js"
    chmod +x "$folder/bin/componentize-js"
    ;;
  *)
    echo "setup-script-guests.sh: python or javascript, not '$language'" >&2
    false
    ;;
esac
