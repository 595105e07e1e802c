//! T-CRY-06: no block of memory is given back with a key of SRTP in it.

#[path = "../dtls/tests/remnants/freed.rs"]
mod freed;

use srtp::{
    DerivationRate, Keys, MAX_OVERHEAD, Profile, Receiver, ReceiverConfig, Sender, SenderConfig,
    Tier,
};

/// RFC 3711 B.3, made longer for AES-256.
const MASTER_KEY: [u8; 32] = *b"\xe1\xf9\x7a\x0d\x3e\x01\x8b\xe0\xd6\x4f\xa3\x2c\x06\xde\x41\x39\
\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff";
const MASTER_SALT: [u8; 14] = *b"\x0e\xc6\x75\xad\x49\x8a\xfe\xeb\xb6\x96\x0b\x3a\xab\xe6";

/// The session keys under them, the first 16 bytes of each: the first ones are RFC 3711's, the others come from OpenSSL's AES in
/// counter mode.
const SESSION_KEYS: [(Profile, &[(&str, u128)]); 4] = [
    (
        Profile::Aes128CmSha1_80,
        &[
            ("SRTP encryption", 0xc61e_7a93_744f_39ee_1073_4afe_3ff7_a087),
            (
                "SRTP authentication",
                0xcebe_321f_6ff7_716b_6fd4_ab49_af25_6a15,
            ),
            (
                "SRTCP encryption",
                0x4c1a_a45a_81f7_3d61_c800_bbb0_0fbb_1eaa,
            ),
            (
                "SRTCP authentication",
                0x8d54_534f_eb49_ae8e_7993_a6bd_0b84_4fc3,
            ),
        ],
    ),
    (
        Profile::AeadAes128Gcm,
        &[
            ("SRTP", 0x238c_882f_36f0_0030_1573_e693_8350_2d9d),
            ("SRTCP", 0x8bd2_cdf1_fc9d_b302_554e_0fc9_a5cc_b4a6),
        ],
    ),
    (
        Profile::Aes256CmSha1_80,
        &[
            ("SRTP encryption", 0x021a_80c3_a89c_d0ae_f593_4d4d_a50a_18d8),
            (
                "SRTP authentication",
                0x3ed9_ae6b_2d25_fda4_3186_f8f3_8fa3_13f4,
            ),
            (
                "SRTCP encryption",
                0xadcb_e289_6a6b_ab03_dc2b_9b03_2800_7d72,
            ),
            (
                "SRTCP authentication",
                0xc64e_b90a_aae5_862c_1d7e_d73d_29b0_230f,
            ),
        ],
    ),
    (
        Profile::AeadAes256Gcm,
        &[
            ("SRTP", 0x5466_c48b_6d9a_8312_7c4a_b91f_9361_7b51),
            ("SRTCP", 0x4396_7088_7939_3bc2_f96a_6361_a0be_21b6),
        ],
    ),
];

/// Whether the keys of a context have identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    None,
    Mki,
}

/// What the contexts of a run have in common.
#[derive(Clone, Copy, Debug)]
struct Run {
    tier: Tier,
    profile: Profile,
    rate: DerivationRate,
    names: Names,
}

/// Master and session keys on every tier, whatever else a context holds and when it goes.
#[test]
fn t_cry_06_srtp_keys_are_wiped() {
    let rates = [
        DerivationRate::NEVER,
        DerivationRate::every(2).expect("a power of two"),
    ];
    for tier in Tier::available() {
        for (profile, session_keys) in SESSION_KEYS {
            for rate in rates {
                for names in [Names::None, Names::Mki] {
                    let run = Run {
                        tier,
                        profile,
                        rate,
                        names,
                    };
                    freed::seek("master key", &MASTER_KEY);
                    for (name, key) in session_keys {
                        freed::seek(name, &key.to_be_bytes());
                    }
                    run.live();
                    let found = freed::found();
                    assert_eq!(found.sought, 1 + session_keys.len());
                    assert_eq!(found.names, [""; 0], "{run:?}");
                }
            }
        }
    }
}

impl Run {
    fn keys<D>(&self, change: u8) -> Keys<D> {
        let mut key = MASTER_KEY;
        key[0] ^= change;
        let key = &key[..self.profile.key_len()];
        let salt = &MASTER_SALT[..self.profile.salt_len()];
        let keys = Keys::from_raw(self.profile, key, salt).expect("lengths that fit");
        let keys = keys.with_derivation_rate(self.rate);
        match self.names {
            Names::None => keys,
            Names::Mki => keys.with_mki(&[change]).expect("a length that fits"),
        }
    }

    /// Packets and further keys, in whose way the first one is until it is removed.
    fn live(&self) {
        let config = SenderConfig {
            tier: self.tier,
            ..SenderConfig::default()
        };
        let mut sender = Sender::new(self.keys(0), config).expect("a sender");
        let config = ReceiverConfig {
            tier: self.tier,
            ..ReceiverConfig::default()
        };
        let mut receiver = Receiver::new(self.keys(0), config).expect("a receiver");
        let mut sequence_numbers = 0..;
        let mut talk = |sender: &mut Sender, receiver: &mut Receiver| {
            for sequence_number in sequence_numbers.by_ref().take(40) {
                exchange(sender, receiver, sequence_number);
            }
        };
        talk(&mut sender, &mut receiver);
        for change in 1..5 {
            receiver.rekey(self.keys(change)).expect("a new key");
            if self.names == Names::Mki {
                sender.add_keys(self.keys(change)).expect("a new key");
                sender.switch_to(&[change]).expect("a key that is there");
            } else {
                sender.rekey(self.keys(change)).expect("a new key");
            }
            talk(&mut sender, &mut receiver);
            match (self.names, change) {
                (Names::None, _) => receiver.drop_replaced_keys(),
                // First one in the middle, then the first.
                (Names::Mki, 3) => remove(&mut sender, &mut receiver, 1),
                (Names::Mki, 4) => remove(&mut sender, &mut receiver, 0),
                (Names::Mki, _) => {}
            }
        }
        talk(&mut sender, &mut receiver);
    }
}

fn exchange(sender: &mut Sender, receiver: &mut Receiver, sequence_number: u16) {
    const LENGTH: usize = 40;
    let mut packet = [0; LENGTH + MAX_OVERHEAD + 1];
    packet[0] = 0x80;
    packet[2..4].copy_from_slice(&sequence_number.to_be_bytes());
    let length = sender.protect_rtp(&mut packet, LENGTH).expect("a key");
    let opened = receiver.unprotect_rtp(&mut packet[..length]);
    assert_eq!(opened.expect("the same key").len, LENGTH);
    packet[..LENGTH].fill(0);
    packet[..4].copy_from_slice(b"\x80\xc9\0\x09");
    let length = sender.protect_rtcp(&mut packet, LENGTH);
    assert_eq!(length.map(|length| length > LENGTH), Ok(true));
}

fn remove(sender: &mut Sender, receiver: &mut Receiver, key: u8) {
    sender
        .remove_keys(&[key])
        .expect("a key that is not in use");
    receiver
        .remove_keys(&[key])
        .expect("a key that is not in use");
}
