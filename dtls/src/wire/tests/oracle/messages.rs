//! Messages to compare readings of: whole ones, nearly whole ones, and changed ones.

use proptest::prelude::*;
use proptest::sample::Index;

use super::READ;
use crate::wire::ExtensionType;

/// One change of a message.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    Append(u8),
}

pub(super) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<Index>;
    let edit = prop_oneof![
        4 => (at(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        1 => at().prop_map(Edit::Remove),
        1 => at().prop_map(Edit::Truncate),
        1 => any::<u8>().prop_map(Edit::Append),
    ];
    // Mostly none at all: what is broken everywhere is easily refused.
    prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(edit, 1..3),
    ]
}

pub(super) fn apply(edits: &[Edit], bytes: &mut Vec<u8>) {
    for edit in edits {
        // Half of them where the lengths are: at the front.
        let index = |at: &Index, length: usize| match at.index(2) {
            0 => at.index(length.min(120)),
            _ => at.index(length),
        };
        match edit {
            Edit::Append(byte) => bytes.push(*byte),
            Edit::Insert(at, byte) => bytes.insert(index(at, bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Edit::Flip(at, bit) => {
                let at = index(at, bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Edit::Set(at, byte) => {
                let at = index(at, bytes.len());
                bytes[at] = *byte;
            }
            Edit::Remove(at) => drop(bytes.remove(index(at, bytes.len()))),
            Edit::Truncate(at) => bytes.truncate(index(at, bytes.len())),
        }
    }
}

/// The body of an extension: mostly a list, of any length, that fills it.
fn extension_body() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || prop::collection::vec(0_u8..4, 0..6);
    prop_oneof![
        4 => bytes().prop_map(|list| vector16(&list)),
        4 => bytes().prop_map(|list| vector8(&list)),
        1 => (bytes(), bytes()).prop_map(|(list, rest)| [vector16(&list), rest].concat()),
        1 => (bytes(), bytes()).prop_map(|(list, rest)| [vector8(&list), rest].concat()),
        1 => bytes(),
    ]
}

/// A list of extensions with its length.
fn extensions(read: &'static [ExtensionType]) -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        6 => prop::sample::select(read),
        1 => any::<u16>().prop_map(ExtensionType),
    ];
    prop::collection::vec((kind, extension_body()), 0..3).prop_map(|list| {
        let list = list.into_iter();
        let framed = list.flat_map(|(kind, body)| [words([kind.0]), vector16(&body)].concat());
        vector16(&framed.collect::<Vec<_>>())
    })
}

/// A ClientHello whose parts fit together, though not each of them has a length that it may have.
pub(super) fn client_hello() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |length| prop::collection::vec(any::<u8>(), length);
    let head = (any::<[u8; 34]>(), bytes(0..35), bytes(0..20));
    let suites = prop_oneof![7 => Just(vec![0x13, 1]), 1 => bytes(0..9)];
    let lists = (suites, prop_oneof![7 => Just(vec![0]), 1 => bytes(0..3)]);
    let tail = prop::option::weighted(0.9, extensions(&READ));
    (head, lists, tail).prop_map(|((start, session_id, cookie), (suites, methods), tail)| {
        let ids = [start.to_vec(), vector8(&session_id), vector8(&cookie)].concat();
        let lists = [vector16(&suites), vector8(&methods)].concat();
        [ids, lists, tail.unwrap_or_default()].concat()
    })
}

/// The same of a ServerHello.
pub(super) fn server_hello() -> impl Strategy<Value = Vec<u8>> {
    let session_id = prop::collection::vec(any::<u8>(), 0..40);
    let parts = (any::<[u8; 34]>(), session_id, any::<[u8; 3]>());
    let tail = prop::option::weighted(0.9, extensions(&READ));
    (parts, tail).prop_map(|((start, session_id, end), tail)| {
        let ids = [start.to_vec(), vector8(&session_id), end.to_vec()].concat();
        [ids, tail.unwrap_or_default()].concat()
    })
}

pub(super) fn vector8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

pub(super) fn vector16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

pub(super) fn words(values: impl IntoIterator<Item = u16>) -> Vec<u8> {
    values.into_iter().flat_map(u16::to_be_bytes).collect()
}
