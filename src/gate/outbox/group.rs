//! Reorders datagrams so that those of one path stand together.

use std::net::IpAddr;

use ice_lite::Path;

use super::{Entry, Outbox};

/// The memory in which datagrams are reordered.
#[derive(Debug, Default)]
pub(super) struct Spare {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The places of the entries, by path.
    order: Vec<(u64, u32)>,
}

impl Outbox {
    /// Brings together what goes over the same path, in its order, if that makes runs longer: when
    /// several packets were sent to each of many receivers in turn, say.
    pub fn group(&mut self) {
        if self.queued > 0 {
            // They need the room behind them.
            return;
        }
        self.spare.order.clear();
        let keys = self.entries.iter().zip(0..);
        self.spare
            .order
            .extend(keys.map(|(entry, place)| (key(&entry.path), place)));
        self.spare.order.sort_unstable();
        let followers = self.spare.order.iter().zip(self.spare.order.iter().skip(1));
        let apart = followers
            .filter(|((key, place), (next_key, next))| key == next_key && *next != place + 1);
        // A copy costs little beside a system call saved, but not nothing.
        if apart.count() < self.entries.len().div_ceil(4) {
            return;
        }
        self.spare.entries.clear();
        self.spare.bytes.clear();
        for &(_, place) in &self.spare.order {
            let Some(entry) = self.entries.get(place as usize) else {
                continue;
            };
            let bytes = self.bytes.get(entry.start..entry.start + entry.len);
            let start = self.spare.bytes.len();
            self.spare.entries.push(Entry { start, ..*entry });
            self.spare
                .bytes
                .extend_from_slice(bytes.unwrap_or_default());
        }
        std::mem::swap(&mut self.entries, &mut self.spare.entries);
        std::mem::swap(&mut self.bytes, &mut self.spare.bytes);
    }
}

/// A hash: equal for equal paths, and mostly different for different ones.
fn key(path: &Path) -> u64 {
    let ip = match path.remote.ip().to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits() as u64,
    };
    ip << 16 ^ u64::from(path.remote.port())
}

#[cfg(test)]
mod tests {
    use ice_lite::Transmit;

    use super::*;

    fn path(port: u16) -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into())
    }

    #[test]
    fn grouping_keeps_what_goes_over_a_path_in_order() {
        let mut outbox = Outbox::default();
        for number in 0..12_u8 {
            let port = u16::from(number % 3);
            let filled = outbox.fill(|buf| {
                buf[..10].fill(number);
                Some(Transmit {
                    path: path(port),
                    len: 10,
                })
            });
            assert_eq!(filled.map(|datagram| datagram.path), Some(path(port)));
        }
        assert_eq!(outbox.runs(64).count(), 12);
        outbox.group();
        assert_eq!(outbox.runs(64).count(), 3);
        let order: Vec<_> = outbox
            .datagrams()
            .map(|datagram| (datagram.path.remote.port(), datagram.bytes[0]))
            .collect();
        let expected: Vec<_> = (0..3)
            .flat_map(|port| (0..4).map(move |turn| (port, turn * 3 + port as u8)))
            .collect();
        assert_eq!(order, expected);
        outbox.clear();
        outbox.group();
        assert!(outbox.is_empty());
    }
}
