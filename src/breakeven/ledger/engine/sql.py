# ruff: noqa: S608 - every part of these texts is a constant of this package; values are parameters
"""The questions in DuckDB SQL. They read the views `p` (predictions), `o` (outcomes), `c` (capacity) and `measures`.

Each text is the twin of a plain definition: fates of `engine.fate`, attribution of `engine.attribute`, usefulness of
`metric.usefulness`; the conformance tests hold them together. Parameters are named and typed; NULL is no filter.
"""

from __future__ import annotations

from breakeven.ledger.engine.port import (
    ATTO_KWH,
    BASES,
    DEFAULT_WINDOW_S,
    DIMENSIONS,
    LONGEST_S,
    MICRO,
    NANO,
    NO_HOUR,
    SAMPLE_LIMIT,
    Slice,
)
from breakeven.ledger.engine.slices import BUSY, FIRST_S, LAST_S
from breakeven.metric.usefulness import DELIVERED

_DELIVERED = ", ".join(f"'{status}'" for status in sorted(DELIVERED))


def _rank(column: str) -> str:
    cases = " ".join(f"WHEN '{basis}' THEN {rank}" for rank, basis in enumerate(BASES))
    return f"CASE {column} {cases} END"


DAY = "CASE WHEN time_s >= -62135596800.0 AND time_s < 253402300800.0 THEN floor(time_s / 86400)::BIGINT ELSE 0 END"
"""Days since 1970 of a prediction's time; 0 where no calendar reaches."""

_ASKED = """
    ($start_s::DOUBLE IS NULL OR p.time_s >= $start_s) AND ($end_s::DOUBLE IS NULL OR p.time_s < $end_s)
    AND ($policy_id::VARCHAR IS NULL OR p.policy_id = $policy_id)
    AND ($plan_id::VARCHAR IS NULL OR p.plan_id = $plan_id)
    AND ($use_case::VARCHAR IS NULL OR p.use_case = $use_case)
    AND ($deployment::VARCHAR IS NULL OR p.deployment = $deployment)
"""

_PERIOD = "($start_s::DOUBLE IS NULL OR time_s >= $start_s) AND ($end_s::DOUBLE IS NULL OR time_s < $end_s)"


def _events(condition: str) -> str:
    # Materialised, so that repeats are looked for once and not at every mention.
    return f"""
  events AS MATERIALIZED (
    SELECT tenant, source, event_id, kind, time_s, prediction_id, subject, use_case, consent, value, currency
    FROM o WHERE {condition}
  )"""


_ATTRIBUTED = f"""
  touch AS (
    SELECT tenant, subject, use_case, time_s, max(prediction_id) AS prediction_id,
      arg_max(consent, prediction_id) AS consent
    FROM p WHERE subject <> '' AND status IN ({_DELIVERED})
      AND (tenant, subject) IN (SELECT (tenant, subject) FROM events WHERE prediction_id = '' AND subject <> '')
    GROUP BY ALL
  ),
  asked AS (
    SELECT e.tenant, e.source, e.event_id, e.subject, e.time_s, e.consent, u.use_case
    FROM events e JOIN (SELECT DISTINCT use_case FROM touch) u ON e.use_case = '' OR e.use_case = u.use_case
    WHERE e.prediction_id = '' AND e.subject <> ''
  ),
  near AS (
    SELECT asked.*, touch.prediction_id AS target, touch.time_s AS touch_s, touch.consent AS touch_consent
    FROM asked ASOF JOIN touch
      ON asked.tenant = touch.tenant AND asked.subject = touch.subject AND asked.use_case = touch.use_case
      AND asked.time_s >= touch.time_s
  ),
  last_touch AS (
    SELECT near.* FROM near LEFT JOIN measures USING (use_case)
    WHERE near.time_s - near.touch_s <= coalesce(measures.window_s, {DEFAULT_WINDOW_S})
    QUALIFY row_number() OVER (PARTITION BY tenant, source, event_id ORDER BY touch_s DESC, target DESC) = 1
  ),
  attributed AS (
    SELECT e.*, p.prediction_id AS target, false AS denied
    FROM events e JOIN p ON e.prediction_id = p.prediction_id AND e.tenant = p.tenant WHERE e.prediction_id <> ''
    UNION ALL BY NAME
    SELECT e.*, l.target, (e.consent = 'denied' OR l.touch_consent = 'denied') AS denied
    FROM events e JOIN last_touch l USING (tenant, source, event_id)
  )
"""

_MONEY = f"""CASE WHEN upper(currency) IN ('', 'USD') AND value IS NOT NULL
      THEN round_even(value * {MICRO}::DOUBLE, 0)::HUGEINT ELSE 0 END"""

_ROWS = f"""
  flags AS (
    SELECT target, bool_or(kind = 'exposure') AS exposed,
      bool_or(kind IN ('click', 'conversion', 'revenue')) AS touched,
      bool_or(kind IN ('conversion', 'revenue')) AS converted, bool_or(kind = 'unobserved') AS unobserved,
      CASE WHEN bool_or(kind = 'revenue') THEN sum(CASE WHEN kind = 'revenue' THEN {_MONEY} ELSE 0 END)
        ELSE sum(CASE WHEN kind = 'conversion' THEN {_MONEY} ELSE 0 END) END AS revenue_micro
    FROM attributed WHERE NOT denied GROUP BY target
  ),
  rates AS (SELECT deployment, policy_id, max(pico_usd_per_replica_s) AS rate FROM c GROUP BY ALL),
  joined AS (
    SELECT p.*, coalesce(f.exposed, false) AS exposed, coalesce(f.touched, false) AS touched,
      coalesce(f.converted, false) AS converted, coalesce(f.unobserved, false) AS unobserved,
      coalesce(f.revenue_micro, 0) AS revenue_micro, coalesce(m.used_when, 'unmeasured') AS used_when,
      r.rate, p.status IN ({_DELIVERED}) AS delivered,
      p.cost_pico_usd IS NULL AND p.status <> 'refused' AS unpriced
    FROM p LEFT JOIN flags f ON f.target = p.prediction_id LEFT JOIN measures m ON m.use_case = p.use_case
    LEFT JOIN rates r ON r.deployment = p.deployment AND r.policy_id = p.policy_id
    WHERE {_ASKED}
  ),
  judged AS (
    SELECT *, CASE used_when WHEN 'unmeasured' THEN NULL WHEN 'delivered' THEN delivered
        WHEN 'outcome' THEN delivered AND touched ELSE delivered AND (exposed OR touched) END AS was_used,
      CASE WHEN cost_pico_usd IS NULL OR work_s IS NULL OR rate IS NULL THEN 0::HUGEINT
        ELSE least(cost_pico_usd::HUGEINT, round_even(work_s * rate::DOUBLE, 0)::HUGEINT) END AS work_pico_usd
    FROM joined
  )
"""

_FATE = """CASE WHEN unobserved THEN 'unobserved' WHEN NOT delivered THEN 'not_served'
      WHEN NOT in_budget THEN 'late' WHEN was_used IS NULL THEN 'not_measurable'
      WHEN subject = '' AND session = '' THEN 'unidentified' WHEN NOT was_used THEN 'not_used'
      WHEN converted THEN 'converted' ELSE 'used' END"""

_HOUR = f"CASE WHEN work_pico_usd <> 0 THEN floor(time_s / 3600)::BIGINT ELSE {NO_HOUR} END"
_COUNTS = ", ".join(
    f"count(*) FILTER (status = '{status}') AS {status}"
    for status in ("answered", "cached", "fallback", "refused", "failed", "cancelled")
)

CELLS = f"""
WITH {_events("true")}, {_ATTRIBUTED}, {_ROWS}
SELECT deployment, {_HOUR} AS hour, {DAY} AS day, use_case, tenant, model, arm, {_FATE} AS fate,
  bool_or(was_used IS NOT NULL) AS measurable, count(*) AS predictions, {_COUNTS},
  count(*) FILTER (in_budget) AS in_budget, count(*) FILTER (was_used) AS used,
  count(*) FILTER (unpriced) AS unpriced, sum(coalesce(cost_pico_usd, 0))::HUGEINT AS cost_pico_usd,
  sum(work_pico_usd)::HUGEINT AS work_pico_usd,
  max(CASE WHEN unpriced THEN {len(BASES) - 1} WHEN coalesce(cost_pico_usd, 0) = 0 THEN 0
    ELSE {_rank("cost_basis")} END)::BIGINT AS basis,
  sum(revenue_micro)::HUGEINT AS revenue_micro, sum(served_input_tokens)::BIGINT AS input_tokens,
  sum(served_output_tokens)::BIGINT AS output_tokens, count(*) FILTER (emulated) AS emulated,
  count(energy_kwh) AS energy_rows,
  coalesce(sum(round_even(energy_kwh * {ATTO_KWH}::DOUBLE, 0)::HUGEINT), 0)::HUGEINT AS energy_atto_kwh,
  coalesce(max(CASE WHEN energy_kwh IS NOT NULL THEN {_rank("energy_basis")} END), 0)::BIGINT AS energy_basis,
  min(time_s) AS first_s, max(time_s) AS last_s
FROM judged GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""

STANDBY = f"""
SELECT deployment, floor(start_s / 3600)::BIGINT AS hour, max(model) AS model, sum(cost_pico_usd)::HUGEINT,
  sum(round_even((end_s - start_s) * {NANO}::DOUBLE, 0)::HUGEINT)::HUGEINT AS up_ns, max({_rank("basis")})::BIGINT
FROM c WHERE ($start_s::DOUBLE IS NULL OR start_s >= $start_s) AND ($end_s::DOUBLE IS NULL OR start_s < $end_s)
  AND ($policy_id::VARCHAR IS NULL OR policy_id = $policy_id)
  AND ($plan_id::VARCHAR IS NULL OR policy_id IN (SELECT p.policy_id FROM p WHERE p.plan_id = $plan_id))
GROUP BY 1, 2 ORDER BY 1, 2
"""

_KEYS = {"": "''"} | {name: DAY if name == "day" else name for name in DIMENSIONS}


def _spread(metric: str) -> str:
    return (
        f"count({metric}), quantile_cont({metric}, [0.5, 0.95, 0.99]), "
        f"sum(round_even({metric} * {NANO}::DOUBLE, 0)::HUGEINT)::HUGEINT"
    )


SPREADS = {
    dimension: f"""
SELECT {key} AS key, {_spread("ttft_s")}, {_spread("tpot_s")}, {_spread("total_s")}
FROM p WHERE status IN ({_DELIVERED}) AND {_ASKED} GROUP BY 1 ORDER BY 1
"""
    for dimension, key in _KEYS.items()
}
"""One query for each dimension: one at a time keeps only one copy of the latencies in memory."""

KINDS = f"SELECT kind, count(*) FROM o WHERE {_PERIOD} GROUP BY 1 ORDER BY 1"

UNUSED = f"""
WITH {_events(_PERIOD)}, {_ATTRIBUTED},
  refused AS (SELECT * FROM attributed WHERE denied)
SELECT (SELECT count(*) FROM events ANTI JOIN attributed USING (tenant, source, event_id)),
  (SELECT count(*) FROM events SEMI JOIN refused USING (tenant, source, event_id)),
  (SELECT count(*) FROM events WHERE value IS NOT NULL AND upper(currency) NOT IN ('', 'USD'))
"""

POLICIES = f"SELECT DISTINCT policy_id FROM p WHERE policy_id <> '' AND {_ASKED} ORDER BY 1"

LOST = """
SELECT coalesce(sum(missing), 0)::BIGINT FROM (
  SELECT max(sequence) - count(DISTINCT sequence) AS missing
  FROM (SELECT node, sequence FROM all_p UNION ALL SELECT node, sequence FROM all_o
    UNION ALL SELECT node, sequence FROM dropped) WHERE sequence > 0 GROUP BY node)
"""

ARRIVALS = f"""
SELECT time_s, served_input_tokens::DOUBLE AS input_tokens, served_output_tokens::DOUBLE AS output_tokens
FROM p WHERE {_ASKED} ORDER BY time_s, prediction_id
"""


def sample(metric: str) -> str:
    """The sorted values of one latency, thinned evenly above the limit."""
    return f"""
WITH v AS (SELECT {metric} AS value FROM p WHERE {metric} IS NOT NULL AND status IN ({_DELIVERED}) AND {_ASKED}),
  ranked AS (SELECT value, row_number() OVER (ORDER BY value) - 1 AS rank, count(*) OVER () AS n FROM v)
SELECT value FROM ranked WHERE rank % greatest(1, ceil(n / {SAMPLE_LIMIT})::BIGINT) = 0 ORDER BY value
"""


_FATES = {
    "finished": "status = 'answered' AND NOT again",
    **{status: f"status = '{status}'" for status in ("cached", "cancelled", "failed", "fallback", "refused")},
    "retried": "status = 'answered' AND again",
}


def _ended(name: str) -> str:
    return f"count(*) FILTER ({_FATES[name]}) AS {name}"


def _of_finished(name: str, value: str) -> str:
    return f"coalesce({value} FILTER ({_FATES['finished']}), 0)::HUGEINT AS {name}"


def _total_ns(name: str) -> str:
    return _of_finished(f"{name}_ns", f"sum(round_even({name}_s * {NANO}::DOUBLE, 0)::HUGEINT)")


_SLICE_COLUMNS = ", ".join(
    f"coalesce({name}, {empty!r})"
    for name, empty in zip(Slice.__struct_fields__[3:], Slice.__struct_defaults__[1:], strict=True)
)

SLICES = f"""
WITH stays AS (
    SELECT deployment, status, model, emulated, ttft_s, tpot_s, served_input_tokens, served_cached_input_tokens,
      served_output_tokens, coalesce(json_array_length(attempts), 0) > 1 AS again,
      time_s AS from_s, time_s + least(greatest(total_s, 0::DOUBLE), {LONGEST_S}::DOUBLE) AS to_s
    FROM p WHERE {_ASKED} AND time_s >= {FIRST_S}::DOUBLE AND time_s < {LAST_S}::DOUBLE
    QUALIFY row_number() OVER (PARTITION BY deployment, node, request_id, time_s ORDER BY sequence, prediction_id) = 1
  ),
  placed AS (
    SELECT *, floor(from_s / $width_s::DOUBLE)::BIGINT AS first, floor(to_s / $width_s::DOUBLE)::BIGINT AS last
    FROM stays
  ),
  parts AS (
    SELECT deployment, from_s, to_s, unnest(range(first, last + 1)) AS slice
    FROM placed WHERE status IN ({", ".join(f"'{status}'" for status in BUSY)})
  ),
  busy AS (
    SELECT deployment, slice, sum(round_even((least(to_s, (slice + 1)::DOUBLE * $width_s::DOUBLE)
      - greatest(from_s, slice::DOUBLE * $width_s::DOUBLE)) * {NANO}::DOUBLE, 0)::HUGEINT)::HUGEINT AS busy_ns
    FROM parts GROUP BY ALL
  ),
  ended AS (
    SELECT deployment, last AS slice, {_ended("finished")},
      count(*) FILTER ({_FATES["finished"]} AND emulated) AS emulated,
      {", ".join(_ended(name) for name in _FATES if name != "finished")},
      {_of_finished("ttft_n", "count(ttft_s)")}, {_total_ns("ttft")},
      {_of_finished("tpot_n", "count(tpot_s)")}, {_total_ns("tpot")},
      {_of_finished("input_tokens", "sum(served_input_tokens)")},
      {_of_finished("cached_input_tokens", "sum(served_cached_input_tokens)")},
      {_of_finished("output_tokens", "sum(served_output_tokens)")},
      coalesce(min(model) FILTER ({_FATES["finished"]}), '') AS model_low,
      coalesce(max(model) FILTER ({_FATES["finished"]}), '') AS model_high
    FROM placed GROUP BY deployment, last
  )
SELECT deployment, slice, coalesce(busy_ns, 0)::HUGEINT, {_SLICE_COLUMNS}
FROM busy FULL JOIN ended USING (deployment, slice) ORDER BY 1, 2
"""
