create table orders (
  id bigint primary key,
  customer_id int not null,
  status text not null,
  amount numeric(12,2) not null,
  note text,
  updated_at timestamptz not null default now()
);
