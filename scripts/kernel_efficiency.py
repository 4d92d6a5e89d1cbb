"""Measured matrix products at four bits beside eight bits: writes `src/breakeven/perf/kernels.py`.

    python scripts/kernel_efficiency.py aiconfigurator_core-*.whl

The wheel (Apache-2.0) is aiconfigurator's operator tables: times of products by board, engine, format and size.
Compared are medians over TensorRT-LLM and vLLM: arithmetic at 1,024 to 4,096 rows of matrices 4,096 to 30,000 wide,
reads at up to 16 rows of matrices from 8,192 on; each over the peak of the catalog. No serving row of four bits is
offline, so that nothing else says how far these kernels stay behind their peak.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np

from breakeven.catalog.load import load
from breakeven.schema.hardware import Accelerator

OUTPUT = Path(__file__).parent.parent / "src/breakeven/perf/kernels.py"
BOARDS = {
    "b200_sxm": "b200", "b300_sxm": "b300", "gb200": "gb200", "gb300": "gb300",
    "rtx_pro_6000_server": "rtx-pro-6000-server",
}  # fmt: skip
FORMATS = {"fp8": (1.0, "flops_fp8"), "nvfp4": (0.5625, "flops_fp4")}
"""Name in the tables -> bytes per weight, peak of the catalog."""
ENGINES = ("trtllm", "vllm")


def main() -> None:
    """Write the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    with zipfile.ZipFile(parser.parse_args().wheel) as wheel, tempfile.TemporaryDirectory() as folder:
        found = {board: _ratio(wheel, Path(folder), table, board) for table, board in BOARDS.items()}
    means = np.mean(list(found.values()), axis=0)
    lines = [f'    "{board}/fp4": ({a - means[0]:.4f}, {m - means[1]:.4f}),' for board, (a, m) in found.items()]
    OUTPUT.write_text(TEMPLATE.format(compute=means[0], memory=means[1], rows="\n".join(lines)), encoding="utf-8")


def _ratio(wheel: zipfile.ZipFile, folder: Path, table: str, board: str) -> tuple[float, float]:
    """Ln of efficiency at four bits over that at eight, of arithmetic and of reads."""
    accelerator = load().accelerator(board)
    shares = {
        name: np.mean([_shares(path, name, accelerator) for path in _tables(wheel, folder, table)], axis=0)
        for name in FORMATS
    }
    arithmetic, reads = np.log(shares["nvfp4"] / shares["fp8"])
    print(
        f"{board}: arithmetic {math.exp(arithmetic):.2f}, reads {math.exp(reads):.2f} of the efficiency of eight bits"
    )
    return float(arithmetic), float(reads)


def _tables(wheel: zipfile.ZipFile, folder: Path, table: str) -> Iterator[str]:
    for name in wheel.namelist():
        _, _, rest = name.partition(f"/data/{table}/gemm/")
        if rest.startswith(ENGINES) and rest.endswith(".parquet"):
            yield wheel.extract(name, folder)


def _shares(path: str, name: str, board: Accelerator) -> tuple[float, float]:
    """Shares of peak arithmetic and of bandwidth."""
    size, peak = FORMATS[name]
    query = (
        "select median({}) from read_parquet(?) where gemm_dtype = ? and m between {} and n between {} and k between {}"
    )
    flops = query.format("2.0 * m * n * k / (latency * 1e-3)", "1024 and 4096", *["4096 and 30000"] * 2)
    moved = query.format(f"1.0 * n * k * {size} / (latency * 1e-3)", "1 and 16", *["8192 and 66000"] * 2)
    rates = [duckdb.execute(text, [path, name]).fetchall()[0][0] for text in (flops, moved)]
    return rates[0] / getattr(board, peak), rates[1] / (board.bandwidth_bytes_s or math.nan)


TEMPLATE = '''"""How far four-bit products stay behind. Written by scripts/kernel_efficiency.py; do not edit.

ln of their share of peak over that of eight-bit products on the same board, arithmetic and reads: the mean of all
boards, and what each is beside it. Source: operator tables of aiconfigurator-core 0.12.0 (Apache-2.0), of TensorRT-LLM
and vLLM.
"""

from __future__ import annotations

MEAN = ({compute:.4f}, {memory:.4f})

BOARDS = {{
{rows}
}}
'''

if __name__ == "__main__":
    main()
