# shellcheck shell=bash
# The optional part mariadb of scripts/stack: a MariaDB whose binary log Debezium reads.
# Sourced by scripts/stack. User and password are both "stack", from loopback.
# shellcheck disable=SC2154

mariadb_client() { # ARGUMENT...
  mariadb --no-defaults --host=127.0.0.1 --port="$(port_of mariadb)" --user=stack --password=stack \
    --connect-timeout=2 --skip-ssl "$@"
}

mariadb_settings() { # DATA
  local user=postgres
  ((EUID == 0)) || user=$(id -un)
  cat <<END
[mariadbd]
bind-address = 127.0.0.1
port = $(port_of mariadb)
socket = server.sock
pid-file = server.pid
user = $user
server-id = 1
log-bin = binlog
binlog-format = ROW
binlog-row-image = FULL
default-time-zone = +00:00
character-set-server = utf8mb4
collation-server = utf8mb4_bin
skip-name-resolve
init-file = $1/stack.sql
# A crash of the machine may cost the data, a crash of the server does not.
innodb-flush-log-at-trx-commit = 2
innodb-buffer-pool-size = 64M
performance-schema = OFF
$(settings_of mariadb)
END
}

# As PostgreSQL's servers it runs without root's rights, as the same user.
start_mariadb() {
  local data=$pg_home/mariadb
  if [[ ! -d $data/mysql ]]; then
    rm -rf "$data" "$data.new"
    as_postgres mariadb-install-db --no-defaults --datadir="$data.new" --skip-test-db \
      --auth-root-authentication-method=normal --skip-name-resolve
    as_postgres mv "$data.new" "$data"
  fi
  mariadb_settings "$data" | as_postgres tee "$data/stack.cnf" >/dev/null
  printf '%s\n' "create user if not exists stack identified by 'stack';" \
    'grant all on *.* to stack;' | as_postgres tee "$data/stack.sql" >/dev/null
  is_alive mariadb || as_postgres rm -f "$data/server.pid" # it was killed
  (as_postgres setsid mariadbd --defaults-file="$data/stack.cnf" --datadir="$data") 9>&- &
  local job=$!
  # Until it has written its own number.
  until is_alive mariadb || ! kill -0 "$job" 2>/dev/null; do sleep 0.1; done
}
