"""Campaigns become rows: what needs no engine, no network and no package.

    LANDFALL=target/debug/landfall python3 -m unittest discover -s scale/spark -p test_rows.py
"""

import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import landfall_feed  # noqa: E402: the path comes first
import landfall_rows  # noqa: E402
import landfall_storage  # noqa: E402

ROOT = HERE.parent.parent
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
LANDFALL = os.environ.get("LANDFALL", str(TARGET / "debug" / "landfall"))
SAMPLES = ROOT / "sample-captures"
OPTIONS = ("--deny", "CN", "--flows")


def plan(**more):
    given = landfall_rows.Plan(str(pathlib.Path(LANDFALL).resolve()), OPTIONS)
    return landfall_rows.Plan(given.program, OPTIONS, settings=landfall_rows.settings(given), **more)


def listed(corpus):
    done = subprocess.run([LANDFALL, "corpus", "list", str(corpus)], capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_path(campaign):
    """The lines that landfall writes where it opens the captures itself."""
    command = [LANDFALL, "corpus", "rows", *OPTIONS]
    return subprocess.run(command, input=json.dumps(campaign).encode(), capture_output=True, check=True).stdout


def by_pipe(campaign, **more):
    rows = landfall_rows.rows(campaign, plan(**more))
    return b"".join(f'{{"table":"{row.table}","row":{row.text}}}\n'.encode() for row in rows)


def campaign(*paths, name="it", **more):
    files = [{"name": pathlib.Path(path).name, "path": str(path)} for path in paths]
    return {"name": name, "files": files, "vantage": None, "home": [], "labels": {}, "found": False, **more}


def record(rows):
    rows = list(rows)
    assert len(rows) == 1 and rows[0].table == "campaigns", rows
    return json.loads(rows[0].text)


class WithFolder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def pieces(self, name, count):
        """A capture cut into files, as capture programs do."""
        data = (SAMPLES / name).read_bytes()
        ends, at = [], 24
        while at < len(data):
            at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
            ends.append(at)
        cuts = [24] + [ends[len(ends) * number // count - 1] for number in range(1, count + 1)]
        paths = []
        for number, (start, end) in enumerate(zip(cuts, cuts[1:])):
            paths.append(self.folder / f"{number:03}.pcap")
            paths[-1].write_bytes(data[:24] + data[start:end])
        return paths

    def program(self, body):
        """A program in place of landfall."""
        path = self.folder / "program"
        path.write_text(f"#!{sys.executable}\nimport os, sys, json, time\n{textwrap.dedent(body)}")
        path.chmod(0o755)
        return landfall_rows.Plan(str(path), settings={"id": "x", "settings": {"schema_version": "1"}}, time_limit=20)


class Rows(WithFolder):
    def test_what_came_by_pipes_gives_the_rows_of_files(self):
        campaigns = listed(SAMPLES)
        self.assertGreater(len(campaigns), 10)
        for one in campaigns:
            self.assertEqual(by_pipe(one), by_path(one), one["name"])

    def test_rotated_files_are_one_stream_in_whatever_order_they_are_given(self):
        whole = by_path(campaign(SAMPLES / "qinq-vlan.pcap"))
        for count in (2, 7, 3 * landfall_feed.AT_ONCE):
            paths = self.pieces("qinq-vlan.pcap", count)
            packed = self.folder / "000.pcap.gz"
            packed.write_bytes(gzip.compress(paths[0].read_bytes()))
            for order in (paths, paths[::-1], [*paths[1:], packed], [*paths, paths[0]]):
                given = campaign(*order, vantage="US", labels={"region": "DE"})
                found = by_pipe(given)
                self.assertEqual(found, by_path(given))
                self.assertEqual(found.count(b'"table":"sessions"'), whole.count(b'"table":"sessions"'))

    def test_a_capture_larger_than_pipes_and_pieces_arrives_whole(self):
        header, packet = (SAMPLES / "qinq-vlan.pcap").read_bytes()[:24], bytes(16 + 60)
        packet = bytes(8) + (60).to_bytes(4, "little") * 2 + bytes(60)
        large = self.folder / "large.pcap"
        large.write_bytes(header + packet * ((3 * landfall_feed.LARGEST + 12345) // len(packet)))
        for paths in ([large], [large, SAMPLES / "qinq-vlan.pcap"], [SAMPLES / "ipv6-call.pcap", large]):
            self.assertEqual(by_pipe(campaign(*paths)), by_path(campaign(*paths)))

    def test_what_is_damaged_or_no_capture_is_recorded_as_landfall_does(self):
        (self.folder / "empty.pcap").write_bytes(b"")
        (self.folder / "text.pcap").write_text("no capture\n")
        whole = (SAMPLES / "qinq-vlan.pcap").read_bytes()
        (self.folder / "cut.pcap").write_bytes(whole[:-100] + b"\xff" * 200000)
        (self.folder / "cut.pcap.gz").write_bytes(gzip.compress(whole)[:-500])
        for found in (False, True):
            for path in sorted(self.folder.iterdir()):
                for more in ([], [SAMPLES / "ipv6-call.pcap"]):
                    given = campaign(path, *more, found=found)
                    self.assertEqual(by_pipe(given), by_path(given))
        self.assertEqual(record(landfall_rows.rows(campaign(self.folder / "text.pcap", found=True), plan()))["status"],
                         "left-out")
        reason = record(landfall_rows.rows(campaign(self.folder / "text.pcap"), plan()))["reason"]
        self.assertEqual(reason, "'text.pcap' is text, not a capture")

    def test_a_folder_of_a_manifest_is_read_as_landfall_does(self):
        self.pieces("qinq-vlan.pcap", 3)
        (self.folder / "notes.txt").write_text("no capture\n")
        given = campaign(self.folder, SAMPLES / "ipv6-call.pcap")
        self.assertEqual(by_pipe(given), by_path(given))

    def test_rows_of_a_call_lie_where_it_began(self):
        for name in ("zoom-beijing-keys.pcapng", "meet-region.pcap"):
            rows = list(landfall_rows.rows(campaign(SAMPLES / name), plan()))
            calls = {json.loads(row.text)["id"]: row for row in rows if row.table == "sessions"}
            self.assertTrue(calls)
            for call in calls.values():
                self.assertEqual(call.service, json.loads(call.text)["service"])
            for row in rows:
                cells = json.loads(row.text)
                if row.table in ("findings", "flows") and cells["session"] in calls:
                    self.assertEqual(row[1:3], calls[cells["session"]][1:3])
                elif row.table == "flows":
                    self.assertEqual(row.service, landfall_rows.NONE)
            self.assertEqual(rows[-1][:3], ("campaigns", "none", "none"))
        self.assertEqual(landfall_rows.day(None), "unknown")
        self.assertEqual([landfall_rows.day(time) for time in (-1, 0, 86_399_999_999, 86_400_000_000)],
                         ["1969-12-31", "1970-01-01", "1970-01-01", "1970-01-02"])

    def test_captures_that_are_not_there_are_recorded_as_landfall_does(self):
        gone = self.folder / "gone.pcap"
        there = SAMPLES / "ipv6-call.pcap"
        for paths in ([gone], [gone, self.folder / "2"], [gone, there], [there, gone, self.folder / "2"]):
            self.assertEqual(by_pipe(campaign(*paths)), by_path(campaign(*paths)))
        found = record(landfall_rows.rows(campaign(gone), plan()))
        self.assertEqual((found["campaign"], found["status"]), ("it", "failed"))
        self.assertEqual(found["settings"], plan().settings["id"])

    def test_settings_that_are_not_those_of_the_job_are_no_record(self):
        landfall_rows.check(plan())
        other = landfall_rows.Plan(plan().program, ("--deny", "US"), settings=plan().settings)
        with self.assertRaisesRegex(landfall_rows.Misfit, "another version, policy or database"):
            landfall_rows.check(other)
        for program, words in (("/nowhere/landfall", "does not run here"), ("/bin/false", "cannot be used")):
            with self.assertRaisesRegex(landfall_rows.Misfit, words):
                landfall_rows.check(landfall_rows.Plan(program, settings=plan().settings))

    def test_a_row_is_printed_with_its_place(self):
        command = [sys.executable, HERE / "landfall_rows.py", "--landfall", plan().program, "--", *OPTIONS]
        done = subprocess.run(command, input=json.dumps(campaign(SAMPLES / "ipv6-call.pcap")).encode(),
                              capture_output=True, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(lines[-1]["table"], "campaigns")
        self.assertTrue(all(set(line) == {"table", "day", "service", "row"} for line in lines))


class Programs(WithFolder):
    """landfall that goes wrong."""

    def reason(self, body, capture=SAMPLES / "qinq-vlan.pcap", **more):
        return record(landfall_rows.rows(campaign(capture), self.program(body)))["reason"]

    def test_half_of_the_rows_are_none(self):
        session = """print('{"table":"sessions","row":{"id":"a","start":0,"service":"zoom"}}')"""
        self.assertIn("ends before its record", self.reason(session))
        self.assertIn("no row", self.reason("print('oops')"))
        self.assertIn("ends before its record", self.reason("pass"))
        other = """print('{"table":"campaigns","row":{"campaign":"other"}}')"""
        self.assertIn("ends before its record", self.reason(other))

    def test_what_it_says_in_the_end_is_the_reason_and_no_more_than_a_line(self):
        reason = self.reason("sys.stderr.write('x' * 1_000_000 + '\\nbad\\x00thing'); sys.exit(7)")
        self.assertIn("ended with status 7", reason)
        self.assertLess(len(reason), 400)
        self.assertIn("ended by signal 9", self.reason("os.kill(os.getpid(), 9)"))
        self.assertEqual(self.reason("sys.exit(3)"), "landfall ended with status 3 and said nothing")

    def test_it_may_stop_reading(self):
        large = self.folder / "large"
        large.write_bytes(bytes(5_000_000))
        record_line = '{"table":"campaigns","row":{"campaign":"it","reason":null,"inputs":[]}}'
        body = f"""
        path = json.load(sys.stdin)["files"][0]["path"]
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, 70000)
        os.close(descriptor)
        os.close(int(path.rsplit("/", 1)[1]))
        time.sleep(0.3)
        print('{record_line}')
        """
        found = record(landfall_rows.rows(campaign(large), self.program(body)))
        self.assertEqual(found, {"campaign": "it", "reason": None, "inputs": []})

    def test_its_time_is_limited_and_it_leaves_nothing_behind(self):
        given = self.program("open(sys.argv[0] + '.pid', 'w').write(str(os.getpid())); time.sleep(60)")
        given = landfall_rows.Plan(given.program, settings=given.settings, time_limit=1.0)
        began = time.monotonic()
        reason = record(landfall_rows.rows(campaign(SAMPLES / "qinq-vlan.pcap"), given))["reason"]
        self.assertEqual(reason, "it took longer than 1 s")
        self.assertLess(time.monotonic() - began, 15)
        pid = int((self.folder / "program.pid").read_text())
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())

    @unittest.skipUnless(sys.platform == "linux", "the memory of another process is limited on Linux")
    def test_its_memory_is_limited(self):
        given = self.program("time.sleep(0.3); a = bytearray(1 << 30)")
        given = landfall_rows.Plan(given.program, settings=given.settings, memory_limit=512 << 20)
        reason = record(landfall_rows.rows(campaign(SAMPLES / "qinq-vlan.pcap"), given))["reason"]
        self.assertIn("MemoryError", reason)
        self.assertEqual(by_pipe(campaign(SAMPLES / "qinq-vlan.pcap"), memory_limit=4 << 30),
                         by_path(campaign(SAMPLES / "qinq-vlan.pcap")))
        found = record(landfall_rows.rows(campaign(SAMPLES / "qinq-vlan.pcap"), plan(memory_limit=8 << 20)))
        # Whether it says what it lacks or is ended by it depends on where it is.
        self.assertEqual(found["status"], "failed", found)

    def test_it_sees_no_secrets_and_no_other_files(self):
        body = """
        seen = ["AWS_SECRET_ACCESS_KEY" in os.environ, os.listdir("/proc/self/fd")]
        print(json.dumps(seen), file=sys.stderr)
        sys.exit(5)
        """
        with mock.patch.dict(os.environ, {"AWS_SECRET_ACCESS_KEY": "secret"}):
            reason = self.reason(body)
        seen, descriptors = json.loads(reason.split(": ", 1)[1])
        self.assertFalse(seen)
        # Standard ones, the capture, and the listing itself.
        self.assertLessEqual(len(descriptors), 5)

    def test_it_ends_when_its_engine_is_killed(self):
        given = self.program("""
        open(sys.argv[0] + '.pid', 'w').write(str(os.getpid()))
        path = json.load(sys.stdin)["files"][0]["path"]
        own = int(path.rsplit("/", 1)[1])
        while os.read(own, 1 << 16):
            time.sleep(0.05)
        """)
        large = self.folder / "large"
        large.write_bytes(bytes(50_000_000))
        script = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import landfall_rows
plan = landfall_rows.Plan({given.program!r}, settings={given.settings!r})
list(landfall_rows.rows({campaign(large)!r}, plan))
"""
        engine = subprocess.Popen([sys.executable, "-c", script])
        note = self.folder / "program.pid"
        wait_for(lambda: note.exists() and note.read_text())
        pid = int(note.read_text())
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        wait_for(lambda: not is_alive(pid))


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("it did not happen")
        time.sleep(0.02)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Storage:
    """A storage of one object, that counts what is asked and fails as it is told."""

    def __init__(self, data, troubles=(), versions=("a",)):
        self.data, self.troubles, self.versions = data, list(troubles), list(versions)
        self.asked = self.requests = self.looks = 0

    def info(self, place):
        self.looks += 1
        version = self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]
        return {"type": "file", "size": len(self.data), "ETag": version}

    def cat_file(self, place, start, end):
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, Exception):
            raise trouble
        self.asked += end - start
        self.requests += 1
        return self.data[start:end][:trouble]


class Storages(WithFolder):
    """Storage that goes wrong."""

    def setUp(self):
        super().setUp()
        pauses = mock.patch.object(landfall_storage, "PAUSES", (0.0, 0.0, 0.0))
        pauses.start()
        self.addCleanup(pauses.stop)

    def read(self, storage, given=None, more=()):
        local = landfall_storage.storage
        which = lambda path: (storage, path) if ":" in path else local(path)
        with mock.patch.object(landfall_storage, "storage", which):
            return list(landfall_rows.rows(campaign("mock://a.pcap", *more), given or plan()))

    def test_it_is_asked_again_where_that_may_help(self):
        data = (SAMPLES / "qinq-vlan.pcap").read_bytes()
        expected = by_path(campaign(SAMPLES / "qinq-vlan.pcap")).replace(b"qinq-vlan.pcap", b"a.pcap")
        rows = self.read(Storage(data, [TimeoutError("slow"), OSError("reset")]))
        found = b"".join(f'{{"table":"{row.table}","row":{row.text}}}\n'.encode() for row in rows)
        self.assertEqual(found, expected)

    def test_what_cannot_be_read_is_said(self):
        data = (SAMPLES / "qinq-vlan.pcap").read_bytes() + bytes(200_000)
        for troubles, words in (
            ([FileNotFoundError("gone")], "cannot read 'a.pcap' at byte 0: it is not there"),
            ([PermissionError("no\nway")], "cannot read 'a.pcap' at byte 0: access is denied (no way)"),
            ([TimeoutError("slow")] * 4, "cannot read 'a.pcap' at byte 0: slow"),
            ([None] + [TimeoutError("slow")] * 4, "cannot read 'a.pcap' at byte 65536: slow"),
            ([None, 1000], "'a.pcap' became shorter while it was read"),
        ):
            self.assertIn(words, record(self.read(Storage(data, troubles)))["reason"])

    def test_one_of_several_captures_that_is_not_given_does_not_lose_the_others(self):
        others = [SAMPLES / "ipv6-call.pcap", SAMPLES / "meet-region.pcap"]
        expected = [row for row in landfall_rows.rows(campaign(*others), plan()) if row.table == "sessions"]
        rows = self.read(Storage(b"x" * 10, [PermissionError("no")]), more=others)
        found = json.loads(rows[-1].text)
        self.assertEqual(found["status"], "damaged")
        self.assertEqual(found["reason"], "cannot read 'a.pcap' at byte 0: access is denied (no)")
        self.assertEqual([row for row in rows if row.table == "sessions"], expected)
        # It may be there another time: so the whole is to be tried again.
        rows = self.read(Storage(b"x" * 10, [TimeoutError("slow")] * 4), more=others)
        self.assertEqual(record(rows)["status"], "failed")

    def test_pieces_of_two_captures_are_no_capture(self):
        data = (SAMPLES / "qinq-vlan.pcap").read_bytes() * 3
        self.assertIn("was changed while it was read", record(self.read(Storage(data, versions=("a", "b"))))["reason"])

    def test_a_large_capture_takes_few_requests(self):
        size = 30_000_000
        storage = Storage(bytes(size))
        given = self.program("""
        own = int(json.load(sys.stdin)["files"][0]["path"].rsplit("/", 1)[1])
        while os.read(own, 1 << 20):
            pass
        """)
        self.read(storage, given)
        small = 2 * landfall_feed.FIRST + sum(landfall_feed.FIRST * landfall_feed.GROWTH ** turn for turn in (1, 2, 3))
        self.assertEqual(storage.requests, 5 + -(-(size - small) // landfall_feed.LARGEST))
        self.assertEqual((storage.asked, storage.looks), (size, 2))

    def test_no_more_is_asked_for_than_is_read(self):
        storage = Storage(bytes(200_000_000))
        given = self.program("""
        path = json.load(sys.stdin)["files"][0]["path"]
        own = int(path.rsplit("/", 1)[1])
        left = 1_000_000
        while left > 0:
            left -= len(os.read(own, left))
        time.sleep(0.5)
        """)
        self.read(storage, given)
        self.assertLess(storage.asked, 1_000_000 * (1 + 2 * landfall_feed.GROWTH * landfall_feed.GROWTH))


class Parts(WithFolder):
    """The examples of jobs that share a corpus out, run as their engines would."""

    SCALE = HERE.parent
    COUNT = 3

    def setUp(self):
        super().setUp()
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "landfall").symlink_to(pathlib.Path(LANDFALL).resolve())
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        self.once = self.results("once")
        subprocess.run([LANDFALL, "corpus", "run", SAMPLES, "--out", self.once, "--deny", "CN"], capture_output=True)

    def results(self, name):
        return self.folder / name

    def run_job(self, command, **environment):
        done = subprocess.run(command, env={**self.environment, **environment}, capture_output=True, text=True)
        # One capture is damaged.
        self.assertIn(done.returncode, (0, 1, 2), done.stderr)

    def assert_same(self, out):
        def contents(folder):
            return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

        self.assertGreater(len(contents(self.once)), 40)
        self.assertEqual(contents(self.once), contents(out))

    def test_slurm(self):
        out = self.results("slurm")
        for number in range(1, self.COUNT + 1):
            self.run_job(["bash", self.SCALE / "slurm.sbatch", "--deny", "CN"], CORPUS=str(SAMPLES), OUT=str(out),
                         SLURM_ARRAY_TASK_ID=str(number), SLURM_ARRAY_TASK_COUNT=str(self.COUNT))
        self.assert_same(out)

    def test_parallel(self):
        version = shutil.which("parallel") and subprocess.run(["parallel", "--version"], capture_output=True, text=True)
        if not version or "GNU parallel" not in version.stdout:
            self.skipTest("there is no GNU parallel")
        out = self.results("parallel")
        self.run_job(["bash", self.SCALE / "parallel", SAMPLES, out, str(self.COUNT), "--deny", "CN"])
        self.assert_same(out)

    def test_kubernetes(self):
        text = (self.SCALE / "kubernetes.yaml").read_text()
        script = textwrap.dedent(text.split("- |\n", 1)[1].split("          resources:", 1)[0])
        out = self.results("kubernetes")
        script = script.replace("/data/captures", str(SAMPLES)).replace("/data/results", str(out))
        for number in range(self.COUNT):
            self.run_job(["/bin/sh", "-c", script], JOB_COMPLETION_INDEX=str(number), PARTS=str(self.COUNT))
        self.assert_same(out)
        try:
            import yaml
        except ImportError:
            return
        job = yaml.safe_load(text)
        container = job["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["env"][0]["value"], str(job["spec"]["completions"]))


if __name__ == "__main__":
    unittest.main()
