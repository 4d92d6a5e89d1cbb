"""What a memo says beyond the choice: how it is held, how sure it is, what else would help, what was ruled out."""

from __future__ import annotations

import msgspec

from breakeven.quantity import format_usd
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Block, Items, Section, Table
from breakeven.report.document import Text as Paragraph
from breakeven.report.doubt import doubt_blocks, flip_risks, flip_table
from breakeven.report.lever import lever_table
from breakeven.report.mix import Enacts, enacted_blocks, enacting
from breakeven.report.outlook import outlook_blocks, turn_blocks
from breakeven.report.portfolio import commitment_blocks, pareto_table, portfolio_blocks, regret_block
from breakeven.schema.deployment import Pools
from breakeven.schema.plan import Plan

LEFT: Align = "left"
RIGHT: Align = "right"
MOST_RULED_OUT = 10
"""Rejected candidates that are named, the nearest first."""

WORTH_SAYING = 0.005
"""Share of its cost that a mix must save to be mentioned beside the choice."""


def mix_sections(plan: Plan, known: Citations, enacts: Enacts = "") -> tuple[Section, ...]:
    """The portfolio, how it is enacted, its regret and its schedule, and the front; nothing where a plan has none."""
    blocks: list[Block] = []
    if plan.portfolio is not None:
        blocks += portfolio_blocks(plan.portfolio, known)
    blocks += enacted_blocks(plan, known, enacts)
    if plan.regret is not None:
        blocks.append(regret_block(plan.regret))
    for name, one in plan.commitments:
        blocks += commitment_blocks(name, one)
    if plan.pareto:
        blocks.append(pareto_table(plan.pareto))
    return (Section(title="How to hold it", blocks=tuple(blocks)),) if blocks else ()


def mix_sentence(plan: Plan, enacts: Enacts = "") -> tuple[Block, ...]:
    """What the mix saves beside the choice alone; nothing where it saves nothing worth it."""
    own = next(option for option in plan.options if option.name == plan.chosen).monthly_cost_usd
    mix = plan.portfolio
    if mix is None or own is None or own - mix.monthly_usd < WORTH_SAYING * own:
        return ()
    parts = " and ".join(f"{part.replicas} x {part.name}" for part in mix.parts)
    saved = format_usd(own - mix.monthly_usd)
    said = f"Held as {parts} the same demand costs {saved} a month less; see How to hold it. {enacting(plan, enacts)}"
    return (Paragraph(text=said.strip()),)


def apart_sentence(plan: Plan) -> tuple[Block, ...]:
    """What a replica of the choice is, where prefill and decode are apart."""
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    at, pools = chosen.deployment, chosen.deployment.pools
    if not isinstance(pools, Pools):
        return ()
    each = f"{at.tensor_parallel} x {at.accelerator}"
    said = (
        f"Prefill and decode are apart: each of its replicas is a group of {pools.prefill} prefill and {pools.decode} "
        f"decode instances, of {each} each, in one machine. A prompt's cache is handed from one "
        "to the other, so that no answer waits for other people's prompts. The gateway sees one address for all "
        "groups: a router in front of them, as vLLM's and SGLang's for disaggregated prefill. Nobody has published "
        "measurements that pin such fleets: try one group before buying more."
    )
    return (Paragraph(text=said),)


def placed_sentence(plan: Plan) -> tuple[Block, ...]:
    """What units or devices answer and who answers the rest, and what of that a gateway sees; else nothing."""
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    if isinstance(chosen.placed, msgspec.UnsetType):
        return ()
    if chosen.placement != "edge":
        return (Paragraph(text=f"{chosen.placed.said}."),)
    rest = chosen.rest
    seen = "No request reaches a gateway, so that there is no route to write and nothing for a ledger to measure."
    if rest is not None:
        seen = f"The policy routes what comes to the gateway to {rest.name}; what is promised below is of that part."
    return (Paragraph(text=f"{chosen.placed.said}. {seen}"),)


def sure_sections(plan: Plan, known: Citations) -> tuple[Section, ...]:
    """The joint draws, then what the cash flows over the horizon add."""
    doubt = doubt_blocks(plan.doubt, known) if plan.doubt is not None else ()
    cash = outlook_blocks(plan.outlook, known, chances=plan.doubt is None) if plan.outlook is not None else ()
    blocks = (*doubt, *cash)
    return (Section(title="How sure it is", blocks=blocks),) if blocks else ()


def flip_blocks(plan: Plan) -> tuple[Block, ...]:
    """What turns the choice: by the joint draws where there are any, else by the cash flows."""
    if plan.doubt is None:
        return turn_blocks(plan.outlook.turns) if plan.outlook else ()
    table = flip_table(plan.doubt)
    return (*((table,) if table is not None else ()), *flip_risks(plan.doubt))


def lever_sections(plan: Plan) -> tuple[Section, ...]:
    """What else would make the chosen option cheaper."""
    return (Section(title="What else would help", blocks=(lever_table(plan.levers),)),) if plan.levers else ()


def ruled_out_sections(plan: Plan) -> tuple[Section, ...]:
    """How many candidates each constraint excluded, and the nearest misses."""
    if not plan.rejected_by:
        return ()
    counted = sorted(plan.rejected_by.items(), key=lambda one: (-one[1], one[0]))
    text = (
        f"{plan.candidates:,} candidates were weighed, {plan.simulated:,} of them by simulation. Excluded by "
        f"{', '.join(f'{kind} {count:,}' for kind, count in counted)}."
    )
    rows = tuple((one.option, one.binding, one.by) for one in plan.rejected[:MOST_RULED_OUT])
    table = Table(
        caption="The nearest misses",
        columns=("candidate", "excluded by", "how far"),
        rows=rows,
        align=(LEFT, LEFT, LEFT),
        detail=True,
    )
    return (Section(title="What was ruled out", blocks=(Paragraph(text=text), *((table,) if rows else ()))),)


def premature_blocks(plan: Plan) -> tuple[Block, ...]:
    """What must be instrumented before the sum is a decision."""
    if not plan.premature:
        return ()
    return (Paragraph(text="Premature. Before this is more than a sum, instrument:"), Items(items=plan.premature))
