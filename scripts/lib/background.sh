# shellcheck shell=bash
# Commands that the script waits for, and that end with it. Sourced, never run.

child='' # the process group that runs, if any

# in_background COMMAND...: sets child. It has a process group of its own, so that the end of the
# script can end it with all that it started.
in_background() {
  set -m
  "$@" </dev/null &
  child=$!
  set +m
}

# wait_for_child: returns its exit code.
wait_for_child() {
  local code=0
  wait "$child" || code=$?
  child=''
  return "$code"
}

# end_child: for the script's end.
end_child() {
  [[ -n $child ]] || return 0
  kill -TERM -- "-$child" 2>/dev/null || true
  wait "$child" || true
  child=''
}

# free_base_port FIRST: prints the first of FIRST, FIRST+100, … whose ports nobody answers on.
free_base_port() {
  local base offset
  for ((base = $1; base < 32000; base += 100)); do
    for offset in 32 33 83 84 92 93; do
      ! (exec 3<>"/dev/tcp/127.0.0.1/$((base + offset))") 2>/dev/null || continue 2
    done
    printf '%s' "$base"
    return
  done
  return 1
}
