"""The two YAML files people write: parsing with positions and suggestions, rendering, JSON Schema."""
