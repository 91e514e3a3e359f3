# shellcheck shell=bash
# The parts of scripts/stack: what each is, how it is started, asked and stopped.
# Sourced by scripts/stack, which sets base_port, dir, log_dir, run_dir and timeout.
# shellcheck disable=SC2154

# shellcheck disable=SC2034 # read by those who source this
all_parts=(source target kafka connect)
# Only with --with.
# shellcheck disable=SC2034
optional_parts=(registry mariadb)
# Likewise, but nothing that runs: what Connect can load.
# shellcheck disable=SC2034
optional_plugins=(jdbc-sink)

port_of() {
  case $1 in
    source) echo $((base_port + 32)) ;;
    target) echo $((base_port + 33)) ;;
    mariadb) echo $((base_port + 34)) ;;
    registry) echo $((base_port + 81)) ;;
    connect) echo $((base_port + 83)) ;;
    kafka) echo $((base_port + 92)) ;;
    controller) echo $((base_port + 93)) ;;
  esac
}

address_of() {
  case $1 in
    connect | registry) printf 'http://127.0.0.1:%s' "$(port_of "$1")" ;;
    *) printf '127.0.0.1:%s' "$(port_of "$1")" ;;
  esac
}

dsn_of() { printf 'host=127.0.0.1 port=%s user=postgres dbname=%s' "$(port_of "$1")" "$1"; }

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# setting PART NAME DEFAULT: the last one given with --set.
setting() {
  local value
  value=$(sed -n "s/^$1\\.$2=//p" "$dir/settings" 2>/dev/null | tail -n 1)
  printf '%s' "${value:-$3}"
}

# settings_of PART: all that were given with --set as a configuration file's lines.
settings_of() { sed -n "s/^$1\\.//p" "$dir/settings" 2>/dev/null | grep -v '^heap=' || true; }

# --- processes -----------------------------------------------------------------------------------

pid_of() {
  case $1 in
    source | target) head -n 1 "$pg_home/$1/postmaster.pid" 2>/dev/null || true ;;
    mariadb) cat "$pg_home/mariadb/server.pid" 2>/dev/null || true ;;
    *) cat "$run_dir/$1.pid" 2>/dev/null || true ;;
  esac
}

# A number in a pid file may be another program's by now: ours has its own file or folder on its
# command line.
is_alive() {
  local pid mark
  pid=$(pid_of "$1")
  case $1 in
    source | target) mark=$pg_home/$1 ;;
    mariadb) mark=--datadir=$pg_home/mariadb ;;
    *) mark=$dir/$1.properties ;;
  esac
  [[ $pid =~ ^[0-9]+$ ]] && tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "$mark"
}

answers() {
  case $1 in
    source | target) psql -XAtq "$(dsn_of "$1") connect_timeout=2" -c 'select 1' &>/dev/null ;;
    kafka) kcat -b "$(address_of kafka)" -m 2 -L 2>/dev/null | grep -q '^ 1 brokers:' ;;
    connect) curl -fsS -m 2 "$(address_of connect)/health" 2>/dev/null | grep -q healthy ;;
    registry) curl -fsS -m 2 "$(registry_url)/subjects" &>/dev/null ;;
    mariadb) mariadb_client -e 'select 1' &>/dev/null ;;
  esac
}

start_part() {
  case $1 in
    source | target) start_postgres "$1" ;;
    kafka) start_kafka ;;
    connect) start_connect ;;
    registry) start_registry ;;
    mariadb) start_mariadb ;;
  esac
}

wait_until_gone() { # SECONDS PART...: fails when one is still there
  local deadline=$((SECONDS + $1)) part
  shift
  for part; do
    while is_alive "$part"; do
      ((SECONDS < deadline)) || return 1
      sleep 0.1
    done
  done
}

# stop_parts PART...: connect first, since it writes to all the others.
stop_parts() {
  local part
  if [[ " $* " == *" connect "* ]]; then
    kill -TERM "$(pid_of connect)" 2>/dev/null || true
    wait_until_gone 15 connect || kill_parts connect
  fi
  for part; do
    case $part in
      # PostgreSQL's fast shutdown; SIGTERM would wait for the clients.
      source | target) kill -INT "$(pid_of "$part")" 2>/dev/null || true ;;
      kafka | registry | mariadb) kill -TERM "$(pid_of "$part")" 2>/dev/null || true ;;
    esac
  done
  for part; do
    wait_until_gone 20 "$part" || kill_parts "$part"
    rm -f "$run_dir/$part.pid"
  done
  return 0
}

# kill_parts PART...: SIGKILL, for PostgreSQL's backends too, which would linger.
kill_parts() {
  local part pid
  for part; do
    pid=$(pid_of "$part")
    # shellcheck disable=SC2046
    case $part in
      source | target) kill -KILL "$pid" $(ps -o pid= --ppid "$pid") 2>/dev/null || true ;;
      *) kill -KILL "$pid" 2>/dev/null || true ;;
    esac
  done
  wait_until_gone 10 "$@" || die "$* did not go away"
}

# --- PostgreSQL ----------------------------------------------------------------------------------

# PostgreSQL refuses to run as root, so for root it runs as the user postgres.
as_postgres() {
  if ((EUID == 0)); then
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- env -u HOME "$@")
  else
    "$@"
  fi
}

# Where the databases' files are: with the rest, or where the user postgres can reach them.
settle_pg_home() {
  if [[ -e $dir/pg-home ]]; then
    pg_home=$(<"$dir/pg-home")
    return
  fi
  pg_home=$dir/pg
  mkdir -p "$pg_home"
  if ((EUID == 0)); then
    if ! as_postgres test -x "$pg_home"; then
      rmdir "$pg_home"
      pg_home=/var/tmp/tidemark-stack-$base_port-$(cksum <<<"$dir" | cut -d' ' -f1)
      mkdir -p "$pg_home"
    fi
    chown postgres: "$pg_home"
  fi
  printf '%s\n' "$pg_home" >"$dir/pg-home"
}

# The folder with initdb and pg_ctl: of the version that made the data, else the newest.
pg_bin() {
  local version
  version=$(cat "$pg_home/$1/PG_VERSION" 2>/dev/null) ||
    version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
  printf '/usr/lib/postgresql/%s/bin' "$version"
}

postgres_settings() {
  cat <<END
listen_addresses = '127.0.0.1'
port = $(port_of "$1")
unix_socket_directories = ''
timezone = 'UTC'
log_timezone = 'UTC'
# A crash of the machine may cost the data, a crash of the server does not. --set $1.fsync=on
fsync = off
full_page_writes = off
END
  if [[ $1 == source ]]; then
    printf '%s\n' 'wal_level = logical' 'max_replication_slots = 20' 'max_wal_senders = 20'
  fi
  settings_of "$1" | sed "s/=\\(.*\\)/ = '\\1'/"
}

start_postgres() {
  local data=$pg_home/$1 bin
  bin=$(pg_bin "$1")
  if [[ ! -e $data/PG_VERSION ]]; then
    rm -rf "$data" "$data.new"
    as_postgres "$bin/initdb" -D "$data.new" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
      --no-sync --no-instructions
    as_postgres mv "$data.new" "$data"
  fi
  if [[ -e $data/postmaster.pid ]] && ! is_alive "$1"; then # it was killed
    sleep 0.5                                               # for its backends to notice
    rm -f "$data/postmaster.pid"
  fi
  postgres_settings "$1" | as_postgres tee "$data/postgresql.auto.conf" >/dev/null
  as_postgres "$bin/pg_ctl" -D "$data" -t "$timeout" --wait start 9>&-
  psql -XAtq "$(dsn_of "$1") dbname=postgres" -c "select 'there' from pg_database
    where datname = '$1'" | grep -q there ||
    psql -Xq "$(dsn_of "$1") dbname=postgres" -c "create database $1"
}

# --- Kafka and Connect ---------------------------------------------------------------------------

# Downloads what the parts need, once; sets fetched, and registry_fetched and mariadb_fetched where
# there are those parts, to its folder.
fetch() {
  fetch_once fetched pom.xml "Kafka, Connect and Debezium" "about 80 MB"
  if is_wanted registry; then
    fetch_once registry_fetched registry.xml "a schema registry and its converter" "about 140 MB"
    list_converter "$registry_fetched/plugins/avro-converter"
  fi
  if is_wanted mariadb; then
    fetch_once mariadb_fetched mariadb.xml "Debezium's connector for MariaDB" "about 30 MB"
  fi
  if is_wanted jdbc-sink; then
    fetch_once jdbc_sink_fetched jdbc-sink.xml "Debezium's JDBC sink" "about 50 MB"
  fi
}

# fetch_once VARIABLE POM WHAT SIZE: sets the variable to the folder with what POM describes.
fetch_once() {
  local pom=$root/scripts/stack.d/$2 fresh began=$SECONDS folder
  folder=$cache/stack-$(sha256sum "$pom" | cut -c1-12)
  printf -v "$1" '%s' "$folder"
  [[ ! -d $folder ]] || return 0
  mkdir -p "$cache"
  exec 8>"$cache/stack.lock"
  flock 8
  if [[ ! -d $folder ]]; then
    say "Fetching $3 into $(shown "$cache") (once, $4)"
    fresh=$(mktemp -d "$cache/fetch.XXXXXX")
    if ! mvn -q -B -f "$pom" generate-resources -Dfetch.dir="$fresh" >"$fresh/log" 2>&1; then
      tail -n 20 "$fresh/log" | sed 's/^/    /' >&2
      rm -rf "$fresh"
      die "Maven could not fetch them; what it said is above"
    fi
    rm -rf "$fresh/maven" "$fresh/log"
    chmod 755 "$fresh"
    mv -T "$fresh" "$folder"
    say "Fetched after $((SECONDS - began)) s."
  fi
  exec 8>&-
}

# java_command HEAP ARGUMENT...: sets command to what runs such a Java program.
java_command() {
  local java heap=$1
  java=$(find_java) ||
    die "no Java 17 or newer found; scripts/install stack installs one, JAVA_HOME names one"
  shift
  command=("$java" "-Xmx$heap" -XX:+ExitOnOutOfMemoryError
    "-Dlog4j2.configurationFile=$root/scripts/stack.d/log4j2.properties" -cp "$fetched/libs/*" "$@")
}

run_tool() { # CLASS ARGUMENT...
  local -a command
  java_command 256m -Dstack.log=warn "$@"
  "${command[@]}"
}

# serve_java PART CLASS: in a session of its own, so that no terminal and no killed test takes it
# along.
serve_java() {
  local pid
  local -a command
  java_command "$(setting "$1" heap 1g)" "$2" "$dir/$1.properties"
  (exec setsid "${command[@]}") 9>&- &
  pid=$!
  echo "$pid" >"$run_dir/$1.pid"
  # Until it has become Java.
  until is_alive "$1" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}

start_kafka() {
  cat >"$dir/kafka.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$(port_of controller)
listeners=CLIENT://127.0.0.1:$(port_of kafka),CONTROLLER://127.0.0.1:$(port_of controller)
advertised.listeners=CLIENT://127.0.0.1:$(port_of kafka)
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENT
controller.listener.names=CONTROLLER
log.dirs=$dir/kafka
# Records may carry old timestamps: nothing is thrown away unless a topic says so.
log.retention.ms=-1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
$(settings_of kafka)
END
  if [[ ! -e $dir/kafka/meta.properties ]]; then
    run_tool kafka.tools.StorageTool format -t "$(cluster_id)" -c "$dir/kafka.properties"
  fi
  serve_java kafka kafka.Kafka
}

# What Kafka takes as a cluster's name: 16 bytes in 22 characters of base64's URL alphabet.
cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c1-22; }

# service_load reads only the plugins' own lists, which is 8 s faster than looking at every class.
# For a plugin without one: --set connect.plugin.discovery=hybrid_warn, and
# --set connect.plugin.path=FOLDER,FOLDER.
start_connect() {
  local topic
  {
    cat <<END
bootstrap.servers=$(address_of kafka)
group.id=connect
listeners=$(address_of connect)
rest.advertised.host.name=127.0.0.1
plugin.path=$fetched/plugins$(
      is_wanted registry && printf ',%s' "$registry_fetched/plugins"
      is_wanted mariadb && printf ',%s' "$mariadb_fetched/plugins"
      is_wanted jdbc-sink && printf ',%s' "$jdbc_sink_fetched/plugins"
    )
plugin.discovery=service_load
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
scheduled.rebalance.max.delay.ms=0
offset.flush.interval.ms=1000
offset.storage.partitions=1
status.storage.partitions=1
END
    for topic in config offset status; do
      printf '%s.storage.topic=connect-%s\n%s.storage.replication.factor=1\n' $topic $topic $topic
    done
    settings_of connect
  } >"$dir/connect.properties"
  serve_java connect org.apache.kafka.connect.cli.ConnectDistributed
}

# --- schema registry -----------------------------------------------------------------------------

# Where it serves Confluent's API; Connect's converter wants its own, .../apis/registry/v2.
registry_url() { printf '%s/apis/ccompat/v7' "$(address_of registry)"; }

# The converter has no list of what it holds, without which Connect would not find it.
list_converter() { # FOLDER
  local made
  [[ ! -e $1/listed.jar ]] || return 0
  made=$(mktemp -d)
  mkdir -p "$made/META-INF/services"
  echo io.apicurio.registry.utils.converter.AvroConverter \
    >"$made/META-INF/services/org.apache.kafka.connect.storage.Converter"
  (cd "$made" && python3 -m zipfile -c listed.jar META-INF)
  mv "$made/listed.jar" "$1/listed.jar.$$" && mv "$1/listed.jar.$$" "$1/listed.jar"
  rm -rf "$made"
}

# In memory: what is registered is gone with the process.
start_registry() {
  local java pid
  java=$(find_java) || die "no Java 17 or newer found; scripts/install stack installs one"
  : >"$dir/registry.properties" # by its name on the command line the process is known
  QUARKUS_HTTP_HOST=127.0.0.1 QUARKUS_HTTP_PORT=$(port_of registry) \
    setsid "$java" "-Xmx$(setting registry heap 512m)" -XX:+ExitOnOutOfMemoryError \
    -jar "$registry_fetched"/app/*-runner.jar "$dir/registry.properties" 9>&- &
  pid=$!
  echo "$pid" >"$run_dir/registry.pid"
  until is_alive registry || ! kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}
