#!/bin/sh
# chat.sh <curl_chat>: without a key it says whom it asks, the cheapest two fail, the third answers word by word over real HTTP,
# and one line tells all of it. What fails is one line as well, with status 1.
chat=$1
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
failed=0
wrong() { echo "$*"; cat "$out/text" "$out/notes"; failed=1; }

# run <status> <what else is in the environment> [arguments]: the text and the notes are then in files.
run() {
  wanted=$1 more=$2
  shift 2
  env -i PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" "$more" "$chat" "$@" > "$out/text" 2> "$out/notes"
  status=$?
  [ $status -eq "$wanted" ] || wrong "curl_chat $*: status $status, not $wanted"
}
last() { tail -n 1 "$out/notes"; }
lines() { wc -l < "$out/notes"; }

# A proxy of the environment has no say over this machine.
run 0 http_proxy=http://127.0.0.1:9 --system 'Be "brief".' 'Why is' 'the sky blue? ✓'
grep -qF 'I heard: Be "brief". Why is the sky blue? ✓' "$out/text" || wrong "the text is not what the stand-in said"
[ "$(wc -l < "$out/text")" -eq 1 ] || wrong "the text is not one line"
[ "$(lines)" -eq 2 ] && head -n 1 "$out/notes" | grep -q 'no key .* is set: stand-ins on this machine' || wrong "nobody is told who is asked"
last | grep -Eq '^-- steady, echo-1, [0-9]+ m?s, first word after [0-9]+ [um]?s, [1-9][0-9]* \+ [1-9][0-9]* tokens, \$0\.0000' ||
  wrong "the last line does not tell who answered, in what time and for what"
last | grep -q '; busy failed: rate_limited; broken failed: server_error$' || wrong "the last line does not tell who failed"
# In pieces: the first one came well before the last.
last | awk '{ unit["us"] = 1; unit["ms"] = 1e3; unit["s"] = 1e6
              for (i = 1; i < NF; i++) { u = $(i + 1); sub(/,$/, "", u); if ($i ~ /^[0-9]+$/ && u in unit) took[++n] = $i * unit[u] } }
            END { exit !(n == 2 && took[2] < took[1] - 100e3) }' || wrong "the answer came in one piece"

run 0 A=
grep -qF 'Why is the sky blue?' "$out/text" || wrong "it asks nothing unless told"
run 1 A= --model other hello
[ ! -s "$out/text" ] && [ "$(lines)" -eq 2 ] && last | grep -q '^model_not_found: .*steady' || wrong "a failure is not one clear line"
run 1 'GROQ_API_KEY=not
a key' hello
[ ! -s "$out/text" ] && [ "$(lines)" -eq 1 ] && last | grep -q '^misconfigured: provider "groq": key ' || wrong "a bad key is not one clear line"
for argument in --help --model --unknown; do
  run 2 A= $argument
  grep -q '^usage: ' "$out/notes" || wrong "curl_chat $argument shows no usage"
done
exit $failed
