"""What a deployment costs and when it breaks even. Pure."""
