"""The journal's frame: length, crc32, MessagePack of one record. Gateways append frames, the ledger reads them."""

from __future__ import annotations

import struct
import zlib

import msgspec

from breakeven.schema.correction import Correction
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Capacity, EngineLoad, Prediction

Record = Prediction | Outcome | Capacity | EngineLoad | Correction

_HEAD = struct.Struct("<II")
_MAX_FRAME_BYTES = 64 * 1024 * 1024
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


class Scan(Noun, frozen=True, kw_only=True):
    """What a journal file held: the records, the bytes they filled, and why reading stopped ("" at a clean end)."""

    records: tuple[Record, ...]
    good_bytes: int
    stopped: str = ""


def frame(record: Record) -> bytes:
    """One record as the bytes of one append."""
    payload = _encoder.encode(record)
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def scan(data: bytes) -> Scan:
    """All records up to the first bad frame; what follows it is not guessed at."""
    records: list[Record] = []
    at = 0
    while at < len(data):
        record, size, stopped = _read_one(data, at)
        if record is None:
            return Scan(records=tuple(records), good_bytes=at, stopped=stopped)
        records.append(record)
        at += size
    return Scan(records=tuple(records), good_bytes=at)


def _read_one(data: bytes, at: int) -> tuple[Record | None, int, str]:
    if len(data) - at < _HEAD.size:
        return None, 0, f"torn frame head at byte {at}"
    length, crc = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    if length > _MAX_FRAME_BYTES or start + length > len(data):
        return None, 0, f"torn frame of {length} bytes at byte {at}"
    payload = data[start : start + length]
    if zlib.crc32(payload) != crc:
        return None, 0, f"bad crc at byte {at}"
    try:
        return _decoder.decode(payload), _HEAD.size + length, ""
    except msgspec.MsgspecError as error:
        return None, 0, f"unreadable record at byte {at}: {error}"
