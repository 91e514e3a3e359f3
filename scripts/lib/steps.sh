# shellcheck shell=bash
# Runs a test's steps and adds up what they count. Sourced by scripts/test, which sets step_logs,
# step_passed and step_again.
# shellcheck disable=SC2154

passed=0 failed=0
declare -A verdict=() # label: ok or failed
step_terminal=false
[[ -t 1 && ${TERM:-dumb} != dumb ]] && step_terminal=true

# line VERDICT SECONDS LABEL TEXT
line() {
  local color=''
  if $step_terminal; then
    printf '\r\e[K'
    if [[ -z ${NO_COLOR:-} ]]; then
      case $1 in
        ok) color=$'\e[32m' ;;
        FAILED | skipped) color=$'\e[31m' ;;
      esac
    fi
  fi
  printf '%s%-7s%s %7s s  %-52s %s\n' "$color" "$1" "${color:+$'\e[0m'}" "$2" "$3" "$4"
}

# tenths SINCE: seconds since a time in EPOCHREALTIME's form.
tenths() {
  local micros=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
  printf '%d.%d' $((micros / 1000000)) $((micros / 100000 % 10))
}

# counts_of KIND LOG: prints how many single tests passed and failed; nothing when the log does not
# end as it should.
#   catch    Catch2's last lines, of version 2 or 3
#   totals   a last line `N passed, N failed`
counts_of() {
  case $1 in
    catch)
      sed -nE -e 's/^All tests passed \(.* in ([0-9]+) test cases?\)$/\1 0/p' \
        -e '/^test cases: /{
              s/.* ([0-9]+) passed.* ([0-9]+) failed.*/\1 \2/p; t
              s/.* ([0-9]+) failed.*/0 \1/p; t
              s/.* ([0-9]+) passed.*/\1 0/p
            }' "$2" | tail -n 1
      ;;
    totals) tail -n 1 "$2" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' ;;
  esac
}

# sanitizer_reports: the files in which sanitizers have reported since they were last looked at.
sanitizer_reports() {
  local report
  for report in "$step_logs"/sanitizer.*; do
    [[ -s $report && -z ${seen_reports[$report]:-} ]] || continue
    printf '%s\n' "$report"
  done
}
declare -A seen_reports=()

# run_child SECONDS COMMAND...: returns its exit code, 124 when it took longer than that.
run_child() {
  local limit=$1 began=$SECONDS label=$step_label
  shift
  in_background "$@"
  while kill -0 "$child" 2>/dev/null; do
    if ((SECONDS - began > limit)); then
      kill -TERM -- "-$child" 2>/dev/null || true
      sleep 5
      kill -KILL -- "-$child" 2>/dev/null || true
      wait_for_child || true
      return 124
    fi
    ! $step_terminal || printf '\r\e[K%-7s %7s s  %s' '' $((SECONDS - began)) "$label" >/dev/tty
    sleep 0.1
  done
  wait_for_child
}

# beside COMMAND...: begins what needs no server, on what the steps leave of the machine's cores.
# `step LABEL ended_beside` waits for it.
beside() {
  in_background report_beside "$@"
  beside_child=$child child=''
}
beside_child=''

report_beside() {
  local code=0
  chrt --idle 0 "$@" >"$step_logs/beside.log" 2>&1 || code=$?
  printf '%d\n' "$code" >"$step_logs/beside.code"
}

ended_beside() {
  while kill -0 -- "-$beside_child" 2>/dev/null; do sleep 0.2; done
  cat "$step_logs/beside.log"
  return "$(<"$step_logs/beside.code")"
}

end_beside() {
  [[ -z $beside_child ]] || kill -TERM -- "-$beside_child" 2>/dev/null || true
}

# same_since_passed: has the step passed with what --of names as it is now? Then sets counts. What
# passed is noted in step_passed, by label; with step_again=true it does not count.
same_since_passed() {
  local noted=$step_passed/$slug
  [[ -n $of ]] && ! $step_again && [[ -f $noted ]] || return 1
  [[ $(head -n 1 "$noted") == "$of" ]] || return 1
  counts=$(tail -n +2 "$noted")
}

note_passed() {
  [[ -n $of ]] || return 0
  mkdir -p "$step_passed"
  printf '%s\n%s\n' "$of" "$counts" >"$step_passed/$slug"
}

# step [--counts KIND] [--limit SECONDS] [--needs LABEL]... [--of STATE] LABEL COMMAND...
# STATE: a hash of all that the step's outcome depends on; it is not run again with the same.
# One line when it is over; when it failed also what its log, or a sanitizer, says at the end.
step() {
  local kind='' limit=900 needs=() began=$EPOCHREALTIME code=0 log counts='' good=0 bad=0 need
  local of='' slug again=''
  while [[ $1 == --* ]]; do
    case $1 in
      --counts) kind=$2 ;;
      --limit) limit=$2 ;;
      --needs) needs+=("$2") ;;
      --of) of=$2 ;;
    esac
    shift 2
  done
  step_label=$1 && shift
  for need in "${needs[@]}"; do
    if [[ ${verdict[$need]:-} != ok ]]; then
      verdict[$step_label]=failed failed=$((failed + 1))
      line skipped 0.0 "$step_label" "because of: $need"
      return
    fi
  done
  slug=$(tr -cs 'a-zA-Z0-9' - <<<"$step_label" | sed 's/-*$//')
  log=$step_logs/$slug.log
  if same_since_passed; then
    again=', as before: nothing has changed'
  else
    run_child "$limit" "$@" >"$log" 2>&1 || code=$?
    [[ -z $kind ]] || counts=$(counts_of "$kind" "$log")
  fi
  judge
  if ((bad)); then
    verdict[$step_label]=failed
    line FAILED "$(tenths "$began")" "$step_label" "${counts:+$good passed, $bad failed}"
    explain
  else
    verdict[$step_label]=ok
    line ok "$(tenths "$began")" "$step_label" "${counts:+$good passed}$again"
    note_passed
  fi
  passed=$((passed + good)) failed=$((failed + bad))
}

# Sets good and bad from code, counts and the sanitizers' reports. A step that counts nothing is one
# test; one that ends badly beyond what it counted has one failure more.
judge() {
  local reported
  reported=$(sanitizer_reports | wc -l)
  if [[ -n $counts ]]; then
    read -r good bad <<<"$counts"
    ((bad > 0 || (code == 0 && good > 0) )) || bad=1
  elif ((code == 0)) && [[ -z $kind ]]; then
    good=1
  else
    bad=1
  fi
  ((bad > 0 || reported == 0)) || bad=1
}

# Uses step's code, log and limit.
explain() {
  local report
  ((code != 124)) || printf '        it took more than %d s and was ended\n' "$limit"
  if [[ $kind == totals && -n $counts ]]; then
    grep -A 1 '^FAILED' "$log" | grep -v '^--' | cut -c1-1000 | sed 's/^/        /' || true
  else
    tail -n 30 "$log" | cut -c1-300 | sed 's/^/        /'
  fi
  while read -r report; do
    printf '        a sanitizer reports, in %s:\n' "$(shown "$report")"
    grep -v '^=*$' "$report" | head -n 15 | cut -c1-200 | sed 's/^/        /'
    seen_reports[$report]=1
  done < <(sanitizer_reports)
  printf '        all of it: %s\n' "$(shown "$log")"
}
