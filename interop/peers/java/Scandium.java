import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.californium.elements.AddressEndpointContext;
import org.eclipse.californium.elements.EndpointContext;
import org.eclipse.californium.elements.RawData;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConfig.DtlsRole;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.SessionAdapter;
import org.eclipse.californium.scandium.dtls.Handshaker;
import org.eclipse.californium.scandium.dtls.DTLSContext;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticNewAdvancedCertificateVerifier;

/** Californium's Scandium, DTLS 1.2 without use_srtp: client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP. */
final class Scandium {
    private static Peer peer;

    public static void main(String[] arguments) throws Exception {
        peer = new Peer(arguments);
        peer.run(Scandium::handshake);
    }

    private static void handshake() throws Exception {
        DtlsConfig.register();
        Configuration configuration = new Configuration();
        configuration.set(DtlsConfig.DTLS_ROLE, peer.isServer ? DtlsRole.SERVER_ONLY : DtlsRole.CLIENT_ONLY);
        configuration.set(DtlsConfig.DTLS_CLIENT_AUTHENTICATION_MODE, CertificateAuthenticationMode.NEEDED);
        configuration.set(DtlsConfig.DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false);
        configuration.set(DtlsConfig.DTLS_VERIFY_SERVER_CERTIFICATES_SUBJECT, false);
        boolean isRsa = peer.key.getAlgorithm().equals("RSA");
        configuration.set(DtlsConfig.DTLS_CIPHER_SUITES, Collections.singletonList(isRsa
            ? CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 : CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256));
        InetAddress host = InetAddress.getLoopbackAddress();
        DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(configuration)
            .setAddress(new InetSocketAddress(host, peer.isServer ? peer.port : 0))
            .setCertificateIdentityProvider(
                new SingleCertificateProvider(peer.key, new X509Certificate[] {peer.certificate}, CertificateType.X_509))
            .setAdvancedCertificateVerifier(StaticNewAdvancedCertificateVerifier.builder().setTrustAllCertificates().build());
        CompletableFuture<Void> done = new CompletableFuture<>();
        DTLSConnector connector = new DTLSConnector(builder.build()) {
            @Override protected void onInitializeHandshaker(Handshaker handshaker) {
                handshaker.addSessionListener(new SessionAdapter() {
                    @Override public void contextEstablished(Handshaker handshaker, DTLSContext context) {
                        Peer.say("suite " + context.getSession().getCipherSuite());
                        done.complete(null);
                    }

                    @Override public void handshakeFailed(Handshaker handshaker, Throwable error) {
                        done.completeExceptionally(error);
                    }
                });
            }
        };
        connector.setRawDataReceiver(data -> {});
        connector.start();
        Peer.say("ready");
        if (!peer.isServer) {
            EndpointContext other = new AddressEndpointContext(new InetSocketAddress(host, peer.port));
            connector.send(RawData.outbound(new byte[] {1}, other, null, false));
        }
        done.get(30, TimeUnit.SECONDS);
        Thread.sleep(500);
        connector.destroy();
    }
}
