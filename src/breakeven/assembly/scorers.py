"""Where a plan puts a classic model: in the gateway's own process, or on a server of the inference protocol."""

from __future__ import annotations

from breakeven.config.settings import BackendSettings
from breakeven.schema.deployment import Deployment
from breakeven.schema.policy import BackendKind
from breakeven.schema.workload import Workload

SERVER = "http://127.0.0.1:{port}"
"""Where Triton and its like answer unless they are told otherwise."""
MOST_THREADS = 64
GUESSES: dict[BackendKind, str] = {
    "openai": "`base_url` is a guess: write where the deployment answers",
    "oip": "`base_url` is a guess: write where the deployment answers",
    "onnx": "`model_path` is a guess: put the model there, or write where it is",
}
"""What of the proposed settings whoever applies them must see to."""
_BATCHES = "# The server of {name} is to form batches of at most {most} requests, which wait at most {delay_ms:g} ms.\n"


def classic(load: Workload) -> bool:
    """Whether what is asked for has no tokens."""
    return not load.input_tokens_mean


def backend(wanted: Deployment, load: Workload, name: str, port: int) -> BackendSettings:
    """A process of one's own where its threads suffice, with the planned batches in rows; else a server at a port."""
    if not _in_process(wanted):
        return BackendSettings(name=name, kind="oip", base_url=SERVER.format(port=port))
    return BackendSettings(
        name=name,
        kind="onnx",
        model_path=f"{wanted.model}.onnx",
        threads=wanted.replicas,
        max_batch=max(1, round(wanted.max_batch * load.rows_scored_mean)),
        max_delay_ms=wanted.max_delay_s * 1000,
    )


def told(wanted: Deployment) -> str:
    """A comment with the batches that a server must be told; "" where the settings say them."""
    if _in_process(wanted):
        return ""
    return _BATCHES.format(name=wanted.id, most=wanted.max_batch, delay_ms=wanted.max_delay_s * 1000)


def _in_process(wanted: Deployment) -> bool:
    return wanted.placement == "cpu" and wanted.replicas <= MOST_THREADS
