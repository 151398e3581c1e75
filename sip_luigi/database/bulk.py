"""Arrays into the database and back, and questions about many ranges or numbers at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Connection, FromClause, Table, column, func, literal, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import Select

from sip_luigi.domain.sky import Rows, rows_of

Integers = NDArray[np.int64]


def table_of(model: type[DeclarativeBase]) -> Table:
    """The table of a model."""
    return cast(Table, model.__table__)


def insert_rows(connection: Connection, model: type[DeclarativeBase], rows: Rows, **constants: int) -> None:
    """Insert all rows of a structured array whose fields are columns; constants are columns of one number."""
    if not len(rows):
        return
    table, names = table_of(model).name, (*(rows.dtype.names or ()), *constants)
    values = tuple(int(value) for value in constants.values())
    records: Any = rows.tolist()
    cursor = connection.connection.cursor()
    try:
        if connection.dialect.name == "sqlite":
            marks = ", ".join((*("?" * len(rows.dtype.names or ())), *map(str, values)))
            # Names are those of this program's own tables.
            cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", records)  # noqa: S608
        else:
            with cast(Any, cursor).copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for record in records:
                    copy.write_row(record + values)
    finally:
        cursor.close()


def fetch_rows(connection: Connection, query: Select[Any], dtype: np.dtype[Any]) -> Rows:
    """Rows of a query whose columns are the fields of a type, in its order."""
    return rows_of(dtype, cast(list[Any], connection.execute(query).all()))


def fields(model: type[DeclarativeBase], dtype: np.dtype[Any]) -> Sequence[Any]:
    """Columns of a model, in the order of a type's fields."""
    return [table_of(model).c[name] for name in dtype.names or ()]


def ranges_table(connection: Connection, ranges: Integers) -> FromClause:
    """Ranges of shape (n, 2) as a table with columns ``low`` and ``high``."""
    pairs = np.asarray(ranges, dtype=np.int64).reshape(-1, 2)
    if connection.dialect.name == "sqlite":
        each = func.json_each(json.dumps(pairs.tolist())).table_valued("value")
        low, high = (func.json_extract(each.c.value, f"$[{i}]") for i in (0, 1))
        return select(low.label("low"), high.label("high")).subquery("ranges")
    ends = [sql_cast(literal(pairs[:, i].tolist(), ARRAY(BigInteger)), ARRAY(BigInteger)) for i in (0, 1)]
    return func.unnest(*ends).table_valued("low", "high", name="ranges").render_derived()


def numbers_table(connection: Connection, numbers: Integers) -> FromClause:
    """Numbers as a table with the column ``number``."""
    values = np.asarray(numbers, dtype=np.int64).tolist()
    if connection.dialect.name == "sqlite":
        each = func.json_each(json.dumps(values)).table_valued("value")
        return select(each.c.value.label("number")).subquery("numbers")
    array = sql_cast(literal(values, ARRAY(BigInteger)), ARRAY(BigInteger))
    return func.unnest(array).table_valued(column("number", BigInteger), name="numbers").render_derived()


def next_id(connection: Connection, model: type[DeclarativeBase]) -> int:
    """First number of a block of new rows; to be asked by the one writer only."""
    key = next(iter(table_of(model).primary_key.columns))
    return int(connection.execute(select(func.coalesce(func.max(key), 0))).scalar_one()) + 1


def refresh_statistics(connection: Connection) -> None:
    """Let PostgreSQL know of new rows at once; until it finds out by itself it would read whole tables."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")
