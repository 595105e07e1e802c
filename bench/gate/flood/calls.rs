//! Both sides of the calls: callers who talk, and a server that sends back what it hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use portcullis::{Call, Context, SessionEvent};

/// What all calls together have done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Nobody says anything.
    pub(super) paused: AtomicBool,
    pub(super) secured: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) heard: AtomicU64,
    /// Packets by the time that they took to the server and back, in steps of [`STEP`].
    pub(super) delays: Delays,
}

#[derive(Debug)]
pub(super) struct Delays([AtomicU64; 1000]);

/// The resolution of delays.
const STEP: Duration = Duration::from_micros(100);

/// Of each caller: 50 packets a second.
const INTERVAL: Duration = Duration::from_millis(20);

/// 20 ms of audio at 64 kbit/s.
const PACKET_LEN: usize = 12 + 160;

/// Says something every 20 ms.
pub(super) struct Talker {
    tally: Arc<Tally>,
    start: Instant,
    packet: [u8; PACKET_LEN],
    next: Option<Instant>,
}

impl Talker {
    /// `start` is the same for all.
    pub(super) fn new(tally: &Arc<Tally>, start: Instant) -> Self {
        let mut packet = [0; PACKET_LEN];
        packet[..2].copy_from_slice(&[0x80, 111]);
        packet[11] = 7;
        Self {
            tally: Arc::clone(tally),
            start,
            packet,
            next: None,
        }
    }

    fn talk(&mut self, cx: &mut Context<'_>) {
        let sent = cx.now().saturating_duration_since(self.start).as_nanos() as u64;
        self.packet[12..20].copy_from_slice(&sent.to_be_bytes());
        let sequence = u16::from_be_bytes([self.packet[2], self.packet[3]]).wrapping_add(1);
        self.packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        send(cx, &self.packet, &self.tally);
    }
}

impl Call for Talker {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.tally.heard.fetch_add(1, Relaxed);
        if let Some((sent, _)) = packet[12..].split_first_chunk() {
            let sent = self.start + Duration::from_nanos(u64::from_be_bytes(*sent));
            self.tally
                .delays
                .count(cx.now().saturating_duration_since(sent));
        }
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}

    fn handle_event(&mut self, cx: &mut Context<'_>, event: SessionEvent) {
        if let SessionEvent::Secured(_) = event {
            self.tally.secured.fetch_add(1, Relaxed);
            // Not all at the same time.
            let phase = cx.id().index() as u32 % 200;
            self.next = Some(cx.now() + INTERVAL * phase / 200);
        }
    }

    fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        let Some(due) = self.next else {
            return;
        };
        if !self.tally.paused.load(Relaxed) {
            self.talk(cx);
        }
        self.next = Some(due + INTERVAL);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }
}

/// Sends back what it hears.
pub(super) struct Echo(pub(super) Arc<Tally>);

impl Call for Echo {
    fn handle_rtp(&mut self, cx: &mut Context<'_>, packet: &mut [u8]) {
        self.0.heard.fetch_add(1, Relaxed);
        send(cx, packet, &self.0);
    }

    fn handle_rtcp(&mut self, _: &mut Context<'_>, _: &mut [u8]) {}
}

fn send(cx: &mut Context<'_>, packet: &[u8], tally: &Tally) {
    let count = match cx.queue_rtp(cx.id(), packet) {
        Ok(()) => &tally.sent,
        Err(_) => &tally.refused,
    };
    count.fetch_add(1, Relaxed);
}

impl Delays {
    fn count(&self, delay: Duration) {
        let step = (delay.as_nanos() / STEP.as_nanos()) as usize;
        self.0[step.min(self.0.len() - 1)].fetch_add(1, Relaxed);
    }

    /// Begins anew.
    pub(super) fn clear(&self) {
        for count in &self.0 {
            count.store(0, Relaxed);
        }
    }

    /// The delay that this share of the packets did not exceed, in milliseconds.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let counts: Vec<_> = self.0.iter().map(|count| count.load(Relaxed)).collect();
        let wanted = counts.iter().sum::<u64>() as f64 * share;
        let mut seen = 0;
        let step = counts.iter().position(|count| {
            seen += count;
            seen as f64 >= wanted
        });
        (step.unwrap_or_default() + 1) as f64 * STEP.as_secs_f64() * 1e3
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}
