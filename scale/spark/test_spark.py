"""A corpus on separate executors gives the tables of one `corpus run`, whatever befalls the executors.

    make spark-test
"""

import argparse
import importlib.machinery
import importlib.util
import json
import logging
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import equality  # noqa: E402: the path comes first
import landfall_list  # noqa: E402
import landfall_rows  # noqa: E402
import landfall_spark  # noqa: E402
from landfall_storage import Unreadable  # noqa: E402

ROOT = HERE.parent.parent
LANDFALL = os.environ.get("LANDFALL", str(ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "scale" / "landfall"))
SAMPLES = ROOT / "sample-captures"
CAPTURES = ROOT.parent / "shared" / "captures"
OPTIONS = ["--deny", "CN,HK", "--flows"]
# Made by the generator of the benchmarks.
MADE = 60
MADE_BYTES = 300_000
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def bench():
    """The generator of benches/run."""
    loader = importlib.machinery.SourceFileLoader("bench", str(ROOT / "benches" / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


def make(folder, count, size):
    """Captures of calls, each of other clients at another time."""
    folder.mkdir(parents=True)
    generator = bench()
    for number in range(count):
        generator.from_samples(folder / f"{number:04}.pcap", size, copy=1000 * number)


def landfall(*arguments):
    done = subprocess.run([LANDFALL, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 2):
        raise AssertionError(done.stderr)
    return done.stdout


def asked(corpus, out, **more):
    given = {"corpus": str(corpus), "out": str(out), "landfall": LANDFALL, "batch": 5000, "per_task": None,
             "time_limit": 600.0, "again": False}
    return argparse.Namespace(**{**given, **more})


def backends():
    """The executors of this process, by their ids."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        found[entry.name] = (fields[1], b"org.apache.spark.executor.CoarseGrainedExecutorBackend" in words)

    def is_mine(process):
        while process in found and process != str(os.getpid()):
            process = found[process][0]
        return process == str(os.getpid())

    return [int(process) for process, (_, is_backend) in found.items() if is_backend and is_mine(process)]


class OnSpark(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import pyspark

        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        # Executors find Spark and Python where they are here.
        os.environ["SPARK_HOME"] = os.path.dirname(pyspark.__file__)
        os.environ["PYSPARK_PYTHON"] = sys.executable
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        cls.store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.store.start()
        host, port = cls.store.get_host_and_port()
        os.environ.update(ACCOUNT, AWS_ENDPOINT_URL=f"http://{host}:{port}")
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        cls.spark = landfall_spark.session(**{
            "spark.master": "local-cluster[2,1,1024]",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.local.dir": str(cls.folder / "spark"),
            # Tasks that take long are begun a second time.
            "spark.speculation": "true",
            "spark.speculation.multiplier": "1.2",
            "spark.speculation.quantile": "0.5",
            "spark.speculation.minTaskRuntime": "2s",
            **{f"spark.executorEnv.{name}": os.environ[name] for name in (*ACCOUNT, "AWS_ENDPOINT_URL")},
        })
        cls.spark.sparkContext.setLogLevel("OFF")
        cls.make_corpus()

    @classmethod
    def tearDownClass(cls):
        cls.spark.stop()
        cls.store.stop()
        cls.holder.cleanup()

    @classmethod
    def make_corpus(cls):
        """Bundled captures, real ones where there are any, made ones, one cut short, and what is no capture."""
        cls.corpus = cls.folder / "corpus"
        make(cls.corpus / "made", MADE, MADE_BYTES)
        shutil.copytree(SAMPLES, cls.corpus / "samples")
        if CAPTURES.is_dir():
            shutil.copytree(CAPTURES, cls.corpus / "captures")
        else:
            print("left out: there are no captures in ../shared")
        whole = (SAMPLES / "qinq-vlan.pcap").read_bytes()
        (cls.corpus / "cut.pcap").write_bytes(whole[:30_000])
        (cls.corpus / "empty.pcap").write_bytes(b"")
        cls.once = cls.folder / "once"
        landfall("corpus", "run", cls.corpus, "--out", cls.once, *OPTIONS)
        cls.expected = equality.of_run(cls.spark, cls.once)

    def run_corpus(self, name, corpus=None, **more):
        out = self.folder / name
        landfall_spark.run(self.spark, asked(corpus or self.corpus, out, **more), OPTIONS)
        return out

    def assert_same(self, out, expected=None):
        found = equality.of_spark(self.spark, out)
        self.assertEqual(equality.differences(expected or self.expected, found), [])

    def test_parts_of_a_corpus_and_spark_give_what_one_run_gives(self):
        self.assertGreater(len(self.expected["flows"]), 1000)
        parts = self.folder / "parts"
        for part in (1, 2, 3):
            landfall("corpus", "run", self.corpus, "--out", parts, "--shard", f"{part}/3", *OPTIONS)
        self.assertEqual(equality.differences(self.expected, equality.of_run(self.spark, parts)), [])
        out = self.run_corpus("whole", batch=70)
        self.assert_same(out)
        for name, (theirs, ours) in equality.reports(self.spark, LANDFALL, self.once, out).items():
            self.assertEqual(theirs, ours, name)
        rows = landfall_spark.rows(self.spark, landfall_spark.Folder(self.spark, str(out)), "sessions")
        is_there = "service = sessions.service AND day = date_format(sessions.start, 'yyyy-MM-dd')"
        self.assertEqual(rows.where(is_there).count(), rows.count())

    def test_an_executor_that_is_killed_changes_nothing(self):
        out = self.folder / "killed"
        killed = []

        def kill_half_way():
            tasks = out / "made" / "batch=000001" / "_temporary" / "0"
            while not killed:
                if tasks.is_dir() and len(list(tasks.glob("task_*"))) >= 8:
                    executor = min(backends())
                    os.kill(executor, signal.SIGKILL)
                    killed.append(executor)
                time.sleep(0.01)

        thread = threading.Thread(target=kill_half_way, daemon=True)
        thread.start()
        self.run_corpus("killed", per_task=4)
        self.assertTrue(killed)
        self.assert_same(out)

    def test_tasks_that_are_tried_again_or_twice_leave_no_row_twice(self):
        marks = self.folder / "marks"
        marks.mkdir()
        program = self.folder / "landfall-with-troubles"
        # The first time that it meets a campaign of some names it kills its task after the rows, or takes long.
        program.write_text(f"""#!/bin/sh
case "$*" in *--settings*|*schema*|*list*) exec {LANDFALL} "$@";; esac
campaign=$(cat)
name=$(printf %s "$campaign" | sed 's/.*"name": "\\([^"]*\\)", "files.*/\\1/' | tr / _)
first=no
mkdir {marks}/"$name" 2>/dev/null && first=yes
echo >> {marks}/"$name"/tries
printf %s "$campaign" | {LANDFALL} "$@"
case "$first$name" in
yes0005.pcap|yes0033.pcap) kill -9 $PPID ;;
yes0050.pcap) sleep 60 ;;
esac
""")
        program.chmod(0o755)
        listing = self.folder / "made.jsonl"
        listing.write_text(landfall("corpus", "list", self.corpus / "made"))
        once = self.folder / "made-once"
        landfall("corpus", "run", self.corpus / "made", "--out", once, *OPTIONS)
        out = self.run_corpus("again", corpus=listing, landfall=str(program), per_task=4)
        self.assert_same(out, equality.of_run(self.spark, once))
        for name in ("0005", "0033", "0050"):
            self.assertGreater(len((marks / f"{name}.pcap" / "tries").read_text()), 1, name)

    def test_a_job_goes_on_where_it_stopped_and_results_of_two_policies_are_kept_apart(self):
        lines = landfall("corpus", "list", self.corpus).splitlines(keepends=True)
        first = self.folder / "first.jsonl"
        first.write_text("".join(lines[:50]))
        out = self.run_corpus("resumed", corpus=first)
        # A job that was killed leaves a batch without its mark: while it inspected, or while it put rows into the table.
        for half in ("made/batch=000002", "rows/batch=000003/table=sessions/day=x/service=y"):
            (out / half).mkdir(parents=True)
            some = next((out / "rows" / "batch=000001" / "table=sessions").rglob("*.parquet"))
            shutil.copy(some, out / half / "part.parquet")
        # ... or after it had inspected all.
        publish, landfall_spark.publish = landfall_spark.publish, lambda *_: 1 / 0
        with self.assertRaises(ZeroDivisionError):
            self.run_corpus("resumed", batch=100)
        landfall_spark.publish = publish
        self.assertTrue((out / "made" / "batch=000004" / "_SUCCESS").exists())
        self.run_corpus("resumed")
        self.assert_same(out)
        visible = lambda: sorted(path for path in out.rglob("*") if ".crc" not in path.name)
        before = visible()
        self.run_corpus("resumed")
        self.assertEqual(visible(), before)
        with self.assertRaisesRegex(landfall_spark.Refused, "other settings .policy"):
            landfall_spark.run(self.spark, asked(self.corpus, out), ["--deny", "US", "--flows"])
        with self.assertRaisesRegex(Unreadable, "two campaigns named"):
            first.write_text("".join(lines[:2] + lines[:1]))
            self.run_corpus("twice", corpus=first)

    def test_captures_come_from_an_object_store(self):
        import s3fs

        files = s3fs.S3FileSystem()
        files.mkdir("captures")
        files.put(str(SAMPLES) + "/", "captures/year/", recursive=True)
        made = sorted((self.corpus / "made").iterdir())[:3]
        for path in made:
            files.put(str(path), f"captures/rotated/{path.name}")
        once = self.folder / "samples-once"
        landfall("corpus", "run", SAMPLES, "--out", once, *OPTIONS)
        self.assert_same(self.run_corpus("stored", corpus="s3://captures/year/"), equality.of_run(self.spark, once))

        manifest = '[[campaign]]\nname = "one"\nfiles = ["0*.pcap"]\nvantage = "US"\nlabels = { region = "IT" }\n'
        files.pipe("captures/rotated/corpus.toml", manifest.encode())
        (self.corpus / "made" / "corpus.toml").write_text(manifest.replace("0*", "000[0-2]"))
        self.addCleanup((self.corpus / "made" / "corpus.toml").unlink)
        local = self.folder / "rotated-once"
        landfall("corpus", "run", self.corpus / "made" / "corpus.toml", "--out", local, *OPTIONS)
        stored = self.run_corpus("rotated", corpus="s3://captures/rotated/corpus.toml")
        self.assert_same(stored, equality.of_run(self.spark, local))

    def test_what_the_object_store_does_not_give_is_a_row_and_no_failed_job(self):
        import s3fs

        files = s3fs.S3FileSystem()
        files.mkdir("partly")
        files.put(str(SAMPLES / "ipv6-call.pcap"), "partly/there.pcap")
        files.put(str(SAMPLES / "ipv6-call.pcap"), "partly/secret.pcap")
        denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::partly/secret.pcap"}
        files.call_s3("put_bucket_policy", Bucket="partly", Policy=json.dumps({"Version": "2012-10-17",
                                                                             "Statement": [denial]}))
        names = ("there.pcap", "gone.pcap", "secret.pcap")
        lines = [landfall_list.campaign(name, [{"name": name, "path": f"s3://partly/{name}"}]) for name in names]
        lines.append(landfall_list.campaign("bucket", [{"name": "b.pcap", "path": "s3://no-such-bucket/b.pcap"}]))
        lines.append(landfall_list.campaign("folder", [{"name": "f", "path": "s3://partly/"}]))
        lines.append(landfall_list.campaign("strange", [{"name": "g", "path": "strange://x/y"}]))
        listing = self.folder / "partly.jsonl"
        listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
        out = self.run_corpus("partly", corpus=listing)
        landfall_spark.views(self.spark, landfall_spark.Folder(self.spark, str(out)))
        found = {row.campaign: (row.status, row.reason) for row in self.spark.table("campaigns").collect()}
        self.assertEqual(found["there.pcap"], ("done", None))
        self.assertEqual(found["gone.pcap"], ("failed", "cannot open 'gone.pcap': it is not there"))
        self.assertEqual(found["secret.pcap"][0], "failed")
        self.assertIn("cannot read 'secret.pcap' at byte 0: access is denied", found["secret.pcap"][1])
        self.assertEqual(found["bucket"][0], "failed")
        self.assertIn("it is a folder", found["folder"][1])
        self.assertIn("is in no storage that can be opened", found["strange"][1])

        files.put(str(SAMPLES / "meet-region.pcap"), "partly/gone.pcap")
        self.run_corpus("partly", corpus=listing, again=True)
        landfall_spark.views(self.spark, landfall_spark.Folder(self.spark, str(out)))
        found = {row.campaign: row.status for row in self.spark.table("campaigns").collect()}
        self.assertEqual((found["gone.pcap"], found["folder"], len(found)), ("done", "failed", 6))


class Listing(unittest.TestCase):
    """What fsspec lists is what landfall lists."""

    def listed(self, corpus):
        return [json.loads(line) for line in landfall("corpus", "list", corpus).splitlines()]

    def same(self, corpus):
        found = landfall_list.campaigns(f"file://{corpus}")
        for campaign in found:
            for file in campaign["files"]:
                file["path"] = file["path"].removeprefix("file://")
        self.assertEqual(found, self.listed(corpus))
        self.assertGreater(len(found), 1)

    def test_of_folders_and_manifests(self):
        with tempfile.TemporaryDirectory() as holder:
            folder = pathlib.Path(holder) / "odd [name]"
            for name in ("b.pcap", "a/z.pcap", "a/b/c.pcapng.gz", ".hidden/x", ".y", "Ä.pcap", "odd[1].pcap"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(b"")
            self.same(folder)
            manifest = folder / "corpus.toml"
            manifest.write_text(
                '[[campaign]]\nname = "two"\nfiles = ["a/**/*.pcapng.gz", "b.pcap"]\nhome = ["@eu"]\n'
                'labels = { z = "1", region = "DE" }\n[[campaign]]\nname = "odd"\nfiles = ["odd[1].pcap", "?.pcap"]\n'
                'vantage = "45.07,7.69"\n')
            self.same(manifest)
            for text, words in (("[[campaign]]\nname = 'a'\nfiles = ['x*']\n", "no file is 'x\\*'"),
                                ("[[campaign]]\nname = 'a'\nfiles = ['b.pcap']\ncolour = 1\n", "'colour' is unknown"),
                                ("campaign = 1", "no manifest|is no"), ("[", "is no manifest")):
                manifest.write_text(text)
                with self.assertRaisesRegex(Unreadable, words):
                    landfall_list.campaigns(f"file://{manifest}")


if __name__ == "__main__":
    unittest.main()
