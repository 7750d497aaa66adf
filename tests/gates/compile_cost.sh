#!/bin/sh
# compile_cost.sh [--record]: what the umbrella and a one-router program cost to compile, in template instantiations and
# preprocessed lines. These are counts, so no busy machine moves them; they are compared with compile_cost.txt and may grow
# by 3 %. The counts are those of one compiler with one standard library, so with any other there is nothing to compare.
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
numbers=$here/compile_cost.txt
skip() { echo "skipped: $*"; exit 77; }

command -v clang++-19 > /dev/null || skip "clang++-19 is not installed"
library=$(echo '#include <version>' | clang++-19 -std=c++20 -x c++ -E -dM - | awk '$2 == "__GLIBCXX__" { print $3 }')
toolchain="$(clang++-19 --version | head -n 1), libstdc++ ${library:-none}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

measure() {  # measure <name> <file>: two lines, "<name> instantiations N" and "<name> lines N"
  clang++-19 -std=c++20 -I "$include" -c -o "$work/out.o" -ftime-trace="$work/trace.json" -ftime-trace-granularity=0 "$2" || exit 1
  echo "$1 instantiations $(grep -o '"name":"Instantiate\(Class\|Function\)"' "$work/trace.json" | wc -l)"
  echo "$1 lines $(clang++-19 -std=c++20 -I "$include" -E -P "$2" | wc -l)"
}
echo '#include <llmroute/llmroute.hpp>' > "$work/umbrella.cpp"
{ measure umbrella "$work/umbrella.cpp" && measure one_router "$here/one_router.cpp"; } > "$work/now.txt" || exit 1

if [ "$1" = --record ]; then
  { echo "toolchain $toolchain"; cat "$work/now.txt"; } > "$numbers"
  cat "$numbers"
  exit 0
fi
[ -e "$numbers" ] || skip "nothing is recorded yet; ./dev lint --record does it"
recorded=$(sed -n 's/^toolchain //p' "$numbers")
[ "$recorded" = "$toolchain" ] || skip "recorded with $recorded; this is $toolchain"

awk '
  $1 == "toolchain" { next }
  FNR == NR { was[$1 " " $2] = $3; next }
  { what = $1 " " $2; growth = was[what] ? ($3 / was[what] - 1) * 100 : 1000
    printf "%-26s %7d, recorded %7d (%+.1f %%)%s\n", what, $3, was[what], growth, (growth > 3 ? "  TOO MUCH" : "")
    if (growth > 3) failed = 1; if (growth < -3) better = 1 }
  END {
    if (failed) print "more than 3 % above compile_cost.txt: make it cheaper, or record it with ./dev lint --record and say why"
    else if (better) print "more than 3 % below: record it with ./dev lint --record"
    exit failed }' "$numbers" "$work/now.txt"
