-- 60,000 inserts and 120,000 updates of random rows; every second transaction of updates changes the
-- documents of 2 kB, the others leave them alone.
select setseed(0.5);

create function pg_temp.document(seed int) returns jsonb language sql as $$
  select jsonb_object_agg('field_' || i, md5((seed * 41 + i)::text)) from generate_series(1, 41) i
$$;

do $$
declare
  scale float := current_setting('bench.scale');
  inserted int := greatest(1, (60 * scale)::int) * 1000;
  columns text := '';
begin
  for i in 1 .. 19 loop columns := columns || format(', id * %s', i); end loop;
  for i in 1 .. 18 loop columns := columns || format(', ''text %s of '' || id', i); end loop;
  for i in 1 .. 10 loop columns := columns || format(', id * %s.25', i); end loop;
  for i in 1 .. 8 loop columns := columns || format(', now() - id * interval ''%s s''', i); end loop;
  for b in 0 .. inserted / 1000 - 1 loop
    execute format('insert into wide select id%s, true, id %% 2 = 0, pg_temp.document(id), '
                   'pg_temp.document(-id) from generate_series(%s, %s) id',
                   columns, b * 1000 + 1, b * 1000 + 1000);
    commit;
  end loop;
  for b in 1 .. inserted / 500 loop
    if b % 2 = 0 then
      update wide set n1 = n1 + 1, d1 = d1 + 0.5, s1 = now(),
                      doc = pg_temp.document(b), trace = pg_temp.document(-b)
        where id in (select 1 + floor(random() * inserted)::int from generate_series(1, 1000));
    else
      update wide set n1 = n1 + 1, t1 = 'text ' || b, b1 = not b1, s1 = now()
        where id in (select 1 + floor(random() * inserted)::int from generate_series(1, 1000));
    end if;
    commit;
  end loop;
end $$;
