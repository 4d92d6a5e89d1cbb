"""OpenTelemetry: follows the journal in a process of its own and sends GenAI spans and metrics by OTLP over HTTP."""
