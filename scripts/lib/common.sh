# shellcheck shell=bash
# What the scripts share. Sourced, never run.
# shellcheck disable=SC2034  # its variables are used by the scripts that source it

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=scripts/$(basename "$0")
cache=${TIDEMARK_CACHE:-~/.cache/tidemark}

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$program" "$*" >&2; }

# die [-CODE] TEXT
die() {
  local code=1
  if [[ $1 == -[0-9]* ]]; then
    code=${1#-}
    shift
  fi
  warn "$@"
  exit "$code"
}

# Runs a command with root's rights: as it is for root, with sudo for everybody else.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root's rights and there is no sudo here. As root, run: $*"
  fi
}

# shown PATH: the path as a reader here wants it, relative to where they are where that is shorter.
shown() {
  case $1 in
    "$PWD"/*) printf '%s' "${1#"$PWD"/}" ;;
    *) printf '%s' "$1" ;;
  esac
}

# find_java: prints the path of a Java 17 or newer, fails if there is none.
find_java() {
  local java release version
  for java in "${JAVA_HOME:-}/bin/java" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [[ -x $java ]] || continue
    release=$(dirname "$(readlink -f "$java")")/../release # quicker to read than Java is to ask
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$release" 2>/dev/null) ||
      version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    if ((${version:-0} >= 17)); then
      printf '%s' "$java"
      return
    fi
  done
  return 1
}
