"""Other people's TLS programs, started the way docs/interop.md says, each as one function.

Clients return (ok, text): whether the exchange worked and everything the program printed.
Servers are argv lists for the run_server fixture plus the port they listen on; all of them are told
one version, suite, group and credential at a time, so that a passing test says what was negotiated.
"""
import subprocess

# IANA name -> (version, OpenSSL name, GnuTLS priority words of cipher and MAC)
SUITES = {
    "TLS_AES_128_GCM_SHA256": ("1.3", "TLS_AES_128_GCM_SHA256", "+AES-128-GCM:+AEAD"),
    "TLS_AES_256_GCM_SHA384": ("1.3", "TLS_AES_256_GCM_SHA384", "+AES-256-GCM:+AEAD"),
    "TLS_CHACHA20_POLY1305_SHA256": ("1.3", "TLS_CHACHA20_POLY1305_SHA256",
                                     "+CHACHA20-POLY1305:+AEAD"),
    "TLS_AES_128_CCM_SHA256": ("1.3", "TLS_AES_128_CCM_SHA256", "+AES-128-CCM:+AEAD"),
    "TLS_AES_128_CCM_8_SHA256": ("1.3", "TLS_AES_128_CCM_8_SHA256", "+AES-128-CCM-8:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256",
                                                "+ECDHE-ECDSA:+AES-128-GCM:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                                "+ECDHE-ECDSA:+AES-256-GCM:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": (
        "1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", "+ECDHE-ECDSA:+CHACHA20-POLY1305:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM": ("1.2", "ECDHE-ECDSA-AES128-CCM",
                                         "+ECDHE-ECDSA:+AES-128-CCM:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8": ("1.2", "ECDHE-ECDSA-AES128-CCM8",
                                           "+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD"),
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": ("1.2", "ECDHE-RSA-AES128-GCM-SHA256",
                                              "+ECDHE-RSA:+AES-128-GCM:+AEAD"),
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": ("1.2", "ECDHE-RSA-AES256-GCM-SHA384",
                                              "+ECDHE-RSA:+AES-256-GCM:+AEAD"),
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": (
        "1.2", "ECDHE-RSA-CHACHA20-POLY1305", "+ECDHE-RSA:+CHACHA20-POLY1305:+AEAD"),
}
# RFC name -> (OpenSSL -groups name, GnuTLS priority word)
GROUPS = {
    "x25519": ("X25519", "+GROUP-X25519"),
    "secp256r1": ("P-256", "+GROUP-SECP256R1"),
    "secp384r1": ("P-384", "+GROUP-SECP384R1"),
    "secp521r1": ("P-521", "+GROUP-SECP521R1"),
    "x448": ("X448", "+GROUP-X448"),
}
LIMIT = 60


def _run(argv, stdin=b"", env=None):
    import os
    p = subprocess.run(["timeout", str(LIMIT)] + [str(a) for a in argv], input=stdin,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       env=dict(os.environ, OPENSSL_CONF="/dev/null", **(env or {})))
    return p.returncode, p.stdout.decode(errors="replace")


def openssl_client(port, ca, suite=None, group=None, version=None, host="localhost", path="/",
                   extra=()):
    """s_client fetches path; -verify_return_error makes a bad chain of ours fail the test."""
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", host,
            "-verify_hostname", host, "-CAfile", ca, "-verify_return_error", "-ign_eof",
            "-no_ticket", *extra]
    if suite:
        version, name, _ = SUITES[suite]
        argv += ["-ciphersuites", name] if version == "1.3" else ["-cipher", name + ":@SECLEVEL=0"]
    if version:
        argv += ["-tls" + version.replace(".", "_")]
    if group:
        argv += ["-groups", GROUPS[group][0]]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    code, text = _run(argv, request)
    return code == 0 and "HTTP/1.1 200" in text, text


def gnutls_priority(suite=None, group=None, version=None, sign=None):
    p = "NORMAL"
    if suite:
        version, _, words = SUITES[suite]
    if version:
        p += f":-VERS-ALL:+VERS-TLS{version}"
    if suite:
        p += ":-CIPHER-ALL:-MAC-ALL:" + words
        if version == "1.2":
            p = p.replace(":-CIPHER-ALL", ":-KX-ALL:-CIPHER-ALL")
    if group:
        p += ":-GROUP-ALL:" + ":".join(GROUPS[g][1] for g in group.split(","))
    return p


def gnutls_client(port, ca, suite=None, group=None, version=None, host="localhost", path="/"):
    argv = ["gnutls-cli", "-p", port, "--x509cafile", ca, "--sni-hostname", host,
            "--verify-hostname", host, "--priority", gnutls_priority(suite, group, version),
            "127.0.0.1"]
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    code, text = _run(argv, request)
    return code == 0 and "HTTP/1.1 200" in text, text


def curl(port, ca, version=None, host="localhost", path="/", suite=None, group=None, extra=()):
    argv = ["curl", "-sS", "-v", "--cacert", ca, "--max-time", "40", *extra]
    if suite:
        version, name, _ = SUITES[suite]
        argv += ["--tls13-ciphers", name] if version == "1.3" else ["--ciphers", name]
    if version:
        argv += ["--tlsv" + version, "--tls-max", version]
    if group:
        argv += ["--curves", GROUPS[group][0]]
    argv += [f"https://{host}:{port}{path}"]
    code, text = _run(argv)
    return code == 0, text


def openssl_server(port, ident, suite=None, group=None, version=None, extra=()):
    argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", ident.cert,
            "-key", ident.key, "-cert_chain", ident.chain, *extra]
    if suite:
        version, name, _ = SUITES[suite]
        argv += ["-ciphersuites", name] if version == "1.3" else ["-cipher", name + ":@SECLEVEL=0"]
    if version:
        argv += ["-tls" + version.replace(".", "_")]
    if group:
        argv += ["-groups", GROUPS[group][0]]
    return argv


def gnutls_server(port, ident, suite=None, group=None, version=None):
    return ["gnutls-serv", "--http", "-a", "-p", port, "--x509keyfile", ident.key,
            "--x509certfile", ident.chain, "--priority", gnutls_priority(suite, group, version)]


def nginx_server(folder, port, ident, version=None, group=None, ciphers=None):
    """Writes a configuration below folder; the argv runs nginx in the foreground without a daemon."""
    protocols = f"TLSv{version}" if version else "TLSv1.2 TLSv1.3"
    lines = [f"ssl_protocols {protocols};"]
    if group:
        lines.append(f"ssl_ecdh_curve {GROUPS[group][0].replace('P-256', 'prime256v1')};")
    if ciphers:
        lines.append(f"ssl_ciphers {ciphers};")
    (folder / "www").mkdir(parents=True, exist_ok=True)
    (folder / "www" / "index.html").write_text("hello from nginx\n")
    conf = folder / "nginx.conf"
    conf.write_text(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} ssl; root {folder}/www;
    ssl_certificate {ident.chain}; ssl_certificate_key {ident.key};
    {' '.join(lines)}
  }}
}}
""")
    return ["/usr/sbin/nginx", "-e", "stderr", "-c", str(conf), "-p", str(folder)]
