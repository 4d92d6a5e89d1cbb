"""Whether subjects came to the arms in the proportion that was meant: a test that may be looked at any day.

A mixture of beta-binomial Bayes factors (Lindon and Malek 2022, arXiv 2011.03567) around the expected share, with prior
strengths from 100 to 10,000 so that gross and slight mismatches are both found; the mean of Bayes factors is again one,
and 1 / it is a p-value that holds at every look (Ville).
"""

from __future__ import annotations

import math

from breakeven.audit.normal import chi_square_tail
from breakeven.schema.experiment import SampleRatio

STRENGTHS = (100.0, 1_000.0, 10_000.0)
LIMIT = 0.01
"""Below it a result is blocked: of sound experiments at most one in a hundred, however often they are looked at."""


def sample_ratio(control: int, treatment: int, expected: float) -> SampleRatio:
    """The check for two arms; `expected` is the treatment's share, inside 0..1."""
    n = control + treatment
    return SampleRatio(
        control=control,
        treatment=treatment,
        share=treatment / n if n else 0.0,
        expected=expected,
        p=p_always(control, treatment, expected),
        p_chi_square=_chi_square(control, treatment, expected),
    )


def p_always(control: int, treatment: int, expected: float) -> float:
    """1 over the mean Bayes factor, at most 1."""
    logs = [_log_factor(control, treatment, expected, strength) for strength in STRENGTHS]
    top = max(logs)
    mean = top + math.log(sum(math.exp(one - top) for one in logs) / len(logs))
    return math.exp(min(0.0, -mean))


def _log_factor(control: int, treatment: int, expected: float, strength: float) -> float:
    a, b = strength * expected, strength * (1 - expected)
    meant = treatment * math.log(expected) + control * math.log1p(-expected)
    return _log_beta(a + treatment, b + control) - _log_beta(a, b) - meant


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _chi_square(control: int, treatment: int, expected: float) -> float:
    n = control + treatment
    if not n:
        return 1.0
    apart = treatment - n * expected
    return chi_square_tail(apart * apart / (n * expected * (1 - expected)), 1)
