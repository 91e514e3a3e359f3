-- What tidemark keeps in the target, beside the rows it writes. tidemark makes it by itself when it
-- may; otherwise an owner does:  psql -v state_schema=tidemark -f state.sql
-- This file is compiled into the program: what runs is what stands here.

CREATE SCHEMA IF NOT EXISTS :"state_schema";

-- How far each partition of a stream has been applied. Moved in the transaction that applies it.
CREATE TABLE IF NOT EXISTS :"state_schema".pipeline_watermarks (
  pipeline_name text NOT NULL,
  stream text NOT NULL,              -- a Kafka topic
  partition integer NOT NULL,
  last_watermark text,               -- the next position to read; null: from the beginning
  epoch bigint NOT NULL DEFAULT 0,   -- raised by every new owner: the fence
  owner text,
  last_run_at timestamptz,
  records_processed bigint NOT NULL DEFAULT 0,
  source_time timestamptz,           -- the source's time of the last change applied
  source_position text,              -- the source's own position of it, where it gives one
  fingerprint bytea,                 -- of the last record applied: a topic made anew is noticed
  state text,                        -- stopped, waiting; null: it goes on
  reason text,                       -- of the state
  PRIMARY KEY (pipeline_name, stream, partition)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Records that could not be applied, byte for byte, each written in the transaction that passed it.
CREATE TABLE IF NOT EXISTS :"state_schema".dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline_name text NOT NULL,
  stream text NOT NULL,
  partition integer NOT NULL,
  position text NOT NULL,
  key bytea,
  value bytea,
  headers jsonb NOT NULL DEFAULT '[]',  -- [[name, base64 or null], …], in order
  table_name text,
  row_key bytea,                     -- later events of this key wait behind the letter (kind held)
  next_key bytea,                    -- likewise: the key that a held key change leads to
  not_kept text,                     -- why key and value are not here; null: they are, byte for byte
  passed boolean NOT NULL DEFAULT false,  -- a later event of the key is applied: a replay would go back
  kind text NOT NULL,                -- decode, data, held
  sqlstate text,
  message text,
  hint text,
  created_at timestamptz NOT NULL DEFAULT now(),
  replayed_at timestamptz
);
CREATE INDEX IF NOT EXISTS dead_letters_open ON :"state_schema".dead_letters
  (pipeline_name, stream, partition) WHERE replayed_at IS NULL;
CREATE INDEX IF NOT EXISTS dead_letters_row_key ON :"state_schema".dead_letters
  USING hash (row_key) WHERE replayed_at IS NULL;
CREATE INDEX IF NOT EXISTS dead_letters_next_key ON :"state_schema".dead_letters
  USING hash (next_key) WHERE replayed_at IS NULL;

-- Halves of key changes whose other half has not been read yet (docs/architecture.md, "Folding").
CREATE TABLE IF NOT EXISTS :"state_schema".key_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline_name text NOT NULL,
  stream text NOT NULL,
  partition integer NOT NULL,        -- where the create comes from
  table_name text NOT NULL,          -- "schema"."table", in the target
  old_key bytea NOT NULL,
  new_key bytea NOT NULL,
  position text NOT NULL,            -- empty where the source gives none
  side "char" NOT NULL,              -- d: left by the delete; c: left by the create
  "row" jsonb,                       -- column to text, or true: lacking; null: a marker
  at_key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
-- Keys can be longer than a B-tree entry.
CREATE INDEX IF NOT EXISTS key_changes_old_key ON :"state_schema".key_changes USING hash (old_key);
