"""The demo's configuration: a ranker in process, an assistant on rented accelerators, both emulated where no GPU is."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from breakeven.measure.curve import Curve, work_curve

CURRENT = "assistant-today"
MODEL = "llama-3.1-8b"
OFFER = "lambda-h100-sxm-2x-on-demand"
HOLDOUT = 0.2

BREAKEVEN_YAML = """\
# The demo's breakeven.yaml. Ports are of this run; everything else is what a team would write.
version: 1
data_dir: {data_dir}
policy: policy.yaml

gateway:
  host: 127.0.0.1
  port: {port}
  console_port: {console_port}

backends:
  - name: ranker
    kind: onnx
    model_path: {ranker}
    max_batch: 16
    max_delay_ms: 1
  - {{name: {current}, kind: openai, base_url: "http://127.0.0.1:{current_port}/v1"}}

deployments:
  - name: homepage-ranker
    backend: ranker
    model: homepage-ranker
    placement: cpu
    offer: lambda-cpu-4x-general-on-demand    # one vCPU of it
    work: {{request_ms: {request_ms:.6f}, row_ms: {row_ms:.6f}}}    # measured on this machine just now
  - name: {current}
    backend: {current}
    model: {model}
    catalog_model: {model}
    placement: cloud
    offer: {offer}
    accelerator: h100-sxm
    accelerators: 1
    replicas: 2
    engine: vllm
    precision: fp16
    emulated: true             # answered by `breakeven emulate`: this machine has no accelerator

planning:
  horizon_months: 36
  electricity_country: DEU
  grid_zone: DEU
"""

POLICY_YAML = """\
# The demo's policy.yaml. `breakeven apply` edits the routes.
version: 1
plan_id: ""
default_use_case: assistant

tracking:
  unknown: bad
  events:
    - {type: breakeven.conversion.v1, data: {properties: {value: {minimum: 0}}}}

use_cases:
  - name: homepage
    tier: critical
    models: [homepage-ranker]
    latency: {budget_ms: 100}
    used_when: exposure
    attribution_window_s: 1800
    route: {strategy: fixed, targets: [{deployment: homepage-ranker}]}
    failure: [cached, default, error]
    default_answer: '{"model_name":"default","outputs":[]}'
  - name: assistant
    tier: important
    models: [MODEL]
    latency: {budget_ms: 60000, ttft_ms: 1000, tpot_ms: 50, attainment: 0.95}
    used_when: unmeasured      # the trace has no outcomes, so usefulness is not measurable
    route:
      strategy: weighted
      sticky: true
      targets:
        - {deployment: CURRENT, weight: 1, arm: today}
    failure: [deployment:CURRENT, default, error]     # drilled while the traffic runs
    default_answer: "I am busy just now. Please ask me again in a minute."
"""


def ranker_path() -> Path:
    """The ONNX model shipped with the package."""
    return Path(str(files("breakeven.demo") / "data" / "ranker.onnx"))


def write(folder: Path, *, port: int, console_port: int, current_port: int, curve: Curve) -> Path:
    """Write both files; returns the path of `breakeven.yaml`."""
    work = work_curve(curve)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "breakeven.yaml"
    path.write_text(
        BREAKEVEN_YAML.format(
            data_dir="data",
            port=port,
            console_port=console_port,
            current_port=current_port,
            ranker=ranker_path(),
            current=CURRENT,
            model=MODEL,
            offer=OFFER,
            request_ms=work.request_s * 1000,
            row_ms=work.row_s * 1000,
        )
    )
    (folder / "policy.yaml").write_text(POLICY_YAML.replace("MODEL", MODEL).replace("CURRENT", CURRENT))
    return path
