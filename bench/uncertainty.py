"""CPU of an outlook: Monte Carlo, tornado, Sobol indices and turns of one study, and the study evaluated once.

    python bench/uncertainty.py [--draws 10000] [--repeats 9]

Prints JSON: process CPU seconds (user and system, all threads), the median of the repeats, reading of the YAML and
loading of the catalog left aside. Two servers bought, the same rented, or an API, over 60 months: the figures of the
study are assumptions of this benchmark and stand for nothing else. `sobol_first_s` is the first call, which loads
scipy; it and `sobol_s` are null where scipy is not installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from breakeven.catalog.load import load as load_catalog
from breakeven.config.study import file as study_file
from breakeven.study.evaluate import Evaluated
from breakeven.study.outlook.case import Case, case_of, sampled
from breakeven.study.outlook.chance import chances, expected_regrets, recoveries
from breakeven.study.outlook.draw import Range, drawn, ranges
from breakeven.study.outlook.outlook import outlook
from breakeven.study.outlook.sobol import sobol
from breakeven.study.outlook.tornado import tornado
from breakeven.study.outlook.turn import turns

STUDY = """
study: 1
id: buy-rent-api
title: Two servers bought, rented, or an API
source: {title: own assumptions of this benchmark, published: 2026-01-01}
conventions: {hours_per_month: 730, horizon_months: 60, discount_rate: 8 %}
inputs:
  tariff: {value: 0.12 USD/kWh, low: 0.08, high: 0.18}
  pue: {value: 1.4, low: 1.1, high: 1.6}
  engineer: {value: 200000 USD/FTE/year, low: 150000, high: 250000, distribution: normal}
  rent_trend: {value: -15 %/year, low: -44, high: 0}
  api_trend: {value: -20 %/year, low: -60, high: 20}
  egress: 0.09 USD/GB
demand:
  requests: {value: 24000000 request/month, low: 12000000, high: 45000000, distribution: lognormal}
  input_tokens: {value: 1500 token/request, low: 1000, high: 2500}
  cached_input_tokens: 30 %
  output_tokens: {value: 300 token/request, low: 200, high: 500}
  egress: 4 kB/request
options:
  buy:
    placement: on_prem
    fleet: {servers: 2 server, accelerators_per_server: 8 accelerator/server}
    purchase:
      price: {value: 290000 USD/server, low: 250000, high: 340000}
      life: 5 year
      residual: {value: 10 %, low: 0, high: 20}
    power:
      per_server: 10.2 kW/server
      utilisation: {value: 60 %, low: 30, high: 90, distribution: uniform}
      idle_share: 30 %
      pue: = pue
      tariff: = tariff
    housing: {price: 200 USD/kW/month}
    lines:
      maintenance: {rate: {value: 8 %/year, low: 1, high: 15}, of: purchase}
      staff: {rate: = engineer, count: 0.5 FTE}
      software: 4500 USD/accelerator/year
      network: 900 USD/month
      setup: 40000 USD
      egress: {rate: = egress, count: "= demand.egress"}
  rent:
    placement: cloud
    fleet: {servers: 2 server, accelerators_per_server: 8 accelerator/server}
    rent:
      price: {value: 3.2 USD/accelerator/h, low: 2.2, high: 4.5, trend: = rent_trend}
      goodput_loss: 2.5 %
      support: 5 %
    lines:
      staff: {rate: = engineer, count: 0.25 FTE}
      storage: 450 USD/month
      egress: {rate: = egress, count: "= demand.egress"}
  api:
    placement: api
    api:
      input: {value: 0.8 USD/Mtok, low: 0.5, high: 1.2, trend: = api_trend}
      cached_input: {value: 0.08 USD/Mtok, trend: = api_trend}
      output: {value: 4 USD/Mtok, low: 3, high: 5, trend: = api_trend}
      batch_share: 10 %
      batch_discount: 50 %
    lines:
      staff: {rate: = engineer, count: 0.1 FTE}
      gateway: 300 USD/month
"""


def cpu_s(work: Callable[[], object], repeats: int) -> float:
    """The median CPU time of this process per call, after one call to warm up."""
    work()
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return statistics.median(found)


def monte_carlo(case: Case, inputs: tuple[Range, ...], draws: int) -> None:
    """Draws, costs, chances, break-evens and their bands."""
    found = sampled(case, drawn(inputs, draws, np.random.default_rng(0)), draws)
    chances(case.options, found.costs)
    recoveries(case, found)
    expected_regrets(found.costs)


def plain(case: Case) -> None:
    """The study once: every option and every pair."""
    found = Evaluated(case.study, case.catalog)
    for name in case.options:
        _ = found.option(name).present
    for pair in case.pairs:
        _ = found.pair(*pair).months


def run(draws: int, repeats: int) -> dict[str, object]:
    """All figures."""
    study, catalog = study_file.load(STUDY), load_catalog()
    case = case_of(study, catalog, "")
    inputs = ranges(case.base.scope, None)
    with_scipy = find_spec("scipy") is not None
    start = time.process_time()
    sobol(case, inputs, np.random.default_rng(0))
    first = time.process_time() - start
    return {
        "draws": draws,
        "months": case.horizon,
        "options": len(case.options),
        "lines": sum(len(case.base.option(name).flows) for name in case.options),
        "pairs": len(case.pairs),
        "uncertain_inputs": len(inputs),
        "leaves": len(case.base.scope.leaves),
        "plain_s": cpu_s(lambda: plain(case), repeats),
        "monte_carlo_s": cpu_s(lambda: monte_carlo(case, inputs, draws), repeats),
        "tornado_s": cpu_s(lambda: tornado(case, inputs, {}), repeats),
        "turns_s": cpu_s(lambda: turns(case), repeats),
        "sobol_s": cpu_s(lambda: sobol(case, inputs, np.random.default_rng(0)), repeats) if with_scipy else None,
        "sobol_first_s": first if with_scipy else None,
        "outlook_s": cpu_s(
            lambda: outlook(study, catalog, np.random.default_rng(0), seed=0, draws=draws), max(3, repeats // 3)
        ),
        "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print(json.dumps(run(options.draws, options.repeats), indent=2))


if __name__ == "__main__":
    main()
