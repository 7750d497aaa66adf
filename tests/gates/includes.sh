#!/bin/sh
# includes.sh <include folder>: who may include whom. Reports each violation as file:line: sentence, and fails if there is one.
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 2
files=$(find llmroute -name '*.hpp' | LC_ALL=C sort)
[ -n "$files" ] || { echo "no header under $1"; exit 2; }
# shellcheck disable=SC2086
exec awk -f "$here/includes.awk" $files
