# SPDX-License-Identifier: Apache-2.0
"""Certificates made at run time: nothing secret in the tree, nothing that expires in it.

    pki = Pki(folder)
    me = pki.cert("p256")         # made on first use, kept for the life of the Pki
    me.cert, me.key, me.chain     # PEM paths: certificate, private key, certificate + intermediates
    pki.ca                        # PEM path of the root to trust

Ready-made names: rsa2048 rsa3072 rsapss p256 p384 p521 ed25519 ed448 (good servers);
expired notyet wronghost noname unknownca selfsigned clientonly nochain (each bad in one way);
client client-rsa client-ed25519 (client certificates).
Good servers carry SAN localhost, *.wild.test, 127.0.0.1 and ::1. RSA certificates come from an RSA
intermediate (PKCS#1 signatures in the chain), all others from a P-256 one; the root is RSA.
issue() makes anything else. DER files stand beside the PEM ones (.der).
"""
import datetime
import ipaddress
import os
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ("localhost", "*.wild.test", "127.0.0.1", "::1")
DAY = datetime.timedelta(days=1)

KEYS = {
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
}
# name -> arguments of issue()
READY = {
    **{k: {"key": k} for k in ("rsa2048", "rsa3072", "rsapss", "p256", "p384", "p521", "ed25519",
                               "ed448")},
    "expired": {"days": (-30, -1)},
    "notyet": {"days": (1, 30)},
    "wronghost": {"hosts": ("other.test", "192.0.2.1")},
    "noname": {"hosts": ()},
    "unknownca": {"issuer": "stranger"},
    "selfsigned": {"issuer": None},
    "clientonly": {"usage": "client"},
    "nochain": {"chain": False},
    "client": {"usage": "client", "hosts": ("client.test",)},
    "client-rsa": {"usage": "client", "hosts": ("client.test",), "key": "rsa2048"},
    "client-ed25519": {"usage": "client", "hosts": ("client.test",), "key": "ed25519"},
}


class Ident:
    """One certificate with its key, as files and as objects."""

    def __init__(self, name, folder, cert, key, above):
        self.name, self.obj, self.key_obj, self.above = name, cert, key, above
        base = os.path.join(folder, name)
        self.cert, self.key, self.chain = base + ".pem", base + ".key", base + ".chain.pem"
        self.der = base + ".der"

    def common_name(self):
        return self.obj.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value

    def pem(self):
        return self.obj.public_bytes(serialization.Encoding.PEM)

    def write(self, send_chain):
        put(self.cert, self.pem())
        put(self.der, self.obj.public_bytes(serialization.Encoding.DER))
        # The root itself is never sent: the peer has it or does not trust it.
        links = self.above.senders() if send_chain and self.above else []
        put(self.chain, b"".join([self.pem()] + [i.pem() for i in links]))
        if self.key_obj is not None:
            put(self.key, self.key_obj.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption()), 0o600)
        return self

    def senders(self):
        return [self] + self.above.senders() if self.above else []


def put(path, data, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as f:
        f.write(data)


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "leat test, worthless"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text)])


def general_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def digest_for(key):
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()


class Pki:
    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.made = {}
        self.root = self._authority("root", "rsa2048", None)
        self.ca = self.root.cert

    def _authority(self, name, key, above, path_length=None):
        if name not in self.made:
            k = KEYS[key]()
            self.made[name] = self._sign(name, f"leat test {name}", k, above, (-1, 30), [
                (x509.BasicConstraints(True, path_length), True),
                (x509.KeyUsage(False, False, False, False, False, True, True, False, False), True),
            ]).write(True)
        return self.made[name]

    def authority(self, name):
        """inter-ec, inter-rsa, others (below root), stranger (a root nobody trusts)."""
        if name == "root":
            return self.root
        if name == "stranger":
            return self._authority("stranger", "p256", None)
        return self._authority(name, "rsa2048" if name == "inter-rsa" else "p256", self.root)

    def _sign(self, name, subject, key, above, days, extensions, public=None):
        now = datetime.datetime.utcnow().replace(microsecond=0)
        public = public or key.public_key()
        signer = above.key_obj if above else key
        b = (x509.CertificateBuilder()
             .subject_name(name_of(subject))
             .issuer_name(above.obj.subject if above else name_of(subject))
             .public_key(public)
             .serial_number(x509.random_serial_number())
             .not_valid_before(now + days[0] * DAY)
             .not_valid_after(now + days[1] * DAY)
             .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
             .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                 signer.public_key()), False))
        for ext, critical in extensions:
            b = b.add_extension(ext, critical)
        return Ident(name, self.folder, b.sign(signer, digest_for(signer)), key, above)

    def issue(self, name, key="p256", hosts=HOSTS, days=(-1, 30), issuer="auto", usage="server",
              chain=True, extensions=(), subject=None):
        """Make and keep a certificate. issuer: auto, None, or a name for authority()."""
        if key == "rsapss":
            return self._issue_pss(name, hosts)
        if issuer == "auto":
            issuer = "inter-rsa" if key.startswith("rsa") else "inter-ec"
        above = self.authority(issuer) if issuer else None
        eku = {"server": [ExtendedKeyUsageOID.SERVER_AUTH],
               "client": [ExtendedKeyUsageOID.CLIENT_AUTH]}[usage]
        exts = [(x509.BasicConstraints(False, None), True),
                (x509.KeyUsage(True, False, key.startswith("rsa"), False, False, False, False,
                               False, False), True),
                (x509.ExtendedKeyUsage(eku), False), *extensions]
        if hosts:
            exts.append((x509.SubjectAlternativeName([general_name(h) for h in hosts]), False))
        self.made[name] = self._sign(name, subject or f"leat test {name}", KEYS[key](), above,
                                     days, exts).write(chain)
        return self.made[name]

    def _issue_pss(self, name, hosts):
        """A key that may only do RSASSA-PSS; python3-cryptography 38 cannot make one."""
        above = self.authority("inter-rsa")
        ident = Ident(name, self.folder, None, None, above)
        conf = os.path.join(self.folder, name + ".cnf")
        san = ",".join(("IP:" if isinstance(general_name(h), x509.IPAddress) else "DNS:") + h
                       for h in hosts)
        put(conf, f"basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
                  f"extendedKeyUsage=serverAuth\nsubjectAltName={san}\n".encode())
        req = os.path.join(self.folder, name + ".csr")
        for argv in (
                ["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048",
                 "-out", ident.key],
                ["req", "-new", "-key", ident.key, "-subj", f"/O=leat test/CN={name}", "-out", req],
                ["x509", "-req", "-in", req, "-CA", above.cert, "-CAkey", above.key, "-days", "30",
                 "-CAcreateserial", "-extfile", conf, "-sha256", "-out", ident.cert]):
            subprocess.run(["openssl", *argv], check=True, capture_output=True,
                           stdin=subprocess.DEVNULL)
        os.chmod(ident.key, 0o600)
        with open(ident.cert, "rb") as f:
            ident.obj = x509.load_pem_x509_certificate(f.read())
        self.made[name] = ident.write(True)
        return ident

    def cert(self, name):
        if name not in self.made:
            if name not in READY:
                raise KeyError(f"no ready-made certificate {name!r}; use issue()")
            self.issue(name, **READY[name])
        return self.made[name]
