# Prints a Markdown file with each marked code block made anew from the region of the source that it names:
#     <!-- from examples/x.cpp name -->   in the Markdown file, right before a ```cpp block
#     // [readme:name] ... // [/readme]   in the source; the region is shown without its common indentation
# Paths are relative to `root`. A ```cpp block without a mark is a fault, as nothing would ever compile it.

function wrong(sentence) { printf "%s:%d: %s\n", FILENAME, FNR, sentence > "/dev/stderr"; faults = 1 }

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

copying == 0 && /^<!-- from / { source = root "/" $3; name = $4; print; next }
copying == 0 && /^```cpp/ {
  print
  if (source == "") wrong("this code is cut from nowhere: put <!-- from <file> <name> --> before it")
  else { printf "%s", region(source, name); copying = 2; source = ""; next }
  copying = 1
  next
}
copying == 0 && /^```/ { print; copying = 1; next }
copying && /^```/ { print; copying = 0; next }
copying == 2 { next }
{ if (source != "" && NF) { wrong("a ```cpp block is to follow the mark"); source = "" } print }
END { exit faults }
