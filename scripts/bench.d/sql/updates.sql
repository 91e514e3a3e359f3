-- 500 transactions of 1,000 updates of random rows among bench.rows; bench.scale multiplies both.
select setseed(0.25);

do $$
declare
  scale float := current_setting('bench.scale');
  rows bigint := current_setting('bench.rows');
begin
  for b in 1 .. greatest(1, (500 * scale)::int) loop
    update orders set status = 'paid', amount = amount + 1.5, updated_at = now()
      where id in (select 1 + (random() * (rows - 1))::bigint from generate_series(1, 1000));
    commit;
  end loop;
end $$;
