"""A scaling rule as the files of those who scale: KEDA, Kubernetes' own autoscaler, Prometheus."""
