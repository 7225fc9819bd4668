#!/usr/bin/env python3
"""Reads landfall's formats with the programs they are for, and holds the figures against the JSON report.

    tests/tools.py [--landfall target/debug/landfall] [CAPTURE|FOLDER]...

Parquet is read with DuckDB and pandas, CSV with pandas, conn.log with zat, JSON and JSON lines are held against the
JSON Schemas. The packages go into target/tools-venv; where they cannot be had, the checks are left out, which is said.
Without arguments it takes the sample captures, and a share of those in ../shared/captures where there are any; all of
them with LANDFALL_ALL_CAPTURES=1.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "tools-venv"
REQUIREMENTS = ROOT / "tests" / "tools-requirements.txt"
# Its requirements are for what is not used here: scikit-learn, watching files.
WITHOUT_REQUIREMENTS = "zat==0.4.9"
# Says that this program runs with its packages.
INSIDE = "LANDFALL_TOOLS_INSIDE"
# Installing takes 20 s; where the network hangs, nobody should wait for long.
PATIENCE = 240
# Of the captures in ../shared one in so many is taken, so that all takes less than a minute.
SHARE = 4
# JSON Schema in Python takes a minute for a report of 20 MB.
MAX_CHECKED = 3_000_000

TABLES = ["endpoints", "sessions", "findings", "flows"]
COUNTERS = {
    "endpoints": ["packets", "bytes", "packets_sent", "bytes_sent", "packets_received", "bytes_received"],
    "sessions": [],
    "findings": ["bytes_sent", "bytes_received"],
    "flows": ["packets_sent", "bytes_sent", "packets_received", "bytes_received"],
}
TIMES = {
    "endpoints": ["first_seen", "last_seen"],
    "sessions": ["start", "end"],
    "findings": [],
    "flows": ["start", "end"],
}
FLAGS = {
    "endpoints": [],
    "sessions": ["media_seen", "began_before_capture", "continues_after_capture", "one_direction"],
    "findings": [],
    "flows": ["opened_by_client"],
}
KEYS = {"endpoints": "location_country", "sessions": "service", "findings": "verdict", "flows": "service"}


def left_out(why):
    print(f"left out: tests/tools.py: {why}")
    sys.exit(0)


def enter_venv():
    """Runs this program again with the packages it needs."""
    python = VENV / "bin" / "python"
    if os.environ.get(INSIDE):
        return
    stamp = VENV / "complete"
    wanted = REQUIREMENTS.read_text() + WITHOUT_REQUIREMENTS
    if not stamp.exists() or stamp.read_text() != wanted:
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            for command in (
                [sys.executable, "-m", "venv", VENV],
                [*install, "-r", REQUIREMENTS],
                [*install, "--no-deps", WITHOUT_REQUIREMENTS],
            ):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        except (OSError, subprocess.SubprocessError) as problem:
            lines = (getattr(problem, "stderr", None) or str(problem)).strip().splitlines()
            left_out(f"its Python packages cannot be installed ({lines[-1] if lines else problem})")
        stamp.write_text(wanted)
    os.environ[INSIDE] = "1"
    os.execv(python, [str(python), *sys.argv])


def landfall(program, capture, *arguments):
    command = [program, "inspect", "--deny", "CN,HK", "--scope", "all", *arguments, str(capture)]
    run = subprocess.run(command, capture_output=True, check=False)
    if run.returncode not in (0, 1, 2, 3):
        raise AssertionError(f"{command}: {run.returncode}: {run.stderr.decode()}")
    return run.stdout


def at(item, column):
    """What a column of endpoints, flows, findings or sessions is in JSON."""
    if column.startswith("location_"):
        return item["location"][column.removeprefix("location_")]
    return item[column]


def expected(report, table):
    import pandas

    rows = report[table]
    figures = {"rows": len(rows)}
    for column in COUNTERS[table]:
        figures[f"sum {column}"] = sum(row[column] for row in rows)
    for column in TIMES[table]:
        times = [pandas.Timestamp(row[column]).floor("us") for row in rows if row[column]]
        figures[f"least {column}"] = min(times, default=None)
        figures[f"greatest {column}"] = max(times, default=None)
    for column in FLAGS[table]:
        figures[f"true {column}"] = sum(row[column] is True for row in rows)
        figures[f"unknown {column}"] = sum(row[column] is None for row in rows)
    groups = {}
    for row in rows:
        key = at(row, KEYS[table])
        groups[key] = groups.get(key, 0) + 1
    figures["groups"] = groups
    if table == "sessions":
        ends = [end for row in rows for end in row["endpoints"]]
        figures["far ends"] = len(ends)
        figures["bytes"] = sum(end["bytes_sent"] + end["bytes_received"] for end in ends)
    return figures


def of_frame(frame, table, length):
    """The figures of a pandas table; `length` says how many elements a list has."""
    import pandas

    figures = {"rows": len(frame)}
    for column in COUNTERS[table]:
        figures[f"sum {column}"] = int(frame[column].sum())
    for column in TIMES[table]:
        known = frame[column].dropna()
        figures[f"least {column}"] = known.min() if len(known) else None
        figures[f"greatest {column}"] = known.max() if len(known) else None
    for column in FLAGS[table]:
        figures[f"true {column}"] = int((frame[column] == True).sum())  # noqa: E712: a column, not a value
        figures[f"unknown {column}"] = int(frame[column].isna().sum())
    counts = frame[KEYS[table]].value_counts(dropna=False).items()
    figures["groups"] = {None if pandas.isna(key) else key: int(count) for key, count in counts}
    if table == "sessions":
        figures["far ends"] = int(frame["endpoints_address"].map(length).sum())
        figures["bytes"] = int(frame["bytes_sent"].sum() + frame["bytes_received"].sum())
    return figures


def of_duckdb(path, table):
    import duckdb
    import pandas

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        ask = lambda what: connection.execute(f"SELECT {what} FROM read_parquet(?)", [str(path)]).fetchall()
        figures = {"rows": ask("count(*)")[0][0]}
        for column in COUNTERS[table]:
            figures[f"sum {column}"] = int(ask(f"coalesce(sum({column}), 0)")[0][0])
        for column in TIMES[table]:
            # As microseconds: the conversion of the driver needs another package.
            for name, function in (("least", "min"), ("greatest", "max")):
                micros = ask(f'epoch_us({function}("{column}"))')[0][0]
                figures[f"{name} {column}"] = None if micros is None else pandas.Timestamp(micros, unit="us", tz="UTC")
        for column in FLAGS[table]:
            figures[f"true {column}"] = ask(f"count(*) FILTER (WHERE {column})")[0][0]
            figures[f"unknown {column}"] = ask(f"count(*) FILTER (WHERE {column} IS NULL)")[0][0]
        query = f"SELECT {KEYS[table]}, count(*) FROM read_parquet(?) GROUP BY 1"
        figures["groups"] = dict(connection.execute(query, [str(path)]).fetchall())
        if table == "sessions":
            figures["far ends"] = int(ask("coalesce(sum(len(endpoints_address)), 0)")[0][0])
            figures["bytes"] = int(ask("coalesce(sum(bytes_sent + bytes_received), 0)")[0][0])
        return figures


def same(name, found, wanted):
    assert found == wanted, f"{name}:\n  found    {found}\n  expected {wanted}"


def check_parquet(program, capture, report, table, folder):
    import pandas

    path = folder / f"{table}.parquet"
    landfall(program, capture, "--format", "parquet", "--table", table, "--output", str(path))
    wanted = expected(report, table)
    same(f"{capture} {table} DuckDB", of_duckdb(path, table), wanted)
    same(f"{capture} {table} Parquet in pandas", of_frame(pandas.read_parquet(path), table, len), wanted)


def check_csv(program, capture, report, table, folder):
    import pandas

    path = folder / f"{table}.csv"
    path.write_bytes(landfall(program, capture, "--format", "csv", "--table", table))
    types = {column: "Int64" for column in COUNTERS[table]} | {column: "boolean" for column in FLAGS[table]}
    # "NA" is Namibia, and only an empty field is not known.
    frame = pandas.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    for column in TIMES[table]:
        frame[column] = pandas.to_datetime(frame[column], format="ISO8601", utc=True).dt.floor("us")
    length = lambda cell: 0 if pandas.isna(cell) else cell.count("|") + 1
    same(f"{capture} {table} CSV", of_frame(frame, table, length), expected(report, table))
    inferred = pandas.read_csv(path, keep_default_na=False, na_values=[""])
    for column in COUNTERS[table] if len(inferred) else []:
        assert inferred[column].dtype == "int64", f"{capture} {table} {column} is {inferred[column].dtype}"


def check_zeek(program, capture, report, folder):
    import warnings

    from zat.log_to_dataframe import LogToDataFrame

    path = folder / "conn.log"
    path.write_bytes(landfall(program, capture, "--format", "zeek"))
    flows = report["flows"]
    if not flows:
        return
    with warnings.catch_warnings():
        # zat 0.4.9 asks pandas in ways that pandas 3 will not know for ever.
        warnings.simplefilter("ignore")
        frame = LogToDataFrame().create_dataframe(str(path), ts_index=False)
    assert len(frame) == len(flows), f"{capture} conn.log: {len(frame)} of {len(flows)} rows"
    assert frame["uid"].is_unique, f"{capture} conn.log: an id is not unique"
    for column, member in (("orig_pkts", "packets_sent"), ("landfall.resp_frame_bytes", "bytes_received")):
        same(f"{capture} conn.log {column}", int(frame[column].sum()), sum(flow[member] for flow in flows))
    same(f"{capture} conn.log id.resp_h", list(frame["id.resp_h"]), [flow["server"]["address"] for flow in flows])
    ports = [flow["server"]["port"] for flow in flows if flow["server"]["port"] is not None]
    same(f"{capture} conn.log id.resp_p", [int(port) for port in frame["id.resp_p"].dropna()], ports)


def check_ecs(program, capture, report):
    documents = [json.loads(line) for line in landfall(program, capture, "--format", "ecs").splitlines()]
    flows = [document for document in documents if document["event"]["kind"] == "event"]
    same(f"{capture} ECS", len(documents), len(report["flows"]) + len(report["findings"]))
    wanted = sum(flow["bytes_sent"] + flow["bytes_received"] for flow in report["flows"])
    same(f"{capture} ECS network.bytes", sum(flow["network"]["bytes"] for flow in flows), wanted)
    countries = {end["address"]: end["location"] for end in report["endpoints"]}
    for flow in flows:
        location = countries[flow["destination"]["ip"]]
        settled = location["country"] if location["confidence"] in ("likely", "confirmed") else None
        same(f"{capture} ECS geo", flow["destination"].get("geo", {}).get("country_iso_code"), settled)


def check_schemas(program, capture, report, text):
    from jsonschema import Draft202012Validator

    if len(text) > MAX_CHECKED:
        return
    schema = lambda name: json.loads((ROOT / "docs" / f"{name}.schema.json").read_text())
    Draft202012Validator(schema("report")).validate(report)
    validator = Draft202012Validator(schema("record"))
    for line in landfall(program, capture, "--format", "jsonl", "--flows").splitlines():
        validator.validate(json.loads(line))


def check(program, capture):
    text = landfall(program, capture, "--format", "json", "--flows")
    if not text:
        return 0  # no capture, or one of another kind
    report = json.loads(text)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for table in TABLES:
            check_parquet(program, capture, report, table, folder)
            check_csv(program, capture, report, table, folder)
        check_zeek(program, capture, report, folder)
    check_ecs(program, capture, report)
    check_schemas(program, capture, report, text)
    return 1


def captures(given):
    if given:
        files = [path for name in given for path in sorted(pathlib.Path(name).rglob("*") or [])]
        files += [pathlib.Path(name) for name in given if pathlib.Path(name).is_file()]
    else:
        files = sorted((ROOT / "sample-captures").iterdir())
        others = sorted((ROOT.parent / "shared" / "captures").rglob("*"))
        if not others:
            print("left out: there are no captures in ../shared")
        everything = os.environ.get("LANDFALL_ALL_CAPTURES") == "1"
        files += others if everything else others[::SHARE]
    return [path for path in files if path.is_file() and path.suffix not in (".md", ".tsv")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landfall", default=str(VENV.parent / "debug" / "landfall"))
    parser.add_argument("captures", nargs="*")
    options = parser.parse_args()
    enter_venv()
    if not os.access(options.landfall, os.X_OK):
        sys.exit(f"there is no {options.landfall}: cargo build")
    if not subprocess.run([options.landfall, "inspect", "--help"], capture_output=True).stdout.count(b"parquet"):
        left_out("landfall was built without Parquet")
    began = time.monotonic()
    files = captures(options.captures)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read = sum(pool.map(lambda capture: check(options.landfall, capture), files))
    assert read > 0, "no capture was read"
    print(f"tools: {read} of {len(files)} files were read with DuckDB, pandas, zat and JSON Schema and agree with JSON "
          f"({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
