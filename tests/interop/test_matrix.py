# SPDX-License-Identifier: Apache-2.0
"""Every feature with every peer that has it, both roles: the rows are those of matrix.tsv, where each cell
says `yes` or why not. leat accept answers their clients, leat connect asks their servers; what leat says
about a connection is asserted, and that the peer was content.

LEAT_PEERS=node,deno,bun chooses other columns (make test-peers).

REQ: F-13 F-hrr F-ticket-sl F-0rtt-s F-keyupdate
"""
import csv
import json
import os
import subprocess
import time

import pytest

from lib import inside_node, ocsp
from lib.accepting import Accept
from lib.matrix import PEERS, REQUEST
from lib.peers import GROUPS, SUITES
from lib.relay import Relay, say_again

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT = "openssl,gnutls,nss,go,java,boringssl"
NAMES = os.environ.get("LEAT_PEERS", DEFAULT).split(",")
PSK = ("alice", "00112233445566778899aabbccddeeff")
VERSION = {"1.2": "tlsv1.2", "1.3": "tlsv1.3"}

PLAIN12 = [s for s in SUITES if SUITES[s][0] == "1.2" and "CCM" not in s]
PLAIN13 = [s for s in SUITES if SUITES[s][0] == "1.3" and "CCM" not in s]
CCM = [s for s in SUITES if "CCM" in s and "CCM_8" not in s]
# what each can be told
SUITES_OF = {"openssl": PLAIN12 + PLAIN13 + CCM, "gnutls": PLAIN12 + PLAIN13 + CCM,
             "nss": PLAIN12 + PLAIN13, "go": PLAIN12, "java": PLAIN12 + PLAIN13,
             "boringssl": PLAIN12}
CURVES = ["x25519", "secp256r1", "secp384r1", "secp521r1"]
GROUPS_OF = {"openssl": list(GROUPS), "gnutls": list(GROUPS), "java": ["x25519", "secp384r1", "x448"]}
CERTS_OF = {"openssl": ["p256", "rsa2048", "rsapss", "p384", "p521", "ed25519", "ed448"],
            "gnutls": ["p256", "rsa2048", "rsapss", "p384", "p521", "ed25519"],
            "nss": ["p256", "rsa2048", "p384"], "boringssl": ["p256", "rsa2048", "p384"],
            "go": ["p256", "rsa2048", "p384", "p521", "ed25519"],
            "java": ["p256", "rsa2048", "p384", "p521", "ed25519", "ed448"]}


HYBRIDS = ["X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"]
HYBRIDS_OF = {"node": HYBRIDS, "deno": HYBRIDS[:1], "bun": HYBRIDS[:1]}


def table():
    with open(os.path.join(HERE, "matrix.tsv"), encoding="utf-8") as f:
        rows = list(csv.DictReader((x for x in f if not x.startswith("#")), delimiter="\t"))
    return [(r["feature"], r["role"], name, r[name]) for r in rows for name in PEERS]


ROWS = table()
WANTED = [pytest.param(*row[:3], id="-".join(row[:3]), marks=pytest.mark.xdist_group("matrix-" + row[2]))
          for row in ROWS if row[3] == "yes" and row[2] in NAMES]


@pytest.fixture(scope="module")
def peer(pki, tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            made[name] = PEERS[name](pki, tmp_path_factory.mktemp(name))
        return made[name]

    yield get
    for p in made.values():
        p.stop()


class Trial:
    """One test: the peer, and leat on the other side."""

    def __init__(self, name, peer, leat, pki, run_server, folder):
        self.name, self.peer, self.leat, self.pki = name, peer, leat, pki
        self.run_server, self.folder, self.site = run_server, folder, None

    # the peer is the client

    def accept(self, *args, cert="p256"):
        self.site = Accept(self.leat, self.run_server, self.pki, "--http", *args, cert=cert)

    def ask(self, lines=1, **kw):
        """The peer's client asks us: what we say about its last connection."""
        ok, text = self.peer.client(self.site.port, **kw)
        assert ok, f"{text}\n{self.site.server.output()}"
        for _ in range(lines):
            line = self.site.next()
            assert line["error"] is None and line["alert_sent"] == "close_notify", line
        return line

    def refused(self, alert, **kw):
        ok, text = self.peer.client(self.site.port, **kw)
        line = self.site.next()
        assert not ok and line["alert_sent"] == alert, (line, text)

    # the peer is the server

    def connect(self, port, *args, ok=True):
        done = subprocess.run(
            [self.leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert",
             self.pki.ca, "--json", "--timeout", "30", *args], input=REQUEST, capture_output=True,
            timeout=60)
        text = done.stderr.decode()
        facts = [json.loads(x) for x in text.splitlines() if x.startswith("{")]
        assert facts, text
        if ok:
            assert done.returncode in (0, 5) and b" 200 " in done.stdout, (done.stdout, text)
        self.stdout, self.text = done.stdout.decode(errors="replace"), text
        return facts[-1]

    def serve(self, cert="p256", **kw):
        self.peer.stop_servers()
        return self.peer.server(self.pki.cert(cert) if cert else None, **kw)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("feature,role,name", WANTED)
def test_matrix(peer, leat, pki, run_server, tmp_path, feature, role, name):
    t = Trial(name, peer(name), leat, pki, run_server, tmp_path)
    try:
        globals()[f"{role}_{feature.replace('-', '_')}"](t)
    finally:
        t.peer.stop_servers()


# Features whose `why not` is tried as well: should a peer learn it one day, its cell says something untrue.
PROBED = {"ocsp", "client-ocsp", "compression"}
NOT = [pytest.param(*row[:3], id="-".join(row[:3]), marks=pytest.mark.xdist_group("matrix-" + row[2]))
       for row in ROWS if row[3] != "yes" and row[2] in NAMES and row[0] in PROBED]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("feature,role,name", NOT)
def test_why_not(peer, leat, pki, run_server, tmp_path, feature, role, name):
    with pytest.raises(AssertionError):
        test_matrix(peer, leat, pki, run_server, tmp_path, feature, role, name)


def test_each_cell_is_decided():
    """`yes` needs a function, anything else is a reason of some length; nothing stands twice."""
    assert len({row[:3] for row in ROWS}) == len(ROWS)
    for feature, role, name, cell in ROWS:
        assert cell and (cell == "yes" or len(cell) >= 12), (feature, role, name, cell)
        assert f"{role}_{feature.replace('-', '_')}" in globals(), (feature, role)
    for name in globals():
        role, _, feature = name.partition("_")
        if role in ("client", "server"):
            assert (feature.replace("_", "-"), role) in {row[:2] for row in ROWS}, name


# ---- versions, suites, groups, certificates ----------------------------------------------------

def client_versions(t):
    t.accept()
    for v in VERSION:
        assert t.ask(version=v)["version"] == VERSION[v]


def server_versions(t):
    for v in VERSION:
        assert t.connect(t.serve(version=v))["version"] == VERSION[v]


def cert_for(suite):
    return "rsa2048" if "_RSA_" in suite else "p256"


def client_suites(t):
    for cert in ("p256", "rsa2048"):
        t.accept(cert=cert)
        for s in SUITES_OF[t.name]:
            if cert_for(s) == cert:
                assert t.ask(suite=s, version=SUITES[s][0])["suite"] == s


def server_suites(t):
    for s in SUITES_OF[t.name]:
        assert t.connect(t.serve(cert_for(s), suite=s, version=SUITES[s][0]))["suite"] == s


def client_groups(t):
    t.accept()
    for g in GROUPS_OF.get(t.name, CURVES):
        assert t.ask(group=g, version="1.3")["group"] == g


def server_groups(t):
    for g in GROUPS_OF.get(t.name, CURVES):
        f = t.connect(t.serve(group=g, version="1.3"))
        assert f["group"] == g
        assert f["retried"] is (g not in ("x25519", "secp256r1"))


def with_ml_kem(t):
    t.leat = inside_node.command(os.path.dirname(t.leat), t.peer.folder)


def client_ml_kem(t):
    with_ml_kem(t)
    for g in HYBRIDS_OF[t.name]:
        t.accept("--groups", g)
        assert t.ask(version="1.3", group=g if t.name == "node" else None)["group"] == g
    if t.name == "node":  # a share of the curve alone: asked again
        t.accept("--groups", HYBRIDS[0])
        line = t.ask(version="1.3", group="x25519," + HYBRIDS[0])
        assert line["group"] == HYBRIDS[0] and line["retried"]


def server_ml_kem(t):
    with_ml_kem(t)
    for g in HYBRIDS_OF[t.name]:
        port = t.serve(version="1.3", group=g if t.name == "node" else None)
        assert t.connect(port, "--groups", g)["group"] == g
    if t.name == "node":
        f = t.connect(t.serve(version="1.3", group=HYBRIDS[0]), "--groups", "x25519," + HYBRIDS[0],
                      "--key_shares", "1")
        assert f["group"] == HYBRIDS[0] and f["retried"]


def client_certificates(t):
    for cert in CERTS_OF.get(t.name, ["p256", "rsa2048"]):
        t.accept(cert=cert)
        for v in VERSION:
            assert t.ask(version=v)["signature"], cert


def server_certificates(t):
    for cert in CERTS_OF.get(t.name, ["p256", "rsa2048"]):
        for v in VERSION:
            f = t.connect(t.serve(cert, version=v))
            assert f["verified"] and f["signature"] and "leat test" in f["chain"][0]


def client_hrr(t):
    t.accept("--groups", "secp384r1")
    line = t.ask(version="1.3", group="secp256r1,secp384r1")
    assert line["retried"] and line["group"] == "secp384r1"


def server_hrr(t):
    f = t.connect(t.serve(group="secp384r1", version="1.3"))
    assert f["retried"] and f["group"] == "secp384r1"


def client_wrong_certificate(t):
    """Ours is for another host: they hang up."""
    t.accept(cert="wronghost")
    for v in VERSION:
        ok, text = t.peer.client(t.site.port, version=v)
        assert not ok, text
        assert not t.site.next()["sent"]


def server_wrong_certificate(t):
    for v in VERSION:
        f = t.connect(t.serve("wronghost", version=v), ok=False)
        assert f["exit"] == 4 and f["received"] == 0


def client_alpn(t):
    t.accept("--alpn", "one,http/1.1")
    for v in VERSION:
        assert t.ask(version=v, alpn="two,http/1.1")["alpn"] == "http/1.1"
        t.refused("no_application_protocol", version=v, alpn="two,three")


def server_alpn(t):
    for v in VERSION:
        port = t.serve(version=v, alpn="http/1.1")
        assert t.connect(port, "--alpn", "two,http/1.1")["alpn"] == "http/1.1"
        assert t.connect(port)["alpn"] is None


# ---- resumption ----------------------------------------------------------------------------------

def resumes(t, version, kept="stateless", **kw):
    t.accept("--session_tickets", kept)
    if t.name in ("gnutls", "nss"):  # one run connects twice
        line = t.ask(2, version=version, session="s", **kw)
        assert line["resumed"], line
        return
    slot = "-".join([os.path.basename(t.folder), version, kept])
    for want in (False, True, True):
        assert t.ask(version=version, session=slot, **kw)["resumed"] is want


def client_resume_13(t):
    for kept in ("stateless", "stateful"):
        resumes(t, "1.3", kept)


def resumes_there(t, version, **kw):
    port = t.serve(version=version, **kw)
    s = os.path.join(t.folder, "s" + version)
    for want in (False, True, True):
        assert t.connect(port, "--session", s)["resumed"] is want


def server_resume_13(t):
    resumes_there(t, "1.3")


def client_resume_12(t):
    resumes(t, "1.2")


def server_resume_12(t):
    resumes_there(t, "1.2")


def client_ids_12(t):
    resumes(t, "1.2", "stateful", tickets=False)


def server_ids_12(t):
    resumes_there(t, "1.2", tickets=False)


def client_early(t):
    t.accept("--early-data", "4000")
    if t.name in ("gnutls", "nss"):
        line = t.ask(2, version="1.3", session="s", early=REQUEST)
    else:
        t.ask(version="1.3", session="early")
        line = t.ask(version="1.3", session="early", early=REQUEST)
    assert line["early_data"] == "accepted", line
    if t.name == "nss":  # tstclnt writes when it may: early if it is faster than our answer
        assert line["early"] + line["received"] == len(REQUEST), line
    else:
        assert line["early"] == len(REQUEST), line


def client_early_rejected(t):
    """A share we lack: the retry refuses early data, which is then sent as data or not at all."""
    if t.name in ("gnutls", "nss"):
        return early_elsewhere(t)
    t.accept("--early-data", "4000", "--groups", "secp384r1,secp256r1")
    t.ask(version="1.3", session="rejected")
    line = t.ask(version="1.3", session="rejected", early=REQUEST, group="x25519,secp384r1")
    assert (line["early_data"], line["early"]) == ("rejected", 0), line
    assert line["resumed"] and line["retried"], line


def early_elsewhere(t):
    """For clients that resume within one run: their second connection gets to a server that knows no
    ticket of the first."""
    t.accept("--early-data", "4000")
    first = t.site
    t.accept("--early-data", "4000")
    with Relay([first.port, t.site.port]) as relay:
        t.peer.client(relay.port, version="1.3", session="s", early=REQUEST)
    line = t.site.next()
    assert (line["early_data"], line["early"], line["resumed"]) == ("rejected", 0, False), line
    assert line["up"] and first.next()["error"] is None


def client_early_replayed(t):
    """The flight with early data once more, byte for byte: early data is taken once."""
    t.accept("--early-data", "4000")
    with Relay([t.site.port]) as relay:
        early = {"version": "1.3", "session": "replayed", "early": REQUEST}
        if t.name in ("openssl", "boringssl"):  # the others connect twice in one run
            t.peer.client(relay.port, version="1.3", session="replayed")
        ok, text = t.peer.client(relay.port, **early)
        assert ok, text
    t.site.next()
    line = t.site.next()
    # tstclnt writes when it may: early if it is faster than our answer
    sent = line["early"] + (line["received"] if t.name == "nss" else 0)
    assert line["early_data"] == "accepted" and sent == len(REQUEST), line
    for _ in range(3):
        say_again(t.site.port, relay.heard[1])
        line = t.site.next()
        assert (line["early_data"], line["early"], line["received"]) == ("rejected", 0, 0), line
        assert not line["up"]


def early_file(t):
    path = os.path.join(t.folder, "early")
    with open(path, "wb") as f:
        f.write(REQUEST)
    return path


def server_early(t):
    port = t.serve(version="1.3", early=True)
    s = os.path.join(t.folder, "s")
    if t.name == "nss":
        time.sleep(11)  # selfserv refuses for the ten seconds of its guard against replay
    t.connect(port, "--session", s)
    # selfserv answers early data and resets the connection
    f = t.connect(port, "--session", s, "--early-data", early_file(t), ok=t.name != "nss")
    assert (f["early_data"], f["early_sent"]) == ("accepted", len(REQUEST))
    assert " 200 " in t.stdout


def server_early_rejected(t):
    """What was refused comes again behind the handshake."""
    port = t.serve(version="1.3", early=True)
    s = os.path.join(t.folder, "s")
    t.connect(port, "--session", s)
    known = t.name not in ("gnutls", "boringssl")
    if not known:  # they take what their tickets allow; started anew they know none of them
        port = t.serve(version="1.3", early=True)
    f = t.connect(port, "--session", s, "--early-data", early_file(t))
    assert (f["early_data"], f["early_sent"]) == ("rejected", 0)
    assert f["resumed"] is known


def client_psk_13(t):
    # NSS 3.87 drops a connection with an external PSK when a ticket comes
    t.accept("--psk", ":".join(PSK), *(["--session_tickets", "disabled"] if t.name == "nss" else []))
    line = t.ask(version="1.3", psk=PSK)
    assert line["external_psk"] and line["signature"] is None


def server_psk_13(t):
    # the handshake had no certificate: the key made it
    f = t.connect(t.serve(version="1.3", psk=PSK), "--psk", ":".join(PSK), "--versions", "tlsv1.3",
                  "--suites", "TLS_AES_128_GCM_SHA256")  # the key's hash, whoever prefers what
    assert f["chain"] == [] and not f["resumed"]


# ---- client certificates -----------------------------------------------------------------------

def client_client_cert(t):
    for v in VERSION:
        t.accept("--cacert", t.pki.ca, "--verify", "verify_peer", "--session_tickets", "disabled")
        assert t.ask(version=v)["certificate"] is None
        line = t.ask(version=v, me=t.pki.cert("client"))
        assert "leat test client" in line["certificate"]
        assert "leat test client-rsa" in t.ask(version=v, me=t.pki.cert("client-rsa"))["certificate"]


def client_client_cert_needed(t):
    for v in VERSION:
        t.accept("--cacert", t.pki.ca, "--verify", "verify_peer", "--fail_if_no_peer_cert", "true")
        t.refused("certificate_required" if v == "1.3" else "handshake_failure", version=v)
        assert t.ask(version=v, me=t.pki.cert("client"))["certificate"]


def server_client_cert(t):
    me = t.pki.cert("client")
    for v in VERSION:
        port = t.serve(version=v, auth="need")
        f = t.connect(port, "--cert", me.chain, "--key", me.key)
        assert f["client_signature"]
        f = t.connect(port, ok=False)
        assert " 200 " not in t.stdout and f["error"]


def say(server, line):
    server.child.stdin.write(line + b"\n")
    server.child.stdin.flush()


def client_post_auth(t):
    t.site = Accept(t.leat, t.run_server, t.pki, "--echo", "--orders", "--cacert", t.pki.ca,
                    "--post_handshake_auth", "true", stdin=subprocess.PIPE)
    client = t.peer.typed_client(t.site.port, t.pki.cert("client"))
    say(client, b"before")
    client.wait_line("before")
    say(t.site.server, b"auth")
    say(client, b"meanwhile")
    got = t.site.next("auth")
    assert got["result"] == "shown" and "leat test client" in got["certificate"]
    say(client, b"afterwards")
    client.wait_line("afterwards")


def server_post_auth(t):
    me = t.pki.cert("client")
    port = t.serve(version="1.3", auth="later")
    # our side stays open until we were asked
    client = t.run_server([t.leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost",
                           "--cacert", t.pki.ca, "--cert", me.chain, "--key", me.key,
                           "--post_handshake_auth", "true"], stdin=subprocess.PIPE)
    client.child.stdin.write(REQUEST)
    client.child.stdin.flush()
    t.peer.last.wait_line("Certificate Validated")
    assert "Subject: CN=leat test client" in t.peer.last.output()


# ---- what travels with certificates --------------------------------------------------------------

def client_ocsp(t):
    ident = t.pki.cert("p256")
    for says in ("good", "none"):
        t.accept(*(["--ocsp-file", ocsp.write(t.folder, t.pki, ident)] if says == "good" else []))
        for v in VERSION:
            ok, text = t.peer.client(t.site.port, version=v, ask_staple=True)
            assert ok and t.peer.stapled(text) is (says == "good"), text


def server_ocsp(t):
    ident = t.pki.cert("rsa2048" if t.name == "nss" else "p256")
    path = ocsp.write(t.folder, t.pki, ident)
    with ocsp.Responder(path) as responder:
        for v in VERSION:
            port = t.serve(ident.name, version=v, staple=path, responder=responder.url)
            if t.name == "nss":  # makes it itself and signs it with SHA-1
                f = t.connect(port, "--ocsp_stapling", "required", ok=False)
                assert f["exit"] == 4 and "weak hash" in f["error"], f
                continue
            f = t.connect(port, "--ocsp_stapling", "required")
            assert f["ocsp"] == "good"
            assert t.connect(port)["ocsp"] == "none"


def client_client_ocsp(t):
    """Our CertificateRequest asks for it, their Certificate has it."""
    me = t.pki.cert("client")
    path = ocsp.write(t.folder, t.pki, me)
    t.accept("--cacert", t.pki.ca, "--verify", "verify_peer", "--ocsp_stapling", "required")
    assert t.ask(version="1.3", me=me, staple=path)["client_ocsp"] == "good"
    t.refused("bad_certificate_status_response", version="1.3", me=me)
    revoked = ocsp.write(t.folder, t.pki, me, "revoked")
    t.refused("certificate_revoked", version="1.3", me=me, staple=revoked)


def server_client_ocsp(t):
    me = t.pki.cert("client")
    port = t.serve(version="1.3", auth="need")
    if t.name == "gnutls":  # judges it, and takes it from clients alone that ask for the server's as well
        for says in ("good", "revoked"):
            f = t.connect(port, "--cert", me.chain, "--key", me.key, "--ocsp_stapling", "true",
                          "--ocsp-file", ocsp.write(t.folder, t.pki, me, says), ok=says == "good")
        assert "access_denied" in f["error"], f
        t.peer.last.wait_line("revoked via OCSP")
        return
    for args in ([], ["--ocsp-file", ocsp.write(t.folder, t.pki, me)]):
        t.connect(port, "--cert", me.chain, "--key", me.key, *args)
        assert t.peer.stapled(t.stdout.replace("\t", "\n")) is bool(args), t.stdout


def client_compression(t):
    for name in ("zlib", "brotli", "zstd"):
        t.accept("--cert_compression", name, cert="rsa2048")
        if t.ask(version="1.3", packing=True)["cert_packed"] == name:
            return
    raise AssertionError("it takes none of the three")


def server_compression(t):
    f = t.connect(t.serve("rsa2048", version="1.3", packing=True), "--cert_compression", "zlib,brotli,zstd")
    assert f["cert_packed"] in ("zlib", "brotli", "zstd")


# ---- KeyUpdate ---------------------------------------------------------------------------------

def client_key_update_sent(t):
    """We change our keys before the answer, and ask for theirs."""
    t.accept("--key-update", "1", "--keylog", "/dev/stderr")
    t.ask(version="1.3")
    assert "SERVER_TRAFFIC_SECRET_1 " in t.site.server.output()


def client_key_update_got(t):
    t.accept("--keylog", "/dev/stderr")
    t.ask(version="1.3", update=True)
    assert "CLIENT_TRAFFIC_SECRET_1 " in t.site.server.output()


def server_key_update_sent(t):
    t.connect(t.serve(version="1.3"), "--key-update", "--keylog", "/dev/stderr")
    assert "CLIENT_TRAFFIC_SECRET_1 " in t.text


def server_key_update_got(t):
    if t.name == "openssl":
        return typed_key_update(t)
    t.connect(t.serve(version="1.3", update=True), "--keylog", "/dev/stderr")
    assert "SERVER_TRAFFIC_SECRET_1 " in t.text


def typed_key_update(t):
    """s_server does it when somebody types K."""
    port = t.serve(version="1.3", answer=False, typed=True)
    p = subprocess.Popen(
        [t.leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", t.pki.ca,
         "--keylog", "/dev/stderr"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    p.stdin.write(b"hello\n")
    p.stdin.flush()
    t.peer.last.wait_line("hello")
    for line in (b"K\n", b"under new keys\n"):
        t.peer.last.child.stdin.write(line)
        t.peer.last.child.stdin.flush()
        time.sleep(0.3)  # an order is a read of its own
    assert p.stdout.readline() == b"under new keys\n"
    p.stdin.write(b"here too\n")
    p.stdin.flush()
    t.peer.last.wait_line("here too")
    _, text = p.communicate(timeout=20)
    assert b"SERVER_TRAFFIC_SECRET_1 " in text and b"CLIENT_TRAFFIC_SECRET_1 " in text
