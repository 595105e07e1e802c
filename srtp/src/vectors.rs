//! The packets that RFCs print, on every tier of this CPU.

use crate::config::{CryptexPolicy, ReceiverConfig, SenderConfig};
use crate::extension::ExtensionIds;
use crate::kernel::{AesKey, CipherKey, Job, Key, Layout, Tier};
use crate::keys::{ReceiverKeys, SenderKeys};
use crate::profile::Profile;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::session::SessionKeys;

/// The bytes of a string of hexadecimal digits; blanks are left out.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// The master key and salt of RFC 3711 appendix B.3, which RFC 6904 and RFC 9335 use too.
const MASTER: (&str, &str) = (
    "e1f97a0d3e018be0d64fa32c06de4139",
    "0ec675ad498afeebb6960b3aabe6",
);

/// RFC 3711 appendix B.2: the key stream of AES-CM, its last block beyond 2^16.
#[test]
fn rfc_3711_b_2() {
    let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let cipher = CipherKey::new(AesKey::from_bytes(&key).expect("16 bytes"));
    let mut iv = [0; 16];
    iv.copy_from_slice(&hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"));
    let mut keystream = vec![0; 0xff02 * 16];
    cipher.apply_keystream(&iv, &mut keystream);
    assert_eq!(
        keystream[..48],
        hex(
            "e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab
             41e95b3bb0a2e8dd477901e4fca894c0"
        )
    );
    assert_eq!(
        keystream[0xfeff * 16..],
        hex(
            "ec8cdf7398607cb0f2d21675ea9ea1e4 362b7c3c6773516318a077d7fc5073ae
             6a2cc3787889374fbeb4c81b17ba6c44"
        )
    );
}

/// RFC 6188 section 7.1: the key stream of AES-256-CM.
#[test]
fn rfc_6188_7_1() {
    let key = hex("57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98");
    let cipher = CipherKey::new(AesKey::from_bytes(&key).expect("32 bytes"));
    let mut iv = [0; 16];
    iv.copy_from_slice(&hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"));
    let mut keystream = vec![0; 48];
    cipher.apply_keystream(&iv, &mut keystream);
    assert_eq!(
        keystream,
        hex(
            "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac
             63c4868b7096d88421b563b8c94c9a31"
        )
    );
}

/// What RFC 7714 sections 16 and 17 print for one key length.
struct Rfc7714 {
    profile: Profile,
    key: &'static str,
    rtp_sealed: &'static str,
    rtp_tagged: &'static str,
    rtcp_sealed: &'static str,
    rtcp_tagged: &'static str,
}

const RFC_7714_SALT: &str = "517569642070726f2071756f";

const RFC_7714_RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
    69736120 696e2070 61727465 73207472 6573";

const RFC_7714_RTCP: &str =
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef";

const RFC_7714: [Rfc7714; 2] = [
    Rfc7714 {
        profile: Profile::AeadAes128Gcm,
        key: "000102030405060708090a0b0c0d0e0f",
        rtp_sealed: "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
            0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        rtp_tagged: "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
            69736120 696e2070 61727465 73207472 65732249 3f82d2bc e397e9d7 9e3b19aa 4216",
        rtcp_sealed: "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
            c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        rtcp_tagged: "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
            deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
    },
    Rfc7714 {
        profile: Profile::AeadAes256Gcm,
        key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        rtp_sealed: "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
            9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        rtp_tagged: "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
            69736120 696e2070 61727465 73207472 6573a866 d5910f88 7463067c eefec452 15d4",
        rtcp_sealed: "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
            a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        rtcp_tagged: "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
            deadbeef deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393 ed2615fe 000005d4",
    },
];

/// The SSRC of the SRTCP packets, and their index.
const RFC_7714_RTCP_INDEX: (u32, u32) = (0x4d61_7273, 0x5d4);

impl Rfc7714 {
    /// The RFC gives session keys, so they take the place of those derived.
    fn session(&self, tier: Tier) -> SessionKeys {
        SessionKeys::gcm_from_session_keys(tier, &hex(self.key), &hex(RFC_7714_SALT))
    }

    fn sender(&self, tier: Tier, encrypt_rtcp: bool) -> Sender {
        let keys = SenderKeys::from_raw(self.profile, &hex(self.key), &hex(RFC_7714_SALT));
        let config = SenderConfig {
            encrypt_rtcp,
            tier,
            ..SenderConfig::default()
        };
        let mut sender = Sender::new(keys.expect("lengths fit"), config).expect("valid");
        sender.ring.key_mut(0).session = self.session(tier);
        let (ssrc, index) = RFC_7714_RTCP_INDEX;
        assert_eq!(sender.set_rtcp_index(ssrc, index), Ok(()));
        sender
    }

    fn receiver(&self, tier: Tier, require_encrypted_rtcp: bool) -> Receiver {
        let keys = ReceiverKeys::from_raw(self.profile, &hex(self.key), &hex(RFC_7714_SALT));
        let config = ReceiverConfig {
            require_encrypted_rtcp,
            tier,
            ..ReceiverConfig::default()
        };
        let mut receiver = Receiver::new(keys.expect("lengths fit"), config).expect("valid");
        receiver.ring.key_mut(0).session = self.session(tier);
        receiver
    }
}

/// RFC 7714 sections 16.1.1, 16.1.2, 16.2.1 and 16.2.2: SRTP, sealed and opened.
#[test]
fn rfc_7714_16_encrypted_rtp() {
    for (tier, vector) in each_tier_of(&RFC_7714) {
        let (plain, sealed) = (hex(RFC_7714_RTP), hex(vector.rtp_sealed));
        let mut buffer = plain.clone();
        buffer.resize(sealed.len(), 0);
        let len = vector
            .sender(tier, true)
            .protect_rtp(&mut buffer, plain.len());
        assert_eq!((len, &buffer), (Ok(sealed.len()), &sealed));
        let opened = vector.receiver(tier, true).unprotect_rtp(&mut buffer);
        assert_eq!(opened.map(|opened| opened.len), Ok(plain.len()));
        assert_eq!(buffer[..plain.len()], plain);
    }
}

/// RFC 7714 sections 16.1.3, 16.1.4, 16.2.3 and 16.2.4: a tag alone. SRTP as we use it has no such
/// mode, the kernel has.
#[test]
fn rfc_7714_16_tagged_rtp() {
    for (tier, vector) in each_tier_of(&RFC_7714) {
        let (plain, tagged) = (hex(RFC_7714_RTP), hex(vector.rtp_tagged));
        let session = vector.session(tier);
        let iv = session.rtp.iv(0x5501_a0b2, 0xf17b);
        let layout = Layout {
            clear: plain.len(),
            end: plain.len(),
            tag: plain.len(),
            trailer: None,
            hole: None,
        };
        let mut buffer = plain.clone();
        buffer.resize(tagged.len(), 0);
        let mut job = Job::new(&session.rtp.key, &mut buffer, iv, layout).expect("fits");
        job.protect();
        assert_eq!(job.unprotect(), Ok(()));
        assert_eq!(buffer, tagged);
    }
}

/// RFC 7714 sections 17.1.1 to 17.2.4: SRTCP, encrypted or only tagged.
#[test]
fn rfc_7714_17_rtcp() {
    for (tier, vector) in each_tier_of(&RFC_7714) {
        for (encrypted, expected) in [(true, vector.rtcp_sealed), (false, vector.rtcp_tagged)] {
            let (plain, sealed) = (hex(RFC_7714_RTCP), hex(expected));
            let mut buffer = plain.clone();
            buffer.resize(sealed.len(), 0);
            let len = vector
                .sender(tier, encrypted)
                .protect_rtcp(&mut buffer, plain.len());
            assert_eq!((len, &buffer), (Ok(sealed.len()), &sealed));
            let opened = vector.receiver(tier, encrypted).unprotect_rtcp(&mut buffer);
            assert_eq!(opened.map(|opened| opened.len), Ok(plain.len()));
            assert_eq!(buffer[..plain.len()], plain);
        }
    }
}

/// RFC 6904 appendix A: extensions 1, 3 and 4 encrypted, under counter mode.
#[test]
fn rfc_6904_a() {
    let plain = "900f1234 decafbad cafebabe bede0006 17414273 a4752627 48220000 c8308e46 55996386
        b395fb00 abababab abababab abababab abababab";
    let sealed = "900f1234 decafbad cafebabe bede0006 17588a92 70f4e15e 1c220000 c8309546 a994f0bc
        54789700 4e55dc4c e79978d8 8ca4d215 949d2402 5a46b3ca 35c535a8 91c7";
    let ids = [1, 3, 4].into_iter().collect();
    both_ways(
        Profile::Aes128CmSha1_80,
        MASTER,
        (false, ids),
        plain,
        sealed,
    );
}

/// RFC 7714 section 8.3: the same under AES-GCM, with the key stream of counter mode. No RFC prints
/// a packet; this is libsrtp's.
#[test]
fn rfc_6904_under_gcm() {
    let plain = "900f1234 decafbad cafebabe bede0006 17414273 a4752627 48220000 c8308e46 55996386
        b395fb00 abababab abababab abababab abababab";
    let sealed = "900f1234 decafbad cafebabe bede0006 1712e020 5bfa949b 1c220000 c830bb46 732778d9
        929aab00 0eca0cf9 5ee955b2 6cd3d288 b49f6ca9 f4b1b759 719eb5bc 113b9ff1 d40cd25a";
    let ids = [1, 3, 4].into_iter().collect();
    let master = (MASTER.0, "0ec675ad498afeebb6960b3a");
    both_ways(Profile::AeadAes128Gcm, master, (false, ids), plain, sealed);
}

/// RFC 9335 appendix A.1: Cryptex under counter mode.
#[test]
fn rfc_9335_a_1() {
    for (plain, sealed) in [
        (
            "900f1235decafbadcafebabebede000151000200abababababababababababababababab",
            "900f1235decafbadcafebabec0de0001eb92365251c3e036f8de27e9c27ee3e0b4651d9fbc4218a70244522f34a5",
        ),
        (
            "900f1236decafbadcafebabe1000000105020002abababababababababababababababab",
            "900f1236decafbadcafebabec2de00014ed9cc4e6a712b3096c5ca77339d4204ce0d77396cab69585fbce38194a5",
        ),
        (
            "920f1238decafbadcafebabe0001e2400000b26ebede000151000200abababababababababababababababab",
            "920f1238decafbadcafebabe8bb6e12b5cff16ddc0de000192838c8c09e58393e1de3a9a74734d6745671338c3acf11da2df8423bee0",
        ),
        (
            "920f1239decafbadcafebabe0001e2400000b26e1000000105020002abababababababababababababababab",
            "920f1239decafbadcafebabef70e513eb90b9b25c2de0001bbed4848faa644665f3d7f34125914e9f4d0ae923c6f479b95a0f7b53133",
        ),
        (
            "920f123adecafbadcafebabe0001e2400000b26ebede0000abababababababababababababababab",
            "920f123adecafbadcafebabe7130b6abfe2ab0e3c0de0000e3d9f64b25c9e74cb4cf8e43fb92e3781c2c0ceab6b3a499a14c",
        ),
        (
            "920f123bdecafbadcafebabe0001e2400000b26e10000000abababababababababababababababab",
            "920f123bdecafbadcafebabecbf24c124330e1c8c2de0000599dd45bc9d687b603e8b59d771fd38e88b170e0cd31e125eabe",
        ),
    ] {
        let headers = (true, ExtensionIds::NONE);
        both_ways(Profile::Aes128CmSha1_80, MASTER, headers, plain, sealed);
    }
}

/// RFC 9335 appendix A.2: Cryptex under AES-GCM.
#[test]
fn rfc_9335_a_2() {
    let master = (
        "000102030405060708090a0b0c0d0e0f",
        "a0a1a2a3a4a5a6a7a8a9aaab",
    );
    for (plain, sealed) in [
        (
            "900f1235decafbadcafebabebede000151000200abababababababababababababababab",
            "900f1235decafbadcafebabec0de000139972dc9572c4d99e8fc355de743fb2e94f9d8ff54e72f4193bbc5c74ffab0fa9fa0fbeb",
        ),
        (
            "900f1236decafbadcafebabe1000000105020002abababababababababababababababab",
            "900f1236decafbadcafebabec2de0001bb75a4c545cd1f413bdb7daa2b1e3263de313667c963249081b35a65f5cb6c88b394235f",
        ),
        (
            "920f1238decafbadcafebabe0001e2400000b26ebede000151000200abababababababababababababababab",
            "920f1238decafbadcafebabe63bbccc4a7f695c4c0de00018ad7c71fac70a80c92866b4c6ba98546ef913586e95ffaaffe956885bb0647a8bc094ac8",
        ),
        (
            "920f1239decafbadcafebabe0001e2400000b26e1000000105020002abababababababababababababababab",
            "920f1239decafbadcafebabe3680524f8d312b00c2de0001c78d120038422bc111a7187a18246f980c059cc6bc9df8b626394eca344e4b05d80fea83",
        ),
        (
            "920f123adecafbadcafebabe0001e2400000b26ebede0000abababababababababababababababab",
            "920f123adecafbadcafebabe15b6bb4337906fffc0de0000b7b964537a2b03ab7ba5389ce93317126b5d974df30c6884dcb651c5e120c1da",
        ),
        (
            "920f123bdecafbadcafebabe0001e2400000b26e10000000abababababababababababababababab",
            "920f123bdecafbadcafebabedcb38c9e48bf95f4c2de000061ee432cf920317076613258d3ce4236c06ac429681ad08413512dc98b5207d8",
        ),
    ] {
        let headers = (true, ExtensionIds::NONE);
        both_ways(Profile::AeadAes128Gcm, master, headers, plain, sealed);
    }
}

/// Seals and opens a printed packet. `headers` says whether Cryptex is used, and which extensions
/// are encrypted one by one.
fn both_ways(
    profile: Profile,
    (key, salt): (&str, &str),
    (cryptex, ids): (bool, ExtensionIds),
    plain: &str,
    sealed: &str,
) {
    let (key, salt, plain, sealed) = (hex(key), hex(salt), hex(plain), hex(sealed));
    for tier in Tier::available() {
        let config = SenderConfig {
            cryptex,
            encrypted_extensions: ids,
            tier,
            ..SenderConfig::default()
        };
        let keys = SenderKeys::from_raw(profile, &key, &salt).expect("lengths fit");
        let mut sender = Sender::new(keys, config).expect("valid");
        let config = ReceiverConfig {
            cryptex: if cryptex {
                CryptexPolicy::Require
            } else {
                CryptexPolicy::Off
            },
            encrypted_extensions: ids,
            tier,
            ..ReceiverConfig::default()
        };
        let keys = ReceiverKeys::from_raw(profile, &key, &salt).expect("lengths fit");
        let mut receiver = Receiver::new(keys, config).expect("valid");

        let mut buffer = plain.clone();
        buffer.resize(sealed.len(), 0);
        let len = sender.protect_rtp(&mut buffer, plain.len());
        assert_eq!((len, &buffer), (Ok(sealed.len()), &sealed), "{tier:?}");
        let opened = receiver.unprotect_rtp(&mut buffer);
        assert_eq!(opened.map(|opened| opened.len), Ok(plain.len()), "{tier:?}");
        assert_eq!(buffer[..plain.len()], plain, "{tier:?}");
    }
}

fn each_tier_of<T>(vectors: &[T]) -> impl Iterator<Item = (Tier, &T)> {
    Tier::available().flat_map(move |tier| vectors.iter().map(move |vector| (tier, vector)))
}

/// The bytes of one field of a Wycheproof test.
fn field(test: &serde_json::Value, name: &str) -> Vec<u8> {
    hex(test[name].as_str().expect("a string"))
}

/// The tests of a Wycheproof file, with the group of each.
fn wycheproof(json: &str) -> Vec<(serde_json::Value, serde_json::Value)> {
    let file: serde_json::Value = serde_json::from_str(json).expect("a Wycheproof file");
    let groups = file["testGroups"].as_array().expect("groups").clone();
    let tests = groups.into_iter().flat_map(|group| {
        let tests = group["tests"].as_array().expect("tests").clone();
        tests.into_iter().map(move |test| (group.clone(), test))
    });
    tests.collect()
}

/// Wycheproof `aes_gcm`: those with the lengths of SRTP, which are 96 bits of nonce, 128 of tag,
/// and AES-128 or -256.
#[test]
fn wycheproof_aes_gcm() {
    let mut ran = 0;
    for (group, test) in wycheproof(include_str!("../tests/data/aes_gcm_test.json")) {
        let (key, iv) = (field(&test, "key"), field(&test, "iv"));
        let Some(aes @ (AesKey::Aes128(_) | AesKey::Aes256(_))) = AesKey::from_bytes(&key) else {
            continue;
        };
        if iv.len() != 12 || group["tagSize"] != 128 {
            continue;
        }
        ran += 1;
        let (aad, plain) = (field(&test, "aad"), field(&test, "msg"));
        let (sealed, tag) = (field(&test, "ct"), field(&test, "tag"));
        let layout = Layout {
            clear: aad.len(),
            end: aad.len() + plain.len(),
            tag: aad.len() + plain.len(),
            trailer: None,
            hole: None,
        };
        let mut counter = [0; 16];
        counter[..12].copy_from_slice(&iv);
        for tier in Tier::available() {
            let key = Key::gcm(tier, aes);
            let mut packet = [&aad[..], &sealed, &tag].concat();
            let mut job = Job::new(&key, &mut packet, counter, layout).expect("fits");
            let opened = job.unprotect();
            if test["result"] != "valid" {
                assert!(opened.is_err(), "{tier:?} {}", test["tcId"]);
                assert_eq!(packet, [&aad[..], &sealed, &tag].concat());
                continue;
            }
            assert_eq!(opened, Ok(()), "{tier:?} {}", test["tcId"]);
            job.protect();
            assert_eq!(packet, [&aad[..], &sealed, &tag].concat(), "{tier:?}");
        }
    }
    assert!(ran > 100, "{ran}");
}

/// Wycheproof `hmac_sha1`: those with keys of the length of SRTP, 160 bits.
#[test]
fn wycheproof_hmac_sha1() {
    let mut ran = 0;
    for (group, test) in wycheproof(include_str!("../tests/data/hmac_sha1_test.json")) {
        let Ok(key) = <[u8; 20]>::try_from(field(&test, "key")) else {
            continue;
        };
        ran += 1;
        let tag_len = group["tagSize"].as_u64().expect("a number") as usize / 8;
        let message = field(&test, "msg");
        let layout = Layout {
            clear: message.len(),
            end: message.len(),
            tag: message.len(),
            trailer: None,
            hole: None,
        };
        for tier in Tier::available() {
            let key = Key::cm(tier, None, &key, tag_len);
            let mut packet = [message.clone(), field(&test, "tag")].concat();
            let opened = Job::new(&key, &mut packet, [0; 16], layout)
                .expect("fits")
                .unprotect();
            let valid = test["result"] == "valid";
            assert_eq!(opened.is_ok(), valid, "{tier:?} {}", test["tcId"]);
        }
    }
    assert!(ran > 50, "{ran}");
}
