# SPDX-License-Identifier: Apache-2.0
"""Verdicts about a few hundred chains, good and bad in random ways, held against `openssl verify`
(the same path builder, driven by another program with its own idea of the flags) and GnuTLS's
certtool (another implementation altogether). Where a difference is meant it is named here.
"""
import datetime
import ipaddress
import os
import random
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU, NameOID

# certtool knows no other time than the machine's.
NOW = datetime.datetime.utcnow().replace(microsecond=0)
STAMP = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
DAY = datetime.timedelta(days=1)
NUM_CASES = 240
HOSTS = ("www.example.org", "a.wild.example.org", "192.0.2.7", "2001:db8::7")
KEY_USAGES = {"sign": (True, False), "ca": (False, True), "neither": (False, False),
              "both": (True, True)}


def general(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Case:
    """A chain leaf, intermediates, root, each with the faults that a die gave it."""

    def __init__(self, number, keys, folder):
        self.dice = random.Random(number)
        self.keys, self.folder, self.number = keys, folder, number
        self.notes = []
        self.client = self.dice.random() < 0.2
        self.host = None if self.client else self.dice.choice(HOSTS)
        self.build()

    def fault(self, name, chance=0.05):
        hit = self.dice.random() < chance
        if hit:
            self.notes.append(name)
        return hit

    def sign(self, cn, key, issuer, issuer_key, extensions, tag):
        days = (-10, 10)
        if self.fault(f"{tag}-expired", 0.03):
            days = (-10, -1)
        elif self.fault(f"{tag}-early", 0.02):
            days = (1, 10)
        md = hashes.SHA256()
        if tag != "root" and self.fault(f"{tag}-sha1", 0.02):
            md = hashes.SHA1()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
        b = (x509.CertificateBuilder().subject_name(name)
             .issuer_name(issuer.subject if issuer else name).public_key(key.public_key())
             .serial_number(self.dice.getrandbits(100) + 1)
             .not_valid_before(NOW + days[0] * DAY).not_valid_after(NOW + days[1] * DAY))
        if not self.fault(f"{tag}-noids", 0.1):
            b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuer_key.public_key()), False)
        for ext, critical in extensions:
            b = b.add_extension(ext, critical)
        if self.fault(f"{tag}-critical", 0.02):
            b = b.add_extension(x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.2.3.4.5"), b"\5\0"), True)
        elif self.fault(f"{tag}-unknown", 0.1):
            b = b.add_extension(x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.2.3.4.5"), b"\5\0"), False)
        return b.sign(issuer_key, md)

    def authority(self, cn, issuer, issuer_key, tag, below):
        key = self.dice.choice(self.keys)
        exts = []
        if not self.fault(f"{tag}-nobc", 0.03):
            ca = not self.fault(f"{tag}-notca", 0.03)
            length = None
            if ca and self.fault(f"{tag}-pathlen", 0.2):
                length = self.dice.choice((0, 1, 2))
                self.notes.append(f"={length} above {below}")
            exts.append((x509.BasicConstraints(ca, length), True))
        usage = "ca"
        if self.fault(f"{tag}-nocertsign", 0.03):
            usage = "sign"
        elif self.fault(f"{tag}-nousage", 0.1):
            usage = None
        if usage:
            exts.append((self.key_usage(usage), True))
        if issuer and self.fault(f"{tag}-eku", 0.1):
            kind = self.dice.choice((EKU.SERVER_AUTH, EKU.CLIENT_AUTH, EKU.EMAIL_PROTECTION))
            exts.append((x509.ExtendedKeyUsage([kind]), False))
        if issuer and self.fault(f"{tag}-limited", 0.15):
            exts.append((self.limits(), True))
        exts += self.policies(tag)
        if issuer and self.fault(f"{tag}-demands", 0.1):
            exts.append((x509.PolicyConstraints(self.dice.choice((0, 1)), None), True))
        return self.sign(cn, key, issuer, issuer_key or key, exts, tag), key

    def limits(self):
        choice = self.dice.randrange(4)
        self.notes.append(f"limit{choice}")
        name, net = x509.DNSName("example.org"), x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))
        return (x509.NameConstraints([name], None), x509.NameConstraints(None, [name]),
                x509.NameConstraints([net], None), x509.NameConstraints(None, [net]))[choice]

    def policies(self, tag):
        if self.fault(f"{tag}-nopolicy", 0.3):
            return []
        any_policy = self.fault(f"{tag}-anypolicy", 0.2)
        oid = "2.5.29.32.0" if any_policy else self.dice.choice(("1.2.3.4", "1.2.3.4", "1.2.3.5"))
        info = x509.PolicyInformation(x509.ObjectIdentifier(oid), None)
        return [(x509.CertificatePolicies([info]), self.dice.random() < 0.1)]

    @staticmethod
    def key_usage(kind):
        sign, cert = KEY_USAGES[kind]
        return x509.KeyUsage(sign, False, False, False, False, cert, cert, False, False)

    def leaf(self, issuer, issuer_key):
        names = ["www.example.org", "*.wild.example.org", "192.0.2.7", "2001:db8::7"]
        if self.fault("leaf-names", 0.1):
            names = [self.dice.choice(("*.example.com", "example.org", "192.0.2.8", "*.example.org",
                                       "a.wild.example.org", "wild.example.org"))]
            self.notes.append(names[0])
        exts = [(x509.SubjectAlternativeName([general(n) for n in names]), False)]
        if self.fault("leaf-bc", 0.5):
            exts.append((x509.BasicConstraints(False, None), True))
        if self.fault("leaf-usage", 0.5):
            exts.append((self.key_usage("sign"), True))
        eku = EKU.CLIENT_AUTH if self.client else EKU.SERVER_AUTH
        if self.fault("leaf-eku", 0.06):
            eku = self.dice.choice((EKU.CLIENT_AUTH, EKU.SERVER_AUTH, EKU.CODE_SIGNING))
            self.notes.append(eku._name)
        if not self.fault("leaf-noeku", 0.1):
            exts.append((x509.ExtendedKeyUsage([eku]), False))
        exts += self.policies("leaf")
        return self.sign("leaf", self.dice.choice(self.keys), issuer, issuer_key, exts, "leaf")

    def build(self):
        levels = self.dice.choice((0, 1, 1, 1, 2, 3))
        cert, key = self.authority("root", None, None, "root", levels)
        self.roots, self.chain = [cert], []
        if self.fault("other-root", 0.05):
            self.roots = [self.authority("root", None, None, "stranger", levels)[0]]
        for i in range(levels):
            cert, key = self.authority(f"level {i}", cert, key, f"inter{i}", levels - i - 1)
            self.chain.insert(0, cert)
        if self.fault("wrong-key", 0.03):
            key = next(k for k in self.keys if k is not key)
        self.chain.insert(0, self.leaf(cert, key))
        if len(self.chain) > 1 and self.fault("gap", 0.04):
            del self.chain[self.dice.randrange(1, len(self.chain))]
        if self.fault("shuffled", 0.1):
            rest = self.chain[1:]
            self.dice.shuffle(rest)
            self.chain[1:] = rest
        if self.fault("root-sent", 0.2):
            self.chain.append(cert if levels == 0 else self.roots[0])
        self.ca = self.write("ca", self.roots)
        self.path = self.write("chain", self.chain)
        self.rest = self.write("rest", self.chain[1:])
        self.first = self.write("leaf", self.chain[:1])

    def write(self, what, certs):
        path = os.path.join(self.folder, f"{self.number}.{what}")
        with open(path, "wb") as f:
            for c in certs:
                f.write(c.public_bytes(serialization.Encoding.PEM))
        return path

    def line(self):
        return (f"{self.ca} {self.path} {self.host or '-'} {'client' if self.client else 'server'} "
                f"{STAMP} 20\n")

    def openssl(self):
        argv = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", self.ca, "-auth_level",
                "2", "-policy_check", "-policy", "2.5.29.32.0", "-attime", str(STAMP), "-purpose", "sslclient" if self.client else "sslserver"]
        if len(self.chain) > 1:
            argv += ["-untrusted", self.rest]
        if self.host:
            address = self.host[0].isdigit()
            argv += ["-verify_ip" if address else "-verify_hostname", self.host]
        out = subprocess.run([*argv, self.first], capture_output=True, text=True)
        return out.returncode == 0, out.stdout + out.stderr

    def certtool(self):
        argv = ["certtool", "--verify", "--load-ca-certificate", self.ca, "--infile", self.path,
                "--verify-purpose", EKU.CLIENT_AUTH.dotted_string if self.client else
                EKU.SERVER_AUTH.dotted_string]
        if self.host:
            argv += ["--verify-hostname", self.host]
        out = subprocess.run(argv, capture_output=True, text=True)
        return out.returncode == 0, out.stdout + out.stderr


@pytest.fixture(scope="module")
def cases(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("verdict")
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(12)]
    made = [Case(i, keys, folder) for i in range(NUM_CASES)]
    out = subprocess.run([os.path.join(build, "tests", "unit", "t_verdict"), "--judge"],
                         input="".join(c.line() for c in made), capture_output=True, text=True,
                         check=True)
    answers = out.stdout.splitlines()
    assert len(answers) == len(made)
    for case, answer in zip(made, answers):
        case.answer, case.ok = answer, answer == "ok"
    return made


def test_the_set_is_mixed(cases):
    good = sum(c.ok for c in cases)
    assert NUM_CASES // 4 < good < NUM_CASES * 3 // 4
    alerts = {c.answer.split()[0] for c in cases}
    assert alerts == {"ok", "bad_certificate", "unknown_ca", "certificate_expired",
                      "unsupported_certificate"}


def differences(cases, judge, meant):
    found = []
    for c in cases:
        theirs, words = judge(c)
        if theirs != c.ok and not meant(c, theirs):
            found.append(f"case {c.number} {c.notes}\n  ours: {c.answer}\n  theirs: {words.strip()}")
    assert not found, "\n".join(found)


def test_same_as_openssl(cases):
    """REQ: GEN-path-1 GEN-path-2 GEN-path-3 F-nameconstr"""
    differences(cases, Case.openssl, lambda c, theirs: False)


def gnutls_differs(case, theirs):
    # GnuTLS 3.7 holds only IPv4 names against a permitted IPv4 network. RFC 5280 4.2.1.10 has one
    # name form iPAddress for both: an IPv6 name is outside of every IPv4 network.
    if theirs and "limit2" in case.notes and "outside of what the CA may" in case.answer:
        return True
    # It does not process policies, and takes the critical policyConstraints for unknown.
    if any(note.endswith("-demands") for note in case.notes):
        return True
    # It believes any anchor; libcrypto wants one of version 3 to say somehow that it is a CA.
    return theirs and "root-nobc" in case.notes and "subject CN=root" in case.answer


def test_same_as_gnutls(cases):
    differences(cases, Case.certtool, gnutls_differs)
