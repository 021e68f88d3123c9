"""Reads tables that achub wrote, with pandas and pyarrow, and prints what is in them as JSON."""

import json
import sys
from pathlib import Path

import pandas
import pyarrow.dataset


def told(value):
    """A value as achub spells it in a table: moments in UTC with a Z, nothing as null."""
    if value is None or (not isinstance(value, (list, dict)) and pandas.isna(value)):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return value.item() if hasattr(value, "item") else value


def described(frame):
    frame = frame.sort_values("id")
    return {
        "rows": len(frame),
        "nulls": {name: int(frame[name].isna().sum()) for name in frame.columns},
        "first": {name: told(frame[name].iloc[0]) for name in frame.columns},
    }


def parquet(folder, table):
    """The table by the pattern of its folder; pyarrow and pandas have to agree."""
    path = folder / table
    rows = pyarrow.dataset.dataset(path, format="parquet", partitioning="hive").to_table()
    frame = pandas.read_parquet(path)
    if len(frame) != rows.num_rows:
        raise SystemExit(f"{table}: pandas finds {len(frame)} rows, pyarrow {rows.num_rows}")
    # The run is the name of a folder and no column of the files.
    names = [name for name in rows.column_names if name != "achub_run"]
    found = described(rows.select(names).to_pandas(types_mapper=pandas.ArrowDtype))
    found["types"] = {name: str(rows.schema.field(name).type) for name in names}
    return found


def csv(folder, table):
    """Only an empty cell is nothing: names and words such as `NA` are values."""
    frame = pandas.read_csv(folder / f"{table}.csv", keep_default_na=False, na_values=[""])
    return described(frame)


def jsonl(folder, table):
    frame = pandas.read_json(folder / f"{table}.jsonl", lines=True, dtype=False, convert_dates=False)
    return described(frame)


def main():
    folder, form, tables = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    read = {"parquet": parquet, "csv": csv, "jsonl": jsonl}[form]
    print(json.dumps({table: read(folder, table) for table in tables}))


main()
