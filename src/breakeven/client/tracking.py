"""Tells a breakeven gateway what became of its predictions; needs nothing beyond the standard library.

with Client("http://127.0.0.1:8000", key="secret") as track:
    track.exposure(prediction_id)
    track.conversion(prediction_id, value=19.9, currency="EUR")
"""

from __future__ import annotations

import atexit
import os
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from breakeven.client.event import event
from breakeven.client.sender import Options as Options
from breakeven.client.sender import Sender
from breakeven.errors import BackendError, UsageError
from breakeven.schema.noun import Noun


class Counts(Noun, frozen=True, kw_only=True):
    """What became of the events tracked so far; tracked = accepted + rejected + dropped + pending.

    `rejected` were refused by the gateway for good, the last time with `problem`. `dropped` found the queue full.
    `invalid` could not be meant, or came after the end; they are not among those tracked.
    """

    tracked: int
    accepted: int
    rejected: int
    dropped: int
    pending: int
    problem: str = ""
    invalid: int = 0


class Client:
    """Queues outcomes and sends them in batches from a background thread, each event exactly once in effect.

    An event gets its id when it is tracked, and keeps it through every retry, so the gateway counts it once. Use it as
    a context manager, or call `close()`, which sends what is left (so does the end of the interpreter).

    Args:
        base_url: where the gateway is, http or https.
        key: the tenant's key; None where the gateway asks for none.
        options: batch, retries and bounds.
    """

    def __init__(self, base_url: str, key: str | None = None, options: Options | None = None) -> None:
        self.options = options or Options()
        self._place = (base_url, key)
        self._sender = Sender(base_url, key, self.options)
        self._queue: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._tracked = self._accepted = self._rejected = self._dropped = self._invalid = 0
        self._problem = ""
        self._pid = os.getpid()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def track(  # noqa: PLR0913 - one keyword per field of the event
        self,
        kind: str,
        *,
        prediction_id: str | None = None,
        subject: str | None = None,
        value: float | None = None,
        currency: str | None = None,
        stage: str | None = None,
        duration_s: float | None = None,
        time: float | None = None,
        event_id: str | None = None,
        consent: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> str:
        """Queue one event and return its id ("" where it could not be queued); never waits for the network.

        Args:
            kind: exposure, click, conversion, revenue, stage or unobserved, or a full CloudEvents type.
            prediction_id: what `x-breakeven-prediction-id` said; or else
            subject: whom the event is about, as sent in `x-breakeven-subject`.
            value: what it was worth, in `currency`.
            currency: ISO 4217 code of `value`.
            stage: name of the stage that took `duration_s`.
            duration_s: seconds.
            time: Unix seconds when it happened; None is now.
            event_id: your own id, such as an order number; None makes one.
            consent: granted, denied or unknown.
            data: further fields of the event's data.

        Raises:
            UsageError: the options say `strict`, and the client is closed, or the event cannot be meant.
        """
        event_id = event_id or str(uuid.uuid4())
        known = {"value": value, "currency": currency, "stage": stage, "duration_s": duration_s}
        fields = {name: given for name, given in known.items() if given is not None} | dict(data or {})
        extra = {"predictionid": prediction_id, "subject": subject, "consent": consent or self.options.consent}
        about = {name: given for name, given in extra.items() if given is not None}
        try:
            if self._stopped.is_set():
                message = f"{kind!r} was tracked after the client was closed"
                raise UsageError(message, "track before close(), or make a new Client")  # noqa: TRY301 - one place counts
            return self._enqueue(event(kind, event_id, self.options.source, time, about, fields), event_id)
        except (UsageError, TypeError, ValueError, OverflowError) as error:
            return self._cannot_be_meant(kind, error)

    def exposure(self, prediction_id: str, *, time: float | None = None, consent: str | None = None) -> str:
        """The prediction was shown to its user."""
        return self.track("exposure", prediction_id=prediction_id, time=time, consent=consent)

    def click(self, prediction_id: str, *, time: float | None = None, consent: str | None = None) -> str:
        """The user clicked what was shown."""
        return self.track("click", prediction_id=prediction_id, time=time, consent=consent)

    def conversion(
        self,
        prediction_id: str | None = None,
        *,
        subject: str | None = None,
        value: float | None = None,
        currency: str | None = None,
        time: float | None = None,
        event_id: str | None = None,
        consent: str | None = None,
    ) -> str:
        """The user did what the prediction was made for; by prediction id, or by subject within the window."""
        return self.track(
            "conversion",
            prediction_id=prediction_id,
            subject=subject,
            value=value,
            currency=currency,
            time=time,
            event_id=event_id,
            consent=consent,
        )

    def identify(self, subject: str, *, previous: str, time: float | None = None, event_id: str | None = None) -> str:
        """Who was known as `previous` (an anonymous id) is `subject`: what is known of both belongs to one person."""
        data = {"previous": previous}
        return self.track("identify", subject=subject, time=time, event_id=event_id, data=data)

    def consent(self, subject: str, consent: str, *, time: float | None = None, event_id: str | None = None) -> str:
        """What the person allows from `time` on: granted, denied or unknown."""
        return self.track("consent", subject=subject, time=time, event_id=event_id, consent=consent)

    def stage(self, prediction_id: str, stage: str, duration_s: float, *, consent: str | None = None) -> str:
        """How long a stage outside the gateway took, in seconds: event capture, feature retrieval, render."""
        return self.track("stage", prediction_id=prediction_id, stage=stage, duration_s=duration_s, consent=consent)

    def render(self, prediction_id: str, duration_s: float, *, consent: str | None = None) -> str:
        """How long it took until the answer was on the screen, in seconds."""
        return self.stage(prediction_id, "render", duration_s, consent=consent)

    def counts(self) -> Counts:
        """What became of the events so far, without waiting."""
        with self._lock:
            return Counts(
                tracked=self._tracked,
                accepted=self._accepted,
                rejected=self._rejected,
                dropped=self._dropped,
                pending=len(self._queue),
                problem=self._problem,
                invalid=self._invalid,
            )

    def flush(self) -> Counts:
        """Send everything queued, now, and say what became of it.

        Raises:
            BackendError: the gateway could not be reached within the attempts; unsent events stay queued.
        """
        self._drain(threading.Event())
        return self.counts()

    def close(self) -> Counts:
        """Flush and stop; calling it again does nothing more. What could not be sent stays `pending` in the counts.

        Raises:
            BackendError: as `flush`, where the options say `strict`.
        """
        if self._stopped.is_set():
            return self.counts()
        self._stopped.set()
        self._wake.set()
        atexit.unregister(self.close)
        try:
            return self.flush()
        except BackendError as error:
            if self.options.strict:
                raise
            self._problem = str(error)
            return self.counts()
        finally:
            if self._thread:
                self._thread.join()
            self._sender.close()

    def _cannot_be_meant(self, kind: str, error: Exception) -> str:
        if self.options.strict:
            raise error
        with self._lock:
            self._invalid += 1
            self._problem = f"{kind!r}: {error}"
        return ""

    def _after_fork(self) -> None:
        """A child has neither the thread nor the events, which its parent sends, and needs a connection of its own."""
        self._pid = os.getpid()
        self._lock, self._sending, self._wake = threading.Lock(), threading.Lock(), threading.Event()
        self._queue.clear()
        self._thread = None
        self._tracked = self._accepted = self._rejected = self._dropped = self._invalid = 0
        self._sender = Sender(*self._place, self.options)

    def _enqueue(self, encoded: bytes, event_id: str) -> str:
        if os.getpid() != self._pid:
            self._after_fork()
        with self._lock:
            self._tracked += 1
            if len(self._queue) >= self.options.capacity:
                self._dropped += 1
                return ""
            self._queue.append(encoded)
            full = len(self._queue) >= self.options.batch
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="breakeven-client", daemon=True)
                self._thread.start()
        if full:
            self._wake.set()
        return event_id

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(self.options.interval_s)
            self._wake.clear()
            if self._stopped.is_set():
                return
            try:
                self._drain(hurry=self._stopped)
            except BackendError as error:
                with self._lock:
                    self._problem = str(error)
                self._stopped.wait(self.options.backoff_max_s)

    def _drain(self, hurry: threading.Event) -> None:
        """Batches leave the queue only once answered, so a failed one is sent again with the same ids."""
        with self._sending:
            while batch := self._batch():
                accepted, problem = self._sender.send(batch, hurry)
                with self._lock:
                    for _ in batch:
                        self._queue.popleft()
                    self._accepted += accepted
                    self._rejected += len(batch) - accepted
                    self._problem = problem or self._problem

    def _batch(self) -> list[bytes]:
        with self._lock:
            return [self._queue[k] for k in range(min(self.options.batch, len(self._queue)))]
