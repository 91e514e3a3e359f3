-- The standard load: 500,000 inserts, 400,000 updates of random keys (some hit nothing, some twice)
-- and about 88,000 deletes, in 800 transactions of two tables. bench.scale multiplies it; the seed
-- makes it the same rows and keys every time.
select setseed(0.5);

do $$
declare scale float := current_setting('bench.scale');
begin
  for b in 0 .. (400 * scale)::int - 1 loop
    insert into orders
      select b * 1000 + i, (random() * 100000)::int,
             (array['new', 'paid', 'shipped', 'done'])[1 + (random() * 3)::int],
             (random() * 10000)::numeric(12,2),
             repeat(md5(random()::text), 1 + (random() * 2)::int), now()
      from generate_series(1, 1000) i;
    insert into customers
      select b * 250 + i, 'name ' || i, md5(i::text) || '@example.com', now()::timestamp,
             random() * 1000, random() > 0.5
      from generate_series(1, 250) i;
    commit;
  end loop;
end $$;

do $$
declare scale float := current_setting('bench.scale');
begin
  for b in 0 .. (300 * scale)::int - 1 loop
    update orders set status = 'paid', amount = amount + 1.5, updated_at = now()
      where id in (select 1 + (random() * (400000 * scale - 1))::bigint
                   from generate_series(1, 1000));
    update customers set credit = credit + 1, active = not active
      where id in (select 1 + (random() * (100000 * scale - 1))::int
                   from generate_series(1, 333));
    commit;
  end loop;
end $$;

do $$
declare scale float := current_setting('bench.scale');
begin
  for b in 0 .. (100 * scale)::int - 1 loop
    delete from orders
      where id in (select 1 + (random() * (400000 * scale - 1))::bigint
                   from generate_series(1, 1000));
    commit;
  end loop;
end $$;
