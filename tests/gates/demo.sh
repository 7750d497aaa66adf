#!/bin/sh
# demo.sh <demo>: one seed takes one course, byte for byte, and another seed another; what it cannot understand it says, with
# status 2; and the course that newcomers see shows each policy at work, by what would be otherwise if the policy were not.
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

shown=$("$demo") || wrong "the demo fails without arguments"

# act <beginning of its question>: the lines of one act.
act() {
  printf '%s\n' "$shown" | awk -v question="== $1" '/^== / { here = index($0, question) == 1; next } here && NF'
}
# holds <act> <what is shown> <awk program>: its pattern variables are counted, and its END decides with `exit !(...)`.
holds() {
  [ -n "$(act "$1")" ] || wrong "there is no act: $1"
  act "$1" | awk "function seconds(number, unit) { return unit == \"s\" ? number : number / (unit == \"ms\" ? 1e3 : 1e6) }
                  function dollars(text) { sub(/^\\\$/, \"\", text); return text + 0 }
                  $3" || wrong "the demo no longer shows: $2"
}

# The dozen prompts.
for part in '[simple' '[code' '[complex' '[medium' ', streamed]' 'asks ' 'then ' 'rate_limited' 'as it asked' 'timed_out' \
            'its circuit opens' 'its circuit is open' 'a probe' 'its circuit closes' 'saw no failure'; do
  act 'A dozen prompts' | grep -qF "$part" || wrong "the dozen prompts no longer show: $part"
done
holds 'A dozen prompts' 'an answer to each of them' '/^[0-9]+\. / { asked++ } /=> nobody/ { none++ } /=> .* answers in/ { answered++ }
  END { exit !(asked == 12 && answered == 12 && none == 0) }'

# Rankings. The last fields of a row are the cost, the time and its unit; six providers stand before them.
ranking() {
  holds 'Whom to ask first' "$1" '
    /universal|swift|frugal/ {
      name = $1 == "round" ? "round robin" : $1
      for (i = NF - 8; i <= NF - 3; i++) { row[name] = row[name] $i " "; times[name, $i]++ }
      cost[name] = dollars($(NF - 2)); time[name] = seconds($(NF - 1), $NF); names++
    }
    /^misconfigured: .*"best"; there are priority, cost, latency, weighted, round robin, category$/ { refused = 1 }
    END { exit !(names == 6 && ('"$2"')) }'
}
ranking 'a strategy that nobody knows' 'refused'
ranking 'the order of the fleet' 'times["priority", "universal"] == 6'
ranking 'that the cheapest is asked' 'times["cost", "frugal"] == 6 && cost["cost"] > 0'
ranking 'that the cheapest is cheapest' 'cost["cost"] < cost["latency"] && cost["cost"] < cost["weighted"] && cost["cost"] < cost["category"]'
ranking 'that the fastest is fastest' 'time["latency"] < time["cost"] && time["latency"] < time["weighted"] && time["latency"] < time["category"]'
ranking 'shares that are drawn' '!(times["weighted", "universal"] == 2 && times["weighted", "swift"] == 2) && times["weighted", "universal"] < 6 && times["weighted", "swift"] < 6 && times["weighted", "frugal"] < 6'
ranking 'an even spread' 'row["round robin"] == "universal swift frugal universal swift frugal "'
ranking 'to each task its own' 'row["category"] == "frugal swift universal swift frugal frugal "'

# Cooldowns: wasted attempts, and the seconds until the provider was used again.
cooldown() {
  holds 'Who must rest' "$1" '
    / s after it was back$/ { sub(/,/, "", $1); again[$1] = $(NF - 5); waited[$1] = $(NF - 7); wasted[$1] = $(NF - 8); rows++ }
    END { exit !(rows == 4 && ('"$2"')) }'
}
cooldown 'that nobody rests when it is off' 'wasted["Off"] == 18 && again["Off"] == 0'
cooldown 'that each of them spares most attempts' 'wasted["Fixed"] * 3 < wasted["Off"] && wasted["ConsecutiveFailures"] * 3 < wasted["Off"] && wasted["CircuitBreaker"] * 3 <= wasted["Off"]'
cooldown 'that a fixed rest needs one failure, and the others three' 'wasted["Fixed"] == 2 && wasted["ConsecutiveFailures"] > 3 && wasted["CircuitBreaker"] > 3'
cooldown 'that a shorter rest is used again sooner' 'again["CircuitBreaker"] > 0 && again["CircuitBreaker"] < again["ConsecutiveFailures"] && again["CircuitBreaker"] <= 30 && again["Fixed"] <= 60'
cooldown 'what the waste costs in time' 'waited["Off"] == 3 * wasted["Off"] && waited["CircuitBreaker"] == 3 * wasted["CircuitBreaker"]'

holds 'Is "too many' 'a 429 that rests at once and as told, and a dead one that opens its circuit after two failures' '
  /^at / { asked[++n] = $0; sub(/^at [0-9]+ s: /, "", asked[n]) }
  /^busy/ { told = $3 == 0 && $4 == 0 && $5 == 0 && /asked for a rest, [0-9]+ s left/ }
  /^dead/ { opened = $3 == 0 && $4 == 2 && $5 == 2 && /rests after failures/ }
  END { exit !(n == 4 && asked[1] == "busy (rate_limited), dead (not_sent), steady (won)" && asked[2] == "dead (not_sent), steady (won)" &&
               asked[3] == "steady (won)" && asked[4] == "busy (won)" && told && opened) }'

holds 'Everybody failed once' 'that another round, after a pause, finds an answer' '
  /^Off/ { gave_up = /\(overloaded\), two \(overloaded\): no answer$/ }
  /^Backoff/ { again = /two \(overloaded\), one \(won\) after a pause of/ && seconds($(NF - 1), $NF) > 0.001 }
  END { exit !(gave_up && again) }'

holds 'What kind of task' 'what kind each prompt is' '
  { sure[$1] = $2 }
  /^medium +0.00 +Can you analyze the function of mitochondria/ || /^medium +0.00 +Write a haiku about debugging/ { left++ }
  END { exit !(left == 2 && sure["simple"] == 0.5 && sure["code"] > sure["simple"] && sure["complex"] > 0.5 && sure["legal"] == 0.5) }'

holds 'What does each vendor call' 'the vendors by price, and a price that is corrected' '
  /^[1-4]\./ { if (dollars($4) <= last) unsorted = 1; last = dollars($4); cost[$2] = last; name[$2] = $3; n++ }
  /^- +openai .* does not carry the model$/ { left_out = 1 }
  /^the cheapest is together, / { corrected = dollars($NF) }
  /prices:1:[0-9]+: models.llama-3.1-8b.groq.input is no price/ { found = 1 }
  END { exit !(n == 4 && !unsorted && left_out && found && name["cerebras"] == "llama3.1-8b" && name["groq"] == "llama-3.1-8b-instant" &&
               corrected > 0 && corrected < cost["openrouter"] && cost["openrouter"] < cost["together"]) }'

holds 'Why did it go there' 'the order before, the trail after, and one of three that failed' '
  /^1\. +frugal/ { first = 1 } /^2\. +swift/ { second = 1 }
  /^- +universal .* costs more than the request allows$/ { too_dear = 1 }
  $0 == "what happened: frugal (rate_limited), swift (won)" { happened = 1 }
  /^compare:/ { comparing = 1 }
  comparing && /^(universal|swift) +[0-9]+ ms +\$/ { answered++ }
  /^frugal +FAILED .*not asked: asked for a rest \([0-9]+ s left\)$/ { resting = 1 }
  END { exit !(first && second && too_dear && happened && answered == 2 && resting) }'

holds 'What is written down' 'a line for each attempt of one request' '
  /^event=attempt / && / attempt=1 provider=shaky ended=failed kind=overloaded status=503 / { failed = $2 }
  /^event=attempt / && / attempt=2 provider=steady ended=won status=200 / { won = $2 }
  END { exit !(NR == 2 && failed != "" && failed == won) }'

holds 'What has it cost' 'figures that add up' '
  /^all time: 12 requests, 12 answered, 0 failed/ { counted = 1; fallbacks = $(NF - 1) }
  /savings against universal alone \$/ { saved = dollars($NF) }
  $1 == "category" { by_task = 1 }
  /^ +(frugal|swift|universal) / { ok += $2 }
  by_task && /^ +(simple|code|complex|medium) / { tasks += $2 }
  END { exit !(counted && fallbacks > 0 && saved > 0 && ok == 12 && tasks == 12) }'

holds 'How is everybody now' 'the status, with somebody who rests' '
  /^provider +model +ok / { titled = NR == 1 } /^(frugal|swift|universal) / { ok += $3 } /(asked for a rest|rests after failures), .* left/ { rests = 1 }
  END { exit !(titled && NR == 4 && ok == 12 && rests) }'
[ "$(printf '%s\n' "$shown" | tail -n 4)" = "$(act 'How is everybody now')" ] || wrong "the demo no longer ends with the status"
exit $failed
