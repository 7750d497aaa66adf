# Reads all headers of the library and holds their includes to four rules:
#   outside transport/ nothing but the standard library is included, and of that nothing that is slow to compile;
#   includes point down the floors; they never go round in a circle; the guard is named after the file.

function words(text, into,    parts, n, i) { n = split(text, parts, " "); for (i = 1; i <= n; ++i) into[parts[i]] = 1 }

BEGIN {
  words("algorithm array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono climits cmath compare complex" \
        " concepts condition_variable coroutine cstddef cstdint cstdio cstdlib cstring ctime cwchar deque exception iosfwd" \
        " initializer_list iterator latch limits list map mutex new numbers numeric optional ostream queue ratio semaphore" \
        " set shared_mutex source_location span stdexcept string string_view system_error tuple type_traits typeinfo" \
        " unordered_map unordered_set utility vector version", standard)
  # Behind their feature macro; the compiler's own.
  words("immintrin.h emmintrin.h tmmintrin.h arm_neon.h intrin.h", intrinsics)
  # Each of these costs every user 100 to 350 ms, or is missing from libc++.
  words("iostream regex thread future random functional ranges format variant memory stop_token", banned)
  allowed["thread", "llmroute/drive/blocking.hpp"] = 1
  allowed["thread", "llmroute/transport/threaded.hpp"] = 1
  only_in["coroutine"] = "llmroute/drive/coroutine.hpp"
}

# The floor on which a header stands. The words are on the ground with wire/; presets point to dialects.
function floor(path) {
  if (path == "llmroute/llmroute.hpp") return 5
  if (path ~ /^llmroute\/(transport|sim)\//) return 4
  if (path ~ /^llmroute\/drive\// || path ~ /^llmroute\/(any_)?router\.hpp$/) return 3
  if (path ~ /^llmroute\/route\//) return 2
  if (path ~ /^llmroute\/(dialect|policy)\// || path ~ /^llmroute\/providers(\/|\.hpp$)/) return 1
  return 0
}
function floor_name(path) {
  split("the words and wire/|dialect/ and policy/|route/|drive/ and router|transport/ and sim/|the umbrella", names, "|")
  return names[floor(path) + 1]
}

function wrong(sentence) { printf "include/%s:%d: %s\n", FILENAME, FNR, sentence; ++faults }

FNR == 1 { header[FILENAME] = 1; guard_seen = 0 }

/^[ \t]*#[ \t]*ifndef[ \t]/ && !guard_seen {
  guard_seen = 1
  guard = toupper(FILENAME); gsub(/[\/.]/, "_", guard)
  if ($0 !~ ("[ \t]" guard "[ \t\r]*$")) wrong("the include guard is to be " guard)
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
  name = $0; sub(/^[^<"]*[<"]/, "", name); sub(/[>"].*/, "", name)
  if (name ~ /^llmroute\//) {
    to[FILENAME, ++count[FILENAME]] = name
    line[FILENAME, name] = FNR
    if (floor(name) > floor(FILENAME))
      wrong("<" name "> is above: " floor_name(FILENAME) " must not know of " floor_name(name))
    else if (floor(FILENAME) == 5 && name ~ /^llmroute\/(transport|sim)\// && name != "llmroute/transport/from.hpp")
      wrong("<" name "> is not part of the umbrella")
  } else if ($0 ~ /"/) {
    wrong("\"" name "\" is relative; our own headers are included as llmroute/...")
  } else {
    if (name in banned && !((name, FILENAME) in allowed))
      wrong("<" name "> is too slow to compile, or missing somewhere, for a public header")
    else if (name in only_in && only_in[name] != FILENAME)
      wrong("<" name "> belongs in " only_in[name] " alone")
    else if (!(name in standard) && !(name in intrinsics) && !(name in banned) && (FILENAME !~ /\/transport\// || FILENAME ~ /\/(from|threaded)\.hpp$/))
      wrong("<" name "> is not of the standard library")
  }
}

# Depth first; state 1 is on the path from the root to here.
function visit(file, path,    i, next_) {
  state[file] = 1
  for (i = 1; i <= count[file]; ++i) {
    next_ = to[file, i]
    if (!(next_ in header)) { printf "include/%s:%d: <%s> does not exist\n", file, line[file, next_], next_; ++faults; continue }
    if (state[next_] == 1) { printf "include/%s:%d: a circle: %s -> %s\n", file, line[file, next_], path, next_; ++faults }
    else if (!state[next_]) visit(next_, path " -> " next_)
  }
  state[file] = 2
}

END {
  for (i = 1; i < ARGC; ++i) {
    if (!(ARGV[i] in header)) { printf "include/%s: empty\n", ARGV[i]; ++faults }
    if (!state[ARGV[i]]) visit(ARGV[i], ARGV[i])
  }
  printf "%d headers, %d violations\n", ARGC - 1, faults
  exit faults > 0
}
