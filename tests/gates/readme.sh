#!/bin/sh
# readme.sh [--update] <root> <file.md>...: are the code and the tables in these pages those of the sources? The pages
# are named relative to the root. --update writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
update=
[ "$1" = --update ] && { update=yes; shift; }
root=$1
shift
fresh=$(mktemp) || exit 2
trap 'rm -f "$fresh"' EXIT
failed=0
for page in "$@"; do
  if ! awk -v root="$root" -f "$here/readme.awk" "$root/$page" > "$fresh"; then
    failed=1
  elif ! cmp -s "$root/$page" "$fresh"; then
    if [ "$update" ]; then
      cat "$fresh" > "$root/$page"
    else
      diff -u "$root/$page" "$fresh"
      echo "$page shows other code than its sources hold; sh tests/gates/readme.sh --update . $page puts it right"
      failed=1
    fi
  fi
done
exit $failed
