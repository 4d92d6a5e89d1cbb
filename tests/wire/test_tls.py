"""TLS to upstreams is verified: certificates of an unknown issuer or for another name are refused.

The certificates are made here with the `openssl` program. A private issuer is trusted as OpenSSL trusts it: through the
file that the variable SSL_CERT_FILE names.
"""

import asyncio
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from breakeven.wire.client import Client
from breakeven.wire.dial import Dialer
from breakeven.wire.failure import UnreachableError
from breakeven.wire.resolve import Resolver

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program makes the certificates")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


def openssl(folder: Path, *command: str) -> None:
    subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)


def issue(folder: Path, name: str, host: str) -> None:
    """A certificate for `host`, signed by the folder's issuer."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={host}")  # fmt: skip
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """An issuer, and certificates for model.example and other.example."""
    folder = tmp_path_factory.mktemp("tls")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=issuer", "-addext",
            "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    issue(folder, "model", "model.example")
    issue(folder, "other", "other.example")
    return folder


@asynccontextmanager
async def server(folder: Path, name: str):
    """A TLS server with that certificate; yields its port and the names that clients asked for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    asked = []
    context.sni_callback = lambda _, host, __: asked.append(host)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1], asked
        listening.close()


def dialer() -> Dialer:
    """Every name is this machine."""

    async def here(host: str) -> list[str]:
        return ["127.0.0.1"]

    return Dialer(Resolver(here))


async def fetch(folder: Path, name: str) -> tuple[bytes, list[str]]:
    """Ask model.example twice over a client as the gateway makes it."""
    async with server(folder, name) as (port, asked), Client(dialer=dialer()) as client:
        for _ in range(2):
            response = await client.request("GET", f"https://model.example:{port}/", timeout_s=20)
            body = await response.read()
        return body, asked


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_issuer_that_is_trusted_is_accepted(certificates, monkeypatch, run) -> None:
    """SSL_CERT_FILE names a private issuer; the URL's name is asked for, not the address; one handshake serves two."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    assert run(fetch(certificates, "model")) == (b"hello", ["model.example"])


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_unknown_issuer_is_refused(certificates, monkeypatch, run) -> None:
    """A certificate that nobody vouches for is no upstream: no request is sent."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
        run(fetch(certificates, "model"))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_another_hosts_certificate_is_refused(certificates, monkeypatch, run) -> None:
    """A good certificate for another name is refused: whoever answers is not who was asked."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    with pytest.raises(UnreachableError, match="Hostname mismatch"):
        run(fetch(certificates, "other"))
