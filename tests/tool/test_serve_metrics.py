# SPDX-License-Identifier: Apache-2.0
"""leat serve --metrics: OpenMetrics for a collector, a page for a browser; both tell what clients really did."""
import html.parser
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from https import Client
from serving import BIG, Serve, make_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("metrics"))


@pytest.fixture
def serve(run_server, leat, site, pki):
    def start(*options):
        s = Serve(run_server, leat, site, pki.cert("p256"), "--metrics", "127.0.0.1:0", "--http2", *options)
        s.admin = int(s.proc.wait_line(r"^metrics on http://127.0.0.1:(\d+)/").group(1))
        return s
    return start


def ask(s, path="/metrics", method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", s.admin, timeout=10)
    c.request(method, path)
    r = c.getresponse()
    r.text = r.read().decode()
    return r


SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="[^"\\\n]*"(?:,(?=[a-z]))?)*)\})? (-?\d+(?:\.\d+)?)$')


def parse(text):
    """Strict: every line is a sample of the family announced above it, each family once, # EOF at the end."""
    assert text.endswith("# EOF\n")
    families, samples, now = {}, {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("# TYPE "):
            _, _, now, kind = line.split(" ")
            assert now not in families and kind in ("counter", "gauge", "info")
            families[now] = kind
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == now and line.endswith(".")
        else:
            m = SAMPLE.match(line)
            assert m, line
            suffix = {"counter": "_total", "gauge": "", "info": "_info"}[families[now]]
            assert m.group(1) == now + suffix, line
            labels = tuple(sorted(re.findall(r'([a-z]+)="([^"]*)"', m.group(2) or "")))
            assert (m.group(1), labels) not in samples, line
            samples[m.group(1), labels] = float(m.group(3))
    return samples


def total(samples, name, **labels):
    want = set(labels.items())
    return sum(v for (n, have), v in samples.items() if n == name and want <= set(have))


def until(s, fn):
    end = time.monotonic() + 5
    while True:
        got = parse(ask(s).text)
        if fn(got) or time.monotonic() > end:
            return got
        time.sleep(0.02)


def test_nothing_without_the_option(run_server, leat, site, pki):
    s = Serve(run_server, leat, site, pki.cert("p256"))
    assert "metrics on" not in s.proc.output()


def test_counts_what_happened(serve, pki):
    s = serve("--session_tickets", "stateless", "--workers", "2")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Client(s.port, pki.ca, version=version) as c:
            assert c.get("/big.bin").status == 200
            assert c.get("/nothing").status == 404
            assert c.get("/a.txt", method="HEAD").status == 200
    ctx = ssl.create_default_context(cafile=pki.ca)
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    session = None
    for _ in range(2):
        with ctx.wrap_socket(socket.create_connection(("127.0.0.1", s.port)),
                             server_hostname="localhost", session=session) as c:
            session = c.session
    r = subprocess.run(["curl", "-sS", "--http2", "--cacert", pki.ca, "-o", "/dev/null",
                        f"https://localhost:{s.port}/a.txt"], timeout=20)
    assert r.returncode == 0
    with pytest.raises(ssl.SSLError):
        Client(s.port, None, ciphers="ECDHE-RSA-AES128-GCM-SHA256", version=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLError):  # it does not trust us, and says so by an alert
        Client(s.port, pki.cert("selfsigned").cert)
    got = until(s, lambda m: total(m, "leat_backends_total") == 10 and total(m, "leat_alerts_total") == 2)
    hs = "leat_handshakes_total"
    assert total(got, hs, version="TLSv1.2") == 3 and total(got, hs, resumed="yes") == 1
    # The client that does not trust us in TLS 1.3 never finishes.
    assert total(got, hs, version="TLSv1.3") == 2 and total(got, "leat_handshakes_failed_total") == 2
    assert any(dict(have).get("suite", "").startswith("TLS_") for n, have in got if n == hs)
    assert total(got, "leat_requests_total", http="1.1", code="200") == 4
    assert total(got, "leat_requests_total", code="404") == 2
    assert total(got, "leat_requests_total", http="2.0", code="200") == 1
    sent = 2 * len(BIG) + 2 * len(b"404 Not Found\n") + 6
    assert total(got, "leat_body_bytes_total") == sent
    assert total(got, "leat_alerts_total", **{"from": "us", "alert": "handshake_failure"}) == 1
    assert total(got, "leat_alerts_total", **{"from": "peer", "alert": "unknown_ca"}) == 1
    assert total(got, "leat_errors_total", **{"class": "our_alert"}) == 1
    assert total(got, "leat_backends_total", direction="tx") == 5
    assert total(got, "leat_accepted_total") == 7
    assert total(got, "leat_workers") == 2 and total(got, "process_resident_memory_bytes") > 1e6
    assert abs(total(got, "process_start_time_seconds") - time.time()) < 60
    assert os.path.exists("/proc/net/tls_stat") == any(n == "leat_kernel_tls" for n, _ in got)


def test_connections_by_phase(serve, pki):
    s = serve("--workers", "1")

    def phases(m):
        return {dict(have)["phase"]: v for (n, have), v in m.items() if n == "leat_connections" and v}

    silent = socket.create_connection(("127.0.0.1", s.port))
    idle = Client(s.port, pki.ca)
    busy = Client(s.port, pki.ca, rcvbuf=4096)
    busy.send(b"GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    until(s, lambda m: phases(m) in ({"handshake": 1, "head": 1, "send": 1},
                                     {"handshake": 1, "idle": 1, "send": 1}))
    # after a second it is packed; a request makes it an open one again
    want = {"handshake": 1, "idle": 1, "send": 1}
    assert phases(until(s, lambda m: phases(m) == want)) == want
    assert idle.get("/a.txt").status == 200
    assert phases(until(s, lambda m: phases(m) == want)) == want
    for c in (silent, idle, busy):
        c.close()
    assert phases(until(s, lambda m: phases(m) == {})) == {}


def test_reloads(serve):
    s = serve()
    os.kill(s.pid, signal.SIGHUP)
    got = until(s, lambda m: total(m, "leat_reloads_total", result="good") == 1)
    assert total(got, "leat_reloads_total", result="good") == 1
    assert total(got, "leat_reloads_total", result="bad") == 0


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/metrics", 200), ("HEAD", "/metrics", 200), ("GET", "/", 200), ("GET", "/metrics?x=1", 200),
    ("GET", "/x", 404), ("GET", "/metrics/", 404), ("GET", "/../metrics", 404), ("POST", "/metrics", 405),
    ("BREW", "/", 501)])
def test_answers(serve, method, path, status):
    r = ask(serve(), path, method)
    assert r.status == status and r.getheader("Connection") == "close"
    assert (r.text == "") == (method == "HEAD")
    assert r.getheader("Content-Security-Policy").startswith("default-src 'none'")
    if status == 200 and path.startswith("/m"):
        assert r.getheader("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize("data", [
    b"", b"GET", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x05", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 900,
    b"GET /metrics HTTP/1.1\r\n\r\n", b"G" * 100000])
def test_who_misbehaves_waits_alone(serve, data):
    """It is cut off in two seconds, and the next one is answered."""
    s = serve()
    with socket.create_connection(("127.0.0.1", s.admin)) as c:
        c.settimeout(10)
        start = time.monotonic()
        try:
            c.sendall(data)
            while c.recv(65536):
                pass
        except ConnectionError:
            pass
        assert time.monotonic() - start < 5
    assert ask(s).status == 200


def test_served_address_tells_nothing(serve, pki):
    with Client(serve().port, pki.ca) as c:
        assert c.get("/metrics").status == 404


def test_stops_at_once_while_asked(serve):
    s = serve()
    with socket.create_connection(("127.0.0.1", s.admin)):
        start = time.monotonic()
        assert s.proc.stop() == 0 and time.monotonic() - start < 1.5


def test_taken_address(leat, run, site, serve):
    s = serve()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        r = run([leat, "serve", site, "--dev", "--listen", "127.0.0.1:0", "--metrics",
                 "127.0.0.1:%d" % taken.getsockname()[1]])
    assert r.returncode == 1 and b"cannot listen" in r.stderr
    assert ask(s).status == 200


class Page(html.parser.HTMLParser):
    """Rows of each table under its heading; nothing active may be in it."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.now, self.cell, self.tag = {}, None, None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "iframe", "img", "link", "object", "form"), tag
        assert not any(k.startswith("on") for k, _ in attrs)
        self.tag = tag
        if tag == "tr":
            self.tables[self.now].append([])
        elif tag in ("td", "th"):
            self.tables[self.now][-1].append("")

    def handle_endtag(self, tag):
        self.tag = None

    def handle_data(self, data):
        if self.tag == "h2":
            self.now = data
            self.tables[data] = []
        elif self.tag in ("td", "th"):
            self.tables[self.now][-1][-1] += data.strip()


def check_page(tables):
    requests = tables["Requests"]
    assert ["1.1", "200 OK", "1"] in requests and ["1.1", "404 Not Found", "1"] in requests
    assert ["(default)"] == [row[0] for row in tables["Hosts"][1:2]]
    assert [row[0] for row in tables["Hosts"][2:]] == ["x.wild.test"]
    assert any(row[0] == "TLSv1.3" and row[3] == "1" for row in tables["Handshakes"])
    assert any(row[0] == "head" for row in tables["Connections"])


@pytest.fixture
def used(serve, pki, site):
    me = pki.cert("p256")
    s = serve("--host", "x.wild.test", "--root", site, "--cert", me.chain, "--key", me.key)
    with Client(s.port, pki.ca) as c:
        assert c.get("/a.txt").status == 200 and c.get("/nothing").status == 404
        until(s, lambda m: total(m, "leat_requests_total") == 2)  # counted after it was sent
    return s


def test_page(used):
    check_page(Page(ask(used, "/").text).tables)


def test_page_in_a_browser(used, tmp_path):
    """What a browser makes of it: the tables, and nothing refused by the page's own policy."""
    browser = shutil.which("chromium")
    if not browser:
        pytest.skip("needs chromium (a row of setup.sh); test_page reads the same text")
    r = subprocess.run([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                        f"--user-data-dir={tmp_path}", "--no-first-run", "--no-proxy-server",
                        "--enable-logging=stderr", "--v=0", "--dump-dom", f"http://127.0.0.1:{used.admin}/"],
                       capture_output=True, timeout=100, text=True)
    assert r.returncode == 0, r.stderr
    page = Page(r.stdout)
    check_page(page.tables)
    assert "Content Security Policy" not in r.stderr
