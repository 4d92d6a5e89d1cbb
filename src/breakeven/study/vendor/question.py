"""What a proposal leaves open, as questions to ask the vendor."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.schema.comparison import Question
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor.case import Asked
from breakeven.study.vendor.cost import missing, per_token, per_use, unpriced_things
from breakeven.study.vendor.leave import open_terms

SLA = {
    "availability": "What availability do you promise, as a share of the time?",
    "p95": "Which 95th percentile of latency do you promise?",
    "p99": "Which 99th percentile of latency do you promise?",
    "credit": "Which share of a month's bill do you pay back for a broken promise?",
    "credit_cap": "Up to which share of a month's bill do the credits for broken promises add up?",
    "window": "Over which window is a promise measured?",
}
TRACKING = {
    "prediction_id": "Does every answer carry a prediction id, and can you show it?",
    "outcome_join": "Can an outcome that comes later be joined to its prediction, and can you show it?",
    "request_timing": "Is the timing of every request returned with it, and can you show it?",
    "usage_export": "Can the usage log be exported request by request, and can you show it?",
}
EXIT = {
    "notice": "How many months are paid on after notice?",
    "penalty": "Which share of the remaining commitment stays due on leaving?",
    "migration": "What does moving away cost, data and adapters included?",
}


def questions(asked: Asked, found: Evaluated, licences: tuple[str, ...]) -> tuple[Question, ...]:
    """Every question, in the order of the grammar; the ones its author noted come last."""
    proposal = asked.proposal
    told = [
        *_price(asked, found, licences),
        *_absent("sla", SLA, proposal.sla),
        *_chain(asked),
        *_latency(asked),
        *_absent("tracking", TRACKING, proposal.tracking),
        *_terms(asked, found),
    ]
    noted = (("unanswered", text) for text in proposal.unanswered)
    return tuple(Question(key=key, text=text) for key, text in (*told, *noted))


def _absent(where: str, asked: dict[str, str], section: object) -> Iterator[tuple[str, str]]:
    return ((f"{where}.{name}", text) for name, text in asked.items() if not getattr(section, name))


def _price(asked: Asked, found: Evaluated, licences: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    proposal = asked.proposal
    if proposal.date is None:
        yield "date", "Of which date are these prices?"
    if proposal.valid_until is None:
        yield "valid_until", "Until when do these prices hold?"
    for thing in unpriced_things(asked, found):
        yield "option.lines", f"What does {thing} cost, or is it in the price?"
    things = {f"no price for {thing}" for thing in unpriced_things(asked, found)}
    for told in missing(asked, found):
        asked_below = any(f"`{told.removeprefix('no price for ')}`" in one for one in licences)
        if told.startswith("no price") and told not in things and not asked_below:
            yield "option", f"What does it cost? There is {told}."
    for told in licences:
        yield "option.lines", f"Per what is the licence {told} sold: accelerator, server or organisation?"
    if per_token(found) and proposal.counting is None:
        yield "counting", "By which rule are tokens counted, and how many are they for one of ours?"


def _chain(asked: Asked) -> Iterator[tuple[str, str]]:
    chain = asked.proposal.chain
    stages = {"network": ("the network", True)}
    stages["feature_retrieval"] = ("feature retrieval", asked.workload.feature_store is not None)
    for name, (text, needed) in stages.items():
        stage = getattr(chain, name)
        if needed and not stage.included and stage.time is None:
            yield f"chain.{name}", f"Do your latency figures hold {text}, and if not, how long does it take?"
    if chain.capacity is None:
        yield "chain.capacity", "Is the capacity dedicated to us, or shared with other customers?"
    if chain.at_peak is None:
        yield "chain.at_peak", "What happens at peak: does it queue, throttle, scale or reject?"
    if chain.at_peak == "autoscale" and chain.autoscale_time is None:
        yield "chain.autoscale_time", "How long until added capacity answers?"
    if chain.cold_start is None and chain.capacity != "dedicated":
        yield "chain.cold_start", "How long does the first answer of an idle instance take?"
    if chain.limit is None:
        yield "chain.limit", "How many requests a second do you accept at most?"


def _latency(asked: Asked) -> Iterator[tuple[str, str]]:
    for level in asked.workload.levels:
        if level not in asked.proposal.latency:
            yield f"latency.{level}", f"What are p50, p95 and p99 of your answers at our {level} load?"


def _terms(asked: Asked, found: Evaluated) -> Iterator[tuple[str, str]]:
    proposal, growth = asked.proposal, asked.proposal.growth
    if not proposal.regions:
        yield "regions", "In which regions is data processed and kept?"
    for name in open_terms(asked.option):
        yield f"option.exit.{name}", EXIT[name]
    if growth.rise_cap is None:
        yield "growth.rise_cap", "By how much may prices rise a year?"
    if growth.larger_model is None and per_use(found):
        yield "growth.larger_model", "What does a model of twice the size cost, in multiples of today's price?"
    if not growth.volume:
        yield "growth.volume", "What is the price at twice and at ten times the volume?"
