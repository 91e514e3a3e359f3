"""What the tables must hold for a given position of each partition: a small model, in another
language and by another method than tidemark's.

It needs no ledger. Each partition's records are folded by themselves, in order; a create of a key
change that lacks columns refers to what its delete hands over, whether that has come or not. A row
whose references lead nowhere yet is not in the table. The pair is known by (table, old key, new key,
position). So the result depends on the positions alone, not on the order between partitions, as I1 says.

What Debezium sends again after its own restart is known here by having been seen, record by record.
"""
import base64
import datetime
import hashlib
import json
from collections import Counter, defaultdict, deque
from decimal import Decimal

from harness import Failed, bytes_of
from live_tables import TABLES

PLACEHOLDER = "__debezium_unavailable_value"
UNAVAILABLE = {"text": PLACEHOLDER, "text[]": [PLACEHOLDER],
               "bytea": base64.b64encode(PLACEHOLDER.encode()).decode()}
EPOCH = datetime.datetime(1970, 1, 1)
NULL = "\\N"
SEPARATOR = "\x1f"


class Reference:
    """A column's value as the delete of a key change hands it over."""
    __slots__ = ("change", "column")

    def __init__(self, change_id, column):
        self.change, self.column = change_id, column


# ---- values as text: the same from Debezium's JSON and from SQL ------------------------------------

def sql_text(column, kind):
    name = f"t.{column}"
    if column == "extra":  # not there until half of the test has passed
        name = "to_jsonb(t)->>'extra'"
    expression = {"text[]": f"array_to_string({name}, ',', '~')",
                  "bytea": f"encode({name}, 'hex')"}.get(kind, f"{name}::text")
    return f"coalesce({expression}, '{NULL}')"


def sql_line(table):
    parts = (sql_text(column, kind) for column, kind in TABLES[table]["columns"].items())
    return f"concat_ws(e'\\x1f', {', '.join(parts)})"


def sql_rows(table):
    """One text for the whole table: a line a row, its key and the hash of all its columns."""
    columns = TABLES[table]["columns"]
    key = f", '{SEPARATOR}', ".join(sql_text(c, columns[c]) for c in TABLES[table]["key"]) or "''"
    return (f"select coalesce(string_agg(concat({key}, ' ', md5({sql_line(table)})), e'\\n'), '') "
            f"from public.{table} t")


def text_of(value, kind):
    if value is None:
        return NULL
    return TEXTS.get(kind, str)(value)


def numeric_text(value):
    unscaled = int.from_bytes(base64.b64decode(value), "big", signed=True)
    return str(Decimal(unscaled).scaleb(-2))


def timestamptz_text(value):
    if value in ("infinity", "-infinity"):
        return value
    return trimmed(value.removesuffix("Z").replace("T", " ")) + "+00"


def timestamp_text(value):
    return trimmed((EPOCH + datetime.timedelta(microseconds=value)).isoformat(" ", "microseconds"))


def trimmed(text):
    return text.rstrip("0").rstrip(".") if "." in text else text


TEXTS = {"bool": lambda value: "true" if value else "false",
         "text[]": lambda value: ",".join("~" if one is None else one for one in value),
         "bytea": lambda value: base64.b64decode(value).hex(),
         "numeric": numeric_text, "timestamptz": timestamptz_text, "timestamp": timestamp_text}


# ---- records ---------------------------------------------------------------------------------------

def payload(data):
    if data is None:
        return None
    value = json.loads(data)
    return value["payload"] if isinstance(value, dict) and set(value) == {"schema", "payload"} else value


class Change:
    """One record, as far as the model needs it."""
    __slots__ = ("topic", "partition", "offset", "op", "table", "key", "old", "new", "after",
                 "before", "place", "snapshot")

    def __init__(self, record):
        self.topic, self.partition = record["topic"], record["partition"]
        self.offset = record["offset"]
        self.table = self.topic.rsplit(".", 1)[1]
        names = TABLES[self.table]["key"]
        self.key = key_of(payload(bytes_of(record["key"])), names)
        headers = {name: bytes_of(value) for name, value in record["headers"]}
        self.new = key_of(payload(headers.get("__debezium.newkey")), names)
        self.old = key_of(payload(headers.get("__debezium.oldkey")), names)
        value = payload(bytes_of(record["value"]))
        self.op = value["op"] if value else "tombstone"
        self.after = value and value["after"]
        self.before = value and value["before"]
        source = value and value["source"]
        self.place = source and tuple(source.get(part) for part in ("lsn", "file", "pos", "row"))
        self.snapshot = source and source.get("snapshot") not in (None, False, "false")

    def change_id(self):
        old, new = (self.key, self.new) if self.op == "d" else (self.old, self.key)
        return self.table, old, new, self.place


def key_of(value, names):
    return None if value is None or not names else tuple(str(value[name]) for name in names)


# ---- the model -------------------------------------------------------------------------------------

class Model:
    def __init__(self, records=()):
        self.partitions = defaultdict(deque)  # what has not been applied yet
        self.ends = Counter()                 # next offset of each partition
        for record in records:
            self.add(record)
        self.images = {table: {} for table in TABLES}        # key: {column: value or Reference}
        self.rows = {table: {} for table in TABLES}          # key: hash, of rows that are complete
        self.multisets = {table: Counter() for table in TABLES}  # of tables without a key
        self.handed_over = {}                 # change: image
        self.come = {}                        # change whose delete has come: what its row waits for
        self.may_wait = {}                    # (table, key): changes that it may wait for
        self.waiting = set()                  # (table, key) of rows that are not complete
        self.changed = set()
        self.seen = defaultdict(set)          # of each partition, what its changes are known by
        self.repeating = set()                # partitions whose last change was a repetition
        self.repeated = 0
        self.applied = 0
        self.crossed = 0                      # creates that came before their deletes
        self.lacking = 0                      # columns that were taken from a hand-over

    def add(self, record):
        at = record["topic"], record["partition"]
        self.partitions[at].append(Change(record))
        self.ends[at] = record["offset"] + 1

    def has(self, positions):
        """Whether all records before them have been added."""
        return all(self.ends[at] >= offset for at, offset in positions.items())

    def advance(self, positions):
        """Applies what stands before the positions, {(topic, partition): offset}."""
        for at, offset in positions.items():
            changes = self.partitions.get(at, ())
            while changes and changes[0].offset < offset:
                self.apply(changes.popleft())
        for table, key in self.changed | self.waiting:
            self.settle(table, key)
        self.changed.clear()

    def is_repeated(self, change):
        at = change.topic, change.partition
        if change.op == "tombstone":  # belongs to the delete before it
            return at in self.repeating
        known_by = hash((change.op, change.key, change.place))
        self.repeating.discard(at)
        if not change.snapshot and known_by in self.seen[at]:
            self.repeating.add(at)
        self.seen[at].add(known_by)
        return at in self.repeating

    def apply(self, change):
        self.applied += 1
        if self.is_repeated(change):
            self.repeated += 1
        elif change.op == "tombstone":
            if change.key in self.images[change.table]:
                raise Failed(f"a tombstone without its delete: {change.topic} {change.offset}")
        elif not TABLES[change.table]["key"]:
            self.apply_keyless(change)
        elif change.op == "d":
            self.apply_delete(change)
        else:
            self.apply_upsert(change)

    def apply_keyless(self, change):
        rows = self.multisets[change.table]
        if change.op in "ud":
            rows[self.hash_of(change.table, change.before)] -= 1
        if change.op != "d":
            rows[self.hash_of(change.table, change.after)] += 1

    def apply_delete(self, change):
        image = self.images[change.table].pop(change.key, None)
        self.changed.add((change.table, change.key))
        waits = self.may_wait.pop((change.table, change.key), ())
        if change.new is not None:
            self.handed_over[change.change_id()] = image
            self.come[change.change_id()] = waits

    def apply_upsert(self, change):
        images = self.images[change.table]
        below = images.get(change.key)
        image = {}
        for column, kind in TABLES[change.table]["columns"].items():
            value = change.after.get(column)
            if value is not None and value == UNAVAILABLE.get(kind):
                if change.old is not None:
                    value = Reference(change.change_id(), column)
                    self.lacking += 1
                    self.crossed += change.change_id() not in self.handed_over
                elif below is None:
                    raise Failed(f"a placeholder without a row: {change.topic} {change.offset}")
                else:
                    value = below[column]
            image[column] = value
        images[change.key] = image
        self.changed.add((change.table, change.key))
        # Where the target has a column that came after this record, the row waits there for its delete.
        if change.old is not None and not image.keys() <= change.after.keys():
            self.may_wait[change.table, change.key] = (change.change_id(),)

    def waits(self, changes):
        return any(change not in self.come or self.waits(self.come[change]) for change in changes)

    def resolve(self, value):
        """The value itself, or None and False if its delete has not come."""
        while isinstance(value, Reference):
            if value.change not in self.handed_over:
                return None, False
            image = self.handed_over[value.change]
            if image is None:
                raise Failed(f"a key change from a row that is not there: {value.change}")
            value = image[value.column]
        return value, True

    def settle(self, table, key):
        """The row's place in the table, or outside while it is not complete."""
        self.waiting.discard((table, key))
        self.rows[table].pop(key, None)
        image = self.images[table].get(key)
        if image is None:
            return
        row = {}
        for column, value in image.items():
            row[column], known = self.resolve(value)
            if not known:
                self.waiting.add((table, key))
                return
        for value in image.values():
            self.forget(value)
        self.images[table][key] = row
        self.rows[table][key] = self.hash_of(table, row)

    def forget(self, value):
        """What was handed over has arrived, and goes to one row only."""
        while isinstance(value, Reference):
            value = self.handed_over.pop(value.change, {}).get(value.column)

    @staticmethod
    def hash_of(table, row):
        columns = TABLES[table]["columns"]
        line = SEPARATOR.join(text_of(row.get(c), kind) for c, kind in columns.items())
        return hashlib.md5(line.encode()).hexdigest()

    # ---- comparing

    def difference(self, table, seen):
        """Between the model now and a table as a look has it (sql_rows), in words; or none."""
        lines = seen.split("\n") if seen else []
        if not TABLES[table]["key"]:
            have = Counter(line[1:] for line in lines)
            want = +self.multisets[table]
            if -self.multisets[table]:
                return "the records take away more rows than they bring"
            if have == want:
                return None
            return f"{sum((have - want).values())} rows too many, {sum((want - have).values())} missing"
        have = dict(line.rsplit(" ", 1) for line in lines)
        if len(have) != len(lines):
            return "two rows of one key"
        may_miss = {SEPARATOR.join(key) for (name, key), changes in self.may_wait.items()
                    if name == table and self.waits(changes)}
        want = {SEPARATOR.join(key): value for key, value in self.rows[table].items()}
        want = {key: value for key, value in want.items() if key in have or key not in may_miss}
        if have == want:
            return None
        for key in sorted(have.keys() | want.keys()):
            if have.get(key) != want.get(key):
                return f"key {key!r}: {self.say(table, key, key in have, key in want)}"
        return None

    def say(self, table, key, seen, wanted):
        if not seen:
            return "missing"
        if wanted:
            return "other values"
        waits = (table, tuple(key.split(SEPARATOR))) in self.waiting
        return "there, although it is not complete" if waits else "there, although it must not be"
