"""The wire itself: certificates, proxies, HTTP/2, kept connections, time limits."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llm_eval.errors import ProviderError
from llm_eval.models.api_model import APIModel
from llm_eval.models.transport import Transport
from llm_eval.specs import Limits, ModelSpec
from llm_eval.types import Message, Sampling

REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-kind: plain\r\n\r\nhi"


class Server:
    """Answers every request with `hi`, and remembers what it saw."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.n_connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = next(
                    (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                     if line.startswith(b"content-length:")), 0)  # fmt: skip
                await reader.readexactly(length)
                writer.write(REPLY)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
def seen() -> Server:
    return Server()


@pytest.fixture
async def plain(seen: Server) -> AsyncIterator[int]:
    """Port of a server without TLS."""
    server = await asyncio.start_server(seen, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def secure(seen: Server, authority: Path) -> AsyncIterator[int]:
    """Port of a server with a certificate of `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    server = await asyncio.start_server(seen, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority's certificate, and a server's for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    directory = tmp_path_factory.mktemp("authority")
    now = dt.datetime.now(dt.UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name.from_rfc4514_string("CN=a company's own authority")

    def certificate(subject: x509.Name, of: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    root = (
        certificate(root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    leaf = (
        certificate(x509.Name.from_rfc4514_string("CN=server"), key)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "root.pem").write_bytes(root.public_bytes(pem))
    (directory / "server.pem").write_bytes(private + leaf.public_bytes(pem))
    return directory


async def ask(url: str, n: int = 1) -> bytes:
    transport = Transport(url, Limits(connect_s=5, total_s=20), lambda: {"authorization": "key"})
    try:
        for _ in range(n):
            reply = await transport.post("/chat/completions", b"{}")
        return reply.body
    finally:
        await transport.aclose()


async def test_one_connection_serves_many_requests(plain: int, seen: Server) -> None:
    assert await ask(f"http://127.0.0.1:{plain}/v1", n=20) == b"hi"
    assert (len(seen.heads), seen.n_connections) == (20, 1)


async def test_an_unknown_authority_is_told_and_not_retried(secure: int) -> None:
    with pytest.raises(ProviderError, match="no secure connection") as failed:
        await ask(f"https://127.0.0.1:{secure}/v1")
    assert (failed.value.code, failed.value.retryable) == ("tls", False)


async def test_a_companys_own_authority_is_taken_from_ssl_cert_file(
    secure: int, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "root.pem"))
    assert await ask(f"https://127.0.0.1:{secure}/v1") == b"hi"


async def http2(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A connection of HTTP/2 that answers every request with `hi`."""
    import h2.config
    import h2.connection
    import h2.events

    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    while not reader.at_eof():
        writer.write(connection.data_to_send())
        await writer.drain()
        for event in connection.receive_data(await reader.read(65_536)):
            if isinstance(event, h2.events.StreamEnded):
                connection.send_headers(event.stream_id, [(":status", "200"), ("x-kind", "two")])
                connection.send_data(event.stream_id, b"hi", end_stream=True)
    writer.close()


async def test_http2_is_spoken_where_a_server_can(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "root.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    n_connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal n_connections
        n_connections += 1
        await http2(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        transport = Transport(url, Limits())
        first = await transport.post("/", b"{}")
        others = await asyncio.gather(*(transport.post("/", b"{}") for _ in range(20)))
        await transport.aclose()
    assert (first.body, first.headers["x-kind"]) == (b"hi", "two")
    assert {reply.body for reply in others} == {b"hi"}
    assert n_connections == 1  # all at once, on one connection


async def test_a_proxy_of_the_environment_is_asked(
    plain: int, seen: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{plain}")
    assert await ask("http://models.example/v1") == b"hi"
    assert seen.heads[0].startswith(b"POST http://models.example/v1/chat/completions ")
    assert b"proxy-authorization: basic " in seen.heads[0].lower()


async def test_no_proxy_is_heeded(
    plain: int, seen: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert await ask(f"http://127.0.0.1:{plain}/v1") == b"hi"
    assert seen.heads[0].startswith(b"POST /v1/chat/completions ")


async def test_a_key_that_no_header_can_hold_is_one_clear_error() -> None:
    transport = Transport("http://127.0.0.1:9", Limits(), lambda: {"authorization": "se\ncret"})
    with pytest.raises(ProviderError, match="'authorization' holds a character") as failed:
        await transport.post("/", b"{}")
    assert (failed.value.retryable, failed.value.fatal) == (False, True)
    assert "cret" not in str(failed.value)


async def test_a_key_that_was_read_from_a_file_is_sent_without_its_line_break(
    plain: int, seen: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret\n")
    url = f"http://127.0.0.1:{plain}/v1"
    spec = ModelSpec(name="m", provider="openai", model="m", base_url=url)
    model = APIModel(spec)
    with pytest.raises(ProviderError):  # `hi` is no completion
        await model.generate((Message("user", "?"),), Sampling())
    await model.aclose()
    assert b"authorization: bearer secret\r\n" in seen.heads[0].lower()
