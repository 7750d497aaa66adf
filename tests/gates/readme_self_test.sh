#!/bin/sh
# Each way in which a page and its sources can differ must be noticed, and --update must put it right.
gate=$(cd "$(dirname "$0")" && pwd)/readme.sh
tree=$(mktemp -d) || exit 2
trap 'rm -rf "$tree"' EXIT
failed=0

printf '%s\n' 'int main() {' '  // [readme:loop]' '  for (;;)' '    stop();' '' '  end();' '  // [/readme]' '}' > "$tree/x.cpp"
page() { printf '%s\n' "$@" > "$tree/page.md"; }
must() {  # must <status> <sentence>
  said=$(sh "$gate" "$tree" page.md 2>&1); status=$?
  [ $status -eq "$1" ] && echo "$said" | grep -qF -- "$2" && return
  echo "expected status $1 and: $2; got $status and:"; echo "$said"; failed=1
}

page 'Text.' '<!-- from x.cpp loop -->' '```cpp' 'for (;;)' '  stop();' '' 'end();' '```' '```sh' 'make' '```';  must 0 ''
page '<!-- from x.cpp loop -->' '```cpp' 'for (;;)' '  stop();' '```' 'Text.';       must 1 '+end();'
page '<!-- from x.cpp loop -->' '```cpp' 'for (;;)' '  stop(1);' '' 'end();' '```';  must 1 '-  stop(1);'
sh "$gate" --update "$tree" page.md || failed=1;                                     must 0 ''
page '<!-- from x.cpp other -->' '```cpp' '```';                                     must 1 'has no region [readme:other]'
page '<!-- from y.cpp loop -->' '```cpp' '```';                                      must 1 'has no region'
page '```cpp' 'for (;;)' '```';                                                      must 1 'cut from nowhere'
page '<!-- from x.cpp loop -->' 'Text.';                                             must 1 'is to follow the mark'

printf '%s\n' "// Text." "//" "// | a | b |" "// |---|---|" "// | 1 | 2 |" > "$tree/x.hpp"
page '<!-- table from x.hpp -->' '| a | b |' '|---|---|' '| 1 | 2 |' '' '| another |';           must 0 ''
page '<!-- table from x.hpp -->' '| a | b |' '|---|---|' '| 1 | 3 |';                               must 1 '-| 1 | 3 |'
page '<!-- table from x.cpp -->' '| a | b |';                                                            must 1 'has no table'
exit $failed
