#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""seed_x509.py: writes the seeds of fz_chain, fz_lean, fz_crl, fz_pem and fz_option into corpus/<target>/.

Certificates are made anew at each run (so run it only to add kinds); they are valid around the time
fz_chain verifies at. The one private key is the example of RFC 8410 section 10.3, known to all.
"""
import datetime
import hashlib
import ipaddress
import os
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = datetime.datetime.utcfromtimestamp(1800000000)
DAY = datetime.timedelta(days=1)
RFC8410_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
"""


def write(target, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(data).hexdigest()[:12]), "wb") as f:
        f.write(data)


def name(cn):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def issue(cn, key, issuer=None, ca=False, extensions=(), days=(-10, 10), md=hashes.SHA256()):
    top, top_key = issuer or (None, key)
    b = (x509.CertificateBuilder().subject_name(name(cn))
         .issuer_name(top.subject if top else name(cn)).public_key(key.public_key())
         .serial_number(x509.random_serial_number())
         .not_valid_before(NOW + days[0] * DAY).not_valid_after(NOW + days[1] * DAY)
         .add_extension(x509.BasicConstraints(ca, None), True))
    for ext, critical in extensions:
        b = b.add_extension(ext, critical)
    eddsa = isinstance(top_key, ed25519.Ed25519PrivateKey)
    return b.sign(top_key, None if eddsa else md), key


def sans(*names):
    return x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() or ":" in n else x509.DNSName(n)
         for n in names]), False


def chain(*certs):
    ders = [c[0].public_bytes(serialization.Encoding.DER) for c in certs]
    write("chain", b"".join(len(d).to_bytes(2, "big") + d for d in ders))


def pem(*certs):
    return b"".join(c[0].public_bytes(serialization.Encoding.PEM) for c in certs)


def chains():
    new = lambda: ec.generate_private_key(ec.SECP256R1())  # noqa: E731
    root = issue("r", new(), ca=True)
    inter = issue("i", new(), root, ca=True)
    eku = lambda o: (x509.ExtendedKeyUsage([o]), False)  # noqa: E731
    usage = (x509.KeyUsage(True, *[False] * 8), True)
    good = issue("l", new(), inter, extensions=[
        sans("localhost", "*.wild.test", "127.0.0.1", "::1"), usage,
        eku(ExtendedKeyUsageOID.SERVER_AUTH)])
    chain(good, inter, root)
    chain(root)
    chain(issue("c", ed25519.Ed25519PrivateKey.generate(), root,
                extensions=[eku(ExtendedKeyUsageOID.CLIENT_AUTH)]), root)
    chain(issue("rsa", rsa.generate_private_key(65537, 2048), root,
                extensions=[sans("localhost")]), root)
    chain(issue("old", new(), root, extensions=[sans("localhost")], days=(-10, -1)), root)
    chain(issue("x", new(), root, extensions=[
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]), root)
    limited = issue("n", new(), root, ca=True, extensions=[
        (x509.NameConstraints([x509.DNSName("localhost")],
                              [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]), True)])
    chain(issue("in", new(), limited, extensions=[sans("localhost")]), limited, root)
    chain(issue("out", new(), limited, extensions=[sans("other.test", "10.1.1.1")]), limited, root)
    chain(issue("sha1", new(), root, md=hashes.SHA1()), root)
    return good, inter, root


def lean():
    key = serialization.load_pem_private_key(RFC8410_KEY.encode(), None)

    def tbs(*certs):
        parts = [c[0].tbs_certificate_bytes for c in certs]
        write("lean", b"".join(len(p).to_bytes(2, "big") + p for p in parts))

    def known(public):
        return (x509.SubjectKeyIdentifier.from_public_key(public), False)

    def by(public):
        return (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)

    public = key.public_key()
    signs = (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
    usage = (x509.KeyUsage(True, *[False] * 8), True)
    server = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH,
                                     ExtendedKeyUsageOID.CLIENT_AUTH]), False)
    crl = (x509.CRLDistributionPoints([x509.DistributionPoint(
        [x509.UniformResourceIdentifier("http://crl.test/1")], None, None, None)]), False)
    policies = (x509.CertificatePolicies([x509.PolicyInformation(
        x509.ObjectIdentifier("2.23.140.1.2.1"), None)]), False)
    root = issue("r", key, ca=True, extensions=[signs, known(public)])
    inter = issue("i", key, root, ca=True, extensions=[signs, known(public), by(public), server])
    good = issue("l", key, inter, extensions=[
        sans("localhost", "*.wild.test", "127.0.0.1", "::1"), usage, server, crl, policies,
        known(public), by(public)])
    tbs(good, inter, root)
    tbs(issue("l", key, root, extensions=[sans("localhost")]), root)
    tbs(issue("c", key, root, extensions=[server]), root)
    tbs(good, root, inter)
    tbs(issue("l", key, root, extensions=[sans("other.test")], days=(-10, -1)), root)
    tbs(issue("l", key, inter, extensions=[
        sans("localhost"),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]), inter, root)
    limited = issue("n", key, root, ca=True, extensions=[
        (x509.NameConstraints([x509.DNSName("localhost")], None), True)])
    tbs(issue("in", key, limited, extensions=[sans("localhost")]), limited, root)


def crls():
    key = serialization.load_pem_private_key(RFC8410_KEY.encode(), None)
    signs = (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
    root = issue("r", key, ca=True, extensions=[signs])
    signer = issue("s", key, root, extensions=[signs])
    uris = [x509.UniformResourceIdentifier("http://crl.test/1")]
    names = [x509.DirectoryName(name("s"))]

    def leaf(*points, kind=x509.CRLDistributionPoints):
        return issue("l", key, root, extensions=[(kind(points), False)] if points else [])

    def crl(issuer="r", revoked=(), days=(-1, 1), extensions=((x509.CRLNumber(10), False),)):
        b = (x509.CertificateRevocationListBuilder().issuer_name(name(issuer))
             .last_update(NOW + days[0] * DAY).next_update(NOW + days[1] * DAY))
        for cert, ext in revoked:
            r = (x509.RevokedCertificateBuilder().serial_number(cert[0].serial_number)
                 .revocation_date(NOW - DAY))
            b = b.add_revoked_certificate(
                (r.add_extension(ext, isinstance(ext, x509.CertificateIssuer)) if ext else r).build())
        for ext, critical in extensions:
            b = b.add_extension(ext, critical)
        return b.sign(key, None)

    def idp(full=None, user=False, ca=False, reasons=None, indirect=False):
        return ((x509.CRLNumber(10), False),
                (x509.IssuingDistributionPoint(full, None, user, ca, reasons, indirect, False), True))

    def seed(certs, *lists):
        parts = ([c[0].tbs_certificate_bytes for c in certs] + [b""]
                 + [c.tbs_certlist_bytes for c in lists])
        write("crl", b"".join(len(p).to_bytes(2, "big") + p for p in parts))

    point = x509.DistributionPoint
    plain, at = leaf(), leaf(point(uris, None, None, None))
    by = leaf(point(uris, None, None, names))
    some = frozenset([x509.ReasonFlags.key_compromise, x509.ReasonFlags.superseded])
    hold = x509.CRLReason(x509.ReasonFlags.certificate_hold)
    delta = ((x509.CRLNumber(12), False), (x509.DeltaCRLIndicator(10), True))
    seed([plain, root], crl())
    seed([plain, root], crl(revoked=[(plain, hold)]))
    seed([plain, root], crl(days=(-3, -1)))
    seed([at, root], crl(extensions=idp(uris)), crl(revoked=[(root, None)]))
    seed([at, root], crl(extensions=idp(uris, user=True), revoked=[(at, None)]))
    seed([at, root], crl(extensions=idp(uris, ca=True)))
    seed([leaf(point(uris, None, some, None), point(uris, None, None, None)), root],
         crl(extensions=idp(uris, reasons=some)), crl())
    seed([by, signer, root], crl(), crl("s", extensions=idp(indirect=True), revoked=[
        (by, x509.CertificateIssuer([x509.DirectoryName(name("r"))]))]))
    seed([by, signer, root], crl(), crl("s", extensions=idp(indirect=True)))
    seed([plain, root], crl(revoked=[(plain, hold)]),
         crl(extensions=delta, revoked=[(plain, x509.CRLReason(x509.ReasonFlags.remove_from_crl))]))
    seed([leaf(point(uris, None, None, None), kind=x509.FreshestCRL), root], crl(),
         crl(extensions=delta))
    seed([leaf(point(None, x509.RelativeDistinguishedName(
        [x509.NameAttribute(NameOID.COMMON_NAME, "x")]), None, None)), root], crl())


def texts(good, inter, root):
    key = serialization.load_pem_private_key(RFC8410_KEY.encode(), None)
    own = issue("rfc8410", key, root, extensions=[sans("localhost")])
    key_text = RFC8410_KEY.encode()
    sealed = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.BestAvailableEncryption(b"secret"))
    write("pem", pem(own, inter) + key_text)
    write("pem", sealed + pem(own))
    write("pem", pem(root, inter, good))
    write("pem", key_text)
    write("pem", pem(root)[:-30])
    write("pem", b"note\n" + pem(root).replace(b"\n", b"\r\n"))
    write("pem", b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                 b"DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nMAA=\n"
                 b"-----END RSA PRIVATE KEY-----\n" + pem(root))


def options():
    with open(os.path.join(os.path.dirname(HERE), "unit", "t_option.c"), encoding="utf-8") as f:
        source = f.read()
    given = re.findall(r'(?:takes|refuses)\(LEAT_\w+, "(\w+)", "([^"\\]*)"', source)
    for i in range(0, len(given), 8):
        write("option", "\n".join(f"{n}={v}" for n, v in given[i:i + 8]).encode())


if __name__ == "__main__":
    import sys
    some = {"lean": lean, "crl": crls}
    for one in sys.argv[1:]:
        some[one]()
    if sys.argv[1:]:
        sys.exit()
    texts(*chains())
    lean()
    crls()
    options()
