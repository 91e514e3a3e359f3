-- The demo's shop, in the source. Only the source gets this: tidemark makes the target's tables.
create schema shop;

create table shop.customers (
  id integer primary key,
  name text not null,
  email text not null unique,
  since date not null,
  credit numeric(12,2) not null,
  newsletter boolean not null
);

create table shop.products (
  id integer primary key,
  name text not null,
  price numeric(10,2) not null,
  stock integer not null,
  attributes jsonb not null,
  description text not null
);
-- Kept outside of the row and not compressed: an update that leaves the description alone does not
-- write it to the log, so that Debezium cannot tell it.
alter table shop.products alter column description set storage external;

create table shop.orders (
  id bigint primary key,
  customer_id integer not null references shop.customers on update cascade,
  status text not null,
  total numeric(12,2) not null,
  placed_at timestamptz not null
);
create index on shop.orders (customer_id);

create table shop.order_items (
  order_id bigint references shop.orders on delete cascade,
  line integer,
  product_id integer not null references shop.products,
  quantity integer not null,
  price numeric(10,2) not null,
  primary key (order_id, line)
);

-- Without a key: two rows may be equal, and a row applied twice would stay unnoticed but for the
-- comparison at the end.
create table shop.visits (
  at timestamptz not null,
  page text not null,
  seconds double precision
);
alter table shop.visits replica identity full;

insert into shop.customers
  select n, 'Customer ' || n, 'customer' || n || '@example.com', date '2020-01-01' + n * 7,
    n * 12.5, n % 3 = 0
  from generate_series(1, 200) n;

insert into shop.products
  select n,
    (array['Blue', 'Green', 'Small', 'Large', 'Folding', 'Quiet', 'Wooden', 'Round'])[1 + n % 8]
      || ' ' || (array['kettle', 'lamp', 'chair', 'clock', 'basket', 'kite', 'drum'])[1 + n % 7],
    4.99 + n, 1000 * n,
    jsonb_build_object('weight', n * 0.25, 'tags', jsonb_build_array('tag' || n % 5, 'tag' || n % 9)),
    (select string_agg(md5(n::text || k), ' ') from generate_series(1, 250) k)
  from generate_series(1, 60) n;

insert into shop.orders
  select n, 1 + n * 7 % 200, (array['placed', 'paid', 'packed', 'sent'])[1 + n % 4], 0,
    now() - n * interval '1 hour'
  from generate_series(1, 400) n;

insert into shop.order_items
  select o.id, line, 1 + (o.id * 13 + line) % 60, 1 + (o.id + line) % 4, 4.99 + line
  from shop.orders o, generate_series(1, 1 + o.id::int % 5) line;

update shop.orders o set total =
  (select sum(quantity * price) from shop.order_items i where i.order_id = o.id);

insert into shop.visits
  select now() - n * interval '1 minute', '/product/' || 1 + n % 60, n / 7.0
  from generate_series(1, 100) n;
