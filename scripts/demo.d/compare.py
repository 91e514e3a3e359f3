"""Are two databases' tables equal, row by row?"""

from collections import Counter

SHOWN_MAX = 5
WIDTH_MAX = 160


def columns_of(cursor, schema, table):
    cursor.execute("select column_name from information_schema.columns"
                   " where table_schema = %s and table_name = %s order by ordinal_position",
                   (schema, table))
    return [row[0] for row in cursor]


def rows_of(cursor, schema, table, columns):
    """All rows, their columns as text in the given order. A Counter, since rows may be equal."""
    texts = ", ".join(f'"{name}"::text' for name in columns)
    cursor.execute(f'select {texts} from "{schema}"."{table}"')
    return Counter(cursor)


def shown(row):
    text = ", ".join("null" if value is None else value for value in row)
    return text if len(text) <= WIDTH_MAX else text[:WIDTH_MAX - 1] + "…"


def order(row):
    """Numbers by their value, so that what is shown first is what one would look for first."""
    return [(value is None, len(value or ""), value or "") for value in row]


def compare_table(source, target, schema, table):
    """The number of rows in the source, and lines that tell the differences."""
    columns = columns_of(source, schema, table)
    theirs = columns_of(target, schema, table)
    differences = []
    if not theirs:
        return 0, [f"there is no table {schema}.{table} in the target"]
    for name in columns:
        if name not in theirs:
            differences.append(f"the target has no column {table}.{name}")
    for name in theirs:
        if name not in columns:
            differences.append(f"the source has no column {table}.{name}")
    columns = [name for name in columns if name in theirs]
    ours, others = (rows_of(cursor, schema, table, columns) for cursor in (source, target))
    for side, rows in (("source", ours - others), ("target", others - ours)):
        listed = sorted(rows.elements(), key=order)
        differences += [f"only in the {side}: {shown(row)}" for row in listed[:SHOWN_MAX]]
        if len(listed) > SHOWN_MAX:
            differences.append(f"… and {len(listed) - SHOWN_MAX:,} more rows only in the {side}")
    return ours.total(), differences
