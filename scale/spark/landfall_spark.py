#!/usr/bin/env python3
"""Inspects a corpus on a Spark cluster, and makes its tables.

    spark-submit --files landfall landfall_spark.py run CORPUS OUT [--batch N] [--per-task N] [-- OPTION...]
    spark-submit landfall_spark.py tables OUT [--table NAME] [--output FOLDER]

CORPUS is what `landfall corpus run` takes, where the driver sees it; a folder or TOML manifest in storage that fsspec
opens (s3://bucket/captures/); or a file of campaigns as `landfall corpus list` writes them (*.jsonl). OUT is a folder
in storage that Spark writes to (s3a://, hdfs://, a path that all machines share). OPTIONs are those of
`landfall corpus rows`: --deny, --policy, --db, ...; files that they name are sent along.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import landfall_list
import landfall_rows
from landfall_storage import Unreadable, is_url

# What the executors need beside this file.
MODULES = ("landfall_rows.py", "landfall_feed.py", "landfall_storage.py")
# Options of `corpus rows` that may name a file.
FILES = ("--policy", "--db", "--ranges", "--anycast", "--services")
TYPES = {
    "text": "string",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "time": "bigint",
    "list of texts": "array<string>",
    "list of integers": "array<bigint>",
}
RECORD = ("struct<schema_version string, campaign string, settings string, status string, reason string, "
          "inputs array<struct<path string, size bigint, sha256 string>>>")
PARTS = ("day", "service")
TABLES = ("endpoints", "sessions", "findings", "flows")
SETTINGS = "settings.json"
SCHEMA = "schema.json"
# Says that all of a folder is there.
MARK = "_SUCCESS"
# A task costs a tenth of a second, so it should have some work; but no core should wait for long for the last task.
TASKS_OF_A_CORE = 16
MAX_PER_TASK = 64
# Troubles that are told one by one; the table has all.
MAX_TOLD = 20


class Refused(Exception):
    """The job cannot be done as it is asked for."""


class Folder:
    """A folder in storage that Spark writes to."""

    def __init__(self, spark, place):
        self.java = spark._jvm.org.apache.hadoop.fs
        self.place = place.rstrip("/") or "/"
        self.path = self.java.Path(self.place)
        self.files = self.path.getFileSystem(spark._jsc.hadoopConfiguration())

    def at(self, name):
        return self.java.Path(self.path, name)

    def read(self, name):
        """The text of a file, or nothing where there is none."""
        if not self.exists(name):
            return None
        stream = self.files.open(self.at(name))
        try:
            return bytes(stream.readAllBytes()).decode()
        finally:
            stream.close()

    def write(self, name, text, over=False):
        """Makes a file, which must not be there yet."""
        stream = self.files.create(self.at(name), over)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()

    def exists(self, name):
        return self.files.exists(self.at(name))

    def delete(self, name):
        self.files.delete(self.at(name), True)

    def is_whole(self, name):
        return self.exists(f"{name}/{MARK}")

    def numbers(self, name):
        """The numbers of the batches in a folder."""
        if not self.exists(name):
            return []
        names = [status.getPath().getName() for status in self.files.listStatus(self.at(name))]
        return sorted(int(name.removeprefix("batch=")) for name in names if name.startswith("batch="))


def made(number):
    """Where the rows of a batch wait, as landfall wrote them."""
    return f"made/batch={number:06d}"


def batch(number):
    """The rows of a batch in the table."""
    return f"rows/batch={number:06d}"


def session(**more):
    """Spark as the tables need it."""
    from pyspark.sql import SparkSession

    wanted = {
        # A day is a text, and a time is in UTC.
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # A task's files appear when the driver lets one attempt of it have its way, and all of a batch together.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "true",
        "spark.hadoop.mapreduce.fileoutputcommitter.cleanup-failures.ignored": "false",
        **more,
    }
    builder = SparkSession.builder.appName("landfall")
    for name, value in wanted.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def ship(spark, program, options):
    """Sends landfall, its modules and the files that options name along; what to run, where they all are."""
    from pyspark import SparkFiles

    context = spark.sparkContext
    here = pathlib.Path(__file__).resolve().parent
    for name in MODULES:
        context.addPyFile(str(here / name))
    sent = {}

    def send(path):
        name = os.path.basename(path)
        if sent.setdefault(name, path) != path:
            raise Refused(f"'{sent[name]}' and '{path}' have one name: the executors need two")
        context.addFile(path)
        return name

    root = SparkFiles.getRootDirectory()
    if program is not None:
        program = send(program)
    elif not os.path.exists(os.path.join(root, "landfall")):
        raise Refused("landfall is needed: --landfall PROGRAM, or spark-submit --files landfall")
    shipped, expects_file = [], False
    for option in options:
        name, sign, value = option.partition("=")
        if expects_file and os.path.isfile(option):
            option = send(option)
        elif name in FILES and sign and os.path.isfile(value):
            option = f"{name}={send(value)}"
        expects_file = option in FILES
        shipped.append(option)
    return os.path.join(root, program or "landfall"), tuple(shipped), root


def descriptions(corpus, program):
    """The campaigns of a corpus, each as a JSON object."""
    if corpus.endswith(".jsonl"):
        return read_lines(corpus)
    if is_url(corpus):
        return landfall_list.campaigns(corpus)
    done = subprocess.run([program, "corpus", "list", corpus], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return landfall_list.in_order([absolute(json.loads(line)) for line in done.stdout.splitlines()], corpus)


def read_lines(corpus):
    if is_url(corpus):
        import fsspec

        with fsspec.open(corpus, "rt") as file:
            found = [json.loads(line) for line in file if line.strip()]
    else:
        with open(corpus, encoding="utf-8") as file:
            found = [absolute(json.loads(line)) for line in file if line.strip()]
    return landfall_list.in_order(found, corpus)


def absolute(campaign):
    """With paths that do not depend on where a process runs."""
    for file in campaign["files"]:
        if not is_url(file["path"]):
            file["path"] = os.path.abspath(file["path"])
    return campaign


def inspector(program, options, settings, time_limit):
    """What a task does with the descriptions that it is given."""
    name = os.path.basename(program)

    def work(lines):
        import landfall_rows
        from pyspark import SparkFiles

        folder = SparkFiles.getRootDirectory()
        plan = landfall_rows.Plan(os.path.join(folder, name), options, folder, settings, time_limit)
        landfall_rows.check(plan)
        for line in lines:
            yield from landfall_rows.rows(json.loads(line), plan)

    return work


def kinds(schema, time):
    """The type of the rows of each table, with times as what is said."""
    types = {**TYPES, "time": time}
    for table, columns in sorted(schema.items()):
        fields = ", ".join(f"`{column['name']}` {types[column['kind']]}" for column in columns)
        yield table, f"struct<{fields}>"
    yield landfall_rows.RECORDS, RECORD


def publish(spark, folder, number, schema):
    """Puts the rows of a batch into the table: all of them are there when this is over, or none counts."""
    from pyspark.sql import functions as f

    folder.delete(batch(number))
    found = spark.read.parquet(f"{folder.place}/{made(number)}")
    for table, kind in kinds(schema, "bigint"):
        cells = f.from_json("text", kind, {"mode": "FAILFAST"})
        for column in schema.get(table, ()):
            if column["kind"] == "time":
                cells = cells.withField(column["name"], f.timestamp_micros(cells[column["name"]]))
        of_table = found.where(f.col("table") == table).select(*PARTS, cells.alias(table))
        # Neither a file for each task, nor one task for the largest day.
        of_table = of_table.hint("rebalance", *PARTS)
        of_table.write.partitionBy(*PARTS).parquet(f"{folder.place}/{batch(number)}/table={table}")
    folder.write(f"{batch(number)}/{MARK}", "")
    folder.delete(made(number))


def recover(spark, folder, schema):
    """Ends what a job that was killed had begun. The number of the last batch."""
    numbers = sorted({*folder.numbers("made"), *folder.numbers("rows")})
    for number in numbers:
        if folder.is_whole(batch(number)):
            folder.delete(made(number))
        elif folder.is_whole(made(number)):
            publish(spark, folder, number, schema)
        else:
            folder.delete(batch(number))
            folder.delete(made(number))
    return max(numbers, default=0)


def rows(spark, folder, table):
    """The rows of a table in the batches that are whole, each with its cells in a column that is called as the table."""
    schema = folder.read(SCHEMA)
    if schema is None:
        raise Refused(f"'{folder.place}' has no results")
    kind = dict(kinds(json.loads(schema), "timestamp"))[table]
    whole = [batch(number) for number in folder.numbers("rows") if folder.is_whole(batch(number))]
    reader = spark.read.schema(f"{table} {kind}, batch int, day string, service string")
    return reader.option("basePath", f"{folder.place}/rows").parquet(*(f"{folder.place}/{name}/table={table}" for name in whole))


def views(spark, folder):
    """A view for each table, and `campaigns`: what came of each, by the last try."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    for table in TABLES:
        rows(spark, folder, table).select(f"{table}.*").createOrReplaceTempView(table)
    records = rows(spark, folder, landfall_rows.RECORDS).select(f"{landfall_rows.RECORDS}.*", "batch")
    last = Window.partitionBy("campaign").orderBy(f.col("batch").desc())
    records = records.withColumn("try", f.row_number().over(last)).where("try = 1").drop("batch", "try")
    records.createOrReplaceTempView(landfall_rows.RECORDS)


def settle(folder, settings, schema):
    """Sees to it that all rows of a table were made in one way."""
    before = folder.read(SETTINGS)
    if before is None:
        # Last, for where it is there, all is.
        folder.write(SCHEMA, json.dumps(schema), over=True)
        folder.write(SETTINGS, json.dumps(settings["settings"], indent=2) + "\n")
        return
    before, wanted = json.loads(before), settings["settings"]
    different = sorted(key for key in {*before, *wanted} if before.get(key) != wanted.get(key))
    if different:
        raise Refused(f"'{folder.place}' has results made with other settings ({', '.join(different)}): choose another folder")


def done_before(spark, folder, again):
    """Names of the campaigns that need no more work."""
    if not folder.numbers("rows"):
        return set()
    views(spark, folder)
    records = spark.table(landfall_rows.RECORDS)
    if again:
        records = records.where("status != 'failed'")
    return {row.campaign for row in records.select("campaign").toLocalIterator()}


def make(spark, campaigns, folder, number, work, per_task):
    """Inspects campaigns into a batch. The rows of a task lie in one file, which is there as a whole or not at all."""
    lines = [json.dumps(campaign) for campaign in campaigns]
    if per_task is None:
        cores = spark.sparkContext.defaultParallelism
        per_task = max(1, min(len(lines) // (TASKS_OF_A_CORE * cores), MAX_PER_TASK))
    tasks = -(-len(lines) // per_task)
    # Neighbours are often of a size: dealt out, no task has all of the large ones.
    dealt = [line for first in range(tasks) for line in lines[first::tasks]]
    found = spark.sparkContext.parallelize(dealt, tasks).mapPartitions(work)
    frame = spark.createDataFrame(found, "table string, day string, service string, text string", verifySchema=False)
    frame.write.parquet(f"{folder.place}/{made(number)}")


def run(spark, given, options):
    program, options, root = ship(spark, given.landfall, options)
    plan = landfall_rows.Plan(program, options, root)
    settings = landfall_rows.settings(plan)
    schema = json.loads(subprocess.run([program, "corpus", "schema"], capture_output=True, check=True).stdout)
    campaigns = descriptions(given.corpus, program)
    folder = Folder(spark, given.out)
    settle(folder, settings, schema)
    number = recover(spark, folder, schema)
    done = done_before(spark, folder, given.again)
    left = [campaign for campaign in campaigns if campaign["name"] not in done]
    say(f"{len(campaigns)} campaigns, {len(campaigns) - len(left)} of them by an earlier run")
    work = inspector(program, options, settings, given.time_limit)
    for first in range(0, len(left), given.batch):
        number += 1
        part = left[first:first + given.batch]
        make(spark, part, folder, number, work, given.per_task)
        publish(spark, folder, number, schema)
        say(f"{first + len(part)} of {len(left)}")
    tell(spark, folder)


def tell(spark, folder):
    """What came of all campaigns."""
    views(spark, folder)
    counts = {row.status: row["count"] for row in spark.table(landfall_rows.RECORDS).groupBy("status").count().collect()}
    print(", ".join(f"{counts.get(status, 0)} {status}" for status in ("done", "damaged", "failed", "left-out")))
    troubles = spark.table(landfall_rows.RECORDS).where("status IN ('damaged', 'failed')").orderBy("campaign")
    told = troubles.select("campaign", "status", "reason").take(MAX_TOLD + 1)
    for row in told[:MAX_TOLD]:
        say(f"{row.campaign}: {row.status}: {row.reason}")
    if len(told) > MAX_TOLD:
        say("... more are in the table `campaigns`")


def tables(spark, given):
    import landfall_tables

    views(spark, Folder(spark, given.out))
    if given.table is not None:
        sys.stdout.write(landfall_tables.as_csv(landfall_tables.table(spark, given.table)))
        return
    output = pathlib.Path(given.output)
    output.mkdir(parents=True, exist_ok=True)
    for name in landfall_tables.TABLES:
        text = landfall_tables.as_csv(landfall_tables.table(spark, name))
        (output / f"{name}.csv").write_text(text, encoding="utf-8", newline="")


def say(text):
    print(f"landfall_spark: {text}", file=sys.stderr)


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def arguments():
    """What is asked for, and the options of landfall."""
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="inspect what has not been inspected yet")
    one.add_argument("corpus", metavar="CORPUS")
    one.add_argument("out", metavar="OUT")
    one.add_argument("--landfall", metavar="PROGRAM", help="built without libpcap; else that of --files")
    one.add_argument("--batch", type=positive, default=5000, help="campaigns that appear in the table together")
    one.add_argument("--per-task", type=positive, help="campaigns of a task [default: by their number and the cores]")
    one.add_argument("--time-limit", type=float, default=6 * 3600.0, help="seconds for a campaign")
    one.add_argument("--again", action="store_true", help="try campaigns again that failed")
    other = commands.add_parser("tables", help="write the tables of `landfall corpus report`")
    other.add_argument("out", metavar="OUT")
    which = other.add_mutually_exclusive_group(required=True)
    which.add_argument("--table", metavar="NAME", help="write this one to standard output")
    which.add_argument("--output", metavar="FOLDER", help="write all of them into a folder of the driver")
    return parser.parse_args(given[:cut]), given[cut + 1:]


def main():
    given, options = arguments()
    spark = session()
    try:
        if given.command == "run":
            run(spark, given, options)
        else:
            tables(spark, given)
    except (Refused, Unreadable, landfall_rows.Misfit) as problem:
        sys.exit(f"landfall_spark: {problem}")
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
