# SPDX-License-Identifier: Apache-2.0
"""CRLs end to end: lists of `openssl ca` and certificates of a real chain, leat connect against OpenSSL's
server, OpenSSL's client against leat accept and leat serve, over files, folders and HTTP.

What each kind of list is worth, one wrong thing at a time, is tests/unit/t_crl.c.
"""
import subprocess

import pytest
from cryptography import x509

import crls
from lib import peers
from lib.pki import Pki

VERSIONS = ["1.2", "1.3"]
CHECKS = ["true", "peer", "best_effort"]
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
GOOD, REVOKED, UNKNOWN = "good", "certificate_revoked", "bad_certificate"


def points(*uris, issuer=None):
    names = [x509.UniformResourceIdentifier(u) for u in uris]
    by = [x509.DirectoryName(issuer.obj.subject)] if issuer else None
    return x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, by)])


class World:
    """Two leaves below inter-ec, one of them revoked; lists in every form."""

    def __init__(self, folder):
        self.folder, self.web = folder, crls.Web()
        self.pki = Pki(folder)
        uri = self.web.uri("/inter.crl")
        self.leaf = {
            (role, who): self.pki.issue(f"{role}-{who}", usage=role, extensions=[(points(uri), False)])
            for role in ("server", "client") for who in (GOOD, REVOKED)}
        self.inter = crls.Ca(folder, self.pki.authority("inter-ec"))
        self.root = crls.Ca(folder, self.pki.root)
        for role in ("server", "client"):
            self.inter.revoke(self.leaf[role, REVOKED], "keyCompromise")
        self.lists = {"root": self.root.crl("root.crl"), "v1": self.inter.crl("v1.crl", v1=True),
                      "v2": self.inter.crl("v2.crl"), "idp": self.inter.crl("idp.crl", idp=uri)}
        self.web.put("/inter.crl", crls.to_der(self.lists["idp"]))
        self.file("none", "root")
        self.file("v1", "root", "v1")
        self.file("v2", "root", "v2")
        self.dir("hashes", self.lists["root"], self.lists["v2"])

    def file(self, name, *lists):
        with open(self.folder / f"{name}.pem", "wb") as out:
            for l in lists:
                with open(self.lists.get(l, l), "rb") as f:
                    out.write(f.read())
        return f"file:{self.folder}/{name}.pem"

    def dir(self, name, *paths):
        d = self.folder / name
        d.mkdir(exist_ok=True)
        for old in d.iterdir():
            old.unlink()
        for i, p in enumerate(paths):
            with open(p, "rb") as f:
                (d / f"{i}.pem").write_bytes(f.read())
        crls.openssl("rehash", d)
        return f"dir:{d}"

    def cache(self, kind):
        return {"none": f"file:{self.folder}/none.pem", "v1": f"file:{self.folder}/v1.pem",
                "v2": f"file:{self.folder}/v2.pem", "hashes": f"dir:{self.folder}/hashes",
                "http": f"file:{self.folder}/none.pem,http=5000"}[kind]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("crl"))
    yield w
    w.web.stop()


@pytest.fixture(scope="module")
def serving(world):
    """OpenSSL's server with a leaf, started once."""
    from lib.proc import Server, free_port
    made = {}

    def get(ident):
        if ident.name not in made:
            port = free_port()
            made[ident.name] = port, Server(peers.openssl_server(port, ident), ready="ACCEPT")
        return made[ident.name]

    yield get
    for _, server in made.values():
        server.stop()


def connect(leat, world, port, check, cache, *args):
    done = subprocess.run(
        [leat, "connect", f"127.0.0.1:{port}", "--servername", "localhost", "--cacert", world.pki.ca,
         "--json", "--crl-check", check, "--crl-cache", cache, *args],
        input=REQUEST, capture_output=True, timeout=60)
    return done.returncode, done.stderr.decode()


def verdict(code, text):
    """What the client made of it."""
    if code in (0, 5):
        return GOOD
    assert code == 4, text
    for alert in (REVOKED, UNKNOWN):
        if f"alert {alert} sent" in text:
            return alert
    raise AssertionError(text)


def wanted(kind, who, check):
    if kind == "none":
        return GOOD if check == "best_effort" else UNKNOWN
    return who


# ---- the matrix ----

# REQ: T-crl-matrix OPT-crl_cache OPT-crl_cache-http F-crl-file F-crl-http
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", ["none", "v1", "v2", "hashes", "http"])
@pytest.mark.parametrize("who", [GOOD, REVOKED])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_server(leat, world, serving, version, who, kind, check):
    port, _ = serving(world.leaf["server", who])
    code, text = connect(leat, world, port, check, world.cache(kind),
                         "--tls" + version.replace(".", "_"))
    assert verdict(code, text) == wanted(kind, who, check), text
    if kind == "none" and check != "best_effort":
        assert "crl: none was found" in text
    if who == REVOKED and kind != "none":
        assert "keyCompromise" in text


def test_the_server_learns_why(leat, world, serving):
    port, server = serving(world.leaf["server", REVOKED])
    connect(leat, world, port, "true", world.cache("v2"))
    server.wait_line("alert certificate revoked")
    connect(leat, world, port, "true", world.cache("none"))
    server.wait_line("alert bad certificate")


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_of_leat_accept(leat, world, run_server, version):
    server = world.leaf["server", GOOD]
    for check in CHECKS:
        for kind in ("none", "v2", "hashes"):
            accept = run_server(
                [leat, "accept", "0", "--json", "--cert", server.chain, "--key", server.key,
                 "--cacert", world.pki.ca, "--verify", "verify_peer", "--set",
                 "fail_if_no_peer_cert=true", "--http", "--crl-check", check, "--crl-cache",
                 world.cache(kind)], ready=r'"event":"listening".*"port":(\d+)')
            for who in (GOOD, REVOKED):
                ident = world.leaf["client", who]
                ok, text = peers.openssl_client(
                    int(accept.match.group(1)), world.pki.ca, version=version,
                    extra=["-cert", ident.cert, "-key", ident.key, "-cert_chain", ident.chain])
                want = wanted(kind, who, check)
                assert ok == (want == GOOD), (check, kind, who, text)
                assert ok or "alert " + want.replace("_", " ") in text, text


def test_a_client_of_leat_serve(leat, world, run_server, tmp_path):
    (tmp_path / "index.html").write_text("hello\n")
    server, folder = world.leaf["server", GOOD], world.dir("serve", world.lists["root"])
    serve = run_server(
        [leat, "serve", tmp_path, "--listen", "127.0.0.1:0", "--cert", server.chain, "--key",
         server.key, "--cacert", world.pki.ca, "--crl-check", "true", "--crl-cache", folder, "--json"],
        ready=r'"event":"listening".*"port":(\d+)')
    ident = world.leaf["client", GOOD]
    args = (int(serve.match.group(1)), world.pki.ca)
    extra = ["-cert", ident.cert, "-key", ident.key, "-cert_chain", ident.chain]
    ok, text = peers.openssl_client(*args, extra=extra)
    assert not ok and "alert bad certificate" in text, text
    world.dir("serve", world.lists["root"], world.lists["v2"])  # while it runs
    ok, text = peers.openssl_client(*args, extra=extra)
    assert ok, text


def test_servers_fetch_nothing(leat, world):
    done = subprocess.run(
        [leat, "accept", "0", "--dev", "--crl-check", "true", "--crl-cache", "internal,http=100"],
        capture_output=True, timeout=60)
    assert done.returncode == 2 and b"does not fetch" in done.stderr


def test_one_without_the_other(leat, world):
    for args in (["--crl-check", "true"], ["--crl-cache", "internal"]):
        done = subprocess.run([leat, "connect", "127.0.0.1:1", *args], capture_output=True, timeout=60)
        assert done.returncode == 2 and b"crl_check" in done.stderr, done.stderr


# ---- folders ----

# REQ: T-crl-hashdir
def test_two_authorities_with_one_hash(leat, world, serving):
    a, b = crls.colliding_names("leat test, worthless", "leat test twin")
    idents, lists = [], []
    for n in (a, b):
        ca = world.pki.authority(f"twin {n}")
        idents.append(world.pki.issue(f"leaf of twin {n}", issuer=f"twin {n}"))
        db = crls.Ca(world.folder, ca)
        if n == b:
            db.revoke(idents[-1])
        lists.append(db)
    first, second = lists[0].crl("twin0.crl"), lists[1].crl("twin1.crl")
    ports = [serving(i)[0] for i in idents]

    def look(folder):
        return [verdict(*connect(leat, world, p, "true", folder)) for p in ports]

    folder = world.dir("twins", world.lists["root"], first, second)
    names = {p.name[:9] for p in (world.folder / "twins").iterdir() if ".r" in p.name}
    assert len(names) == 2, names  # the root's, and one for both
    assert look(folder) == [GOOD, REVOKED]
    world.dir("twins", world.lists["root"], second, first)
    assert look(folder) == [GOOD, REVOKED]
    world.dir("twins", world.lists["root"], first)
    assert look(folder) == [GOOD, UNKNOWN]
    old = lists[0].crl("old.crl", days=-1)
    world.dir("twins", world.lists["root"], old, second)
    assert look(folder) == [UNKNOWN, REVOKED]
    world.dir("twins", world.lists["root"], old, second, first)
    assert look(folder) == [GOOD, REVOKED]


def test_an_expired_list(leat, world, serving):
    port, _ = serving(world.leaf["server", GOOD])
    old = world.file("old", "root", world.inter.crl("inter-old.crl", days=-1))
    for check, want in (("true", UNKNOWN), ("peer", UNKNOWN), ("best_effort", GOOD)):
        code, text = connect(leat, world, port, check, old)
        assert verdict(code, text) == want, text
        assert want == GOOD or "crl: expired" in text


# ---- deltas, indirect lists ----

def test_a_delta_of_openssl(leat, world, serving):
    leaf = world.pki.issue("delta leaf")
    inter = crls.Ca(world.folder, world.pki.authority("inter-ec"))
    inter.number(1)
    base = inter.crl("base.crl")
    inter.revoke(leaf, "superseded")
    inter.number(2)
    delta = inter.crl("delta.crl", delta=1)
    port, _ = serving(leaf)
    for check in CHECKS:
        assert verdict(*connect(leat, world, port, check, world.file("b", "root", base))) == GOOD
        code, text = connect(leat, world, port, check, world.file("bd", "root", base, delta))
        assert verdict(code, text) == REVOKED and "superseded" in text


def test_an_indirect_list(leat, world, serving):
    authority = world.pki.authority("crl signer")
    uri = world.web.uri("/indirect.crl")
    leaves = [world.pki.issue(f"indirect {i}", extensions=[(points(uri, issuer=authority), False)])
              for i in range(2)]
    path = crls.indirect(authority, [leaves[1]], world.pki.authority("inter-ec"),
                         world.folder / "indirect.crl")
    world.web.put("/indirect.crl", crls.to_der(path))
    trust = world.folder / "trust.pem"
    with open(world.pki.ca, "rb") as a, open(authority.cert, "rb") as b:
        trust.write_bytes(a.read() + b.read())
    for check in CHECKS:
        for leaf, want in zip(leaves, (GOOD, REVOKED)):
            code, text = connect(leat, world, serving(leaf)[0], check, world.cache("http"),
                                 "--cacert", trust)
            assert verdict(code, text) == want, text
        # whoever signed it is not known: nothing can be told
        code, text = connect(leat, world, serving(leaves[1])[0], check, world.cache("http"))
        assert verdict(code, text) == (GOOD if check == "best_effort" else UNKNOWN), text


# ---- HTTP ----

@pytest.fixture(scope="module")
def fetched(leat, world, serving):
    """Serves a leaf whose only distribution points are these paths; what the client makes of it."""
    count = [0]

    def look(*uris, check="true", ms=1000):
        count[0] += 1
        leaf = world.pki.issue(f"fetched {count[0]}", extensions=[(points(*uris), False)])
        port, server = serving(leaf)
        code, text = connect(leat, world, port, check, world.cache("none") + f",http={ms}")
        server.stop()
        return verdict(code, text)

    world.web.put("/ok", crls.to_der(world.lists["v2"]))
    return look


# REQ: CRLAPI-http
@pytest.mark.parametrize("page,want", [
    ("der", GOOD), ("pem", GOOD), ("redirect", GOOD), ("404", UNKNOWN), ("garbage", UNKNOWN),
    ("empty", UNKNOWN), ("slow", UNKNOWN), ("huge", UNKNOWN), ("endless", UNKNOWN),
    ("to-file", UNKNOWN), ("to-https", UNKNOWN), ("loop", UNKNOWN), ("certificate", UNKNOWN),
    ("expired", UNKNOWN)])
def test_what_a_web_server_may_answer(world, fetched, page, want):
    der = crls.to_der(world.lists["v2"])
    with open(world.lists["v2"], "rb") as f:
        pem = f.read()
    (world.folder / "plain.der").write_bytes(der)
    with open(world.leaf["server", GOOD].der, "rb") as f:
        cert = f.read()
    pages = {"der": der, "pem": pem, "garbage": b"\x30\x82" + bytes(1000), "empty": b"",
             "redirect": crls.redirect_to(world.web.uri("/ok")), "slow": crls.slow(20, der),
             "huge": der + bytes(11 << 20), "endless": crls.endless,
             "to-file": crls.redirect_to(f"file://{world.folder}/plain.der"),
             "to-https": crls.redirect_to("https://127.0.0.1:1/"), "certificate": cert,
             "loop": crls.redirect_to(world.web.uri("/page-loop")),
             "expired": crls.to_der(world.inter.crl("old-web.crl", days=-1))}
    path = f"/page-{page}"
    world.web.put(path, pages.get(page))
    assert fetched(world.web.uri(path)) == want
    assert world.web.hits[path] >= 1
    if page == "loop":
        assert world.web.hits[path] <= 4  # LIM_CRL_REDIRECTS
    assert want == GOOD or fetched(world.web.uri(path), check="best_effort") == GOOD
    # the failure leads to the next name
    assert fetched(world.web.uri(path), world.web.uri("/ok")) == GOOD


def test_what_is_not_asked_for(world, fetched):
    (world.folder / "plain.der").write_bytes(crls.to_der(world.lists["v2"]))
    for uri in (f"file://{world.folder}/plain.der", f"https://127.0.0.1:{world.web.port}/ok",
                f"ftp://127.0.0.1:{world.web.port}/ok", "http://127.0.0.1:1/"):
        assert fetched(uri) == UNKNOWN


def test_nothing_is_fetched_unless_asked(leat, world, serving):
    leaf = world.pki.issue("unasked", extensions=[(points(world.web.uri("/unasked")), False)])
    world.web.put("/unasked", crls.to_der(world.lists["v2"]))
    port, _ = serving(leaf)
    assert verdict(*connect(leat, world, port, "true", world.cache("none"))) == UNKNOWN
    # nor for a chain that is not trusted
    stranger = world.pki.authority("stranger")
    code, text = connect(leat, world, port, "true", world.cache("http"), "--cacert", stranger.cert)
    assert code == 4 and "unknown_ca" in text
    assert "/unasked" not in world.web.hits
