#!/usr/bin/env python3
"""A campaign becomes rows: the part of the work that no engine does.

    landfall corpus list CORPUS | while read -r campaign; do
        echo "$campaign" | scale/spark/landfall_rows.py [--landfall PROGRAM] [--time-limit SECONDS] [-- OPTION...]
    done

Reads the description of one campaign, of the form that `landfall corpus list` writes, and prints its rows as JSON
lines with the table, day and service that each belongs to. The captures may lie in any storage that fsspec opens.
OPTIONs are those of `landfall corpus rows`: --deny, --policy, --db, ...
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from landfall_feed import Feeder, TooSlow
from landfall_storage import Capture, Unreadable, clipped

# What stands for a day or service where there is none: rows that belong to no call, and the records of campaigns.
NONE = "none"
# Where one row belongs to several services, as a server may.
SEVERAL = "several"
# Where a time is not known.
UNKNOWN = "unknown"

RECORDS = "campaigns"
LINE = re.compile(rb'\{"table":"([a-z]+)","row":(\{.*\})\}\n')
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Seconds for which landfall may look at its databases.
PATIENCE = 120


class Row(NamedTuple):
    """A row of a table, and the part of the table that it belongs to."""

    table: str
    day: str
    service: str
    # A JSON object with the columns that `landfall corpus schema` lists.
    text: str


@dataclass(frozen=True)
class Plan:
    """What is done with every campaign."""

    # landfall and the options of `corpus rows`.
    program: str
    options: tuple = ()
    # The folder that paths in options start from.
    folder: str = "."
    # What `corpus rows --settings` says: results of other settings do not belong in one table.
    settings: dict = None
    # Seconds for a campaign.
    time_limit: float = 6 * 3600.0

    def command(self, *more):
        return [self.program, "corpus", "rows", *more, *self.options]


class Failed(Exception):
    """A campaign gives no rows, and why."""


class Misfit(Exception):
    """landfall does not run here, or not as it does elsewhere: no campaign would do better."""


def settings(plan):
    """What decides, beside the captures, what landfall finds: `{"id": ..., "settings": ...}`."""
    try:
        done = run(plan.command("--settings"), plan.folder, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as problem:
        raise Misfit(f"{plan.program} does not run here: {clipped(problem)}") from problem
    if done.returncode != 0:
        raise Misfit(f"{plan.program} cannot be used: {clipped(done.stderr.decode(errors='replace'))}")
    return json.loads(done.stdout)


def check(plan):
    """Sees to it that landfall finds here what it finds elsewhere."""
    if settings(plan)["id"] != plan.settings["id"]:
        raise Misfit("landfall has another version, policy or database here than where the job was started")


def rows(campaign, plan):
    """The rows of a campaign, and last its record; where it fails the record alone, which says why.

    Nothing goes out before landfall has ended well, for part of a campaign is worth nothing: its output waits in an
    unnamed file. Whoever stops reading ends landfall.
    """
    with tempfile.TemporaryFile() as out:
        try:
            inspect(campaign, plan, out)
            calls = calls_in(out, campaign)
        except Unreadable as problem:
            yield record_of_failure(campaign, plan, str(problem))
        except TooSlow:
            yield record_of_failure(campaign, plan, f"it took longer than {plan.time_limit:.0f} s")
        except Failed as problem:
            yield record_of_failure(campaign, plan, str(problem))
        else:
            out.seek(0)
            yield from (placed(line, calls) for line in out)


def inspect(campaign, plan, out):
    """Has landfall write the rows of a campaign to `out`."""
    deadline = time.monotonic() + plan.time_limit
    given = [Capture(file["name"], file["path"]) for file in campaign["files"]]
    captures = list({capture.identity(): capture for capture in reversed(given)}.values())[::-1]
    # landfall tells captures from other files in a folder by itself.
    folders = [capture for capture in captures if capture.is_local_folder()]
    feeder = Feeder([capture for capture in captures if capture not in folders], deadline)
    child = None
    try:
        paths = dict(zip([pipe.capture for pipe in feeder.pipes], feeder.paths()))
        files = [{"name": capture.name, "path": paths.get(capture, capture.path)} for capture in captures]
        with tempfile.TemporaryFile() as description:
            description.write(json.dumps({**campaign, "files": files}).encode())
            description.seek(0)
            child = start(plan.command(), plan.folder, stdin=description, stdout=out, stderr=subprocess.PIPE,
                          pass_fds=feeder.read_ends())
        feeder.serve(child)
        status = child.wait(feeder.left())
        if status != 0:
            raise Failed(how_it_ended(status, feeder.said))
    except subprocess.TimeoutExpired:
        raise TooSlow from None
    finally:
        feeder.close()
        if child is not None:
            child.kill()
            child.wait()
            child.stderr.close()


# Secrets of the storage are not for a program that reads captures; it asks nothing of the environment.
def start(command, folder, **pipes):
    return subprocess.Popen(command, cwd=folder, env={}, **pipes)


def run(command, folder, **how):
    return subprocess.run(command, cwd=folder, env={}, stdin=subprocess.DEVNULL, check=False, **how)


def how_it_ended(status, said):
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    said = clipped(said.decode(errors="replace"))
    return f"landfall ended {how}: {said}" if said else f"landfall ended {how} and said nothing"


def calls_in(out, campaign):
    """The day and service of each call in `out`, once it is certain that all is there."""
    out.seek(0)
    calls, last = {}, None
    for line in out:
        last = LINE.fullmatch(line)
        if last is None:
            raise Failed("landfall wrote what is no row")
        if last[1] == b"sessions":
            call = json.loads(last[2])
            calls[call["id"]] = (day(call["start"]), call["service"] or UNKNOWN)
    if last is None or last[1] != RECORDS.encode() or json.loads(last[2])["campaign"] != campaign["name"]:
        raise Failed("what landfall wrote ends before its record")
    return calls


def placed(line, calls):
    """A row and where it belongs: what is of a call, to the day on which the call began, and its service."""
    match = LINE.fullmatch(line)
    table, text = match[1].decode(), match[2].decode()
    if table == RECORDS:
        return Row(table, NONE, NONE, text)
    row = json.loads(text)
    if table == "endpoints":
        services = row["services"]
        return Row(table, day(row["first_seen"]), services[0] if len(services) == 1 else SEVERAL if services else NONE,
                   text)
    call = calls.get(row["id"] if table == "sessions" else row["session"])
    if call is not None:
        return Row(table, *call, text)
    return Row(table, day(row["start"] if table == "flows" else row["first_packet_time"]), NONE, text)


def day(microseconds):
    """The day of a time, in UTC."""
    if microseconds is None:
        return UNKNOWN
    return (EPOCH + timedelta(microseconds=microseconds)).date().isoformat()


def record_of_failure(campaign, plan, reason):
    record = {
        "schema_version": plan.settings["settings"]["schema_version"],
        "campaign": campaign["name"],
        "settings": plan.settings["id"],
        "status": "failed",
        "reason": reason,
        "inputs": [],
        "parts": {},
    }
    return Row(RECORDS, NONE, NONE, json.dumps(record, ensure_ascii=False))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--landfall", default="landfall", help="the program")
    arguments.add_argument("--time-limit", type=float, default=Plan.time_limit, help="seconds for the campaign")
    arguments.add_argument("options", nargs="*", help="of `landfall corpus rows`, after --")
    given = arguments.parse_args()
    plan = Plan(given.landfall, tuple(given.options), time_limit=given.time_limit)
    try:
        plan = Plan(plan.program, plan.options, settings=settings(plan), time_limit=plan.time_limit)
        for row in rows(json.load(sys.stdin), plan):
            print(f'{{"table":"{row.table}","day":"{row.day}","service":{json.dumps(row.service)},"row":{row.text}}}')
    except Misfit as problem:
        sys.exit(f"landfall_rows: {problem}")


if __name__ == "__main__":
    main()
