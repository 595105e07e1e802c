//! STUN messages (RFC 8489): views that borrow the datagram, and a writer into the caller's buffer.
//!
//! ```
//! use ice_lite::stun::{IntegrityKey, Message, MessageType, MessageWriter, TransactionId};
//!
//! let key = IntegrityKey::new(b"a password of 22 bytes");
//! let mut buf = [0; 128];
//! let mut writer =
//!     MessageWriter::new(&mut buf, MessageType::BINDING_REQUEST, TransactionId([7; 12]))?;
//! writer.username("local", "remote")?;
//! let len = writer.seal(&key)?;
//!
//! let message = Message::parse(&buf[..len])?;
//! assert_eq!(message.username(), Some(&b"local:remote"[..]));
//! assert!(message.verify_fingerprint().is_ok());
//! assert!(message.verify_integrity(&key).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod attribute;
mod error_code;
mod header;
mod integrity;
mod message;
mod writer;

pub use attribute::{Attribute, AttributeType, Attributes};
pub use error_code::ErrorCode;
pub use header::{Class, HEADER_LEN, MAGIC_COOKIE, MessageType, Method, TransactionId};
pub use integrity::{IntegrityKey, Unverified, crc32};
pub use message::{Message, ParseError};
pub use writer::{BufferTooSmall, MessageWriter};
