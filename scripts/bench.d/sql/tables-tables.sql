do $$
begin
  for t in 1 .. 200 loop
    execute format('create table t_%s (id int primary key, name text not null, amount numeric(12,2),
      active boolean not null, updated_at timestamptz not null)', lpad(t::text, 3, '0'));
  end loop;
end $$;
