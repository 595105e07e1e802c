//! The twin of every kernel, on the RustCrypto crates.

use aes::cipher::array::Array;
use aes::cipher::consts::{U12, U16};
use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipherCore};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::job::{AAD_MAX_BEFORE_TRAILER, TRAILER_LEN};
use super::{AesKey, Forged, Layout, SHORT_GCM_TAG_LEN};

/// The key state of the portable tier.
pub(super) enum State {
    Cm(Option<Cipher>, Hmac<Sha1>),
    Gcm128(Aes128Gcm),
    Gcm256(Aes256Gcm),
    /// With tags cut short, which `aes-gcm` does not open: the cipher deciphers for it.
    ShortGcm128(Aes128Gcm, Cipher),
    ShortGcm256(Aes256Gcm, Cipher),
}

impl State {
    pub(super) fn cm(cipher: Option<AesKey<'_>>, auth: &[u8; 20]) -> Self {
        let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(auth)
            .expect("invariant: HMAC takes keys of any length");
        Self::Cm(cipher.map(Cipher::new), mac)
    }

    pub(super) fn gcm(key: AesKey<'_>) -> Self {
        match key {
            AesKey::Aes128(key) => Self::Gcm128(Aes128Gcm::new(key.into())),
            AesKey::Aes192(_) => unreachable!("invariant: no suite has AES-192-GCM"),
            AesKey::Aes256(key) => Self::Gcm256(Aes256Gcm::new(key.into())),
        }
    }

    pub(super) fn gcm_with_short_tags(key: AesKey<'_>) -> Self {
        match Self::gcm(key) {
            Self::Gcm128(aead) => Self::ShortGcm128(aead, Cipher::new(key)),
            Self::Gcm256(aead) => Self::ShortGcm256(aead, Cipher::new(key)),
            other => other,
        }
    }

    pub(super) fn protect(
        &self,
        iv: &[u8; 16],
        layout: &Layout,
        buffer: &mut [u8],
        tag_len: usize,
    ) {
        match self {
            Self::Cm(cipher, mac) => {
                if let Some(cipher) = cipher {
                    cipher.apply_keystream(iv, &mut buffer[layout.clear..layout.end]);
                }
                let digest = digest(mac, &buffer[..layout.end], layout.trailer);
                buffer[layout.tag..][..tag_len].copy_from_slice(&digest[..tag_len]);
            }
            Self::Gcm128(aead) | Self::ShortGcm128(aead, _) => {
                seal(aead, iv, layout, buffer, tag_len);
            }
            Self::Gcm256(aead) | Self::ShortGcm256(aead, _) => {
                seal(aead, iv, layout, buffer, tag_len);
            }
        }
    }

    pub(super) fn unprotect(
        &self,
        iv: &[u8; 16],
        layout: &Layout,
        buffer: &mut [u8],
        tag_len: usize,
    ) -> Result<(), Forged> {
        match self {
            Self::Cm(cipher, mac) => {
                let digest = digest(mac, &buffer[..layout.end], layout.trailer);
                let genuine = digest[..tag_len].ct_eq(&buffer[layout.tag..][..tag_len]);
                if !bool::from(genuine) {
                    return Err(Forged);
                }
                if let Some(cipher) = cipher {
                    cipher.apply_keystream(iv, &mut buffer[layout.clear..layout.end]);
                }
                Ok(())
            }
            Self::Gcm128(aead) => open(aead, iv, layout, buffer),
            Self::Gcm256(aead) => open(aead, iv, layout, buffer),
            Self::ShortGcm128(aead, cipher) => open_short(aead, cipher, iv, layout, buffer),
            Self::ShortGcm256(aead, cipher) => open_short(aead, cipher, iv, layout, buffer),
        }
    }

    /// The cipher alone, for packets whose enciphered bytes don't stand together; nothing for the NULL cipher.
    pub(super) fn apply_keystream(&self, iv: &[u8; 16], data: &mut [u8]) {
        if let Self::Cm(Some(cipher), _) = self {
            cipher.apply_keystream(iv, data);
        }
    }
}

/// An expanded AES key.
pub(super) enum Cipher {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl Cipher {
    pub(super) fn new(key: AesKey<'_>) -> Self {
        match key {
            AesKey::Aes128(key) => Self::Aes128(Aes128Enc::new(key.into())),
            AesKey::Aes192(key) => Self::Aes192(Aes192Enc::new(key.into())),
            AesKey::Aes256(key) => Self::Aes256(Aes256Enc::new(key.into())),
        }
    }

    pub(super) fn apply_keystream(&self, iv: &[u8; 16], data: &mut [u8]) {
        match self {
            Self::Aes128(aes) => apply(aes, iv, data),
            Self::Aes192(aes) => apply(aes, iv, data),
            Self::Aes256(aes) => apply(aes, iv, data),
        }
    }
}

fn apply<C>(cipher: &C, iv: &[u8; 16], data: &mut [u8])
where
    C: BlockCipherEncrypt<BlockSize = U16>,
{
    CtrCore::<_, Ctr128BE>::inner_iv_init(cipher, iv.into()).apply_keystream_partial(data.into());
}

fn digest(mac: &Hmac<Sha1>, data: &[u8], trailer: Option<u32>) -> [u8; 20] {
    let mut mac = mac.clone();
    mac.update(data);
    if let Some(trailer) = trailer {
        mac.update(&trailer.to_be_bytes());
    }
    mac.finalize().into_bytes().into()
}

fn seal<A>(aead: &A, iv: &[u8; 16], layout: &Layout, buffer: &mut [u8], tag_len: usize)
where
    A: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let tag = encipher(aead, iv, layout, buffer);
    buffer[layout.tag..][..tag_len].copy_from_slice(&tag[..tag_len]);
}

fn encipher<A>(aead: &A, iv: &[u8; 16], layout: &Layout, buffer: &mut [u8]) -> [u8; 16]
where
    A: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let nonce = nonce(iv);
    let tag = with_aad(buffer, layout, |aad, data| {
        aead.encrypt_inout_detached(nonce, aad, data.into())
            .expect("invariant: a datagram is far below the limits of AES-GCM")
    });
    tag.into()
}

/// Opens a packet whose tag was cut short: deciphers it and enciphers it again, which gives the whole tag and leaves the packet as
/// it came, and deciphers it for good if the tag is right.
fn open_short<A>(
    aead: &A,
    cipher: &Cipher,
    iv: &[u8; 16],
    layout: &Layout,
    buffer: &mut [u8],
) -> Result<(), Forged>
where
    A: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    // RFC 7714 §8.1: the first counter block masks the tag, the second is the first of the key stream.
    let mut counter = *iv;
    counter[12..].copy_from_slice(&2_u32.to_be_bytes());
    cipher.apply_keystream(&counter, &mut buffer[layout.clear..layout.end]);
    let ours = encipher(aead, iv, layout, buffer);
    let theirs = &buffer[layout.tag..][..SHORT_GCM_TAG_LEN];
    if !bool::from(ours[..SHORT_GCM_TAG_LEN].ct_eq(theirs)) {
        return Err(Forged);
    }
    cipher.apply_keystream(&counter, &mut buffer[layout.clear..layout.end]);
    Ok(())
}

fn open<A>(aead: &A, iv: &[u8; 16], layout: &Layout, buffer: &mut [u8]) -> Result<(), Forged>
where
    A: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let nonce = nonce(iv);
    let mut tag = Array::default();
    tag.copy_from_slice(&buffer[layout.tag..][..16]);
    with_aad(buffer, layout, |aad, data| {
        aead.decrypt_inout_detached(nonce, aad, data.into(), &tag)
            .map_err(|_| Forged)
    })
}

fn nonce(iv: &[u8; 16]) -> &Array<u8, U12> {
    iv.first_chunk::<12>()
        .expect("invariant: 12 bytes of 16")
        .into()
}

/// Runs `cipher` on the associated data in one piece and the data.
fn with_aad<T>(
    buffer: &mut [u8],
    layout: &Layout,
    cipher: impl FnOnce(&[u8], &mut [u8]) -> T,
) -> T {
    let &Layout { clear, end, .. } = layout;
    let Some(trailer) = layout.trailer else {
        let (aad, rest) = buffer.split_at_mut(clear);
        return cipher(aad, &mut rest[..end - clear]);
    };
    let trailer = trailer.to_be_bytes();
    if clear == end {
        // Nothing to encipher: the trailer borrows the place behind the packet, where the tag has room for it.
        let behind: [u8; 4] = std::array::from_fn(|i| buffer[end + i]);
        buffer[end..end + 4].copy_from_slice(&trailer);
        let result = cipher(&buffer[..end + 4], &mut []);
        buffer[end..end + 4].copy_from_slice(&behind);
        return result;
    }
    let mut aad = [0; AAD_MAX_BEFORE_TRAILER + TRAILER_LEN];
    aad[..clear].copy_from_slice(&buffer[..clear]);
    aad[clear..clear + 4].copy_from_slice(&trailer);
    cipher(&aad[..clear + 4], &mut buffer[clear..end])
}
