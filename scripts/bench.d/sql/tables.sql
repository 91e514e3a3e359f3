-- 200 tables in turn, 20 changes each in a transaction of its own: 14 inserts, 4 updates, 2 deletes;
-- 100 rounds.
do $$
declare
  scale float := current_setting('bench.scale');
  name text;
begin
  for r in 0 .. greatest(1, (100 * scale)::int) - 1 loop
    for t in 1 .. 200 loop
      name := 't_' || lpad(t::text, 3, '0');
      execute format('insert into %I select %s + i, md5(i::text), i * 1.25, i %% 2 = 0, now()
                      from generate_series(1, 14) i', name, r * 14);
      execute format('update %I set amount = amount + 1, active = not active
                      where id between %s and %s', name, r * 14 + 3, r * 14 + 6);
      execute format('delete from %I where id between %s and %s', name, r * 14 + 9, r * 14 + 10);
      commit;
    end loop;
  end loop;
end $$;
