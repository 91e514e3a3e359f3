-- A small shop. The names of its tables and columns are those of Debezium's tutorial, so that what
-- is written about it can be followed here.
create schema inventory;
set search_path to inventory;

create table products (
  id serial primary key,
  name varchar(255) not null,
  description varchar(512),
  weight float
);

create table products_on_hand (
  product_id int primary key references products (id),
  quantity int not null
);

create table customers (
  id serial primary key,
  first_name varchar(255) not null,
  last_name varchar(255) not null,
  email varchar(255) not null unique
);

create table orders (
  id serial primary key,
  order_date date not null,
  purchaser int not null references customers (id),
  quantity int not null,
  product_id int not null references products (id)
);

alter sequence products_id_seq restart 101;
alter sequence customers_id_seq restart 1001;
alter sequence orders_id_seq restart 10001;

insert into products (name, description, weight) values
  ('anchor', 'holds in mud and sand', 12.5),
  ('bell', 'brass, heard for a mile', 2.25),
  ('compass', 'liquid-filled, illuminated', 0.8),
  ('lantern', 'oil, with a red glass', 1.1),
  ('rope', 'hemp, 20 metres', 3.4),
  ('tide table', 'this year''s, all harbours', 0.2);

insert into products_on_hand
  select id, 7 * id % 40 from products;

insert into customers (first_name, last_name, email) values
  ('Ada', 'Reef', 'ada@example.com'),
  ('Bruno', 'Strand', 'bruno@example.com'),
  ('Carla', 'Ebb', 'carla@example.com'),
  ('Dario', 'Flood', 'dario@example.com');

insert into orders (order_date, purchaser, quantity, product_id) values
  ('2026-01-16', 1001, 1, 102),
  ('2026-01-17', 1002, 2, 105),
  ('2026-02-19', 1002, 2, 106),
  ('2026-02-21', 1003, 1, 101);

grant usage on schema inventory to debezium;
grant select on all tables in schema inventory to debezium;
alter default privileges in schema inventory grant select on tables to debezium;

-- What Debezium reads: every table of this schema, later ones too.
create publication dbserver1 for tables in schema inventory;
