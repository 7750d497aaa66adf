#!/bin/sh
# Puts one violation after another into a little tree and requires that includes.sh names it: a gate that lets everything
# through looks the same as a gate with nothing to say.
gate=$(cd "$(dirname "$0")" && pwd)/includes.sh
tree=$(mktemp -d) || exit 2
trap 'rm -rf "$tree"' EXIT
failed=0

header() {  # header <path> <line>...
  path=$tree/llmroute/$1
  guard=$(echo "llmroute/$1" | tr 'a-z/.' 'A-Z__')
  mkdir -p "$(dirname "$path")"
  { printf '#ifndef %s\n#define %s\n' "$guard" "$guard"; shift; printf '%s\n' "$@" '#endif'; } > "$path"
}
sound() {
  rm -rf "$tree/llmroute"
  header chat.hpp '#include <string>' '// #include <regex> in a comment is none'
  header wire/json.hpp '#include "llmroute/chat.hpp"'
  header dialect/openai.hpp '#include "llmroute/wire/json.hpp"'
  header policy/ranking.hpp '#include "llmroute/chat.hpp"'
  header route/race.hpp '#include "llmroute/policy/ranking.hpp"'
  header router.hpp '#include "llmroute/route/race.hpp"' '#include "llmroute/dialect/openai.hpp"'
  header drive/blocking.hpp '#include <thread>' '#include "llmroute/router.hpp"'
  header transport/from.hpp '#include "llmroute/chat.hpp"'
  header transport/curl.hpp '#include <curl/curl.h>' '#include "llmroute/router.hpp"'
  header llmroute.hpp '#include "llmroute/router.hpp"' '#include "llmroute/transport/from.hpp"'
}
must() {  # must <sentence>: empty, if it must pass
  said=$(sh "$gate" "$tree"); status=$?
  if [ -z "$1" ]; then [ $status -eq 0 ]; else [ $status -eq 1 ] && [ "$(echo "$said" | wc -l)" -eq 2 ] && echo "$said" | grep -qF -- "$1"; fi &&
    return
  echo "expected: ${1:-no violation}; got:"; echo "$said"; failed=1
}

sound; must ''
sound; header chat.hpp '#include <boost/asio.hpp>';                      must 'chat.hpp:3: <boost/asio.hpp> is not of the standard library'
sound; header transport/from.hpp '#include <curl/curl.h>';               must '<curl/curl.h> is not of the standard library'
sound; header sim/clock.hpp '#  include <pthread.h>';                    must '<pthread.h> is not of the standard library'
sound; header wire/json.hpp '#include <regex>';                          must 'json.hpp:3: <regex> is too slow'
sound; header router.hpp '#include <thread>';                            must '<thread> is too slow'
sound; header router.hpp '#include <coroutine>';                         must '<coroutine> belongs in llmroute/drive/coroutine.hpp alone'
sound; header wire/sse.hpp '#include "llmroute/policy/ranking.hpp"';     must 'the words and wire/ must not know of dialect/ and policy/'
sound; header policy/budget.hpp '#include "llmroute/route/race.hpp"';    must 'dialect/ and policy/ must not know of route/'
sound; header route/places.hpp '#include <llmroute/router.hpp>';         must 'route/ must not know of drive/ and router'
sound; header router.hpp '#include "llmroute/transport/from.hpp"';       must 'drive/ and router must not know of transport/ and sim/'
sound; header transport/beast.hpp '#include "llmroute/llmroute.hpp"';    must 'must not know of the umbrella'
sound; header llmroute.hpp '#include "llmroute/transport/curl.hpp"';     must '<llmroute/transport/curl.hpp> is not part of the umbrella'
sound; header chat.hpp '#include "llmroute/wire/json.hpp"';              must 'a circle: llmroute/chat.hpp -> llmroute/wire/json.hpp -> llmroute/chat.hpp'
sound; header chat.hpp '#include "llmroute/money.hpp"';                  must '<llmroute/money.hpp> does not exist'
sound; header wire/sse.hpp '#include "json.hpp"';                        must '"json.hpp" is relative'
sound; sed 's/CHAT_HPP/CHAT_H/' "$tree/llmroute/chat.hpp" > "$tree/c" && mv "$tree/c" "$tree/llmroute/chat.hpp"
must 'the include guard is to be LLMROUTE_CHAT_HPP'
exit $failed
