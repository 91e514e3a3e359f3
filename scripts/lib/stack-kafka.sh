# shellcheck shell=bash
# scripts/stack's commands for topics and connectors.
# shellcheck disable=SC2154

run_class() {
  (($#)) || die -64 "run-class takes a Java class, and its arguments"
  fetch
  run_tool "$@"
}

kafka_topic() {
  local -a topics=(run_class org.apache.kafka.tools.TopicCommand
    --bootstrap-server "$(address_of kafka)") configs=()
  case ${1:-} in
    create)
      (($# >= 3)) || die -64 "kafka-topic create takes NAME PARTITIONS [SETTING=VALUE]..."
      local name=$2 partitions=$3 setting
      shift 3
      for setting; do configs+=(--config "$setting"); done
      "${topics[@]}" --create --topic "$name" --partitions "$partitions" --replication-factor 1 \
        "${configs[@]}"
      ;;
    delete)
      (($# == 2)) || die -64 "kafka-topic delete takes a name"
      "${topics[@]}" --delete --topic "$2"
      ;;
    list) "${topics[@]}" --list ;;
    *) die -64 "kafka-topic takes create, delete or list" ;;
  esac
}

# rest METHOD PATH [BODY]: prints Connect's answer; fails, having said why, when it is no success.
# Waits while Connect is busy with a rebalance (409).
rest() {
  local answer code deadline=$((SECONDS + 30))
  local -a body=()
  [[ -z ${3:-} ]] || body=(-H 'Content-Type: application/json' --data-binary "$3")
  while true; do
    answer=$(curl -sS -m 60 -X "$1" "${body[@]}" -w '\n%{http_code}' "$(address_of connect)$2") ||
      die -69 "Connect does not answer at $(address_of connect); scripts/stack status tells more"
    code=${answer##*$'\n'}
    if [[ $code != 409 ]] || ((SECONDS >= deadline)); then break; fi
    sleep 0.5
  done
  answer=${answer%$'\n'*}
  if [[ $code != 2* ]]; then
    warn "Connect refuses $1 $2 ($code): $answer"
    return 1
  fi
  printf '%s' "$answer"
}

# The connector's configuration on standard input, with what it lacks for this stack's source.
complete_config() {
  python3 -c '
import json, re, sys
name, port = sys.argv[1:]
try:
    given = json.load(sys.stdin)
    given = given.get("config", given)
except (ValueError, AttributeError) as error:
    sys.exit(f"not JSON as expected: {error}")
postgres = "io.debezium.connector.postgresql.PostgresConnector"
if given.get("connector.class", postgres) == postgres:
    plain = re.sub("[^a-z0-9_]", "_", name.lower())[:63]
    given = {"connector.class": postgres, "topic.prefix": name, "plugin.name": "pgoutput",
             "database.hostname": "127.0.0.1", "database.port": port, "database.user": "postgres",
             "database.password": "any", "database.dbname": "source",
             "slot.name": plain, "publication.name": plain, **given}
print(json.dumps(given))' "$1" "$(port_of source)"
}

# state_of NAME: one word for the connector and each of its tasks; then the first failure's reason.
state_of() {
  rest GET "/connectors/$1/status" | python3 -c '
import json, sys
status = json.load(sys.stdin)
parts = [status["connector"], *status["tasks"]]
print(*(part["state"] for part in parts))
failures = [part.get("trace", "") for part in parts if part["state"] == "FAILED"]
print(*failures[:1])'
}

wait_for_connector() {
  local state='' deadline=$((SECONDS + timeout))
  while true; do
    state=$(state_of "$1" 2>/dev/null) || state=''
    case ${state%%$'\n'*} in
      *FAILED*)
        warn "connector $1 failed:"
        sed -n '2,6s/^/    /p' <<<"$state" >&2
        exit 1
        ;;
      "RUNNING RUNNING"*) [[ ${state%%$'\n'*} =~ ^(RUNNING\ ?)+$ ]] && return 0 ;;
    esac
    ((SECONDS < deadline)) ||
      die "connector $1 does not run after $timeout s: $(state_of "$1" 2>&1 | head -n 1)"
    sleep 0.3
  done
}

# A deleted connector leaves its offsets, slot and publication behind, and a new one of that name
# would go on from there.
delete_connector() {
  local config slot publication deadline=$((SECONDS + timeout))
  config=$(rest GET "/connectors/$1/config")
  rest PUT "/connectors/$1/stop" >/dev/null
  until [[ $(state_of "$1") == STOPPED* ]] &&
    rest DELETE "/connectors/$1/offsets" >/dev/null 2>&1; do
    ((SECONDS < deadline)) ||
      die "cannot delete the offsets of $1: $(rest DELETE "/connectors/$1/offsets" 2>&1)"
    sleep 0.3
  done
  rest DELETE "/connectors/$1" >/dev/null
  read -r slot publication < <(python3 -c '
import json, sys
config, port = json.loads(sys.argv[1]), sys.argv[2]
if config.get("database.port") == port:
    print(config.get("slot.name", "debezium"), config.get("publication.name", "dbz_publication"))' \
    "$config" "$(port_of source)") || return 0
  until drop_slot "$slot" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || die "cannot drop replication slot $slot: $(drop_slot "$slot" 2>&1)"
    sleep 0.2
  done
  psql -XAtq "$(dsn_of source)" -c "set client_min_messages = error" \
    -c "drop publication if exists \"$publication\""
}

drop_slot() {
  psql -XAtq "$(dsn_of source)" -c "select pg_drop_replication_slot(slot_name)
    from pg_replication_slots where slot_name = '$1'"
}

connector() {
  local verb=${1:-} name=${2:-}
  case $verb:$# in
    put:3)
      local config
      [[ $3 == - || -r $3 ]] || die -64 "there is no file $3"
      config=$(complete_config "$name" < <(if [[ $3 == - ]]; then cat; else cat "$3"; fi)) ||
        die -64 "connector put needs a JSON object: settings, or name and config"
      rest PUT "/connectors/$name/config" "$config" >/dev/null
      say "Connector $name is set up."
      ;;
    wait:2) wait_for_connector "$name" ;;
    status:2) rest GET "/connectors/$name/status" && echo ;;
    delete:2)
      delete_connector "$name"
      say "Connector $name is gone, with its offsets, slot and publication."
      ;;
    *) die -64 "connector takes put NAME FILE, wait NAME, status NAME or delete NAME" ;;
  esac
}
