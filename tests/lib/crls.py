# SPDX-License-Identifier: Apache-2.0
"""CRLs in tests: made by `openssl ca`, indirect ones by python3-cryptography, and a web server for them.

    ca = Ca(folder, ident)                  # ident of lib/pki.py, an authority
    ca.revoke(leaf, "keyCompromise")
    ca.crl("a.pem")                         # version 2; v1=True, days=-1, idp=URI, delta=N
    web = Web(); web.put("/a.crl", der); web.uri("/a.crl"); web.hits["/a.crl"]
"""
import datetime
import hashlib
import http.server
import os
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

CONFIG = """
[ca]
default_ca = it
[it]
database = {base}.txt
crlnumber = {base}.number
default_md = sha256
unique_subject = no
[ext]
authorityKeyIdentifier = keyid
{more}
[place]
fullname = URI:{uri}
"""


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True,
                   stdin=subprocess.DEVNULL)


def to_der(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_crl(f.read()).public_bytes(serialization.Encoding.DER)


class Ca:
    """What `openssl ca` needs beside the key and certificate of an authority: a database and a number."""

    def __init__(self, folder, ident):
        self.folder, self.ident = str(folder), ident
        self.base = os.path.join(self.folder, ident.name + ".db")
        with open(self.base + ".txt", "w", encoding="ascii"):
            pass
        self.number(16)

    def number(self, n):
        """The number of the next list."""
        with open(self.base + ".number", "w", encoding="ascii") as f:
            f.write(f"{n:04x}\n")

    def _run(self, more, uri, *args):
        conf = self.base + ".cnf"
        with open(conf, "w", encoding="ascii") as f:
            f.write(CONFIG.format(base=self.base, more=more, uri=uri or "http://x/"))
        openssl("ca", "-config", conf, "-cert", self.ident.cert, "-keyfile", self.ident.key, *args)

    def revoke(self, ident, reason="unspecified"):
        self._run("", None, "-revoke", ident.cert, "-crl_reason", reason)

    def crl(self, name, v1=False, days=7, idp=None, delta=None):
        """Path of a new list, PEM. days below 0: it has expired. delta: the number of the base."""
        out = os.path.join(self.folder, name)
        more = "issuingDistributionPoint = critical, @place\n" if idp else ""
        if delta is not None:
            more += f"2.5.29.27 = critical, DER:02:01:{delta:02x}\n"
        now = datetime.datetime.utcnow()
        dates = ["-crldays", str(days)] if days > 0 else [
            "-crl_lastupdate", f"{now + datetime.timedelta(days=days - 5):%Y%m%d%H%M%SZ}",
            "-crl_nextupdate", f"{now + datetime.timedelta(days=days):%Y%m%d%H%M%SZ}"]
        self._run(more, idp, "-gencrl", *dates, *([] if v1 else ["-crlexts", "ext"]), "-out", out)
        return out


def indirect(authority, revoked, issuer, path):
    """A list of authority's about certificates of issuer's, PEM."""
    now = datetime.datetime.utcnow().replace(microsecond=0)
    b = (x509.CertificateRevocationListBuilder()
         .issuer_name(authority.obj.subject)
         .last_update(now - datetime.timedelta(hours=1))
         .next_update(now + datetime.timedelta(days=1))
         .add_extension(x509.CRLNumber(1), False)
         .add_extension(x509.IssuingDistributionPoint(None, None, False, False, None, True, False),
                        True))
    for ident in revoked:
        names = x509.CertificateIssuer([x509.DirectoryName(issuer.obj.subject)])
        b = b.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(ident.obj.serial_number)
            .revocation_date(now - datetime.timedelta(hours=2)).add_extension(names, True).build())
    with open(path, "wb") as f:
        f.write(b.sign(authority.key_obj, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return str(path)


# ---- names whose hashes collide ----

def name_hash(org, cn):
    """X509_NAME_hash of O=org, CN=cn, both without capitals and double blanks."""
    def rdn(last, value):
        v = bytes([0x0c, len(value)]) + value
        seq = bytes([6, 3, 0x55, 4, last]) + v
        seq = bytes([0x30, len(seq)]) + seq
        return bytes([0x31, len(seq)]) + seq
    digest = hashlib.sha1(rdn(10, org) + rdn(3, cn)).digest()
    return int.from_bytes(digest[:4], "little")


def colliding_names(org, prefix):
    """Two different texts x such that the names with CN "prefix x" have one hash."""
    seen = {}
    for i in range(10_000_000):
        h = name_hash(org.encode(), f"{prefix} {i}".encode())
        if h in seen:
            return str(seen[h]), str(i)
        seen[h] = i
    raise AssertionError("no two names with one hash")


# ---- a web server ----

class Web:
    """Answers GET on 127.0.0.1 with what was put there: bytes, or a function of the request handler."""

    def __init__(self):
        self.pages, self.hits = {}, {}
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.hits[self.path] = web.hits.get(self.path, 0) + 1
                page = web.pages.get(self.path)
                if callable(page):
                    page(self)
                elif page is None:
                    self.send_error(404)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(page)))
                    self.end_headers()
                    self.wfile.write(page)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def uri(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, path, page):
        self.pages[path] = page

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def redirect_to(target):
    def page(h):
        h.send_response(302)
        h.send_header("Location", target)
        h.send_header("Content-Length", "0")
        h.end_headers()
    return page


def slow(seconds, body):
    """Dribbles, so that nothing but a limit on the whole ends it."""
    def page(h):
        h.send_response(200)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                h.wfile.write(body[:1])
                h.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass
    return page


def endless(h):
    """Says no length and goes on."""
    h.send_response(200)
    h.end_headers()
    try:
        while True:
            h.wfile.write(b"x" * 65536)
    except OSError:
        pass
