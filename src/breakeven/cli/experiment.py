"""What an experiment showed, and what another policy would have earned: lift, ope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from breakeven.cli.output import as_json, config_option, data_dir_option, explained, form_option, print_json
from breakeven.errors import UsageError

SHARE = click.FloatRange(0, 1)


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--use-case", help="Without FILE: the use case whose arms are compared, from the ledger.")
@click.option("--policy-id", help="Ledger: only what this policy answered.")
@click.option("--segment", default="", help="Ledger: region, device_class, channel, model, tier, or a label.")
@click.option("--control", default="", help="The arm that others are held against.  [default: control, else the first]")
@click.option("--treatment", default="", help="The arm that is judged.  [default: the only other]")
@click.option(
    "--metric", default="", help="What the verdict is about (docs/experiments.md).  [default: the first known]"
)
@click.option("--split", type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="The treatment's share of subjects that was meant.  [default: half; ledger: as logged]")  # fmt: skip
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True)
@click.option("--tuned-for", type=click.FloatRange(1), default=3000.0, show_default=True,
              help="Subjects an arm at which the interval is tightest; choose it before the start.")  # fmt: skip
@click.option("--lost-share", type=SHARE, default=0.0, help="Share of outcomes known to be lost; above 2 % blocks.")
@click.option(
    "--violation-share", type=SHARE, default=0.0, help="Share of events that broke the tracking plan; likewise."
)
@click.option(
    "--value-usd", type=click.FloatRange(0), help="What a useful prediction brings: is the treatment worth it?"
)
@click.option("--loss-usd", type=click.FloatRange(0), default=0.0, help="What one that is not useful loses.")
@click.option("--predictions-to-come", type=click.FloatRange(0), help="To say what testing on would be worth.")
@click.option(
    "--more-subjects", type=click.IntRange(1), help="Subjects an arm of such a test.  [default: as many again]"
)
@config_option
@data_dir_option
@form_option
@as_json
@explained
def lift(*, file: str | None, form: str, json_: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """What an experiment showed: in FILE (CSV or Parquet, one prediction a row), or in the ledger by arm.

    Conversion, revenue and cost per useful prediction, with an interval that may be looked at any day; blocked where
    the sample ratio or the tracking is wrong.
    """
    from breakeven.app import experiment as app
    from breakeven.app import render

    if file is not None:
        found = app.lift_file(Path(file), _asked(given))
    else:
        where, case = _ledger(given)
        by = {"policy_id": given["policy_id"], "segment": given["segment"]}
        found = app.lift_ledger(where, case, _asked(given), **by)
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.lift_document(found), form))


def _ledger(given: dict[str, Any]) -> tuple[Path, str]:
    """The data directory and the use case that options name."""
    from breakeven.app import loop

    if given["use_case"] is None:
        message = "neither a file nor a use case is named"
        raise UsageError(message, "name a file, or a use case of the ledger with --use-case")
    return loop.data_dir(config=Path(given["config"]), override=given["data_dir"]), given["use_case"]


def _asked(given: dict[str, Any]) -> Any:  # noqa: ANN401 - the type is loaded when it is needed
    from breakeven.audit.lift.effect import Level
    from breakeven.audit.lift.judge import Asked

    return Asked(
        **{name: given[name] for name in ("control", "treatment", "metric", "split", "lost_share", "violation_share")},
        level=Level(alpha=1 - given["confidence"], tuned_for=given["tuned_for"]),
        stakes=_stakes(given),
    )


def _stakes(given: dict[str, Any]) -> Any:  # noqa: ANN401 - likewise
    from breakeven.audit.lift.worth import Stakes

    future = ("predictions_to_come", "more_subjects")
    if given["value_usd"] is None:
        if given["loss_usd"] or any(given[name] is not None for name in future):
            message = "--loss-usd, --predictions-to-come and --more-subjects say nothing without --value-usd"
            raise UsageError(message, "state what a useful prediction brings")
        return None
    return Stakes(**{name: given[name] for name in ("value_usd", "loss_usd", *future)})


@click.command()
@click.argument("log", required=False, type=click.Path(dir_okay=False))
@click.option("--target", type=click.Path(dir_okay=False), help="With LOG: CSV of action,position,probability.")
@click.option("--use-case", help="Without LOG: the use case whose choices are judged, from the ledger.")
@click.option("--weights", help="Ledger: the target policy, as DEPLOYMENT=WEIGHT,...; renormalised among the eligible.")
@click.option("--threshold", type=float, help="Ledger: the target policy, as the learned route at this threshold.")
@click.option("--decisions", is_flag=True, help="Ledger: judge the actions of decisions instead of deployments.")
@click.option("--reward", type=click.Choice(["useful", "converted", "revenue", "profit"]), default="useful",
              show_default=True, help="Ledger: what a choice is judged by.")  # fmt: skip
@click.option("--policy-id", help="Ledger: only what this policy answered.")
@config_option
@data_dir_option
@form_option
@as_json
@explained
def ope(*, log: str | None, target: str | None, form: str, json_: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """What another policy would have earned: LOG (CSV or Parquet) holds action,position,propensity,reward.

    Inverse propensity, self-normalised and doubly robust, with intervals; refused where the log does not overlap with
    the target, with the exploration that would have been needed.
    """
    from breakeven.app import experiment as app
    from breakeven.app import render

    if log is None:
        where, case = _ledger(given)
        by = {"reward": given["reward"], "decisions": given["decisions"], "policy_id": given["policy_id"]}
        weights, threshold = _meant(given)
        found = app.evaluate_ledger(where, case, weights, threshold=threshold, **by)
    elif target is None:
        message = f"{log} is a log, and no policy is named that it could tell of"
        raise UsageError(message, "name its probabilities with --target TARGET.csv")
    else:
        found = app.evaluate_file(Path(log), Path(target))
    if json_:
        print_json(found)
    else:
        click.echo(render.in_form(app.evaluated_document(found), form))


def _meant(given: dict[str, Any]) -> tuple[dict[str, float], float | None]:
    """The target policy: weights, or a threshold."""
    threshold, weights = given["threshold"], given["weights"]
    if threshold is None:
        return _weights(weights), None
    if weights is not None or given["decisions"]:
        other = "--decisions" if weights is None else f"--weights {weights}"
        message = f"--threshold {threshold:g} and {other} name two target policies"
        raise UsageError(message, "leave one of them out")
    return {}, threshold


def _weights(text: str | None) -> dict[str, float]:
    """`a=0.7,b=0.3` as weights."""
    pairs = [part.partition("=") for part in (text or "").split(",") if part.strip()]
    try:
        found = {name.strip(): float(weight) for name, _, weight in pairs}
    except ValueError:
        found = {}
    if not found or any(not 0 <= weight < float("inf") for weight in found.values()) or not any(found.values()):
        message = f"--weights {text or 'is missing'}: a target policy has weights that are not all 0"
        raise UsageError(message, "write --weights small=0.7,large=0.3")
    return found
