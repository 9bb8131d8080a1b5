// SPDX-License-Identifier: Apache-2.0

// Node, Deno and Bun as peers, by node:tls: obeys lines on stdin, one answer a line on stdout; see
// tests/lib/driven.py. What a machine does not offer through node:tls is excluded in matrix.tsv.
import { constants } from "node:crypto";
import fs from "node:fs";
import readline from "node:readline";
import tls from "node:tls";

const sessions = {};
const GROUPS = { x25519: "X25519", secp256r1: "P-256", secp384r1: "P-384", secp521r1: "P-521", x448: "X448",
	X25519MLKEM768: "X25519MLKEM768", SecP256r1MLKEM768: "SecP256r1MLKEM768",
	SecP384r1MLKEM1024: "SecP384r1MLKEM1024" };
const SUITES = { // OpenSSL's names of TLS 1.2 suites
	TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
	TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: "ECDHE-ECDSA-AES256-GCM-SHA384",
	TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
	TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: "ECDHE-RSA-AES128-GCM-SHA256",
	TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: "ECDHE-RSA-AES256-GCM-SHA384",
	TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-RSA-CHACHA20-POLY1305",
};

function options(s, verb) {
	const o = {};
	if (s.version)
		o.minVersion = o.maxVersion = "TLSv" + s.version;
	if (s.suites)
		o.ciphers = s.suites.split(",").map((n) => SUITES[n] ?? n).join(":");
	if (s.groups)
		o.ecdhCurve = s.groups.split(",").map((g) => GROUPS[g]).join(":");
	if (s.alpn)
		o.ALPNProtocols = s.alpn.split(",");
	if (s.cert) {
		o.cert = fs.readFileSync(s.cert);
		o.key = fs.readFileSync(s.key);
	}
	if (s.ca)
		o.ca = fs.readFileSync(s.ca);
	if (s.psk) { // identity:hex; the callback's form is the role's
		const [identity, hex] = s.psk.split(":"), psk = Buffer.from(hex, "hex");
		o.pskCallback = verb === "client" ? () => ({ identity, psk }) : (k, id) => id === identity ? psk : null;
		o.checkServerIdentity = () => undefined;
	}
	if (s.tickets)
		o.secureOptions = constants.SSL_OP_NO_TICKET;
	o.requestOCSP = s.ask_staple === "1";
	return o;
}

function facts(k, got, staple = 0) {
	const peer = k.getPeerCertificate();
	return `version=${(k.getProtocol() ?? "").replace("TLSv", "")}\tsuite=${k.getCipher()?.standardName}` +
		`\tresumed=${k.isSessionReused?.() ? 1 : 0}\talpn=${k.alpnProtocol || ""}` +
		`\tpeer=${peer?.subject?.CN ?? ""}\tstaple=${staple}\tgot=${got.replace(/\t/g, " ").replace(/\r/g, "").replace(/\n/g, "|")}`;
}

function client(s) {
	return new Promise((done) => {
		const k = tls.connect({ ...options(s, "client"), host: "127.0.0.1", port: Number(s.port), servername: s.name,
			session: s.session && sessions[s.session] });
		let got = "", ended = false, staple = 0;
		const fail = (e) => done(`ok=0\terror=${String(e).replace(/[\t\n]/g, " ")}`);
		k.setTimeout(20000, () => { fail("too slow"); k.destroy(); });
		k.on("OCSPResponse", (r) => { staple = r?.length ?? 0; });
		k.on("session", (t) => { if (s.session) sessions[s.session] = t; });
		k.on("secureConnect", () => {
			if (!k.authorized && !s.psk)
				return fail(k.authorizationError), k.destroy();
			k.write(s.send + "\r\n\r\n");
		});
		k.on("data", (b) => { got += b.toString("latin1"); });
		k.on("end", () => { ended = true; const f = facts(k, got, staple); k.end(); done("ok=1\t" + f); });
		k.on("error", fail);
		k.on("close", () => { if (!ended) fail("closed without close_notify"); });
	});
}

function server(s) {
	const o = options(s, "server");
	if (s.auth) {
		o.requestCert = true;
		o.rejectUnauthorized = s.auth === "need";
	}
	const l = tls.createServer(o, (k) => {
		let got = "", answered = false;
		k.on("data", (b) => {
			got += b.toString("latin1");
			if (answered || !/\r?\n\r?\n/.test(got))
				return;
			answered = true;
			k.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${facts(k, "")}\n`);
		});
		k.on("error", () => {});
	});
	l.on("tlsClientError", () => {});
	if (s.tickets) { // sessions by id: node:tls leaves keeping them to the application
		const kept = new Map();
		l.on("newSession", (id, data, done) => { kept.set(id.toString("hex"), data); done(); });
		l.on("resumeSession", (id, done) => done(null, kept.get(id.toString("hex")) ?? null));
	}
	if (s.staple)
		l.on("OCSPRequest", (cert, issuer, reply) => reply(null, fs.readFileSync(s.staple)));
	return new Promise((done) => l.listen(0, "127.0.0.1", () => done(`ok=1\tport=${l.address().port}`)));
}

for await (const line of readline.createInterface({ input: process.stdin })) {
	const [verb, ...words] = line.split("\t");
	const s = Object.fromEntries(words.map((w) => [w.slice(0, w.indexOf("=")), w.slice(w.indexOf("=") + 1)]));
	let said;
	try {
		said = await (verb === "server" ? server(s) : client(s));
	} catch (e) {
		said = `ok=0\terror=${String(e).replace(/[\t\n]/g, " ")}`;
	}
	process.stdout.write(said + "\n");
}
process.exit(0);
