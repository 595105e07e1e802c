// Botan 2: DTLS 1.2.
#include <botan/auto_rng.h>
#include <botan/data_src.h>
#include <botan/hash.h>
#include <botan/pkcs8.h>
#include <botan/tls_callbacks.h>
#include <botan/tls_client.h>
#include <botan/tls_policy.h>
#include <botan/tls_server.h>
#include <botan/tls_session_manager.h>

#include <exception>
#include <memory>

#include "../peer.h"

using namespace Botan;

static uint16_t profile_number(const std::string &name) {
    if (name == "SRTP_AEAD_AES_128_GCM") return 7;
    if (name == "SRTP_AEAD_AES_256_GCM") return 8;
    return name == "SRTP_AES128_CM_HMAC_SHA1_80" ? 1 : 2;
}

class Policy : public TLS::Datagram_Policy {
   public:
    explicit Policy(uint16_t profile) : m_profile(profile) {}
    std::vector<uint16_t> srtp_profiles() const override { return {m_profile}; }
    bool require_client_certificate_authentication() const override { return true; }
    size_t dtls_default_mtu() const override { return 1200; }

   private:
    uint16_t m_profile;
};

class Credentials : public Credentials_Manager {
   public:
    Credentials(const peer &peer, RandomNumberGenerator &random) : m_certificate(peer.certificate), m_key(PKCS8::load_key(peer.key, random)) {}

    std::vector<X509_Certificate> cert_chain(const std::vector<std::string> &kinds, const std::string &, const std::string &) override {
        for (const auto &kind : kinds)
            if (kind == m_key->algo_name()) return {m_certificate};
        return {};
    }

    Private_Key *private_key_for(const X509_Certificate &, const std::string &, const std::string &) override { return m_key.get(); }

   private:
    X509_Certificate m_certificate;
    std::unique_ptr<Private_Key> m_key;
};

class Callbacks : public TLS::Callbacks {
   public:
    explicit Callbacks(int socket) : m_socket(socket) {}

    void tls_emit_data(const uint8_t data[], size_t length) override {
        // Who does not hear it now will hear it again.
        if (send(m_socket, data, length, 0) < 0) return;
    }

    void tls_record_received(uint64_t, const uint8_t[], size_t) override {}
    void tls_alert(TLS::Alert) override {}

    bool tls_session_established(const TLS::Session &session) override {
        profile = session.dtls_srtp_profile();
        return false;
    }

    void tls_verify_cert_chain(const std::vector<X509_Certificate> &, const std::vector<std::shared_ptr<const OCSP::Response>> &,
                               const std::vector<Certificate_Store *> &, Usage_Type, const std::string &, const TLS::Policy &) override {}

    uint16_t profile = 0;

   private:
    int m_socket;
};

// Gives the channel what comes, until it is active or, then, for half a second.
static void listen(TLS::Channel &channel, const peer &peer, bool until_active) {
    timeval patience = {0, 100000};
    setsockopt(peer.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (int turn = 0; turn < (until_active ? 60 : 5) && !(until_active && channel.is_active());) {
        uint8_t datagram[4096];
        ssize_t length = recv(peer.socket, datagram, sizeof datagram, 0);
        if (length > 0) {
            channel.received_data(datagram, length);
        } else {
            channel.timeout_check();
            turn++;
        }
    }
}

static void handshake(const peer &peer) {
    AutoSeeded_RNG random;
    Credentials credentials(peer, random);
    Policy policy(profile_number(peer.profile));
    TLS::Session_Manager_Noop sessions;
    Callbacks callbacks(peer.socket);
    std::unique_ptr<TLS::Channel> channel;
    if (peer.is_server) {
        channel = std::make_unique<TLS::Server>(callbacks, sessions, credentials, policy, random, true);
    } else {
        channel = std::make_unique<TLS::Client>(callbacks, sessions, credentials, policy, random, TLS::Server_Information("localhost"),
                                                TLS::Protocol_Version::DTLS_V12);
    }
    listen(*channel, peer, true);
    if (!channel->is_active()) fail("handshake", "not in time");
    if (callbacks.profile == profile_number(peer.profile)) printf("profile %s\n", peer.profile);
    auto keys = channel->key_material_export("EXTRACTOR-dtls_srtp", "", peer.length);
    say_hex("ekm", keys.bits_of().data(), peer.length, "");
    auto theirs = channel->peer_cert_chain();
    if (theirs.empty()) fail("certificate", "the peer has none");
    auto hash = HashFunction::create_or_throw("SHA-256")->process(theirs.front().BER_encode());
    say_hex("fingerprint sha-256", hash.data(), hash.size(), ":");
    listen(*channel, peer, false);
}

int main(int count, char **arguments) {
    peer peer = start(count, arguments);
    try {
        handshake(peer);
    } catch (const std::exception &error) {
        fail("handshake", error.what());
    }
    return 0;
}
