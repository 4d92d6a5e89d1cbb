"""The console's process ends with its parent, and only then."""

from __future__ import annotations

import os
import threading

from breakeven.console import life


def test_a_descriptor_made_non_blocking_by_a_sibling_is_not_the_end() -> None:
    """Children share one pipe; an event loop in one of them makes it non-blocking for all. The end is the close."""
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    gone = threading.Event()
    try:
        life.when_closed(read_fd, gone.set)
        assert not gone.wait(0.3)
        os.close(write_fd)
        assert gone.wait(10)
    finally:
        os.close(read_fd)


def test_without_a_parent_it_never_ends_by_itself() -> None:
    """A console started alone has no pipe to watch."""
    gone = threading.Event()
    life.when_closed(None, gone.set)
    assert not gone.wait(0.1)
