-- bench.rows orders, seeded.
select setseed(0.5);

insert into orders
  select i, (random() * 100000)::int,
         (array['new', 'paid', 'shipped', 'done'])[1 + (random() * 3)::int],
         (random() * 10000)::numeric(12,2),
         repeat(md5(random()::text), 1 + (random() * 2)::int), now()
  from generate_series(1, current_setting('bench.rows')::bigint) i;
