"""Whether a corpus gave the same tables in two ways: every row as a text, sorted, byte for byte."""

import json
import pathlib
import subprocess

import landfall_rows
import landfall_spark
import landfall_tables

# Of a record. Its parts are files, which Spark has others of.
MEMBERS = ("campaign", "settings", "status", "reason", "inputs")


def texts(frame):
    """Every row as JSON text, with times to the microsecond, sorted."""
    from pyspark.sql import functions as f

    columns = []
    for name, kind in frame.dtypes:
        column = f.col(f"`{name}`")
        columns.append((f.unix_micros(column) if kind == "timestamp" else column).alias(name))
    whole = f.to_json(f.struct(*columns), {"ignoreNullFields": "false"})
    return sorted(row.text for row in frame.select(whole.alias("text")).collect())


def of_run(spark, out):
    """The tables that `landfall corpus run` left in a folder."""
    out = pathlib.Path(out)
    tables = {table: texts(spark.read.parquet(str(out / table))) for table in landfall_spark.TABLES if (out / table).is_dir()}
    return whole(tables, [json.loads(path.read_text()) for path in (out / "campaigns").glob("*.json")])


def of_spark(spark, out):
    """The tables of a folder that landfall_spark.py filled."""
    landfall_spark.views(spark, landfall_spark.Folder(spark, str(out)))
    tables = {table: texts(spark.table(table)) for table in landfall_spark.TABLES}
    return whole(tables, [row.asDict(recursive=True) for row in spark.table(landfall_rows.RECORDS).collect()])


def whole(tables, records):
    """Tables without rows are as good as none."""
    found = {table: rows for table, rows in tables.items() if rows}
    return {**found, landfall_rows.RECORDS: sorted(map(record_text, records))}


def record_text(record):
    return json.dumps({member: record[member] for member in MEMBERS}, sort_keys=True)


def differences(one, other):
    """What is not the same, in words; nothing if all is."""
    found = [f"only one has {sorted(one.keys() ^ other.keys())}"] if one.keys() != other.keys() else []
    for table in sorted(one.keys() & other.keys()):
        if one[table] != other[table]:
            pair = next(((a, b) for a, b in zip(one[table], other[table]) if a != b), ("", ""))
            found.append(f"{table}: {len(one[table])} and {len(other[table])} rows, first\n  {pair[0]}\n  {pair[1]}")
    return found


def reports(spark, program, run, out):
    """The tables of a paper, as `corpus report` and as SQL make them, by name."""
    landfall_spark.views(spark, landfall_spark.Folder(spark, str(out)))
    found = {}
    for name in landfall_tables.TABLES:
        command = [program, "corpus", "report", str(run), "--format", "csv", "--table", name]
        theirs = subprocess.run(command, capture_output=True, check=False).stdout.decode()
        found[name] = (theirs, landfall_tables.as_csv(landfall_tables.table(spark, name)))
    return found
