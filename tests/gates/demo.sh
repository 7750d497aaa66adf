#!/bin/sh
# demo.sh <demo>: one seed takes one course, byte for byte, and another seed another; what it cannot understand it says, with
# status 2; and the course that newcomers see shows all that the demo is there for.
demo=$1
failed=0
wrong() { echo "$*"; failed=1; }

first=$("$demo" --seed 7) && second=$("$demo" --seed 7) || wrong "the demo fails"
[ "$first" = "$second" ] || wrong "two runs with one seed differ"
[ "$first" != "$("$demo" --seed 8)" ] || wrong "two seeds take the same course"

for arguments in '--seed x' '--seed -1' '--seed 99999999999999999999' '--seed' '--sed 7' '--seed 7 7'; do
  # shellcheck disable=SC2086
  said=$("$demo" $arguments 2>&1); status=$?
  [ $status -eq 2 ] && echo "$said" | grep -q 'usage: demo' || wrong "demo $arguments: status $status, $said"
done
"$demo" --help | grep -q 'usage: demo' || wrong "--help shows no usage"

shown=$("$demo")
for part in '[simple' '[code' '[complex' '[medium' ', streamed]' 'asks ' 'then ' 'rate_limited' 'as it asked' 'timed_out' \
            'its circuit opens' 'its circuit is open' 'a probe' 'its circuit closes' 'saw no failure' 'universal alone'; do
  echo "$shown" | grep -qF "$part" || wrong "the demo no longer shows: $part"
done
[ "$(echo "$shown" | grep -c '=> nobody')" -eq 0 ] || wrong "a prompt has no answer"
exit $failed
