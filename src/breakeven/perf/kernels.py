"""How far four-bit products stay behind. Written by scripts/kernel_efficiency.py; do not edit.

ln of their share of peak over that of eight-bit products on the same board, arithmetic and reads: the mean of all
boards, and what each is beside it. Source: operator tables of aiconfigurator-core 0.12.0 (Apache-2.0), of TensorRT-LLM
and vLLM.
"""

from __future__ import annotations

MEAN = (-0.3568, -0.3002)

BOARDS = {
    "b200/fp4": (0.1519, 0.0476),
    "b300/fp4": (-0.2671, 0.0251),
    "gb200/fp4": (0.1485, 0.0099),
    "gb300/fp4": (-0.2553, 0.0193),
    "rtx-pro-6000-server/fp4": (0.2220, -0.1019),
}
