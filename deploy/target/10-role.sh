#!/bin/bash
# The role that tidemark connects as: it may make schemas, and so owns the tables that it makes.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  -v password="$(cat /run/secrets/tidemark_password)" <<'SQL'
create role tidemark login password :'password';
select format('grant create on database %I to tidemark', current_database()) \gexec
SQL
