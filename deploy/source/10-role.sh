#!/bin/bash
# The role that Debezium connects as: it may read and replicate, and nothing else.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v password="$(cat /run/secrets/debezium_password)" <<'SQL'
create role debezium login replication password :'password';
SQL
