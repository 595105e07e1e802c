//! The stream a call sends: a recording, packet by packet, at its pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtcp_types::SenderReportBuilder;

use crate::opus::{CLOCK_HZ, Clip, samples};
use crate::stream::Stream;

/// Packets on their way at [`Pace::Window`]: far less than the smallest receive buffer in use holds
/// (212,992 bytes on Linux, at about 1 KiB of bookkeeping and data a packet).
const WINDOW: u64 = 64;

/// How long a full window waits for an arrival before it counts the packets on their way as lost.
const STALL_LIMIT: Duration = Duration::from_millis(500);

/// How soon a full window is looked at again.
const WINDOW_POLL: Duration = Duration::from_micros(200);

/// When packets go out.
#[derive(Clone, Debug)]
pub(crate) enum Pace {
    /// When a listener needs them.
    Real,
    /// As soon as fewer than [`WINDOW`] packets are on their way. The peer, in the same process,
    /// counts its arrivals here.
    Window(Arc<AtomicU64>),
}

/// The stream a call sends.
#[derive(Debug)]
pub(crate) struct Player {
    clip: Arc<Clip>,
    repeat: bool,
    pace: Pace,
    stream: Stream,
    /// The packet of the clip to send next.
    next: usize,
    /// When it is due.
    due: Instant,
    sent: u64,
    sent_bytes: u64,
    last_sent: Instant,
    /// When the last packet was asked for.
    asked: Instant,
    /// Packets that no arrival is expected of any more.
    given_up: u64,
}

impl Player {
    /// A player whose first packet is due `now`; with `repeat` it begins anew after the last.
    pub(crate) fn new(
        clip: Arc<Clip>,
        repeat: bool,
        pace: Pace,
        stream: Stream,
        now: Instant,
    ) -> Self {
        Self {
            clip,
            repeat,
            pace,
            stream,
            next: 0,
            due: now,
            sent: 0,
            sent_bytes: 0,
            last_sent: now,
            asked: now,
            given_up: 0,
        }
    }

    /// When the next packet should be asked for; `None` after the last.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.packet()?;
        Some(match self.pace {
            Pace::Real => self.due,
            Pace::Window(_) => self.asked + WINDOW_POLL,
        })
    }

    /// Writes the next RTP packet into `buf`, if it is due, and returns its length.
    pub(crate) fn poll_packet(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        self.asked = now;
        let payload = self.packet()?.clone();
        let held_back = match self.pace {
            Pace::Real => now < self.due,
            Pace::Window(_) => self.window_is_full(now),
        };
        if held_back {
            return None;
        }
        let samples = samples(&payload).unwrap_or(0);
        let length = self.stream.write(&payload, samples, buf);
        self.due += Duration::from_micros(u64::from(samples) * 1_000_000 / u64::from(CLOCK_HZ));
        self.next += 1;
        if self.repeat && self.next == self.clip.packets().len() {
            self.next = 0;
        }
        self.sent += 1;
        self.sent_bytes += payload.len() as u64;
        self.last_sent = now;
        Some(length)
    }

    /// Whether all was sent.
    pub(crate) fn is_finished(&self) -> bool {
        self.packet().is_none()
    }

    /// RTP packets and bytes of Opus sent.
    pub(crate) fn sent(&self) -> (u64, u64) {
        (self.sent, self.sent_bytes)
    }

    /// The synchronisation source of the stream.
    pub(crate) fn ssrc(&self) -> u32 {
        self.stream.ssrc
    }

    /// What a sender report says at the NTP time `ntp`; `None` before the first packet.
    pub(crate) fn report(&self, ntp: u64) -> Option<SenderReportBuilder> {
        (self.sent > 0).then(|| self.stream.report(ntp))
    }

    fn packet(&self) -> Option<&bytes::Bytes> {
        self.clip.packets().get(self.next)
    }

    fn window_is_full(&mut self, now: Instant) -> bool {
        let Pace::Window(arrived) = &self.pace else {
            return false;
        };
        let settled = arrived.load(Ordering::Relaxed) + self.given_up;
        let on_their_way = self.sent.saturating_sub(settled);
        if on_their_way >= WINDOW && now >= self.last_sent + STALL_LIMIT {
            self.given_up += on_their_way;
            return false;
        }
        on_their_way >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn player(repeat: bool, pace: Pace, now: Instant) -> Player {
        let asset = include_bytes!("../assets/second.ogg");
        let clip = Clip::read(Cursor::new(asset)).expect("the asset is Ogg Opus");
        Player::new(Arc::new(clip), repeat, pace, Stream::new(1, 111, 0, 0), now)
    }

    #[test]
    fn the_real_pace_is_a_packet_every_20_ms() {
        let start = Instant::now();
        let mut player = player(false, Pace::Real, start);
        let mut buf = [0; 1500];
        assert!(player.poll_packet(start, &mut buf).is_some());
        assert_eq!(
            player.poll_packet(start + Duration::from_millis(19), &mut buf),
            None
        );
        assert_eq!(
            player.poll_timeout(),
            Some(start + Duration::from_millis(20))
        );
        let end = start + Duration::from_secs(60);
        while player.poll_packet(end, &mut buf).is_some() {}
        assert_eq!(player.sent().0, player.clip.packets().len() as u64);
        assert_eq!(player.poll_timeout(), None);
        assert!(player.is_finished());
    }

    #[test]
    fn a_full_window_waits_for_arrivals_but_not_for_ever() {
        let start = Instant::now();
        let arrived = Arc::new(AtomicU64::new(0));
        let mut player = player(false, Pace::Window(arrived.clone()), start);
        let mut buf = [0; 1500];
        while player.poll_packet(start, &mut buf).is_some() {}
        assert_eq!(player.sent().0, WINDOW);
        arrived.store(10, Ordering::Relaxed);
        while player.poll_packet(start, &mut buf).is_some() {}
        assert_eq!(player.sent().0, WINDOW + 10);
        let later = start + STALL_LIMIT;
        while player.poll_packet(later, &mut buf).is_some() {}
        assert_eq!(player.sent().0, WINDOW + 10 + WINDOW);
    }

    #[test]
    fn a_repeating_player_never_ends() {
        let start = Instant::now();
        let mut player = player(true, Pace::Real, start);
        let mut buf = [0; 1500];
        let packets = player.clip.packets().len();
        for _ in 0..packets * 2 + 1 {
            let late = start + Duration::from_secs(3600);
            assert!(player.poll_packet(late, &mut buf).is_some());
        }
        assert_eq!((player.next, player.is_finished()), (1, false));
    }
}
