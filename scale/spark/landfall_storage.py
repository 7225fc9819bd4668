"""Captures where they lie: on disks, or in any storage that fsspec opens (s3://, hdfs://, gs://, ...).

A capture is read in pieces, each a request of its own: nothing is open in between, so that thousands of rotated files
cost no connections, and a piece that failed is asked for again.
"""

import os
import stat
import time

# Tries of a request, and the seconds to wait between them. Clients of object stores have tries of their own below.
PAUSES = (0.2, 1.0, 5.0)
# What a message of a storage client may add to a reason.
MAX_WORDS = 300
# Properties that are others when a capture is another. What a storage does not have is not compared.
VERSION = ("size", "ETag", "VersionId", "LastModified", "etag", "generation", "md5Hash", "mtime", "modificationTime")


class Unreadable(Exception):
    """A capture cannot be read, in words that name it."""


def is_url(path):
    """Whether fsspec is asked for it: `s3://bucket/key`, `zip://a.pcap::s3://bucket/b.zip`."""
    return "://" in path


def words(problem):
    """An exception in one line."""
    if isinstance(problem, FileNotFoundError):
        return "it is not there"
    if isinstance(problem, PermissionError):
        return f"access is denied ({clipped(problem)})"
    return clipped(problem) or type(problem).__name__


def clipped(text):
    """What fits a line."""
    return " ".join(str(text).split())[:MAX_WORDS]


class Capture:
    """One capture of a campaign, by the name that the corpus gives it."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.size = None
        self.version = None
        # Filesystems are shared by all captures that one thread opens; asking them is safe from any thread.
        self.files, self.place = storage(path)

    def identity(self):
        """Equal for two ways to say one capture."""
        return self.path if is_url(self.path) else os.path.realpath(self.path)

    def is_local_folder(self):
        return not is_url(self.path) and os.path.isdir(self.path)

    def look(self):
        """Finds out its size and version."""
        try:
            self.size, self.version = self._ask()
        except Exception as problem:
            raise Unreadable(f"cannot open '{self.name}': {words(problem)}") from problem

    def changed(self):
        """Whether it is another than at the look."""
        try:
            return self._ask() != (self.size, self.version)
        except Exception:
            return True

    def read(self, start, end):
        """The bytes from `start` up to `end`, all of them."""
        try:
            data = patient(lambda: self.files.cat_file(self.place, start=start, end=end))
        except Exception as problem:
            raise Unreadable(f"cannot read '{self.name}' at byte {start}: {words(problem)}") from problem
        if len(data) != end - start:
            raise Unreadable(f"'{self.name}' became shorter while it was read: try the campaign again")
        return data

    def _ask(self):
        found = patient(lambda: self.files.info(self.place))
        if found.get("type") == "directory":
            raise Unreadable("it is a folder: the description of a campaign lists its captures one by one")
        return found["size"], {key: str(found[key]) for key in VERSION if found.get(key) is not None}


def patient(ask):
    """Asks again where that may help: never for what is not there or not allowed."""
    for pause in PAUSES:
        try:
            return ask()
        except (FileNotFoundError, PermissionError, IsADirectoryError, Unreadable):
            raise
        except Exception:
            time.sleep(pause)
    return ask()


def storage(path):
    """Who is asked for what lies at `path`, and under which name."""
    if not is_url(path):
        return Disk, path
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise Unreadable(f"'{path}' needs the Python package fsspec, and that of its storage (s3fs, ...)") from None
    try:
        return url_to_fs(path)
    except (ImportError, ValueError, OSError) as problem:
        raise Unreadable(f"'{path}' is in no storage that can be opened: {words(problem)}") from problem


class Disk:
    """The two questions that are asked of a storage, for files, so that these need no package."""

    @staticmethod
    def info(path):
        found = os.stat(path)
        kind = "directory" if stat.S_ISDIR(found.st_mode) else "file"
        return {"type": kind, "size": found.st_size, "mtime": found.st_mtime_ns}

    @staticmethod
    def cat_file(path, start, end):
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            pieces = []
            while start < end and (piece := file.read(end - start)):
                pieces.append(piece)
                start += len(piece)
        return b"".join(pieces)
