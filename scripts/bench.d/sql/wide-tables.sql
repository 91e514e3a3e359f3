-- 60 columns; the documents are stored out of line, so that an update that leaves them alone carries
-- Debezium's placeholder.
do $$
declare columns text := 'id bigint primary key';
begin
  for i in 1 .. 19 loop columns := columns || format(', n%s int not null', i); end loop;
  for i in 1 .. 18 loop columns := columns || format(', t%s text', i); end loop;
  for i in 1 .. 10 loop columns := columns || format(', d%s numeric(14,2)', i); end loop;
  for i in 1 .. 8 loop columns := columns || format(', s%s timestamptz', i); end loop;
  for i in 1 .. 2 loop columns := columns || format(', b%s boolean', i); end loop;
  execute format('create table wide (%s, doc jsonb, trace jsonb)', columns);
  alter table wide alter doc set storage external, alter trace set storage external;
end $$;
