//! Key exchange: agreement between providers, and shares that must be refused.

use dtls::NamedGroup;
use dtls::crypto::{CryptoError, CryptoProvider, KeyExchangeGroup, providers};

use crate::vectors::each;

/// The group of a provider; each has all of them.
fn group(provider: &dyn CryptoProvider, name: NamedGroup) -> &'static dyn KeyExchangeGroup {
    let mut groups = provider.groups().iter();
    *groups
        .find(|group| group.name() == name)
        .expect("the provider has the group")
}

const ALL: [NamedGroup; 4] = [
    NamedGroup::X25519MLKEM768,
    NamedGroup::X25519,
    NamedGroup::SECP256R1,
    NamedGroup::SECP384R1,
];

#[test]
fn both_sides_agree_in_every_pair_of_providers() {
    for name in ALL {
        for client in providers() {
            for server in providers() {
                let active = group(&*client, name).start().expect("a key pair");
                assert_eq!(active.group(), name);
                let (share, theirs) = group(&*server, name)
                    .respond(active.share())
                    .expect("an answer");
                let ours = active.complete(&share).expect("a secret");
                assert_eq!(ours.as_bytes(), theirs.as_bytes(), "{name:?}");
            }
        }
    }
}

/// The X25519 part of the hybrid can be used alone.
#[test]
fn the_hybrid_has_an_x25519_component() {
    for client in providers() {
        for server in providers() {
            let active = group(&*client, NamedGroup::X25519MLKEM768)
                .start()
                .expect("a key pair");
            let (name, component) = active.component().expect("a component");
            assert_eq!(name, NamedGroup::X25519);
            let (share, theirs) = group(&*server, name).respond(component).expect("an answer");
            let ours = active.complete_component(&share).expect("a secret");
            assert_eq!(ours.as_bytes(), theirs.as_bytes());
        }
    }
}

/// T-NEG-13.
#[test]
fn t_neg_13_points_off_the_curve_are_refused() {
    for provider in providers() {
        let count = each("ecdh_secp256r1_ecpoint_test", |case| {
            let public = case.bytes("public");
            let result = group(&*provider, NamedGroup::SECP256R1).respond(&public);
            // RFC 8446 §4.2.8.2: compressed points are refused even if they lie on the curve.
            let expected = case.is_valid() && public.first() == Some(&4);
            assert_eq!(
                result.is_ok(),
                expected,
                "{} {}",
                provider.name(),
                case.id()
            );
        });
        assert_eq!(count, 355);
    }
}

/// T-NEG-13: FIPS 203 §7.2, the modulus check of encapsulation keys.
#[test]
fn t_neg_13_ml_kem_keys_out_of_range_are_refused() {
    for provider in providers() {
        let hybrid = group(&*provider, NamedGroup::X25519MLKEM768);
        let x25519 = group(&*provider, NamedGroup::X25519)
            .start()
            .expect("a key pair");
        let mut tried = 0;
        each("mlkem_768_test", |case| {
            if case.is_valid() && case.has("ek") {
                let share = [&case.bytes("ek"), x25519.share()].concat();
                assert!(
                    hybrid.respond(&share).is_ok(),
                    "{} {}",
                    provider.name(),
                    case.id()
                );
                tried += 1;
            }
        });
        assert!(tried > 100, "only {tried} keys");
        // A coefficient of q = 3329 and more is not reduced.
        let active = hybrid.start().expect("a key pair");
        let mut share = active.share().to_vec();
        share[..3].fill(0xff);
        assert_eq!(
            hybrid.respond(&share).err(),
            Some(CryptoError::InvalidShare)
        );
    }
}

/// T-NEG-13, RFC 7748 §6.1: points of small order.
#[test]
fn t_neg_13_all_zero_secrets_are_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    for provider in providers() {
        for point in [[0; 32], one] {
            let x25519 = group(&*provider, NamedGroup::X25519);
            assert_eq!(
                x25519.respond(&point).err(),
                Some(CryptoError::InvalidShare)
            );
            let active = x25519.start().expect("a key pair");
            assert_eq!(
                active.complete(&point).err(),
                Some(CryptoError::InvalidShare)
            );
        }
    }
}

#[test]
fn shares_of_wrong_length_are_refused() {
    for provider in providers() {
        for name in ALL {
            let group = group(&*provider, name);
            let share = group.start().expect("a key pair").share().to_vec();
            for wrong in [&share[..share.len() - 1], &[&share[..], &[0]].concat(), &[]] {
                assert_eq!(
                    group.respond(wrong).err(),
                    Some(CryptoError::InvalidShare),
                    "{name:?}"
                );
                let active = group.start().expect("a key pair");
                let result = active.complete(&vec![4; wrong.len().min(40)]);
                assert_eq!(result.err(), Some(CryptoError::InvalidShare), "{name:?}");
            }
        }
    }
}
