#!/usr/bin/env python3
"""Lists the campaigns of a corpus in storage that fsspec opens, as `landfall corpus list` does on disks.

    scale/spark/landfall_list.py s3://bucket/captures/ > corpus.jsonl
    scale/spark/landfall_list.py s3://bucket/captures/corpus.toml > corpus.jsonl
"""

import glob
import json
import posixpath
import sys

from landfall_storage import Unreadable, is_url, storage, words

# As many as landfall takes.
MAX_CAMPAIGNS = 1 << 20
ENTRY = {"name": str, "files": list, "vantage": str, "home": list, "labels": dict}


def campaigns(url):
    """The campaigns of a folder, or those that a manifest names, sorted by name."""
    files, place = storage(url)
    try:
        if url.lower().endswith(".toml"):
            found = of_manifest(files, place, url)
        else:
            found = of_folder(files, place, url)
    except OSError as problem:
        raise Unreadable(f"cannot list '{url}': {words(problem)}") from problem
    if not found:
        raise Unreadable(f"nothing is in '{url}'")
    if len(found) > MAX_CAMPAIGNS:
        raise Unreadable(f"'{url}' has more than {MAX_CAMPAIGNS} campaigns: give it in parts")
    return in_order(found, url)


def in_order(found, whence):
    """Campaigns by name; no name comes twice."""
    found.sort(key=lambda campaign: campaign["name"])
    for one, other in zip(found, found[1:]):
        if one["name"] == other["name"]:
            raise Unreadable(f"'{whence}' has two campaigns named '{one['name']}'")
    return found


def campaign(name, files, vantage=None, home=(), labels=None, found=False):
    """The description of a campaign, with its members in the order in which landfall writes them."""
    return {"name": name, "files": files, "vantage": vantage, "home": list(home),
            "labels": dict(sorted((labels or {}).items())), "found": found}


def of_folder(files, place, url):
    base = place.rstrip("/")
    names = [posixpath.relpath(path, base) for path in files.find(place) if not path.endswith("/")]
    shown = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    return [campaign(name, [{"name": name, "path": f"{url.rstrip('/')}/{name}"}], found=True) for name in shown]


def of_manifest(files, place, url):
    try:
        import tomllib
    except ImportError:
        raise Unreadable(f"'{url}': reading TOML needs Python 3.11: write the campaigns as JSON lines") from None
    try:
        entries = [dict(entry) for entry in tomllib.loads(files.cat_file(place).decode())["campaign"]]
    except (ValueError, KeyError, TypeError) as problem:
        raise Unreadable(f"'{url}' is no manifest of campaigns: {words(problem)}") from problem
    return [of_entry(files, posixpath.dirname(place), posixpath.dirname(url), entry) for entry in entries]


def of_entry(files, folder, url, entry):
    name = entry.get("name")
    for key, value in entry.items():
        if not isinstance(value, ENTRY.get(key, ())):
            raise Unreadable(f"campaign '{name}': '{key}' is unknown or of another kind")
    if not name or not entry.get("files"):
        raise Unreadable(f"campaign '{name}': a name and files are needed")
    found = []
    for pattern in entry["files"]:
        places = matches(files, folder, pattern)
        if not places:
            raise Unreadable(f"campaign '{name}': no file is '{pattern}'")
        names = [posixpath.relpath(path, folder) for path in places]
        found += [{"name": inner, "path": f"{url}/{inner}"} for inner in names]
    return campaign(name, found, **{key: entry[key] for key in ("vantage", "home", "labels") if key in entry})


def matches(files, folder, pattern):
    """What a path or pattern (`*`, `?`, `[...]`, `**`) means. What has that very name is meant by it."""
    literal = posixpath.join(folder, pattern)
    if files.exists(literal):
        return [literal]
    return sorted(path for path in files.glob(f"{glob.escape(folder)}/{pattern}") if files.isfile(path))


def main():
    if len(sys.argv) != 2 or not is_url(sys.argv[1]):
        sys.exit(f"{__doc__.strip()}\n\nwhat lies on disks is listed by: landfall corpus list CORPUS")
    try:
        for description in campaigns(sys.argv[1]):
            print(json.dumps(description, ensure_ascii=False, separators=(",", ":")))
    except Unreadable as problem:
        sys.exit(f"landfall_list: {problem}")


if __name__ == "__main__":
    main()
