"""Power by phase and batch: the law, its fitted numbers, the curve of a deployment, and the figures of a run."""
