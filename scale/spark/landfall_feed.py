"""Writes captures into pipes, as fast as landfall reads them.

landfall looks at the first packet of every capture of a campaign, and then reads them one after the other, in an order
that it alone knows. So whoever has room gets bytes, and what is kept in memory is kept for one capture: the rest of
its piece, and the next piece, which is asked for meanwhile.
"""

import os
import resource
import select
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

from landfall_storage import Unreadable

# Bytes of the first piece: what a pipe holds (pipe(7)), so that it can be written before anybody reads.
FIRST = 64 << 10
# A piece is so many times the one before it, so that small captures cost little and large ones few requests ...
GROWTH = 4
# ... up to this. An object store answers in some 50 ms, and sends as much in as long.
LARGEST = 8 << 20
# Captures that are asked for at once, before landfall reads.
AT_ONCE = 16
# Of what landfall says of its troubles, the last bytes.
MAX_SAID = 4096
# Open files beside the pipes: libraries, connections.
SPARE_FILES = 64


class TooSlow(Exception):
    """The time of a campaign is over."""


class Pipe:
    """A capture and the pipe that it goes into."""

    def __init__(self, capture):
        self.capture = capture
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        self.sent = 0
        self.piece = FIRST
        self.pending = memoryview(b"")
        self.ahead = None

    def close_read_end(self):
        if self.read_end is not None:
            os.close(self.read_end)
            self.read_end = None

    def close(self):
        self.close_read_end()
        if self.write_end is not None:
            os.close(self.write_end)
            self.write_end = None
        self.forget()

    def forget(self):
        """Gives back the memory. What has not been sent is asked for again when its turn comes."""
        self.pending = memoryview(b"")
        if self.ahead is not None:
            self.ahead.cancel()
            self.ahead = None


class Feeder:
    """The pipes of a campaign."""

    def __init__(self, captures, deadline):
        self.deadline = deadline
        self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="captures")
        self.pipes = []
        self.current = None
        self.checks = []
        self.said = b""
        try:
            make_room(2 * len(captures) + SPARE_FILES)
            self.fill(captures)
        except BaseException:
            self.close()
            raise

    def paths(self):
        """Where landfall finds each capture."""
        return [f"/dev/fd/{pipe.read_end}" for pipe in self.pipes]

    def read_ends(self):
        return [pipe.read_end for pipe in self.pipes]

    def close(self):
        for pipe in self.pipes:
            pipe.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def fill(self, captures):
        """Looks at every capture and writes its first piece, a bounded number at once."""

        def begin(capture):
            capture.look()
            return capture.read(0, min(FIRST, capture.size)) if capture.size else b""

        waiting, rest = deque(), iter(captures)
        while True:
            while len(waiting) < AT_ONCE and (capture := next(rest, None)) is not None:
                waiting.append((capture, self.pool.submit(begin, capture)))
            if not waiting:
                return
            capture, piece = waiting.popleft()
            data = self.wait(piece)
            pipe = Pipe(capture)
            self.pipes.append(pipe)
            pipe.pending = memoryview(data)
            self.write(pipe)
            pipe.forget()

    def serve(self, child):
        """Feeds `child` until it ends. What it says on standard error is in `said`, the last of it."""
        for pipe in self.pipes:
            pipe.close_read_end()
        poll, open_pipes = select.poll(), {}
        errors = child.stderr.fileno()
        os.set_blocking(errors, False)
        poll.register(errors, select.POLLIN)
        for pipe in self.pipes:
            if pipe.write_end is not None:
                open_pipes[pipe.write_end] = pipe
                poll.register(pipe.write_end, select.POLLOUT)
        while True:
            for descriptor, event in poll.poll(self.left() * 1000):
                if descriptor == errors:
                    if not self.listen(errors):
                        return self.check()
                    continue
                pipe = open_pipes[descriptor]
                if event & select.POLLERR:
                    # landfall wants no more of it: what it made of it is its own to say.
                    pipe.close()
                else:
                    self.pump(pipe)
                if pipe.write_end is None:
                    poll.unregister(descriptor)
                    del open_pipes[descriptor]

    def pump(self, pipe):
        """Gives a pipe with room more of its capture, or closes it at the end."""
        if self.current is not pipe:
            if self.current is not None:
                self.current.forget()
            self.current = pipe
        if not pipe.pending:
            pipe.pending = memoryview(self.next_piece(pipe))
        self.write(pipe)

    def next_piece(self, pipe):
        ahead, pipe.ahead = pipe.ahead, None
        if ahead is None:
            ahead = self.ask(pipe, pipe.sent)
        data = self.wait(ahead)
        pipe.piece = min(pipe.piece * GROWTH, LARGEST)
        end = pipe.sent + len(data)
        if end < pipe.capture.size:
            pipe.ahead = self.ask(pipe, end)
        return data

    def ask(self, pipe, start):
        return self.pool.submit(pipe.capture.read, start, min(start + pipe.piece, pipe.capture.size))

    def write(self, pipe):
        try:
            count = os.write(pipe.write_end, pipe.pending) if pipe.pending else 0
        except BlockingIOError:
            return
        except BrokenPipeError:
            pipe.close()
            return
        pipe.sent += count
        pipe.pending = pipe.pending[count:]
        if pipe.sent == pipe.capture.size:
            one_request = pipe.capture.size <= FIRST
            if not one_request:
                self.checks.append((pipe.capture, self.pool.submit(pipe.capture.changed)))
            os.close(pipe.write_end)
            pipe.write_end = None

    def check(self):
        """Pieces of two captures are no capture."""
        for capture, changed in self.checks:
            if self.wait(changed):
                raise Unreadable(f"'{capture.name}' was changed while it was read: try the campaign again")

    def listen(self, errors):
        """Whether there may be more to hear."""
        try:
            heard = os.read(errors, FIRST)
        except BlockingIOError:
            return True
        self.said = (self.said + heard)[-MAX_SAID:]
        return bool(heard)

    def wait(self, future):
        try:
            return future.result(self.left())
        except NotYet:
            raise TooSlow from None

    def left(self):
        """Seconds that are left."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TooSlow
        return seconds


def make_room(files):
    """Sees to it that a process may have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or files <= soft:
        return
    if hard != resource.RLIM_INFINITY and files > hard:
        raise Unreadable(
            f"its captures need {files} open files, and the system allows {hard}: make several campaigns of them, or "
            "raise the limit (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
