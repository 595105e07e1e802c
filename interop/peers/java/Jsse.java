import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/** JSSE's DTLS 1.2, which has neither use_srtp nor an exporter: client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP. */
final class Jsse {
    private static final char[] PASSWORD = "password".toCharArray();
    private static Peer peer;

    public static void main(String[] arguments) throws Exception {
        peer = new Peer(arguments);
        peer.run(Jsse::handshake);
    }

    private static SSLEngine engine() throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        keys.load(null, null);
        keys.setKeyEntry("peer", peer.key, PASSWORD, new X509Certificate[] {peer.certificate});
        KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
        managers.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("DTLSv1.2");
        context.init(managers.getKeyManagers(), new TrustManager[] {new TakeAny()}, null);
        SSLEngine engine = context.createSSLEngine("localhost", peer.port);
        engine.setUseClientMode(!peer.isServer);
        engine.setNeedClientAuth(peer.isServer);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setMaximumPacketSize(1200);
        engine.setSSLParameters(parameters);
        return engine;
    }

    private static void handshake() throws Exception {
        InetAddress host = InetAddress.getLoopbackAddress();
        DatagramSocket socket = peer.isServer ? new DatagramSocket(peer.port, host) : new DatagramSocket();
        if (peer.isServer) Peer.say("ready");
        socket.setSoTimeout(1000);
        SocketAddress other = peer.isServer ? null : new InetSocketAddress(host, peer.port);
        SSLEngine engine = engine();
        ByteBuffer in = ByteBuffer.allocate(0), data = ByteBuffer.allocate(65536), out = ByteBuffer.allocate(65536);
        engine.beginHandshake();
        long end = System.currentTimeMillis() + 30_000;
        SSLEngineResult.HandshakeStatus status = engine.getHandshakeStatus();
        while (status != HandshakeStatus.FINISHED && status != HandshakeStatus.NOT_HANDSHAKING) {
            if (System.currentTimeMillis() > end) throw new SSLException("no handshake in time");
            switch (status) {
                case NEED_TASK:
                    for (Runnable task; (task = engine.getDelegatedTask()) != null; ) task.run();
                    status = engine.getHandshakeStatus();
                    break;
                case NEED_WRAP:
                    out.clear();
                    status = engine.wrap(ByteBuffer.allocate(0), out).getHandshakeStatus();
                    out.flip();
                    if (out.hasRemaining()) socket.send(new DatagramPacket(out.array(), out.limit(), other));
                    break;
                default:
                    if (status == HandshakeStatus.NEED_UNWRAP && !in.hasRemaining()) {
                        DatagramPacket packet = new DatagramPacket(new byte[65536], 65536);
                        try {
                            socket.receive(packet);
                        } catch (SocketTimeoutException error) {
                            // The engine sends its flight again when it is asked for more after a while.
                            status = other == null ? status : HandshakeStatus.NEED_WRAP;
                            break;
                        }
                        other = packet.getSocketAddress();
                        in = ByteBuffer.wrap(packet.getData(), 0, packet.getLength());
                    }
                    data.clear();
                    boolean again = status == HandshakeStatus.NEED_UNWRAP_AGAIN;
                    SSLEngineResult result = engine.unwrap(again ? ByteBuffer.allocate(0) : in, data);
                    if (result.getStatus() == SSLEngineResult.Status.BUFFER_UNDERFLOW) in.position(in.limit());
                    status = result.getHandshakeStatus();
            }
        }
        byte[] theirs = engine.getSession().getPeerCertificates()[0].getEncoded();
        Peer.say("suite " + engine.getSession().getCipherSuite());
        Peer.say("fingerprint sha-256 " + Peer.hex(MessageDigest.getInstance("SHA-256").digest(theirs), ":"));
        Thread.sleep(500);
    }

    private static final class TakeAny extends X509ExtendedTrustManager {
        @Override public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
