// SPDX-License-Identifier: Apache-2.0

import java.io.*;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.cert.Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import javax.net.ssl.*;

/** Java's JSSE as a peer: obeys lines on stdin, one answer a line on stdout; see tests/lib/driven.py. */
public class Peer {
	static final Map<String, SSLContext> contexts = new HashMap<>();

	static List<X509Certificate> certificates(String path) throws Exception {
		List<X509Certificate> all = new ArrayList<>();
		try (InputStream in = Files.newInputStream(Path.of(path))) {
			for (Certificate c : CertificateFactory.getInstance("X.509").generateCertificates(in))
				all.add((X509Certificate) c);
		}
		return all;
	}

	/** What the PEM block holds is told by trying. */
	static PrivateKey key(String path, String type) throws Exception {
		String text = Files.readString(Path.of(path)).replaceAll("-----[A-Z ]+-----|\\s", "");
		return KeyFactory.getInstance(type).generatePrivate(
			new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
	}

	static KeyManager[] identity(Map<String, String> s) throws Exception {
		if (!s.containsKey("cert"))
			return null;
		List<X509Certificate> chain = certificates(s.get("cert"));
		KeyStore store = KeyStore.getInstance("PKCS12");
		store.load(null, null);
		store.setKeyEntry("me", key(s.get("key"), chain.get(0).getPublicKey().getAlgorithm()),
			new char[0], chain.toArray(new Certificate[0]));
		KeyManagerFactory f = KeyManagerFactory.getInstance("NewSunX509");
		f.init(new KeyStoreBuilderParameters(KeyStore.Builder.newInstance(
			store, new KeyStore.PasswordProtection(new char[0]))));
		return f.getKeyManagers();
	}

	static TrustManager[] trust(Map<String, String> s) throws Exception {
		if (!s.containsKey("ca"))
			return null;
		KeyStore store = KeyStore.getInstance("PKCS12");
		store.load(null, null);
		for (X509Certificate c : certificates(s.get("ca")))
			store.setCertificateEntry(c.getSubjectX500Principal().getName(), c);
		TrustManagerFactory f = TrustManagerFactory.getInstance("PKIX");
		f.init(store);
		return f.getTrustManagers();
	}

	/** Sessions live in a context: one for each name asked for. */
	static SSLContext context(Map<String, String> s) throws Exception {
		String slot = s.get("session");
		if (slot != null && contexts.containsKey(slot))
			return contexts.get(slot);
		// what a context of its own reads from properties: where to fetch the response it staples
		System.setProperty("jdk.tls.server.enableStatusRequestExtension",
			s.containsKey("responder") ? "true" : "false");
		System.setProperty("jdk.tls.stapling.responderURI", s.getOrDefault("responder", ""));
		System.setProperty("jdk.tls.server.enableSessionTicketExtension",
			s.containsKey("tickets") ? "false" : "true");
		SSLContext c = SSLContext.getInstance("TLS");
		c.init(identity(s), trust(s), null);
		if (slot != null)
			contexts.put(slot, c);
		return c;
	}

	static SSLParameters parameters(Map<String, String> s, SSLParameters p) {
		if (s.containsKey("version"))
			p.setProtocols(new String[] {"TLSv" + s.get("version")});
		else
			p.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
		if (s.containsKey("suites"))
			p.setCipherSuites(s.get("suites").split(","));
		if (s.containsKey("alpn"))
			p.setApplicationProtocols(s.get("alpn").split(","));
		return p;
	}

	/** Java 17 knows groups by a property of the process, read once: Peer is started per group list. */
	static String facts(SSLSocket k, boolean resumed, String got) {
		SSLSession n = k.getSession();
		String who = "";
		try {
			who = ((X509Certificate) n.getPeerCertificates()[0]).getSubjectX500Principal().getName();
		} catch (SSLPeerUnverifiedException e) {
			who = "";
		}
		String alpn = k.getApplicationProtocol();
		int staple = n instanceof ExtendedSSLSession
			? ((ExtendedSSLSession) n).getStatusResponses().size() : 0;
		return "version=" + n.getProtocol().replace("TLSv", "") + "\tsuite=" + n.getCipherSuite()
			+ "\tresumed=" + (resumed ? 1 : 0) + "\talpn=" + (alpn == null ? "" : alpn) + "\tpeer=" + who
			+ "\tstaple=" + staple + "\tgot=" + got.replace("\t", " ").replace("\r", "").replace("\n", "|");
	}

	/** A session that was made before this connection began was resumed. */
	static boolean isOld(SSLSession n, long began) {
		return n.getCreationTime() < began;
	}

	static String client(Map<String, String> s) throws Exception {
		SSLContext c = context(s);
		Thread.sleep(2); // so that creation times tell sessions apart
		long began = System.currentTimeMillis();
		// host and port make the session's name in the client's cache
		java.net.Socket raw = new java.net.Socket(InetAddress.getByName("127.0.0.1"),
			Integer.parseInt(s.get("port")));
		raw.setSoTimeout(20000);
		try (SSLSocket k = (SSLSocket) c.getSocketFactory().createSocket(
				raw, s.get("name"), Integer.parseInt(s.get("port")), true)) {
			SSLParameters p = parameters(s, k.getSSLParameters());
			p.setServerNames(List.of(new SNIHostName(s.get("name"))));
			p.setEndpointIdentificationAlgorithm("HTTPS");
			k.setSSLParameters(p);
			k.startHandshake();
			if (s.containsKey("update"))
				k.startHandshake(); // TLS 1.3: a KeyUpdate that asks for one
			k.getOutputStream().write((s.get("send") + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
			k.getOutputStream().flush();
			String got = new String(k.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
			return "ok=1\t" + facts(k, isOld(k.getSession(), began), got);
		}
	}

	static void answer(SSLSocket k, Map<String, String> s) {
		try (k) {
			long began = System.currentTimeMillis();
			Thread.sleep(2);
			k.setSoTimeout(20000);
			k.startHandshake();
			if (s.containsKey("update"))
				k.startHandshake();
			BufferedReader in = new BufferedReader(new InputStreamReader(k.getInputStream()));
			for (String line = in.readLine(); line != null && !line.isEmpty();)
				line = in.readLine();
			String text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
				+ facts(k, isOld(k.getSession(), began), "") + "\n";
			k.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
			k.getOutputStream().flush();
			k.shutdownOutput();
			while (in.read() >= 0)
				;
		} catch (Exception e) {
			System.err.println(e);
		}
	}

	static String server(Map<String, String> s) throws Exception {
		SSLServerSocket l = (SSLServerSocket) context(s).getServerSocketFactory().createServerSocket(
			0, 50, InetAddress.getByName("127.0.0.1"));
		l.setSSLParameters(parameters(s, l.getSSLParameters()));
		l.setWantClientAuth("want".equals(s.get("auth")));
		if ("need".equals(s.get("auth")))
			l.setNeedClientAuth(true);
		Thread t = new Thread(() -> {
			while (true)
				try {
					SSLSocket k = (SSLSocket) l.accept();
					new Thread(() -> answer(k, s)).start();
				} catch (IOException e) {
					return;
				}
		});
		t.setDaemon(true);
		t.start();
		return "ok=1\tport=" + l.getLocalPort();
	}

	public static void main(String[] args) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			String[] words = line.split("\t");
			Map<String, String> s = new HashMap<>();
			for (int i = 1; i < words.length; i++) {
				String[] kv = words[i].split("=", 2);
				s.put(kv[0], kv[1]);
			}
			String said;
			try {
				said = words[0].equals("server") ? server(s) : client(s);
			} catch (Exception e) {
				said = "ok=0\terror=" + e.toString().replaceAll("[\t\n]", " ");
			}
			System.out.println(said);
		}
		System.exit(0);
	}
}
