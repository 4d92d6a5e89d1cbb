"""What better answers are worth against what they cost; one definition for what predicts and what measures.

A useful prediction brings `value`, a wrong one costs `loss`: an upgrade is worth it when

    extra cost < (value + loss) x extra useful          (per prediction; a wrong one is one that is not useful)
"""

from __future__ import annotations


def threshold_usd(extra_cost_usd: float | None, extra_useful: float | None) -> float | None:
    """The value + loss of one more useful prediction that pays the extra cost; None where no more is useful."""
    if extra_cost_usd is None or extra_useful is None or extra_useful <= 0:
        return None
    return max(0.0, extra_cost_usd / extra_useful)


def upgrade_pays(*, extra_cost_usd: float, extra_useful: float, value_usd: float, loss_usd: float = 0.0) -> bool:
    """Whether an upgrade is worth it: extra cost < (value + loss) x extra useful."""
    return extra_cost_usd < (value_usd + loss_usd) * extra_useful
