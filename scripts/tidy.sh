#!/usr/bin/env bash
# Runs clang-tidy on the C++ files that changed: since the branch left origin/main or, on main itself, in the last
# three days. A changed header is seen through a file that includes it.
# Usage: scripts/tidy.sh [--all] BUILD_FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

all=
if [[ "${1:-}" == --all ]]; then
  all=yes
  shift
fi
build=${1:?BUILD_FOLDER is missing}
sources=(src bindgen cli)

# The commit to compare with; empty where there is none.
base() {
  local head merge_base
  head=$(git rev-parse HEAD)
  merge_base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [[ -n "$merge_base" && "$merge_base" != "$head" ]]; then
    echo "$merge_base"
  else
    git rev-list -1 --before="$(($(git show --no-patch --format=%ct HEAD) - 3 * 24 * 3600))" HEAD
  fi
}

since=
if [[ -z "$all" ]] && git rev-parse --git-dir >/dev/null 2>&1; then since=$(base); fi
# Other checks, another version: everything has to be looked at.
if [[ -n "$since" ]] && ! git diff --quiet "$since" -- .clang-tidy; then since=; fi

if [[ -z "$since" ]]; then
  mapfile -t files < <(find "${sources[@]}" -name '*.cc' | sort)
else
  mapfile -t changed < <(
    {
      git diff --name-only --diff-filter=d "$since" -- "${sources[@]}" include
      git ls-files --others --exclude-standard -- "${sources[@]}" include
    } | sort -u)
  mapfile -t files < <(
    for file in "${changed[@]}"; do
      case "$file" in
        *.cc) echo "$file" ;;
        *.h)
          name=${file#include/}
          name=${name#src/}
          name=${name#cli/}
          grep -rlF --include='*.cc' "#include \"$name\"" "${sources[@]}" | sort | head -n 1 || true
          ;;
      esac
    done | sort -u)
fi
echo "clang-tidy: ${#files[@]} files${since:+ that changed since ${since:0:12}}"
if ((${#files[@]} > 0)); then
  printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy-19 -quiet -p "$build"
fi
