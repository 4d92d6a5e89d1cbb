"""vllm-sr-sim on the requests given as `arrival,prompt,answer` lines on standard input; prints requests per CPU second.

Started by simulator.py with an interpreter that has vllm-sr-sim. Its own A100 profile, 8 GPUs, least-loaded routing.
"""

from __future__ import annotations

import sys
import time

from fleet_sim import Fleet, FleetConfig, PoolConfig
from fleet_sim.core.request import Request
from fleet_sim.gpu_profiles.profiles import A100_80GB


def main() -> None:
    rows = [line.split(",") for line in sys.stdin]
    spent = []
    for _ in range(3):
        arrivals = [
            (float(at), Request(req_id=key, arrival_time=float(at), l_in=int(prompt), l_out=int(answer)))
            for key, (at, prompt, answer) in enumerate(rows)
        ]
        pool = PoolConfig(pool_id="a100", gpu=A100_80GB, n_gpus=8, max_ctx=16_384)
        fleet = Fleet(FleetConfig(pools=[pool], router_type="LeastLoadedRouter"))
        start = time.process_time()
        fleet.run(arrivals)
        spent.append(time.process_time() - start)
    print(len(rows) / min(spent))


if __name__ == "__main__":
    main()
