"""What a server's metrics say of its speed: a text read as it was written, windows that conserve, refusals."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.app import observed as app
from breakeven.errors import BackendError, ConfigError, EvidenceError, UsageError
from breakeven.measure.traffic import engine_of, observe
from breakeven.schema.measurement import read_rows, write_rows
from breakeven.schema.observed import Observed, Served, rows_of
from breakeven.wire.prometheus_text import Sample, Scrape, parse, scrape, write

DATA = Path(__file__).parent / "data"
BEFORE, AFTER = DATA / "vllm_before.prom", DATA / "vllm_after.prom"
"""Two texts, 60 s apart, of vLLM 0.32's own logger: 4 clients, prompts of 128 tokens, a first token after 0.1 s and the
others every 0.02 s; nine in ten answers have 41 tokens, one in ten a single one."""
STATED = Served(gpu="h100-sxm", ngpu=1, tp=1, precision="bf16", version="0.32.0")
MODEL = "llama"

LABELS = st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True), st.text(max_size=12), max_size=3)
SAMPLES = st.builds(
    Sample,
    name=st.from_regex(r"[a-z_:][a-z0-9_:]{0,20}", fullmatch=True),
    labels=LABELS,
    value=st.floats(allow_nan=False),
    at_s=st.none() | st.integers(0, 2 * 10**12).map(lambda ms: ms * 1e-3),
)


# --- the text ---------------------------------------------------------------------------------------------------------


@given(samples=st.lists(SAMPLES, max_size=6))
def test_samples_are_read_as_they_were_written(samples: list[Sample]) -> None:
    """Whatever label values hold: quotes, braces, commas, backslashes, line feeds."""
    assert parse(write(samples)) == tuple(samples)


def test_comments_exemplars_and_special_values_are_read() -> None:
    """The forms of both formats; OpenMetrics states seconds, Prometheus milliseconds."""
    text = '# HELP a b\n# TYPE a counter\na{x="1",} +Inf\n\nb 2 # {trace="}"} 0.5\nc NaN\n'
    infinite, two, none = parse(text)
    assert (infinite, two) == (Sample("a", {"x": "1"}, math.inf), Sample("b", {}, 2.0))
    assert math.isnan(none.value)
    assert parse("a 1 2000\n")[0].at_s == pytest.approx(2)
    assert parse("a 1 2000\n# EOF\n")[0].at_s == pytest.approx(2000)


@pytest.mark.parametrize("line", ["<html>", 'a{x="1} 2', "a{x=1} 2", "a", "a b", '{"json": 1}'])
def test_what_is_no_sample_is_refused_with_its_line(line: str) -> None:
    """A page of something else is not read as an idle server."""
    with pytest.raises(ConfigError, match=r"page, line 2: .* is no line of Prometheus metrics"):
        parse(f"a 1\n{line}\n", "page")


def test_a_text_without_times_needs_one() -> None:
    """Nobody guesses how much time lies between two texts."""
    with pytest.raises(ConfigError, match="does not say when it was taken: none of its 1 samples has a time"):
        scrape("a 1\n")
    assert scrape("a 1 5000\n").at_s == pytest.approx(5)


def test_a_real_text_is_read_whole() -> None:
    """Every line of vLLM's that is no comment is a sample, and is written again with the same content."""
    text = AFTER.read_text()
    samples = parse(text)
    assert len(samples) == sum(not line.startswith("#") for line in text.splitlines())
    assert parse(write(samples)) == samples


# --- vLLM -------------------------------------------------------------------------------------------------------------


def test_two_texts_of_vllm_give_the_rows_of_their_load() -> None:
    """Four in flight, and the latencies that the requests had; answers of one token have no time per token."""
    found = app.of_files([BEFORE, AFTER], 60, STATED)
    [window] = found.windows
    assert window.in_flight == pytest.approx(4, rel=0.02)
    assert (window.ttft_s, window.tpot_s) == pytest.approx((0.1, 0.02))
    assert (window.input_tokens, window.output_tokens) == pytest.approx((128, 37), rel=0.01)
    values = {row.metric: row.value for row in found.rows}
    assert values == pytest.approx(
        {"mean_ttft_ms": 100, "mean_tpot_ms": 20, "output_tok_s": 4 * 37 / (0.1 + 0.02 * 36)}, rel=0.02
    )
    assert {(row.model, row.engine, row.load_kind, row.gpu, row.version) for row in found.rows} == {
        ("meta-llama/Llama-3.1-8B-Instruct", "vllm", "closed_concurrency", "h100-sxm", "0.32.0")
    }
    assert read_rows(write_rows(found.rows)) == found.rows


def test_what_the_caller_states_wins_over_the_server() -> None:
    """The model's name in the catalog is not the one that clients ask for."""
    stated = Served(gpu="h100-sxm", model="llama-3.1-8b", source="ours", date="2026-01-01", engine="fork")
    rows = app.of_files([BEFORE, AFTER], 60, stated).rows
    assert {(row.model, row.source, row.date, row.engine) for row in rows} == {
        ("llama-3.1-8b", "ours", "2026-01-01", "fork")
    }


class Vllm:
    """The metrics of an imagined server, as counts so far."""

    def __init__(self, *, engine: str = "0", model: str = MODEL) -> None:
        self.labels = {"model_name": model, "engine": engine}
        self.values: dict[str, float] = {}
        self.running = self.waiting = 0.0

    def answer(self, n: int = 1, *, ttft_s: float = 0.5, tpot_s: float = 0.1, isl: int = 100, osl: int = 21) -> Vllm:
        """Requests alike, begun and finished."""
        for name, value in {
            "e2e_request_latency_seconds": ttft_s + tpot_s * (osl - 1),
            "time_to_first_token_seconds": ttft_s,
            "request_time_per_output_token_seconds": tpot_s if osl > 1 else 0.0,
            "request_prompt_tokens": isl,
            "request_generation_tokens": osl,
        }.items():
            self.more(f"{name}_sum", n * value)
            self.more(f"{name}_count", n)
        self.more("generation_tokens_total", n * osl)
        self.more('request_generation_tokens_bucket{le="1.0"}', n * (osl == 1))
        return self

    def more(self, name: str, value: float) -> Vllm:
        self.values[name] = self.values.get(name, 0.0) + value
        return self

    def samples(self) -> Iterable[Sample]:
        yield Sample("vllm:num_requests_running", self.labels, self.running)
        yield Sample("vllm:num_requests_waiting", self.labels, self.waiting)
        for key, value in self.values.items():
            [own] = parse(f"vllm:{key} {value!r}")
            yield Sample(own.name, {**self.labels, **own.labels}, value)

    def at(self, at_s: float, *others: Vllm) -> Scrape:
        text = write(sample for one in (self, *others) for sample in one.samples())
        return scrape(text, at_s)


def seen(change: Callable[[Vllm], object], seconds: float = 60.0) -> Observed:
    """One window in which 100 requests are answered, and something else happens."""
    server = Vllm().answer(7)
    for name in ("num_preemptions_total", "prefix_cache_queries_total", "prefix_cache_hits_total"):
        server.more(name, 3)
    first = server.at(1000.0)
    server.answer(100)
    change(server)
    [window] = observe([first, server.at(1000.0 + seconds)])
    return window


def test_a_plain_window_is_not_refused() -> None:
    """The window of which each refusal below is one change."""
    assert seen(lambda _: None).refused == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda server: server.more("num_preemptions_total", 2), "2 preemptions in the window"),
        (lambda server: server.more("spec_decode_num_drafts_total", 9), "9 speculative drafts"),
        (
            lambda server: server.more('request_success_total{finished_reason="abort"}', 8),
            "8 of 100 requests were aborted or failed, more than 5%",
        ),
        (
            lambda server: server.more("prefix_cache_queries_total", 200).more("prefix_cache_hits_total", 50),
            "25% of prompt tokens came from the prefix cache, more than 10%",
        ),
        (
            lambda server: server.more("request_queue_time_seconds_sum", 50).more(
                "request_queue_time_seconds_count", 100
            ),
            "requests waited 0.5 s of 2.5 s in the queue, more than 15%",
        ),
        (
            lambda server: server.values.update(generation_tokens_total=5.0),
            "vllm:generation_tokens_total fell from 147 to 5: the server was started anew",
        ),
    ],
)  # fmt: skip
def test_a_window_of_something_else_is_refused(change: Callable[[Vllm], object], sentence: str) -> None:
    """A sentence says what happened, with both numbers; no row comes of it."""
    window = seen(change)
    assert sentence in "; ".join(window.refused)
    assert rows_of(window, STATED) == ()


def test_few_requests_and_short_windows_are_refused() -> None:
    """Little's law wants a window that holds many whole answers."""
    [few] = observe([Vllm().at(0.0), Vllm().answer(29).at(60.0)])
    assert few.refused == ("29 requests finished in 60 s, fewer than 30",)
    assert (
        "answers took 2.5 s on average, and the window of 5 s is shorter than 3 of them" in seen(lambda _: 0, 5).refused
    )


@given(
    n=st.integers(30, 500),
    singles=st.integers(0, 20),
    ttft_ms=st.integers(1, 900),
    tpot_ms=st.integers(1, 90),
    osl=st.integers(2, 60),
    seconds=st.integers(60, 600),
)
def test_requests_and_tokens_are_conserved(
    n: int, singles: int, ttft_ms: int, tpot_ms: int, osl: int, seconds: int
) -> None:
    """Requests x mean tokens are the tokens made; in flight x seconds is the time that requests took."""
    ttft_s, tpot_s = ttft_ms / 1e3, tpot_ms / 1e3
    server = Vllm().answer(11)
    first = server.at(50.0)
    server.answer(n, ttft_s=ttft_s, tpot_s=tpot_s, osl=osl).answer(singles, ttft_s=ttft_s, osl=1)
    [window] = observe([first, server.at(50.0 + seconds)])
    assert window.finished == n + singles
    assert window.finished * window.output_tokens == pytest.approx(n * osl + singles)
    assert window.output_tok_s * seconds == pytest.approx(n * osl + singles)
    spent_s = (n + singles) * ttft_s + n * tpot_s * (osl - 1)
    assert window.in_flight * seconds == pytest.approx(spent_s)
    assert (window.ttft_s, window.tpot_s) == pytest.approx((ttft_s, tpot_s))


@given(cuts=st.lists(st.integers(0, 40), min_size=2, max_size=6))
def test_windows_add_up_to_the_whole(cuts: list[int]) -> None:
    """Requests of windows that follow each other are those of all of them at once."""
    server, scrapes = Vllm().answer(1), []
    for place, count in enumerate([0, *cuts]):
        scrapes.append(server.answer(count).at(60.0 * place))
    parts = observe(scrapes, windows=len(cuts))
    [whole] = observe(scrapes)
    assert sum(one.finished for one in parts) == whole.finished == sum(cuts)
    assert sum(one.output_tok_s for one in parts) == pytest.approx(whole.output_tok_s * len(cuts))


def polled(loads: Sequence[float], *, finished: float = 8.0) -> Observed:
    """A server polled every second, with so many requests in flight; each takes 0.5 s + 20 x 0.1 s = 2.5 s."""
    server, scrapes = Vllm(), []
    for second, load in enumerate(loads):
        server.running, server.waiting = load, 0.0
        scrapes.append(server.answer(round(finished * second) - round(finished * max(0, second - 1))).at(float(second)))
    [window] = observe(scrapes)
    return window


def test_gauges_read_often_are_the_load() -> None:
    """They count what is in flight now, finished or not; few readings do not."""
    often = polled([20.0] * 61)
    assert (often.in_flight, often.refused, often.notes) == (20.0, (), ())
    few = polled([999.0] * 8)
    assert few.in_flight == pytest.approx(20)
    assert few.notes == ("8 samples cannot tell whether the load was steady",)


def test_who_waits_is_in_flight_too() -> None:
    """A client that waits in the engine's queue has asked: five waiting and fifteen running are twenty."""
    server = Vllm()
    server.running, server.waiting = 15.0, 5.0
    [window] = observe([server.answer(8).at(float(second)) for second in range(31)])
    assert (window.in_flight, window.refused) == (20.0, ())


def test_a_load_that_moved_is_refused() -> None:
    """A mean over an idle and a busy half is the load of neither; one odd reading now and then is no news."""
    assert "requests in flight varied by 60%" in "; ".join(polled([8.0] * 30 + [32.0] * 31).refused)
    assert polled([19.0, 20.0, 21.0] * 20 + [20.0]).refused == ()


def test_gauges_that_disagree_with_little_are_refused() -> None:
    """40 in flight that take 2.5 s and of which 8 a second finish: something is stuck."""
    [why] = polled([40.0] * 61).refused
    assert "the gauges read 40 requests in flight, and 20 finished by Little's law: apart by more than 25%" in why


def test_engines_of_one_server_are_told_apart() -> None:
    """Data-parallel engines are replicas: a row is of one of them."""
    one, two = Vllm(engine="0"), Vllm(engine="1")
    first = one.at(0.0, two)
    windows = observe([first, one.answer(100).at(100.0, two.answer(200))])
    assert [(each.name, each.finished) for each in windows] == [("llama engine 0", 100), ("llama engine 1", 200)]


def test_the_names_of_older_versions_are_known() -> None:
    """Up to vLLM 0.10 time per output token was the mean over tokens, and is called so."""
    server = Vllm().answer(1)
    first = server.at(0.0)
    server.answer(100)
    last = (
        server.more("time_per_output_token_seconds_sum", 8.0).more("time_per_output_token_seconds_count", 100).at(60.0)
    )
    old = [
        Scrape(one.at_s, {k: v for k, v in one.samples.items() if "request_time_per" not in k}) for one in (first, last)
    ]
    [window] = observe(old)
    assert {row.metric: row.value for row in rows_of(window, STATED)}["mean_itl_ms"] == pytest.approx(80)


# --- llama.cpp --------------------------------------------------------------------------------------------------------


def llama(at_s: float, made: float, made_s: float, busy: float = 4, **more: float) -> Scrape:
    values = {"tokens_predicted_total": made, "tokens_predicted_seconds_total": made_s, "requests_processing": busy}
    text = "".join(
        f"# TYPE llamacpp:{name} counter\nllamacpp:{name} {value}\n" for name, value in (values | more).items()
    )
    return scrape(text, at_s)


def test_llama_cpp_gives_what_it_knows() -> None:
    """4,000 tokens in 200 s of four slots: 50 ms each, 80 a second. There is no TTFT to have."""
    [window] = observe([llama(0, 100, 5), llama(50, 4100, 205)], lengths=(64, 32))
    assert {row.metric: row.value for row in rows_of(window, STATED)} == {"mean_tpot_ms": 50, "output_tok_s": 80}
    assert (window.in_flight, window.finished, window.ttft_s) == (4, None, None)


@pytest.mark.parametrize(
    ("last", "lengths", "sentence"),
    [
        (llama(50, 4100, 205), None, "mean prompt and answer lengths must be stated"),
        (llama(50, 200, 15), (64, 32), "100 tokens in answers that ended in 50 s, fewer than 500"),
        (llama(50, 7, 1), (64, 32), "llamacpp:tokens_predicted_total fell from 100 to 7"),
        (llama(50, 4100, 205, requests_deferred=2), (64, 32), "of requests waited for a slot, more than 15%"),
        (llama(50, 4100, 205, prompt_tokens_cached_total=9, prompt_tokens_total=9), (64, 32), "50% of prompt tokens"),
        (llama(50, 4100, 205, spec_decode_num_drafts_total=3), (64, 32), "3 speculative drafts"),
    ],
)
def test_llama_cpp_s_refusals(last: Scrape, lengths: tuple[float, float] | None, sentence: str) -> None:
    """What it does not know is not made up."""
    [window] = observe([llama(0, 100, 5), last], lengths=lengths)
    assert sentence in "; ".join(window.refused)
    assert rows_of(window, STATED) == ()


def test_metrics_of_something_else_are_refused() -> None:
    """The message says what was found."""
    with pytest.raises(EvidenceError, match=r"neither vLLM .* nor llama.cpp .*: there is go_goroutines"):
        engine_of(scrape("go_goroutines 7\n", 0.0))


def test_scrapes_out_of_order_or_too_few_are_refused() -> None:
    """Time runs forward, and a window lies between two scrapes."""
    with pytest.raises(UsageError, match="a scrape at 0 s follows one at 5 s"):
        observe([Vllm().at(5.0), Vllm().at(0.0)])
    with pytest.raises(UsageError, match="1 scrapes are not enough for 1 windows"):
        observe([Vllm().at(5.0)])


# --- a server that is polled ------------------------------------------------------------------------------------------


def polling(url: str, **more: object) -> app.Taken:
    return app.of_server(url, Served(gpu="cpu"), **more)


def test_a_server_is_polled_and_asked_for_its_version(loopback, reply) -> None:
    """Two polls of a real socket; the server answers 100 requests in between."""
    server, asked = Vllm(), []

    async def handler(path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(path)
        if path == "/version":
            writer.write(reply(200, b'{"version": "0.32.0"}'))
            return
        writer.write(reply(200, write(server.answer(100, ttft_s=0.001, tpot_s=0.001).samples()).encode(), "text/plain"))

    async def ask() -> app.Taken:
        async with loopback(handler) as url:
            return await asyncio.to_thread(polling, f"{url}/v1", seconds=0.2, interval_s=0.2)

    found = asyncio.run(ask())
    assert asked == ["/metrics", "/metrics", "/version"]
    [window] = found.windows
    assert window.finished == 100
    assert {row.version for row in found.rows} == {"0.32.0"}
    assert {row.metric for row in found.rows} == {"mean_ttft_ms", "mean_tpot_ms", "output_tok_s"}


def test_a_server_without_metrics_is_refused(loopback, reply) -> None:
    """The way out names the switch."""

    async def handler(path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(404, b"{}"))

    async def ask() -> None:
        async with loopback(handler) as url:
            await asyncio.to_thread(polling, url, seconds=0.2, interval_s=0.2)

    with pytest.raises(BackendError, match="answers no metrics"):
        asyncio.run(ask())


def test_an_interval_longer_than_a_window_is_refused() -> None:
    """Both numbers are named."""
    with pytest.raises(UsageError, match="an interval of 10 s does not fit 2 windows in 15 s"):
        polling("http://127.0.0.1:1", seconds=15, interval_s=10, windows=2)


# --- what a command needs ---------------------------------------------------------------------------------------------


def test_options_state_who_serves() -> None:
    """One accelerator unless said otherwise, as many as hold a layer; none named is refused."""
    assert app.stated({"gpu": "h100-sxm", "tp": 2, "model": None}) == Served(gpu="h100-sxm", tp=2, ngpu=2)
    assert app.stated({"gpu": "cpu", "ngpu": 4, "tp": 2, "other": 1}) == Served(gpu="cpu", tp=2, ngpu=4)
    with pytest.raises(UsageError, match="without --accelerator"):
        app.stated({"gpu": None})


def test_no_row_at_all_is_an_error_that_says_why() -> None:
    """The same text twice: nothing happened in between."""
    found = app.of_files([AFTER, AFTER], 60, STATED)
    with pytest.raises(EvidenceError, match=r"none of 1 windows gives a row: .*: 0 requests finished in 60 s"):
        app.gate(found)
    app.gate(app.of_files([BEFORE, AFTER], 60, STATED))
