import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

/** What the peers in Java share: arguments, certificate and key, and the words they say. */
final class Peer {
    final boolean isServer;
    final int port;
    final String profile;
    final X509Certificate certificate;
    final PrivateKey key;

    interface Handshake {
        void run() throws Exception;
    }

    /** client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP. */
    Peer(String[] arguments) throws Exception {
        isServer = arguments[0].equals("server");
        port = Integer.parseInt(arguments[1]);
        profile = arguments[3];
        certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(Path.of(arguments[4]))));
        String pem = Files.readString(Path.of(arguments[5])).replaceAll("-----[A-Z ]+-----|\\s", "");
        key = KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm())
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    void run(Handshake handshake) {
        try {
            handshake.run();
            System.exit(0);
        } catch (Exception error) {
            say("error " + error);
            System.exit(1);
        }
    }

    /** Bytes of keys and salts of the profile. */
    int keyLength() {
        return profile.endsWith("256_GCM") ? 88 : profile.endsWith("GCM") ? 56 : 60;
    }

    /** Waits for a datagram. It is lost; its sender will send it again. */
    SocketAddress firstSender(DatagramSocket socket) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
        socket.receive(packet);
        return packet.getSocketAddress();
    }

    static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    static String hex(byte[] bytes, String between) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) text.append(text.length() == 0 ? "" : between).append(String.format("%02X", b));
        return text.toString();
    }
}
