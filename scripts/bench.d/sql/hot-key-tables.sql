create table counters (
  id bigint primary key,
  hits bigint not null,
  note text,
  updated_at timestamptz not null default now()
);
