"""The kinds of backend. To add one: a file with a sender, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from breakeven.errors import ConfigError
from breakeven.gateway.backend.oip import OipSender
from breakeven.gateway.backend.openai import OpenAISender
from breakeven.gateway.backend.port import Sender
from breakeven.schema.policy import Backend, BackendKind
from breakeven.wire.address import address
from breakeven.wire.client import Client


def _openai(backend: Backend, client: Client) -> Sender:
    address(backend.base_url)
    return OpenAISender(backend, client)


def _oip(backend: Backend, client: Client) -> Sender:
    address(backend.base_url)
    return OipSender(backend, client)


def _onnx(backend: Backend, client: Client) -> Sender:
    del client
    try:
        from breakeven.gateway.backend.onnx import OnnxSender  # noqa: PLC0415 - numpy only where it is configured
    except ImportError as error:
        message = f"backend {backend.name!r} is an ONNX model, and ONNX Runtime is not installed ({error})"
        raise ConfigError(message, "run: pip install 'breakeven[onnx]'") from error
    return OnnxSender(backend)


BACKENDS: dict[BackendKind, Callable[[Backend, Client], Sender]] = {"openai": _openai, "oip": _oip, "onnx": _onnx}


def open_sender(backend: Backend, client: Client) -> Sender:
    """The sender of a backend; reads files where it must, so call it off the event loop.

    Raises:
        ConfigError: its URL or model file is wrong, or an extra is not installed.
    """
    return BACKENDS[backend.kind](backend, client)
