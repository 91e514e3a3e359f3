-- 1,000,000 events: every second one updates the row with id 0; of the others half are new rows and
-- half update one of those. In transactions of 200: the hot row's versions must not pile up.
select setseed(0.5);

insert into counters values (0, 0, 'hot', now());

do $$
declare
  scale float := current_setting('bench.scale');
  other bigint; -- not in the condition: a volatile expression there is asked of every row
begin
  for b in 0 .. greatest(1, (5000 * scale)::int) - 1 loop
    for i in 1 .. 50 loop
      insert into counters values (b * 50 + i, 0, md5(random()::text), now());
      update counters set hits = hits + 1, updated_at = clock_timestamp() where id = 0;
      other := 1 + floor(random() * (b * 50 + i))::bigint;
      update counters set hits = hits + 1, updated_at = clock_timestamp() where id = other;
      update counters set hits = hits + 1, updated_at = clock_timestamp() where id = 0;
    end loop;
    commit;
  end loop;
end $$;
