"""What differs between the sources of the live test: SQL, values, and how a row becomes text.

A source has: `database`, its connector by connector(), `schema` as its topics are named, `sql` (the
tables with their first rows), and the statements that SQL does not have in common.
"""
from harness import Connector
from live_model import NULL, SEPARATOR, sql_line, trimmed
from live_tables import TABLES
from mariadb import MariaDb, MariaDbConnector, text_of


class PostgresSource:
    name = "postgres"
    schema = "public"
    placeholders = True  # an update does not hold large values that it leaves alone
    now = "now()"
    lock_timeout = "set lock_timeout = '5s'"  # none waits for the other, or the test is wrong
    times = None, "infinity", "1969-12-31 23:59:59.999999+00", "now"
    insert_docs = ("insert into docs values (%s, %s, %s, jsonb_build_object('k', %s::text), "
                   "convert_to(%s, 'UTF8'), 0)")
    raw = "convert_to(%s, 'UTF8')"
    insert_log = "insert into log values (%s, %s, localtimestamp)"
    insert_same = "insert into log select %s, 'same', '2024-01-01' from generate_series(1, 3)"
    delete_log = "delete from log where ctid = (select min(ctid) from log where a = %s)"
    update_log = "update log set b = %s where ctid = (select max(ctid) from log where a = %s)"
    insert_bulk = ("insert into log select 2 * i + {mine}, 'bulk', '2024-01-01' "
                   "from generate_series(0, 4) i, generate_series(1, 20)")
    sql = """
create table plain (id int primary key, n bigint not null, name text, price numeric(12,2),
  at timestamptz, flag boolean, tags text[]);
create table docs (id int primary key, title text, body text, meta jsonb, raw bytea,
  seq bigint not null);
alter table docs alter body set storage external, alter meta set storage external,
  alter raw set storage external;
create table pair (a int, b text, v text, body text, primary key (a, b));
alter table pair alter body set storage external;
create table full_docs (id int primary key, title text, body text);
alter table full_docs alter body set storage external;
alter table full_docs replica identity full;
create table log (a int, b text, at timestamp);
alter table log replica identity full;
create table parent (id int primary key, name text);
create table child (id int primary key, note text,
  parent_id int references parent on update cascade on delete cascade);
insert into plain select i, i, 'snapshot', i, '2024-01-01', true, array['a', null]
  from generate_series(1, 60) i;
insert into docs select i, 'snapshot', repeat(md5(i::text), 80),
  jsonb_build_object('k', repeat(md5(i::text), 80)), decode(repeat(md5(i::text), 80), 'hex'), i
  from generate_series(1, 40) i;
insert into pair select i, 'x', 'snapshot', repeat(md5(i::text), 80) from generate_series(1, 20) i;
insert into full_docs select i, 'snapshot', repeat(md5(i::text), 80) from generate_series(1, 20) i;
insert into log select i % 5, 'snapshot', '2024-01-01' from generate_series(1, 30) i;
insert into parent select i, 'snapshot' from generate_series(1, 20) i;
insert into child select i, 'snapshot', 1 + (i - 1) % 20 from generate_series(1, 40) i;
"""

    def __init__(self, case):
        self.case = case
        self.database = case.source()

    def connector(self, name, **settings):
        return Connector(self.case.stack, name, self.database,
                         **{"table.include.list": "public.*", **settings})

    @staticmethod
    def tags(values):
        return values

    def lines(self, table):
        return sorted(line for line, in self.database.run(f"select {sql_line(table)} from {table} t"))


class MariaDbSource:
    """Without cascading foreign keys: what they change is not in the binary log. InnoDB waits for
    the rows that a delete passes, so that those of the two connections are in other partitions."""
    name = "mariadb"
    placeholders = False
    now = "now(6)"
    lock_timeout = "set innodb_lock_wait_timeout = 5, tx_isolation = 'READ-COMMITTED'"
    times = None, "2038-01-19 03:14:07.999999", "1970-01-01 00:00:01", "2024-02-29 23:59:59.5"
    insert_docs = "insert into docs values (%s, %s, %s, json_object('k', %s), %s, 0)"
    raw = "%s"
    insert_log = "insert into log values (%s, %s, now(6))"
    insert_same = "insert into log select %s, 'same', '2024-01-01' from seq_1_to_3"
    delete_log = "delete from log where a = %s limit 1"
    update_log = "update log set b = %s where a = %s limit 1"
    insert_bulk = ("insert into log select 2 * i.seq + {mine}, 'bulk', '2024-01-01' "
                   "from seq_0_to_4 i, seq_1_to_20")
    kinds = {"plain": {"flag": "int", "tags": "text"}}
    sql = """
create table plain (id int primary key, n bigint not null, name text, price decimal(12,2),
  at timestamp(6) null, flag boolean, tags text);
create table docs (id int primary key, title text, body mediumtext, meta json, raw mediumblob,
  seq bigint not null);
create table pair (a int, b varchar(10), v text, body mediumtext, primary key (a, b));
create table full_docs (id int primary key, title text, body mediumtext);
create table log (a int, b varchar(20), at datetime(6)) partition by hash (a) partitions 10;
create table parent (id int primary key, name text);
create table child (id int primary key, note text, parent_id int);
insert into plain select seq, seq, 'snapshot', seq, '2024-01-01', true, 'a,~' from seq_1_to_60;
insert into docs select seq, 'snapshot', repeat(md5(seq), 80),
  json_object('k', repeat(md5(seq), 80)), unhex(repeat(md5(seq), 80)), seq from seq_1_to_40;
insert into pair select seq, 'x', 'snapshot', repeat(md5(seq), 80) from seq_1_to_20;
insert into full_docs select seq, 'snapshot', repeat(md5(seq), 80) from seq_1_to_20;
insert into log select seq % 5, 'snapshot', '2024-01-01' from seq_1_to_30;
insert into parent select seq, 'snapshot' from seq_1_to_20;
insert into child select seq, 'snapshot', 1 + (seq - 1) % 20 from seq_1_to_40;
"""

    def __init__(self, case):
        self.case = case
        self.database = MariaDb(f"{case.id}_source")
        self.schema = self.database.name
        case.at_end(self.database.drop)
        for table, kinds in self.kinds.items():
            TABLES[table]["columns"].update(kinds)

    def connector(self, name, **settings):
        self.case.at_end(self.case.kafka.delete, [name, f"{name}.{self.schema}.caught_up"])
        return MariaDbConnector(self.case.stack, self.case.kafka, name, self.database, **settings)

    @staticmethod
    def tags(values):
        return None if values is None else ",".join(one or "~" for one in values)

    def lines(self, table):
        columns = TABLES[table]["columns"]
        names = ", ".join(f"`{name}`" for name in columns)
        return sorted(SEPARATOR.join(map(line_text, row, columns.values()))
                      for row in self.database.run(f"select {names} from {table}"))


def line_text(value, kind):
    """A value of MariaDB's as live_model.sql_text writes the target's."""
    if value is None:
        return NULL
    if kind == "bytea":
        return value.hex()
    text = text_of(value)
    if kind in ("timestamptz", "timestamp"):
        return trimmed(text) + ("+00" if kind == "timestamptz" else "")
    return text


SOURCES = {source.name: source for source in (PostgresSource, MariaDbSource)}
