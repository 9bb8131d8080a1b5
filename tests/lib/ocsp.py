# SPDX-License-Identifier: Apache-2.0
"""OCSP responses made at run time by python3-cryptography, right and wrong.

    path = ocsp.write(folder, pki, ident)                      # good, from the issuer
    path = ocsp.write(folder, pki, ident, says="revoked")      # good revoked unknown expired wrongissuer delegated
"""
import datetime
import http.server
import os
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from lib.pki import KEYS

KINDS = ("good", "delegated", "revoked", "unknown", "expired", "wrongissuer")
HOUR = datetime.timedelta(hours=1)


def responder(pki, above):
    """A certificate that may sign responses for the issuer (id-kp-OCSPSigning)."""
    return pki._sign("responder", "leat test responder", KEYS["p256"](), above, (-1, 30), [
        (x509.BasicConstraints(False, None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)])


def make(pki, ident, says="good"):
    now = datetime.datetime.utcnow().replace(microsecond=0)
    above = ident.above
    first, last = (now - 48 * HOUR, now - 24 * HOUR) if says == "expired" else (
        now - HOUR, now + 24 * HOUR)
    status = {"revoked": ocsp.OCSPCertStatus.REVOKED, "unknown": ocsp.OCSPCertStatus.UNKNOWN}.get(
        says, ocsp.OCSPCertStatus.GOOD)
    signer, extra = above, []
    if says == "delegated":
        signer = responder(pki, above)
        extra = [signer.obj]
    if says == "wrongissuer":
        signer = pki.authority("stranger")
        extra = [signer.obj]
    b = ocsp.OCSPResponseBuilder().add_response(
        cert=ident.obj, issuer=above.obj, algorithm=hashes.SHA1(), cert_status=status,
        this_update=first, next_update=last,
        revocation_time=first if says == "revoked" else None, revocation_reason=None)
    b = b.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.obj)
    if extra:
        b = b.certificates(extra)
    return b.sign(signer.key_obj, hashes.SHA256())


class Responder:
    """An HTTP responder for one certificate, for servers that fetch what they staple: always the same."""

    def __init__(self, path):
        with open(path, "rb") as f:
            body = f.read()

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(200)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


def write(folder, pki, ident, says="good"):
    path = os.path.join(str(folder), f"{ident.name}-{says}.ocsp")
    with open(path, "wb") as f:
        f.write(make(pki, ident, says).public_bytes(serialization.Encoding.DER))
    return path
