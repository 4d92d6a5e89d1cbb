"""Editors get schemas that agree with what the loader accepts."""

import json

from breakeven.config.json_schema import mapping_schema, policy_schema, settings_schema


def test_schemas_name_every_key_and_refuse_others() -> None:
    """Every section is closed, so that an editor underlines a key that the loader would refuse."""
    for schema in (settings_schema(), policy_schema(), mapping_schema()):
        sections = [schema, *schema.get("$defs", {}).values()]
        assert all(section["additionalProperties"] is False for section in sections)
        assert json.loads(json.dumps(schema)) == schema


def test_schemas_hold_choices_patterns_and_limits() -> None:
    """What the loader checks value by value, an editor checks while people type."""
    schema = settings_schema()
    assert schema["title"] == "breakeven.yaml"
    assert schema["$defs"]["BackendSettings"]["properties"]["kind"]["enum"] == ["openai", "oip", "onnx"]
    assert schema["$defs"]["GatewaySettings"]["properties"]["port"]["maximum"] == 65535
    assert "source" in schema["$defs"]["PriceSettings"]["required"]
    assert policy_schema()["$defs"]["UseCaseSection"]["required"] == ["name", "route"]
    assert policy_schema()["required"] == ["use_cases"]
