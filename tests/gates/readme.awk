# Prints a Markdown file with what is marked in it made anew from the source that it names:
#     <!-- from examples/x.cpp name -->   right before a ```cpp block: the source's // [readme:name] ... // [/readme]
#     <!-- table from include/x.hpp -->   right before a table: the table in the comments of that header
#     <!-- table 2 from include/x.hpp --> likewise: the second one there
# Paths are relative to `root`. A ```cpp block without a mark is a fault, as nothing would ever compile it.

function wrong(sentence) { printf "%s:%d: %s\n", FILENAME, FNR, sentence > "/dev/stderr"; faults = 1 }

# The region without the indentation of its first line.
function region(path, name,    line, inside, text, indent, n) {
  while ((getline line < path) > 0) {
    if (inside && line ~ /\/\/ \[\/readme\][ \t\r]*$/) break
    if (inside) {
      if (n++ == 0) { match(line, /^ */); indent = RLENGTH }
      text = text substr(line, match(line, /[^ ]/) && RSTART <= indent ? RSTART : indent + 1) "\n"
    }
    if (index(line, "// [readme:" name "]")) inside = 1
  }
  close(path)
  if (n == 0) wrong(path " has no region [readme:" name "]")
  return text
}
function table(path, which,    line, text, inside, n) {
  while ((getline line < path) > 0) {
    if (!sub(/^\/\/ \|/, "|", line)) { inside = 0; continue }
    if (!inside) ++n
    inside = 1
    if (n == which) text = text line "\n"
  }
  close(path)
  if (text == "") wrong(path " has no table " which)
  return text
}

state == "table" && /^\|/ { next }
state == "table" { state = "" }
state == "code" && /^```/ { print; state = ""; next }
state == "code" { next }
state == "other" { print; if (/^```/) state = ""; next }

/^<!-- table from / { print; printf "%s", table(root "/" $4, 1); state = "table"; next }
/^<!-- table [0-9]+ from / { print; printf "%s", table(root "/" $5, $3); state = "table"; next }
/^<!-- from / { print; source = root "/" $3; name = $4; next }
/^```cpp/ {
  print
  state = source == "" ? "other" : "code"
  if (source == "") wrong("this code is cut from nowhere: put <!-- from <file> <name> --> before it")
  else printf "%s", region(source, name)
  source = ""
  next
}
{
  if (source != "" && NF) { wrong("a ```cpp block is to follow the mark"); source = "" }
  if (/^```/) state = "other"
  print
}
END { exit faults }
