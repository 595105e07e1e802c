//! Runs of datagrams that one system call can send.

use ice_lite::Path;

use super::{Ecn, Outbox};

/// A run of datagrams over one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// Where they go, and from which local address.
    pub path: Path,
    /// The datagrams, back to back.
    pub bytes: &'a [u8],
    /// The length of each but the last, which may be shorter.
    pub segment: usize,
    /// The ECN field of all.
    pub ecn: Ecn,
}

/// See [`Outbox::runs`].
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    pub(super) outbox: &'a Outbox,
    pub(super) next: usize,
    pub(super) limit: usize,
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let rest = self.outbox.entries.get(self.next..)?;
        // What is still in the clear is not there for whoever sends. The gate has sealed it before.
        let in_the_clear = rest.iter().take_while(|entry| entry.seal.is_some()).count();
        self.next += in_the_clear;
        let (first, followers) = rest.get(in_the_clear..)?.split_first()?;
        let mut end = first.start + first.len;
        let mut count = 1;
        for entry in followers.iter().take(self.limit - 1) {
            // The kernel takes at most 65,507 bytes of payload (IPv4).
            let fits = entry.seal.is_none()
                && entry.path == first.path
                && entry.ecn == first.ecn
                && entry.len <= first.len
                && entry.len > 0
                && end + entry.len - first.start <= 65_000;
            if !fits {
                break;
            }
            end += entry.len;
            count += 1;
            if entry.len < first.len {
                break;
            }
        }
        self.next += count;
        Some(Run {
            path: first.path,
            bytes: self.outbox.bytes.get(first.start..end)?,
            segment: first.len,
            ecn: first.ecn,
        })
    }
}
