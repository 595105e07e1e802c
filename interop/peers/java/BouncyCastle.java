import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Hashtable;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.tls.*;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.bouncycastle.tls.crypto.TlsCryptoParameters;
import org.bouncycastle.tls.crypto.impl.bc.BcDefaultTlsCredentialedSigner;
import org.bouncycastle.tls.crypto.impl.bc.BcTlsCrypto;

/** BouncyCastle's own DTLS 1.2: client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP. */
final class BouncyCastle {
    private static final BcTlsCrypto CRYPTO = new BcTlsCrypto(new SecureRandom());
    private static Peer peer;
    /** What the other side chose, or we did. */
    private static int chosen = -1;

    public static void main(String[] arguments) throws Exception {
        peer = new Peer(arguments);
        peer.run(BouncyCastle::handshake);
    }

    private static void handshake() throws Exception {
        InetAddress host = InetAddress.getLoopbackAddress();
        DTLSTransport transport;
        if (peer.isServer) {
            DatagramSocket socket = new DatagramSocket(peer.port, host);
            Peer.say("ready");
            socket.connect(peer.firstSender(socket));
            transport = new DTLSServerProtocol().accept(new Server(), new UDPTransport(socket, 1200));
        } else {
            DatagramSocket socket = new DatagramSocket();
            socket.connect(new InetSocketAddress(host, peer.port));
            transport = new DTLSClientProtocol().connect(new Client(), new UDPTransport(socket, 1200));
        }
        try {
            // Answers what comes again.
            transport.receive(new byte[64], 0, 64, 500);
        } catch (IOException closed) {
            // The other side has what it needs.
        }
    }

    private static void complete(TlsContext context) throws IOException {
        if (chosen == number()) Peer.say("profile " + peer.profile);
        Peer.say("ekm " + Peer.hex(context.exportKeyingMaterial(ExporterLabel.dtls_srtp, null, peer.keyLength()), ""));
    }

    private static void tellFingerprint(Certificate chain) throws IOException {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(chain.getCertificateAt(0).getEncoded());
            Peer.say("fingerprint sha-256 " + Peer.hex(hash, ":"));
        } catch (java.security.GeneralSecurityException error) {
            throw new IOException(error);
        }
    }

    private static int number() {
        switch (peer.profile) {
            case "SRTP_AEAD_AES_128_GCM": return SRTPProtectionProfile.SRTP_AEAD_AES_128_GCM;
            case "SRTP_AEAD_AES_256_GCM": return SRTPProtectionProfile.SRTP_AEAD_AES_256_GCM;
            case "SRTP_AES128_CM_HMAC_SHA1_32": return SRTPProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_32;
            default: return SRTPProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80;
        }
    }

    private static TlsCredentialedSigner signer(TlsContext context) throws IOException {
        try {
            TlsCertificate ours = CRYPTO.createCertificate(peer.certificate.getEncoded());
            Certificate chain = new Certificate(new TlsCertificate[] {ours});
            short kind = peer.key.getAlgorithm().equals("RSA") ? SignatureAlgorithm.rsa : SignatureAlgorithm.ecdsa;
            SignatureAndHashAlgorithm scheme = new SignatureAndHashAlgorithm(HashAlgorithm.sha256, kind);
            return new BcDefaultTlsCredentialedSigner(
                new TlsCryptoParameters(context), CRYPTO, PrivateKeyFactory.createKey(peer.key.getEncoded()), chain, scheme);
        } catch (java.security.GeneralSecurityException error) {
            throw new IOException(error);
        }
    }

    private static final class Client extends DefaultTlsClient {
        Client() { super(CRYPTO); }

        @Override protected ProtocolVersion[] getSupportedVersions() { return ProtocolVersion.DTLSv12.only(); }

        @Override public Hashtable getClientExtensions() throws IOException {
            Hashtable extensions = TlsExtensionsUtils.ensureExtensionsInitialised(super.getClientExtensions());
            TlsSRTPUtils.addUseSRTPExtension(extensions, new UseSRTPData(new int[] {number()}, TlsUtils.EMPTY_BYTES));
            return extensions;
        }

        @Override public void processServerExtensions(Hashtable extensions) throws IOException {
            super.processServerExtensions(extensions);
            UseSRTPData answer = TlsSRTPUtils.getUseSRTPExtension(extensions);
            if (answer != null) chosen = answer.getProtectionProfiles()[0];
        }

        @Override public TlsAuthentication getAuthentication() {
            return new TlsAuthentication() {
                @Override public void notifyServerCertificate(TlsServerCertificate theirs) throws IOException {
                    tellFingerprint(theirs.getCertificate());
                }

                @Override public TlsCredentials getClientCredentials(CertificateRequest request) throws IOException {
                    return signer(context);
                }
            };
        }

        @Override public void notifyHandshakeComplete() throws IOException {
            super.notifyHandshakeComplete();
            complete(context);
        }
    }

    private static final class Server extends DefaultTlsServer {
        Server() { super(CRYPTO); }

        @Override protected ProtocolVersion[] getSupportedVersions() { return ProtocolVersion.DTLSv12.only(); }

        @Override protected int[] getSupportedCipherSuites() {
            return peer.key.getAlgorithm().equals("RSA")
                ? new int[] {CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
                : new int[] {CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256};
        }

        @Override public CertificateRequest getCertificateRequest() {
            short[] kinds = {ClientCertificateType.ecdsa_sign, ClientCertificateType.rsa_sign};
            return new CertificateRequest(kinds, TlsUtils.getDefaultSupportedSignatureAlgorithms(context), null);
        }

        @Override public void notifyClientCertificate(Certificate theirs) throws IOException { tellFingerprint(theirs); }

        @Override public Hashtable getServerExtensions() throws IOException {
            Hashtable extensions = TlsExtensionsUtils.ensureExtensionsInitialised(super.getServerExtensions());
            TlsSRTPUtils.addUseSRTPExtension(extensions, new UseSRTPData(new int[] {number()}, TlsUtils.EMPTY_BYTES));
            chosen = number();
            return extensions;
        }

        @Override protected TlsCredentialedSigner getECDSASignerCredentials() throws IOException { return signer(context); }

        @Override protected TlsCredentialedSigner getRSASignerCredentials() throws IOException { return signer(context); }

        @Override public void notifyHandshakeComplete() throws IOException {
            super.notifyHandshakeComplete();
            complete(context);
        }
    }
}
